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
fn ordinary_talk_stays() {
    for text in [
        "We were 12 people in 2019, and 1,500 customers since 2021-03-01.",
        "On a scale of 1 to 10 I'd say 8, or 7.5 on a bad day.",
        "Version 2.4.1 is better. It's fine. At 10:30:15 it crashed.",
        "I paid $1200.50 for 3 seats; 100% worth it.",
        "Look at the dots at the end of the chart.",
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
