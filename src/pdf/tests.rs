//! With `RELAY_REPORTS=folder` the documents are kept there, to be looked at.

use std::{collections::BTreeSet, process::Command};

use typst::{
    layout::{Frame, FrameItem, Point},
    text::TextItem,
};

use super::*;
use crate::transcript::{Conversation, Speaker, Utterance, sentiment};
use aggregates::session::EndReason;

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
        reason: None,
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
            ("كم تقيّم المنتج؟", "97 (0–100)"),
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

/// A text on a page: where it is from the left, where its line is, how wide it is.
#[derive(Clone, Debug)]
struct Piece {
    text: String,
    left: f64,
    line: f64,
    width: f64,
    size: f64,
}

impl Piece {
    fn right(&self) -> f64 {
        self.left + self.width
    }
}

fn each(frame: &Frame, at: Point, see: &mut dyn FnMut(Point, &TextItem)) {
    for (place, item) in frame.items() {
        match item {
            FrameItem::Group(group) => {
                let moved = Point::new(group.transform.tx, group.transform.ty);
                each(&group.frame, at + *place + moved, see);
            }
            FrameItem::Text(text) => see(at + *place, text),
            _ => {}
        }
    }
}

fn laid_out(report: &Report, options: &Options) -> PagedDocument {
    let draft = Draft::new(report, options).expect("a draft");
    typst::compile::<PagedDocument>(&ReportWorld::new(draft.data, draft.logo)).output.expect("typeset")
}

/// What no font has a shape for.
fn shapeless(document: &PagedDocument) -> BTreeSet<String> {
    let mut shapeless = BTreeSet::new();
    for page in document.pages() {
        each(&page.frame, Point::zero(), &mut |_, text| {
            let missing = text.glyphs.iter().filter(|glyph| glyph.id == 0);
            shapeless.extend(missing.map(|glyph| text.text[glyph.range()].to_owned()));
        });
    }
    shapeless
}

fn pieces(frame: &Frame) -> Vec<Piece> {
    let mut pieces = Vec::new();
    each(frame, Point::zero(), &mut |at, text| {
        let (left, line) = (at.x.to_pt(), at.y.to_pt());
        if text.width().to_pt() < 0.1 {
            return; // A mark that stands on a letter.
        }
        pieces.push(Piece {
            text: text.text.to_string(),
            left,
            line,
            width: text.width().to_pt(),
            size: text.size.to_pt(),
        });
    });
    pieces
}

/// Texts of the same line, from the left.
fn lines(frame: &Frame) -> Vec<Vec<Piece>> {
    let mut pieces = pieces(frame);
    pieces.sort_by(|one, other| one.line.total_cmp(&other.line));
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    for piece in pieces {
        match lines.last_mut().filter(|line| piece.line - line[0].line < 2.0) {
            Some(line) => line.push(piece),
            None => lines.push(vec![piece]),
        }
    }
    for line in &mut lines {
        line.sort_by(|one, other| one.left.total_cmp(&other.left));
    }
    lines
}

/// The pages' margin at either side.
const MARGIN: f64 = 20.0 * 72.0 / 25.4;

/// The text of a line that reaches furthest to the right.
fn furthest(line: &[Piece]) -> &Piece {
    line.iter().max_by(|one, other| one.right().total_cmp(&other.right())).expect("a line has texts")
}

