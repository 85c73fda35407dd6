//! With `RELAY_REPORTS=folder` the documents are kept there, to be looked at.

use std::{collections::BTreeSet, process::Command};

use typst::layout::{Frame, FrameItem};

use super::*;
use crate::transcript::{Conversation, Speaker, Utterance, sentiment};

/// A conversation of questions and answers that follow each other.
fn report(language: &str, name: &str, campaign: &str, talk: &[(&str, &str)]) -> Report {
    let mut utterances = Vec::new();
    let mut questions = Vec::new();
    let mut clock = 0;
    let mut say = |speaker, text: &str, question: Option<String>, length: u64| {
        let id = format!("utt_{}", utterances.len() + 1);
        utterances.push(Utterance {
            id,
            speaker,
            text: text.to_owned(),
            start: clock,
            end: clock + length,
            confidence: None,
            question,
            chosen: false,
        });
        clock += length;
    };
    for (index, (asked, answered)) in talk.iter().enumerate() {
        let id = format!("q{}", index + 1);
        questions.push(Question { id: id.clone(), text: (*asked).to_owned() });
        say(Speaker::Ai, asked, Some(id.clone()), 4_000);
        if !answered.is_empty() {
            say(Speaker::Participant, answered, Some(id), 21_000);
        }
    }
    let conversation = Conversation {
        session: "ses_01hm6x3k5vf8qbw2d9z7c4n0ta".into(),
        language: language.into(),
        duration: clock / 1000,
        partial: false,
        analysable: true,
        name: Some(name.into()),
        email: "participant@example.com".into(),
        utterances,
    };
    let at = |text: &str| text.parse().expect("a time");
    Report {
        sentiment: sentiment::overall(&conversation),
        organization: "Acme Research".into(),
        brand: Brand::default(),
        campaign: campaign.into(),
        started: Some(at("2024-01-15T14:00:00Z")),
        ended: Some(at("2024-01-15T14:12:30Z")),
        answered: u32::try_from(talk.iter().filter(|(_, answer)| !answer.is_empty()).count()).expect("few"),
        questions,
        device: vec!["Chrome 120".into(), "macOS 14.2".into()],
        consents: vec![Consent {
            kind: "all".into(),
            granted: true,
            withdrawal: false,
            at: at("2024-01-15T13:59:50Z"),
            text_version: Some(1),
            text_sha256: Some("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into()),
            locale: Some(language.into()),
            method: "web".into(),
            ip: Some("203.0.113.7".into()),
        }],
        conversation,
    }
}

fn english() -> Report {
    report(
        "en",
        "Jane Doe",
        "Q1 Customer Feedback",
        &[
            (
                "How did you first hear about our product?",
                "A colleague of mine recommended it after a conference in Lisbon. We had been looking for a planning tool for months, and nothing we tried really fit the way our field teams work, so I was curious and signed up the same evening.",
            ),
            ("How would you rate the onboarding, from 1 to 10?", "8"),
            (
                "What do you like best?",
                "The shared calendar is wonderful. It saves me at least an hour every day, and the whole team loves the reminders. Customer support has been great as well: friendly, quick, and they really solved our import problem.",
            ),
            (
                "What frustrates you?",
                "Honestly, the mobile app. It crashes when the connection is bad, and that is a disaster for people in the field. The checkout process for more seats failed three times, and I lost all my changes. That was terrible.",
            ),
            (
                "Would you recommend us?",
                "Yes, most likely. The product is good and getting better, but I would wait for the new mobile app before I tell everybody.",
            ),
            ("Is there anything else?", ""),
        ],
    )
}

fn arabic() -> Report {
    report(
        "ar",
        "ليلى حداد",
        "استطلاع رضا العملاء",
        &[
            (
                "كيف تعرفت على منتجنا؟",
                "أوصت به زميلتي بعد مؤتمر في بيروت، وكنا نبحث منذ أشهر عن أداة للتخطيط تناسب عمل فرقنا الميدانية.",
            ),
            (
                "ما أكثر ما يعجبك؟",
                "التقويم المشترك رائع، ويوفر لي ساعة كل يوم. كما أن الدعم الفني سريع (أقل من 10 دقائق) عبر Chat.",
            ),
            ("ما الذي يزعجك؟", "التطبيق على الهاتف يتوقف أحيانًا عندما يكون الاتصال ضعيفًا، ونخسر ما كتبناه."),
        ],
    )
}

fn chinese() -> Report {
    report(
        "zh-CN",
        "李小明",
        "客户满意度访谈",
        &[
            (
                "您是怎么知道我们的产品的？",
                "是同事推荐的。我们找了几个月的排班工具，都不太适合外勤团队，所以当天晚上我就注册试用了。",
            ),
            (
                "您最喜欢哪一点？",
                "共享日历非常好用，每天至少能节省一个小时，团队里的每个人都喜欢提醒功能。客服也很热情，十分钟之内就解决了导入的问题。",
            ),
            (
                "有什么让您不满意的地方？",
                "手机应用在网络不好的时候会崩溃，写好的内容全部丢失，这一点比较糟糕。希望尽快修复。",
            ),
        ],
    )
}

/// Many scripts in one document, text that looks like markup, and what no font has.
fn mixed() -> Report {
    report(
        "en",
        "Łukasz Øvergård",
        "Émigrés & Ænglisc – “Ω” №7",
        &[
            ("Что вам понравилось?", "Отчёты и календарь. Δεν έχω παράπονα. Ngôn ngữ: Tiếng Việt. שלום וברכה"),
            (
                "#panic(\"no\") *bold* $x^2$ @ref <label> \\ #sys.inputs",
                "日本語のひらがなとカタカナ、한국어 문장, हिन्दी वाक्य, ภาษาไทย 😀 ✓ ★ \u{F8FF}",
            ),
            ("A word without end", &"verylongword".repeat(20)),
        ],
    )
}

fn made(report: &Report, options: &Options, name: &str) -> Vec<u8> {
    let pdf = Draft::new(report, options).and_then(Draft::typeset).expect("a document");
    assert!(pdf.starts_with(b"%PDF-"));
    if let Some(folder) = std::env::var_os("RELAY_REPORTS") {
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.pdf")), &pdf).expect("written");
    }
    pdf
}

/// A PNG picture of one colour.
fn logo() -> Vec<u8> {
    include_bytes!("../../tests/data/logo.png").to_vec()
}

#[test]
fn every_language_and_branding_is_typeset() {
    made(&english(), &Options::default(), "english");
    made(&english(), &Options { branding: Branding::Minimal, ..Options::default() }, "minimal");
    let brand = Brand { colour: Some("#e4572e".into()), logo: Some(logo()) };
    let custom = Options { branding: Branding::Custom, ..Options::default() };
    made(&Report { brand, ..english() }, &custom, "custom");
    made(&english(), &custom, "custom-without-settings");
    made(&arabic(), &Options::default(), "arabic");
    made(&chinese(), &Options::default(), "chinese");
    made(&mixed(), &Options::default(), "mixed");
    let bare = Options { insights: false, timestamps: false, sentiment: false, branding: Branding::Default };
    made(&english(), &bare, "bare");
    let mut partial = english();
    partial.conversation.partial = true;
    partial.conversation.utterances.truncate(3);
    partial.conversation.name = None;
    partial.consents[0].granted = false;
    made(&partial, &Options::default(), "partial");
    let nothing =
        Report { conversation: Conversation { language: "en".into(), ..Conversation::default() }, ..Report::default() };
    made(&nothing, &Options::default(), "nothing");
}

/// As long as an interview gets: many utterances, of which half are answers of a few sentences.
fn long(utterances: usize) -> Report {
    let answers = [
        "The shared calendar is wonderful. It saves me at least an hour every day, and the whole team loves the reminders.",
        "Honestly, the mobile app. It crashes when the connection is bad, and that is a disaster for people in the field.",
        "8",
        "We had been looking for a planning tool for months, and nothing we tried really fit the way our field teams work, so I was \
         curious and signed up the same evening. Since then three other departments have asked whether they can use it, too.",
    ];
    let texts: Vec<(String, &str)> = (0..utterances / 2)
        .map(|index| (format!("What would you like to tell us about topic {}?", index + 1), answers[index % 4]))
        .collect();
    let talk: Vec<(&str, &str)> = texts.iter().map(|(asked, answered)| (asked.as_str(), *answered)).collect();
    let mut report = report("en", "Jane Doe", "A long interview", &talk);
    // A script has a hundred questions at most; the rest are follow-ups.
    report.questions.truncate(100);
    report
}

#[test]
fn long_conversations_are_typeset() {
    for utterances in [200, 1_000] {
        let report = long(utterances);
        let begun = std::time::Instant::now();
        made(&report, &Options::default(), &format!("long-{utterances}"));
        println!("a report of {utterances} utterances: {:?}", begun.elapsed());
    }
    let begun = std::time::Instant::now();
    crate::transcript::render(&long(1_000).conversation, &crate::transcript::Options::default()).expect("written");
    println!("a transcript of 1,000 utterances: {:?}", begun.elapsed());
}

#[test]
fn the_same_report_is_the_same_bytes() {
    let options = Options::default();
    assert_eq!(made(&english(), &options, "english"), made(&english(), &options, "english"));
    let tag = |report: &Report, options: &Options| Draft::new(report, options).expect("a draft").tag();
    assert_eq!(tag(&english(), &options), tag(&english(), &options));
    assert_ne!(tag(&english(), &options), tag(&arabic(), &options));
    assert_ne!(tag(&english(), &options), tag(&english(), &Options { timestamps: false, ..options }));
}

#[test]
fn a_broken_logo_is_left_out() {
    let brand = Brand { colour: None, logo: Some(b"no picture".to_vec()) };
    let report = Report { brand, ..english() };
    made(&report, &Options { branding: Branding::Custom, ..Options::default() }, "broken-logo");
}

#[test]
fn endless_conversations_are_refused() {
    let mut report = english();
    let said = report.conversation.utterances[1].clone();
    report.conversation.utterances = vec![said; MAX_UTTERANCES + 1];
    assert_eq!(Draft::new(&report, &Options::default()), Err(Error::TooLong));
    report.conversation.utterances.truncate(1);
    report.conversation.utterances[0].text = "x".repeat(MAX_TEXT + 1);
    assert_eq!(Draft::new(&report, &Options::default()), Err(Error::TooLong));
    let mut report = english();
    report.consents = vec![report.consents[0].clone(); MAX_CONSENTS + 1];
    assert_eq!(Draft::new(&report, &Options::default()), Err(Error::TooLong));
}

#[test]
fn consent_reads_as_it_was_given_for_each_type() {
    let mut report = english();
    let of = |kind: &str, granted, withdrawal| Consent { kind: kind.into(), granted, withdrawal, ..Consent::default() };
    report.consents = vec![
        of("recording", true, false),
        of("data_processing", false, false),
        of("data_processing", true, false),
        of("recording", false, true),
    ];
    let data = report.data(&Options::default()).expect("JSON");
    let data: serde_json::Value = serde_json::from_slice(&data).expect("JSON");
    let decisions: Vec<_> =
        data["consents"].as_array().expect("rows").iter().map(|row| row["decision"].clone()).collect();
    assert_eq!(decisions, ["Granted", "Refused", "Granted", "Withdrawn"]);
}

fn russian() -> Report {
    let talk = [(
        "Что вам понравилось?",
        "Отчёты и календарь: каждый день экономлю целый час. Ёжик, щука, подъезд, цыплёнок.",
    )];
    report("ru", "Юлия Щербакова", "Опрос клиентов", &talk)
}

fn greek() -> Report {
    let talk = [("Τι σας άρεσε περισσότερο;", "Το κοινό ημερολόγιο είναι υπέροχο. Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.")];
    report("el", "Φωτεινή Ψαρρού", "Έρευνα πελατών", &talk)
}

fn each(frame: &Frame, see: &mut dyn FnMut(&typst::text::TextItem)) {
    for (_, item) in frame.items() {
        match item {
            FrameItem::Group(group) => each(&group.frame, see),
            FrameItem::Text(text) => see(text),
            _ => {}
        }
    }
}

#[test]
fn every_letter_has_a_shape_and_reads_as_itself() {
    let vietnamese =
        report("vi", "Nguyễn Thị Ngọc", "Łódź – Ærøskøbing", &[("Hỏi?", "Tiếng Việt, Žluťoučký kůň, ŐŰ, ßẞ, İıĞğ.")]);
    for (name, report) in [
        ("latin", english()),
        ("more latin", vietnamese),
        ("arabic", arabic()),
        ("chinese", chinese()),
        ("cyrillic", russian()),
        ("greek", greek()),
    ] {
        let draft = Draft::new(&report, &Options::default()).expect("a draft");
        let world = ReportWorld::new(draft.data.clone(), None);
        let document = typst::compile::<PagedDocument>(&world).output.expect("typeset");
        let mut shapeless = BTreeSet::new();
        for page in document.pages() {
            each(&page.frame, &mut |text| {
                let missing = text.glyphs.iter().filter(|glyph| glyph.id == 0);
                shapeless.extend(missing.map(|glyph| text.text[glyph.range()].to_owned()));
            });
        }
        assert!(shapeless.is_empty(), "{name}: no font has {shapeless:?}");

        // Another program finds the letters behind the shapes.
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        std::io::Write::write_all(&mut file, &draft.typeset().expect("a document")).expect("written");
        let tool = |tool: &str, more: &[&str]| {
            let output = Command::new(tool).arg(file.path()).args(more).output().expect("run ./scripts/test");
            assert!(output.status.success(), "{tool}");
            String::from_utf8(output.stdout).expect("UTF-8")
        };
        let letters = |text: &str| -> Vec<String> {
            use unicode_normalization::UnicodeNormalization as _;
            // Readers of PDF put marks for the direction of their own between words, and may take letters apart.
            let text: String = text.nfkc().collect();
            text.split(|letter: char| !letter.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let read = letters(&tool("pdftotext", &["-"])).concat();
        let said = report.conversation.utterances.iter().map(|said| said.text.as_str());
        let said = said.chain([report.campaign.as_str(), report.conversation.name.as_deref().expect("a name")]);
        let words: Vec<String> = said.flat_map(letters).collect();
        let missing: Vec<_> = words.iter().filter(|word| !read.contains(*word)).collect();
        if name == "arabic" {
            // This reader turns the letters of a ligature round, so only their number tells, and most of the words.
            let count = |text: &str, letter| text.chars().filter(|other| *other == letter).count();
            let all = words.concat();
            assert!(all.chars().all(|letter| count(&read, letter) >= count(&all, letter)), "{read}");
            assert!(missing.len() * 3 < words.len(), "{missing:?} are not in {read}");
        } else {
            assert!(missing.is_empty(), "{name}: {missing:?} are not in {read}");
        }
        let fonts = tool("pdffonts", &[]);
        for font in fonts.lines().skip(2) {
            // Embedded, subset, and with the letters that its shapes stand for.
            assert!(font.contains("yes yes yes"), "{name}: {font}");
        }
        assert!(fonts.lines().count() > 2, "{fonts}");
    }
}

/// What tells another process that it is asked for its digest only.
const DIGEST: &str = "RELAY_TEST_REPORT_DIGEST";

#[test]
fn the_same_report_is_the_same_bytes_in_another_process() {
    let all = [english(), arabic(), chinese()];
    let digests = all.map(|report| {
        let pdf = Draft::new(&report, &Options::default()).and_then(Draft::typeset).expect("a document");
        Sha256::digest(pdf).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    });
    let line = format!("digest={}", digests.join(","));
    if std::env::var_os(DIGEST).is_some() {
        println!("{line}");
        return;
    }
    let name = "pdf::tests::the_same_report_is_the_same_bytes_in_another_process";
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args([name, "--exact", "--nocapture"])
        .env(DIGEST, "1")
        .output()
        .expect("another process");
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.contains(&line), "{line} is not in {output}");
}
