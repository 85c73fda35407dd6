//! Sentiment, key phrases and subtitles, checked against other people's implementations.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use interview_relay::transcript::{
    Conversation, Format, Options, Speaker, Utterance, keywords, render, sentiment::Vader,
};
use serde_json::{Value, json};

/// Runs a Python program that reads JSON and prints JSON.
fn python(program: &str, input: &Value) -> Value {
    let mut child = Command::new(crate::support::python())
        .args(["-X", "utf8", "-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    child.stdin.take().expect("stdin").write_all(input.to_string().as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "Python failed");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Answers as people give them.
const ANSWERS: &[&str] = &[
    "I really love the new dashboard, it saves me so much time!",
    "The onboarding was confusing and I almost gave up twice.",
    "It's okay, nothing special.",
    "I am not happy with the support, they never answered my emails.",
    "Honestly the product is great but the pricing is terrible.",
    "The checkout process kept failing and I lost my shopping cart. That was extremely frustrating.",
    "We use it every day for planning. The team thinks it is kind of slow, though.",
    "AMAZING service, would recommend to everyone!!!",
    "I wouldn't say it's bad, just a bit boring.",
    "Some people on our team find the reports hard to read, and someone always asks for an export to Excel.",
    "Eight out of ten.",
    "Not really, no.",
    "It never was so good as in the last release, I'm very, very pleased.",
    "Without doubt the best interview tool that I have ever used :)",
    "The mobile app crashes, which is a disaster for our field workers.",
    "My manager said the new workflow is the bomb, and yeah right, it is slow as hell.",
    "The least helpful part was the documentation. At least the videos are good.",
    "I like the idea, I do not like the execution, and I hate the bugs???",
    "Most customers were satisfied, more or less, and hardly anybody complained about the update.",
    "Customer support has been exceptionally friendly and helpful during the migration of our data warehouse.",
    "There is a lot of room for improvement in the search function, the filters are broken and the sorting is wrong.",
    "😀 love it 👍 but 😡 about the price",
    "Nobody was hurt, thank goodness, and the problem was solved quickly.",
    "I'm so so glad that somebody listened; my somewhat negative feedback made this good product a lot better.",
    "The data export is broken again. The data export worked in March, but since the last release the export stops after a few \
     hundred rows, and our reporting team has to copy the missing rows by hand. Please fix the data export.",
    "What I need is a shared calendar for field teams, with reminders, offline access and a simple way to swap shifts.",
];

/// Words in every role that the rules of VADER know.
const WORDS: &[&str] = &[
    "good",
    "bad",
    "GREAT",
    "terrible",
    "love",
    "hate",
    "happy",
    "ok",
    "no",
    "not",
    "never",
    "so",
    "this",
    "without",
    "doubt",
    "very",
    "REALLY",
    "kind",
    "of",
    "sort",
    "least",
    "at",
    "but",
    "the",
    "bomb",
    "shit",
    "yeah",
    "right",
    "to",
    "die",
    "for",
    "bus",
    "stop",
    "bad",
    "ass",
    "kiss",
    "death",
    "or",
    "nor",
    "isn't",
    "barely",
    "extremely",
    "just",
    "enough",
    "team",
    "Product",
    "meh",
    "lol",
    ":)",
    ":(",
    ":D",
    "!!",
    "?",
    "great!",
    "(nice)",
    "ok!",
    "😀",
    "don't",
    "l",
    "uber",
    "beating",
    "heart",
];

/// Sentences made of those words; the same in every run.
fn made_up(count: usize) -> Vec<String> {
    let mut state = 42_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    (0..count).map(|_| (0..1 + next(9)).map(|_| WORDS[next(WORDS.len())]).collect::<Vec<_>>().join(" ")).collect()
}

/// The scores agree to the four decimals that both round to, and that may round a half differently.
#[test]
fn sentiment_is_that_of_the_reference_implementation() {
    let mut texts: Vec<String> = ANSWERS.iter().map(|text| (*text).to_owned()).collect();
    texts.extend(made_up(3_000));
    let program = "import json, sys\n\
                   from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer\n\
                   analyzer = SentimentIntensityAnalyzer()\n\
                   print(json.dumps([analyzer.polarity_scores(text)['compound'] for text in json.load(sys.stdin)]))";
    let expected = python(program, &json!(texts));
    let mut vader = Vader::default();
    for (text, expected) in texts.iter().zip(expected.as_array().expect("a list")) {
        let expected = expected.as_f64().expect("a number");
        let ours = vader.compound(text);
        assert!((ours - expected).abs() < 1.5e-4, "{text:?}: {ours} instead of {expected}");
    }
}

/// Every word of the lexicon has its value.
#[test]
fn the_lexicon_is_that_of_the_reference_implementation() {
    let program = "import json\n\
                   from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer\n\
                   analyzer = SentimentIntensityAnalyzer()\n\
                   words = [word for word in analyzer.lexicon if ' ' not in word]\n\
                   print(json.dumps([[word, analyzer.polarity_scores(word)['compound']] for word in words]))";
    let mut vader = Vader::default();
    let words = python(program, &Value::Null);
    let words = words.as_array().expect("a list");
    assert!(words.len() > 7_000);
    let mut wrong = Vec::new();
    for pair in words {
        let (word, expected) = (pair[0].as_str().expect("a word"), pair[1].as_f64().expect("a number"));
        let ours = vader.compound(word);
        if (ours - expected).abs() > 1.5e-4 {
            wrong.push(format!("{word}: {ours} instead of {expected}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The phrases are those of the reference with the same measure of likeness (`levs`; its default, `seqm`, is not in the
/// crate), in the same order, but where scores are equal.
#[test]
fn keywords_are_those_of_the_reference_implementation() {
    let program = "import json, sys, yake\n\
                   extractor = yake.KeywordExtractor(lan='en', n=3, dedupLim=0.9, dedupFunc='levs', windowsSize=1, top=40)\n\
                   print(json.dumps([extractor.extract_keywords(text) for text in json.load(sys.stdin)]))";
    let expected = python(program, &json!(ANSWERS));
    for (text, expected) in ANSWERS.iter().zip(expected.as_array().expect("a list")) {
        let scores: Vec<(String, f64)> = expected
            .as_array()
            .expect("a list")
            .iter()
            .map(|pair| (pair[0].as_str().expect("a phrase").to_lowercase(), pair[1].as_f64().expect("a score")))
            .collect();
        let ours = keywords::of("en", text, 5).expect("English");
        assert_eq!(ours.len(), scores.len().min(5), "{text:?}: {ours:?} instead of {scores:?}");
        for (phrase, (_, score)) in ours.iter().zip(&scores) {
            let theirs = scores.iter().find(|(known, _)| known == phrase).map(|(_, score)| *score);
            let agrees = theirs.is_some_and(|theirs| (theirs - score).abs() <= 1e-6 * score.abs());
            assert!(agrees, "{text:?}: {phrase:?} in {ours:?} instead of {scores:?}");
        }
    }
}

/// The same in every run: the crate underneath adds up in the order of a hash table.
#[test]
fn keywords_are_the_same_every_time() {
    let text = ANSWERS.join(" ");
    let first = keywords::of("en", &text, 12);
    assert!((0..20).all(|_| keywords::of("en", &text, 12) == first));
}

/// A conversation that tries to break out of its file.
fn hostile() -> Conversation {
    let said = |speaker, text: &str, start, end| Utterance {
        id: format!("utt_{start}"),
        speaker,
        text: text.to_owned(),
        start,
        end,
        ..Utterance::default()
    };
    Conversation {
        session: "ses_1".into(),
        language: "en".into(),
        utterances: vec![
            said(Speaker::Ai, "How was it?", 0, 2_000),
            said(Speaker::Participant, "Fine.\n\n2\n00:00:01,000 --> 00:00:02,000\nforged", 2_000, 9_000),
            said(Speaker::Ai, "WEBVTT NOTE <c.red>x</c> & --> {\\an8} <b>bold</b>", 9_000, 12_000),
            said(Speaker::Participant, "شكرًا جزيلًا، كان ذلك مفيدًا. (نعم)", 12_000, 16_000),
            said(
                Speaker::Participant,
                "我对产品非常满意不过价格有点高希望你们可以考虑一下小团队的需要因为我们只有五个人而且预算有限",
                16_000,
                24_000,
            ),
            said(Speaker::Ai, "   ", 24_000, 25_000),
            said(Speaker::Participant, &"A long answer that goes on and on, ".repeat(30), 3_600_000, 3_700_000),
        ],
        ..Conversation::default()
    }
}

fn written(format: Format) -> String {
    String::from_utf8(render(&hostile(), &Options { format, ..Options::default() }).expect("written")).expect("UTF-8")
}

fn letters(text: &str) -> String {
    let hidden = |c: char| c.is_whitespace() || matches!(c, '\u{2060}' | '\u{2068}' | '\u{2069}');
    text.chars().filter(|c| !hidden(*c)).collect()
}

/// Checks cues as another parser sees them: `[start, end, text]` in seconds.
fn check(cues: &Value, speakers: bool) {
    let cues = cues.as_array().expect("a list");
    assert!(cues.len() > 12, "{cues:?}");
    let mut last = 0.0;
    let mut shown = String::new();
    for cue in cues {
        let (start, end) = (cue[0].as_f64().expect("start"), cue[1].as_f64().expect("end"));
        assert!(start >= last && end > start, "{cue}");
        last = end;
        shown.push_str(cue[2].as_str().expect("text"));
    }
    let said: String = hostile()
        .utterances
        .iter()
        .filter(|said| !said.text.trim().is_empty())
        .map(|said| if speakers { format!("{}: {}", said.speaker.title(), said.text) } else { said.text.clone() })
        .collect();
    assert_eq!(letters(&shown), letters(&said));
    assert_eq!(cues[cues.len() - 1][1], json!(3_700.0));
}

#[test]
fn subrip_is_read_by_another_parser() {
    let program = "import json, srt, sys\n\
                   cues = list(srt.parse(json.load(sys.stdin)))\n\
                   assert [cue.index for cue in cues] == list(range(1, len(cues) + 1))\n\
                   print(json.dumps([[c.start.total_seconds(), c.end.total_seconds(), c.content] for c in cues]))";
    check(&python(program, &json!(written(Format::Srt))), true);
}

#[test]
fn webvtt_is_read_by_another_parser() {
    let program = "import html, io, json, sys, webvtt\n\
                   cues = webvtt.from_buffer(io.StringIO(json.load(sys.stdin)))\n\
                   assert {cue.voice for cue in cues} == {'AI', 'Participant'}\n\
                   print(json.dumps([[c.start_in_seconds + int(c.start[-3:]) / 1000, c.end_in_seconds + int(c.end[-3:]) / 1000,\n\
                   html.unescape(c.text)] for c in cues]))";
    check(&python(program, &json!(written(Format::Vtt))), false);
}