fn nothing_overlaps(name: &str, document: &PagedDocument) {
    for page in document.pages() {
        for line in lines(&page.frame) {
            let (first, last) = (&line[0], furthest(&line));
            assert!(first.left > MARGIN - 0.5, "{name}: {first:?} is off the page");
            let end = page.frame.width().to_pt() - MARGIN + 0.5;
            assert!(last.right() < end, "{name}: {last:?} is off the page");
            for pair in line.windows(2) {
                // Letters may lean into each other a little.
                assert!(pair[1].left > pair[0].right() - pair[0].size * 0.1, "{name}: {pair:?} overlap");
            }
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
        let shapeless = shapeless(&laid_out(&report, &Options::default()));
        assert!(shapeless.is_empty(), "{name}: no font has {shapeless:?}");

        // Another program finds the letters behind the shapes.
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        std::io::Write::write_all(&mut file, &made(&report, &Options::default(), name)).expect("written");
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

#[test]
fn rare_names_and_emoji_have_shapes() {
    let names = "喆堃祎镕珺瑄昉赟旸翀 髙﨑濵邉 嘅咗冇佢哋 䶮𠮷 뷁 😀🎉👍🏽👩‍💻🇫🇷❤️1️⃣ ✓★☎";
    let report = report("ja", names, "顧客調査 한국어 조사 हिन्दी 客户", &[(names, names)]);
    let document = laid_out(&report, &Options::default());
    assert_eq!(shapeless(&document), BTreeSet::new());
    // This one is for private use.
    assert_eq!(shapeless(&laid_out(&mixed(), &Options::default())), BTreeSet::from(["\u{F8FF}".to_owned()]));
}

#[test]
fn our_own_words_are_bold_as_a_whole() {
    for language in ["en", "de", "fr", "es", "ar", "zh"] {
        let (_, _, labels) = labels::labels(language);
        let headings = [labels.consent, labels.insights, labels.conversation, labels.interviewer, labels.participant];
        for text in headings.into_iter().chain(labels.decisions) {
            assert!(words::Words::new(text, language).bold, "{text}");
        }
    }
}

/// Words that are longer than the places they stand in.
fn wide() -> Report {
    let talk = [("A word without end", &*"W".repeat(300)), ("How was it?", "8")];
    let mut report = report("en", &"Wolfeschlegelsteinhausen".repeat(5), &"MANAGEMENT".repeat(12), &talk);
    report.organization = "WEST".repeat(30);
    report.device = vec!["M".repeat(60)];
    report.conversation.email = "alexandra.papadopoulos@universityofathens.gr".into();
    report
}

#[test]
fn nothing_is_printed_over_something_else() {
    let with_address = |address: &str| {
        let mut report = english();
        report.conversation.email = address.into();
        report
    };
    let mut unnamed = with_address("firstname.lastname@companyname.example.com");
    unnamed.conversation.name = None;
    let brand = Brand { colour: None, logo: Some(logo()) };
    for (name, report) in [
        ("english", english()),
        ("arabic", arabic()),
        ("chinese", chinese()),
        ("mixed", mixed()),
        ("wide", wide()),
        ("address", with_address("alexandra.papadopoulos@universityofathens.gr")),
        ("capitals", with_address(&format!("{}@example.com", "MW".repeat(30)))),
        ("unnamed", unnamed),
        (
            "title",
            Report {
                campaign: "Jährliche Kundenzufriedenheitsbefragung der Donaudampfschifffahrt".into(),
                ..english()
            },
        ),
        ("insurance", with_address("anna.schmidt@versicherungskammer-oberfranken.example")),
        ("logo", Report { brand, ..english() }),
        ("long", long(200)),
    ] {
        for branding in [Branding::Default, Branding::Minimal, Branding::Custom] {
            let options = Options { branding, ..Options::default() };
            nothing_overlaps(name, &laid_out(&report, &options));
        }
        made(&report, &Options::default(), &format!("overlap-{name}"));
    }
}

#[test]
fn the_pages_head_is_one_line() {
    let mut report = long(200);
    for (campaign, name) in [
        ("Q1 Feedback".to_owned(), "Jane Doe".to_owned()),
        ("Customer feedback about planning tools ".repeat(6), "Jane Doe".to_owned()),
        ("MANAGEMENT".repeat(20), "Wolfeschlegelsteinhausen ".repeat(6)),
        ("客户满意度访谈".repeat(20), "李小明".to_owned()),
        ("استطلاع رضا العملاء ".repeat(12), "ليلى حداد".to_owned()),
    ] {
        (report.campaign, report.conversation.name) = (campaign.clone(), Some(name));
        let document = laid_out(&report, &Options::default());
        made(&report, &Options::default(), &format!("head-{}", campaign.len()));
        let page = &document.pages()[1].frame;
        let head: Vec<Piece> = pieces(page).into_iter().filter(|piece| piece.line < MARGIN).collect();
        assert!(head.iter().all(|piece| (piece.line - head[0].line).abs() < 0.1), "{head:?}");
        let text: String = head.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(text.contains('…'), campaign.len() > 20, "{text}");
        assert!(campaign.len() > 100 || text.contains("Jane Doe"), "{text}");
        nothing_overlaps("head", &document);
    }
}

/// No insights and no consent: all that is left begins at one edge of the page.
fn one_edge(mut report: Report) -> Vec<Vec<Piece>> {
    report.consents.clear();
    let options = Options { insights: false, ..Options::default() };
    let document = laid_out(&report, &options);
    document.pages().iter().flat_map(|page| lines(&page.frame)).collect()
}

#[test]
fn what_is_said_stays_at_the_edge_of_its_conversation() {
    let a4 = 210.0 * 72.0 / 25.4;
    // As far as the facts are indented.
    let edge = MARGIN + 6.0 * 72.0 / 25.4;
    let mut foreign = arabic();
    foreign.conversation.utterances[1].text = "The shared calendar is wonderful.".into();
    let hebrew = report("he", "דנה לוי", "סקר לקוחות", &[("מה אהבת?", "הכול"), ("דירוג?", "9 (0–10)")]);
    for (name, report) in [("arabic", arabic()), ("foreign", foreign)] {
        made(&report, &Options::default(), &format!("edge-{name}"));
        for line in one_edge(report) {
            let right = furthest(&line).right();
            assert!(right > a4 - edge, "{name}: {line:?}");
        }
    }
    made(&hebrew, &Options::default(), "edge-hebrew");
    let rated = |report: &Report, digits: &str| -> Vec<f64> {
        let document = laid_out(report, &Options::default());
        let lines = document.pages().iter().flat_map(|page| lines(&page.frame)).collect::<Vec<_>>();
        let found = lines.iter().filter(|line| line.iter().any(|piece| piece.text.starts_with(digits)));
        found.map(|line| furthest(line).right()).collect()
    };
    for (report, digits) in [(arabic(), "97"), (hebrew, "9")] {
        let rated = rated(&report, digits);
        // In the overview and in the dialogue.
        assert!(rated.iter().filter(|right| **right > a4 - MARGIN - 60.0).count() >= 2, "{rated:?}");
    }
    let mut english = english();
    english.conversation.utterances[1].text = "التقويم المشترك رائع".into();
    made(&english, &Options::default(), "edge-english");
    for line in one_edge(english) {
        assert!(line[0].left < edge, "{line:?}");
    }
}

#[test]
fn no_column_is_empty_and_an_end_has_its_reason() {
    let text = |report: &Report| -> String {
        let document = laid_out(report, &Options::default());
        document.pages().iter().flat_map(|page| pieces(&page.frame)).map(|piece| piece.text + "|").collect()
    };
    assert!(text(&english()).contains("|Sentiment|"));
    let mut report = report("fa", "لیلا", "نظرسنجی", &[("چطور بود؟", "خوب بود"), ("امتیاز؟", "9 (0–10)")]);
    made(&report, &Options::default(), "persian");
    assert!(!text(&report).contains("|Sentiment|"));
    assert!(text(&report).contains("فارسی"));
    report.conversation.partial = true;
    for (language, reason, says) in [
        ("en", EndReason::ParticipantLeft, "participant left"),
        ("de", EndReason::ConsentWithdrawn, "widerrufen"),
        ("fr", EndReason::PauseTimeout, "– pause trop"),
        ("zh", EndReason::NeverStarted, "从未开始"),
    ] {
        report.conversation.language = language.into();
        report.reason = Some(reason);
        let text = text(&report);
        assert!(text.contains(says), "{says} is not in {text}");
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
