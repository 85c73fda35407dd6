use proptest::prelude::*;

use super::*;
use crate::transcript::{Conversation, Format, Options, Speaker, Utterance, render};

fn jane() -> Redaction {
    Redaction::new(Some("Jane Doe"), "jane.doe@example.com")
}

#[track_caller]
fn redacts(text: &str, expected: &str) {
    assert_eq!(jane().apply(text), expected);
    assert_eq!(jane().apply(expected), expected, "a second time");
}

#[test]
fn each_kind_has_its_placeholder() {
    redacts("Write to bob@corp.example, please.", "Write to [EMAIL], please.");
    redacts("Call +49 (0)30 1234567 after six.", "Call [PHONE] after six.");
    redacts("My card is 4111 1111 1111 1111.", "My card is [CREDIT_CARD].");
    redacts("IBAN DE89 3704 0044 0532 0130 00, thanks", "IBAN [IBAN], thanks");
    redacts("from 10.0.0.1 and 2001:db8::1.", "from [IP_ADDRESS] and [IP_ADDRESS].");
    redacts("See https://example.com/x?y=1!", "See [URL]!");
    redacts("I'm Jane Doe; Jane's fine, DOE too.", "I'm [NAME]; [NAME]'s fine, [NAME] too.");
}

#[test]
fn the_own_address_goes_in_any_spelling() {
    redacts("It is Jane.Doe@Example.COM", "It is [EMAIL]");
    redacts("jane dot doe at example dot com, all small", "[EMAIL], all small");
    redacts("jane.doe (at) example (dot) com", "[EMAIL]");
    redacts("my handle is jane.doe everywhere", "my handle is [EMAIL] everywhere");
    redacts("ｊａｎｅ．ｄｏｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "[EMAIL]");
    redacts("ja\u{200b}ne\u{ad} or J\u{301}ane", "[NAME] or [NAME]");
}

#[test]
fn overlaps_go_whole_under_the_first_kind() {
    redacts("http://x.example/jane.doe@example.com", "[EMAIL]");
    redacts("see www.jane-doe.de", "see [URL]");
}

#[test]
fn scripts_without_spaces_hide_nothing_from_the_patterns() {
    for (text, expected) in [
        ("电话13812345678", "电话[PHONE]"),
        ("电话是138-1234-5678吗", "电话是[PHONE]吗"),
        ("账户DE89370400440532013000", "账户[IBAN]"),
        ("账户DE89 3704 0044 0532 0130 00谢谢", "账户[IBAN]谢谢"),
        ("卡号4111111111111111吗", "卡号[CREDIT_CARD]吗"),
        ("地址192.168.0.1很慢", "地址[IP_ADDRESS]很慢"),
        ("身份2001:db8::1好", "身份[IP_ADDRESS]好"),
        ("网址https://example.com/x", "网址[URL]"),
        ("网站www.example.museum。很好", "[URL]。很好"),
        ("邮箱jane dot doe at example dot com谢谢", "邮箱[EMAIL]谢谢"),
        ("账号jane.doe很好", "账号[EMAIL]很好"),
        ("我是Jane很高兴", "我是[NAME]很高兴"),
        ("我是Jane Doe。", "我是[NAME]。"),
        ("電話は090-1234-5678です", "電話は[PHONE]です"),
        ("番号は０９０１２３４５６７８です", "番号は[PHONE]です"),
        ("ジェーンJane Doeです", "ジェーン[NAME]です"),
        ("전화번호는010-1234-5678입니다", "전화번호는[PHONE]입니다"),
        ("저는Jane입니다", "저는[NAME]입니다"),
        ("โทร0812345678ครับ", "โทร[PHONE]ครับ"),
        ("โทร๐๘๑๒๓๔๕๖๗๘ครับ", "โทร[PHONE]ครับ"),
        ("ទូរស័ព្ទ០១២៣៤៥៦៧៨", "ទូរស័ព្ទ[PHONE]"),
        ("Tel0171234567", "Tel[PHONE]"),
        ("+49171/2345678", "[PHONE]"),
    ] {
        redacts(text, expected);
    }
    let tanaka = Redaction::new(Some("田中太郎"), "t@example.com");
    assert_eq!(tanaka.apply("田中です、太郎です、田中太郎です"), "[NAME]です、[NAME]です、[NAME]です");
}

#[test]
fn ordinary_talk_stays() {
    for text in [
        "We were 12 people in 2019, and 1,500 customers since 2021-03-01.",
        "On a scale of 1 to 10 I'd say 8, or 7.5 on a bad day.",
        "Version 2.4.1 is better. It's fine. At 10:30:15 it crashed.",
        "I paid $1200.50 for 3 seats; 100% worth it.",
        "Look at the dots at the end of the chart.",
        "我们2019年有12个人，1,500个客户，评分9.5分。",
        "2024-01-15の10:30に2.4.1版が落ちました",
        "지난해에는 12명이었고 100% 만족했어요",
    ] {
        assert_eq!(jane().apply(text), text);
    }
}

#[test]
fn nothing_to_find_needs_no_copy() {
    assert!(matches!(jane().apply("All good."), Cow::Borrowed(_)));
    assert_eq!(Redaction::new(None, "").apply("Jane"), "Jane");
}

/// A secret, and the part of it that must not survive.
fn secret() -> impl Strategy<Value = (String, String)> {
    let digits = |n: usize| proptest::collection::vec(0_u8..10, n..=n);
    let separator = || prop::sample::select(vec!["", " ", "-", ".", "\u{a0}", "  ", "\u{2011}"]);
    let card = (digits(14), separator()).prop_map(|(rest, separator)| {
        let mut number = vec![4];
        number.extend(rest);
        let sum: u32 = number
            .iter()
            .rev()
            .enumerate()
            .map(|(i, d)| {
                let d = u32::from(*d);
                if i % 2 == 1 {
                    d
                } else if d > 4 {
                    d * 2 - 9
                } else {
                    d * 2
                }
            })
            .sum();
        number.push(((10 - sum % 10) % 10) as u8);
        let digits: String = number.iter().map(|d| char::from(b'0' + d)).collect();
        let groups: Vec<&str> = [0, 4, 8, 12].iter().map(|at| &digits[*at..at + 4]).collect();
        (groups.join(separator), digits)
    });
    let phone =
        (prop::sample::select(vec!["+49 (0)30 ", "+1-555-", "0044 20 ", "(0)171 / ", "+٣٣ "]), digits(7), separator())
            .prop_map(|(prefix, rest, separator)| {
                let rest: String = rest.iter().map(|d| char::from(b'0' + d)).collect();
                (format!("{prefix}{}{separator}{}", &rest[..3], &rest[3..]), rest)
            });
    let email = (
        "[a-z]{3,8}",
        "[a-z]{3,8}",
        prop::sample::select(vec![
            "{}.{}@mail.example",
            "{} dot {} at mail dot example",
            "{}.{} [at] mail [dot] example",
            "{}_{}＠mail.example",
            "{}.{} @ mail.example",
            "<{}.{}@mail.example>",
        ]),
    )
        .prop_filter("words of the sentence", |(a, b, _)| {
            !matches!((a.as_str(), b.as_str()), ("dot" | "and" | "the", _) | (_, "dot" | "and" | "the"))
        })
        .prop_map(|(one, two, pattern)| (pattern.replacen("{}", &one, 1).replacen("{}", &two, 1), one));
    let name = prop::sample::select(vec![
        "Zoë Müller-Żak",
        "ZOE MULLER ZAK",
        "zoë",
        "Müller's",
        "Żak",
        "Zo\u{eb}_M\u{fc}ller",
        "Zoe\u{308}",
    ])
    .prop_map(|spelling| (spelling.to_owned(), folded::fold(spelling).trim_end_matches("'s").to_owned()));
    let address = prop::sample::select(vec![
        ("https://intra.corp.example/zq9", "zq9"),
        ("192.168.77.13", "192.168.77.13"),
        ("2001:db8::77:13", "2001:db8::77:13"),
        ("DE89 3704 0044 0532 0130 00", "0532"),
        ("GB29-NWBK-6016-1331-9268-19", "1331"),
    ])
    .prop_map(|(text, core)| (text.to_owned(), core.to_owned()));
    prop_oneof![card, phone, email, name, address]
}

const PLACEHOLDERS: &str = "[EMAIL] [PHONE] [CREDIT_CARD] [IBAN] [IP_ADDRESS] [URL] [NAME]";

/// A text without what may stand between the letters of a secret.
fn dense(text: &str) -> String {
    folded::fold(text).chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.' | '_')).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever is planted, in whichever format is asked for, it is not in the answer.
    #[test]
    fn a_planted_secret_survives_in_no_format(
        (spelling, core) in secret(),
        before in prop::sample::select(vec!["", "Well, ", "It is: ", "我的是 ", "رقمي ", "(", "\""]),
        after in prop::sample::select(vec!["", ".", ", ok?", " 谢谢", ")", "\n\nand so on"]),
        format in prop::sample::select(vec![Format::Json, Format::Text, Format::Srt, Format::Vtt]),
    ) {
        let options = Options { format, redact: true, keywords: true, ..Options::default() };
        let written = |text: String| {
            let said = Utterance {
                id: "utt_1".into(), speaker: Speaker::Participant, text, start: 0, end: 9_000, ..Utterance::default()
            };
            let conversation = Conversation {
                session: "ses_1".into(), language: "en".into(), analysable: true, name: Some("Zoë Müller-Żak".into()),
                email: "zoe@corp.example".into(), utterances: vec![said], ..Conversation::default()
            };
            String::from_utf8(render(&conversation, &options).expect("written")).expect("UTF-8")
        };
        // A name such as "tar" is in "startTime", whoever is meant.
        prop_assume!(!dense(&written(format!("{before}[EMAIL][NAME]{after}"))).contains(&dense(&core)));
        let written = written(format!("{before}{spelling}{after}"));
        prop_assert!(!dense(&written).contains(&dense(&core)), "{spelling:?} left {written}");
    }

    /// Nor where nothing but the letters of the sentence stands around it.
    #[test]
    fn a_planted_secret_survives_in_no_script(
        (spelling, core) in secret(),
        (before, after) in prop::sample::select(vec![
            ("", "谢谢"), ("电话是", "吗"), ("我的资料", "，对吧"), ("番号は", "です"), ("コチラハ", "デス"),
            ("번호는", "입니다"), ("เบอร์", "ครับ"), ("ກ", "ຂ"), ("က", "ခ"), ("ក", "ខ"), ("𠮷", "𠮷"),
        ]),
    ) {
        let redaction = Redaction::new(Some("Zoë Müller-Żak"), "zoe@corp.example");
        let said = format!("{before}{spelling}{after}");
        let redacted = redaction.apply(&said);
        prop_assume!(!dense(&format!("{PLACEHOLDERS}{before}{after}")).contains(&dense(&core)));
        prop_assert!(!dense(&redacted).contains(&dense(&core)), "{said:?} left {redacted}");
        // The sentence around numbers and names stays.
        if !spelling.contains(['@', '＠']) && !spelling.contains(" at ") && !spelling.contains("[at]") && !spelling.contains("://") {
            prop_assert!(redacted.starts_with(before) && redacted.ends_with(after), "{said:?} became {redacted}");
        }
    }

    /// A name in a script without spaces, or the family name alone, anywhere in a sentence.
    #[test]
    fn an_unspaced_name_survives_in_no_sentence(
        (name, said) in prop::sample::select(vec![
            ("田中太郎", "田中太郎"), ("田中太郎", "田中"), ("田中太郎", "太郎"), ("田中 太郎", "田中"), ("長谷川健太", "長谷川"),
            ("李小明", "李小明"), ("李小明", "小明"), ("欧阳娜娜", "欧阳"), ("김민준", "김민준"), ("김민준", "민준"),
            ("สมชาย ใจดี", "สมชาย"),
        ]),
        (before, after) in prop::sample::select(vec![
            ("", ""), ("我是", "。"), ("私は", "です"), ("저는", "입니다"), ("ผมชื่อ", "ครับ"), ("I am ", ", hello"), ("我叫", "电话0171234567"),
        ]),
    ) {
        let redaction = Redaction::new(Some(name), "t@corp.example");
        let redacted = redaction.apply(&format!("{before}{said}{after}")).into_owned();
        prop_assert!(!redacted.contains(said) && redacted.starts_with(&format!("{before}[NAME]")), "{redacted}");
    }

    /// One secret does not help another one to get through.
    #[test]
    fn of_two_secrets_none_survives(
        (one, first) in secret(),
        (two, second) in secret(),
        between in prop::sample::select(vec![",", ", ", "\n", " ", ";", " and "]),
    ) {
        let redaction = Redaction::new(Some("Zoë Müller-Żak"), "zoe@corp.example");
        let said = format!("{one}{between}{two}");
        let redacted = redaction.apply(&said);
        for core in [first, second] {
            prop_assume!(!dense(&format!("{PLACEHOLDERS}{between}")).contains(&dense(&core)));
            prop_assert!(!dense(&redacted).contains(&dense(&core)), "{said:?} left {redacted}");
        }
    }

    /// Any text whatever can be redacted, and a second pass finds nothing more.
    #[test]
    fn any_text_can_be_redacted(text in "[\\PC\\n]{0,80}", name in "\\PC{0,20}", email in "\\PC{0,20}") {
        let redaction = Redaction::new(Some(&name), &email);
        let _ = redaction.apply(&text);
    }

    /// Numbers of this kind are everywhere in interviews.
    #[test]
    fn small_numbers_stay(number in 0_u32..100_000, unit in prop::sample::select(vec!["users", "euros", "%", "times a day"])) {
        let text = format!("we had about {number} {unit} last year");
        prop_assert_eq!(jane().apply(&text), text.as_str());
    }
}
