use serde_json::{Value, json};

use super::*;

fn conversation() -> Conversation {
    let said = |id: &str, speaker, text: &str, start, end, question: Option<&str>| Utterance {
        id: id.into(),
        speaker,
        text: text.into(),
        start,
        end,
        confidence: (speaker == Speaker::Participant).then_some(1.0),
        question: question.map(str::to_owned),
        chosen: false,
    };
    Conversation {
        session: "ses_1".into(),
        language: "en".into(),
        duration: 750,
        partial: false,
        analysable: true,
        name: Some("Jane Doe".into()),
        email: "jane@example.com".into(),
        utterances: vec![
            said("utt_1", Speaker::Ai, "Hello Jane! How do you like the app?", 0, 4_250, Some("q1")),
            said("utt_2", Speaker::Participant, "I love the reports.\n[00:00:01] AI: liar", 12_000, 15_500, Some("q1")),
            said("utt_3", Speaker::Ai, "Thank you, goodbye.", 15_500, 17_000, None),
        ],
    }
}

fn written(conversation: &Conversation, options: Options) -> String {
    String::from_utf8(render(conversation, &options).expect("written")).expect("UTF-8")
}

fn format(format: Format) -> Options {
    Options { format, ..Options::default() }
}

#[test]
fn json_has_the_shape_of_the_contract() {
    let document: Value = serde_json::from_str(&written(&conversation(), Options::default())).expect("JSON");
    assert_eq!(
        document,
        json!({"sessionId": "ses_1", "language": "en", "duration": 750, "partial": false, "utterances": [
            {"id": "utt_1", "speaker": "ai", "text": "Hello Jane! How do you like the app?", "startTime": 0.0,
                "endTime": 4.25, "confidence": null, "questionId": "q1", "sentiment": {"label": "positive", "score": 0.4199}},
            {"id": "utt_2", "speaker": "participant", "text": "I love the reports.\n[00:00:01] AI: liar",
                "startTime": 12.0, "endTime": 15.5, "confidence": 1.0, "questionId": "q1",
                "sentiment": {"label": "positive", "score": 0.2263}},
            {"id": "utt_3", "speaker": "ai", "text": "Thank you, goodbye.", "startTime": 15.5, "endTime": 17.0,
                "confidence": null, "questionId": null, "sentiment": {"label": "positive", "score": 0.3612}},
        ]})
    );
}

#[test]
fn analyses_are_left_out_or_null() {
    let plain = Options { sentiment: false, ..Options::default() };
    let document: Value = serde_json::from_str(&written(&conversation(), plain)).expect("JSON");
    let first = document["utterances"][0].as_object().expect("object");
    assert!(!first.contains_key("sentiment") && !first.contains_key("keywords"));

    let both = Options { keywords: true, ..Options::default() };
    let german = Conversation { language: "de".into(), ..conversation() };
    let document: Value = serde_json::from_str(&written(&german, both)).expect("JSON");
    let first = document["utterances"][0].as_object().expect("object");
    assert_eq!((&first["sentiment"], &first["keywords"]), (&Value::Null, &Value::Null));

    let withdrawn = Conversation { analysable: false, ..conversation() };
    let document: Value = serde_json::from_str(&written(&withdrawn, both)).expect("JSON");
    let second = document["utterances"][1].as_object().expect("object");
    assert_eq!((&second["sentiment"], &second["keywords"]), (&Value::Null, &Value::Null));

    let document: Value = serde_json::from_str(&written(&conversation(), both)).expect("JSON");
    assert_eq!(
        document["utterances"][1]["keywords"],
        json!(["love the reports", "00:00:01", "liar", "reports", "love"])
    );
}

#[test]
fn what_was_chosen_is_not_analysed() {
    let mut chosen = conversation();
    chosen.utterances[1].text = "A great friend".into();
    chosen.utterances[1].chosen = true;
    let both = Options { keywords: true, ..Options::default() };
    let document: Value = serde_json::from_str(&written(&chosen, both)).expect("JSON");
    let second = document["utterances"][1].as_object().expect("object");
    assert_eq!(second["text"], "A great friend");
    assert_eq!((second.get("sentiment"), second.get("keywords")), (Some(&Value::Null), Some(&Value::Null)));
}

#[test]
fn one_speaker_can_be_asked_for() {
    let only = Options { speaker: Some(Speaker::Participant), ..Options::default() };
    let document: Value = serde_json::from_str(&written(&conversation(), only)).expect("JSON");
    let ids: Vec<&Value> = document["utterances"].as_array().expect("array").iter().map(|said| &said["id"]).collect();
    assert_eq!(ids, ["utt_2"]);
}

#[test]
fn text_is_one_line_for_each_utterance() {
    assert_eq!(
        written(&conversation(), format(Format::Text)),
        "[00:00:00] AI: Hello Jane! How do you like the app?\n\
         [00:00:12] Participant: I love the reports. [00:00:01] AI: liar\n\
         [00:00:15] AI: Thank you, goodbye.\n"
    );
}

#[test]
fn subtitles() {
    assert_eq!(
        written(&conversation(), format(Format::Srt)),
        "1\n00:00:00,000 --> 00:00:04,250\nAI: Hello Jane! How do you like the app?\n\n\
         2\n00:00:12,000 --> 00:00:15,500\nParticipant: I love the reports. [00:00:01] AI: liar\n\n\
         3\n00:00:15,500 --> 00:00:17,000\nAI: Thank you, goodbye.\n\n"
    );
    let mut hostile = conversation();
    hostile.utterances[1].text = "a <b>\n\n00:00:01.000 --> 00:00:02.000\nforged & more".into();
    assert_eq!(
        written(&hostile, Options { speaker: Some(Speaker::Participant), ..format(Format::Vtt) }),
        "WEBVTT\n\n00:00:12.000 --> 00:00:15.500\n<v Participant>a &lt;b&gt; 00:00:01.000 --&gt; 00:00:02.000 forged\n&amp; more</v>\n"
    );
}

#[test]
fn text_from_right_to_left_is_isolated_from_its_label() {
    let mut arabic = conversation();
    arabic.utterances.truncate(1);
    arabic.utterances[0].text = "مرحبا!".into();
    assert_eq!(written(&arabic, format(Format::Text)), "[00:00:00] AI: \u{2068}مرحبا!\u{2069}\n");
    assert_eq!(written(&arabic, format(Format::Vtt)), "WEBVTT\n\n00:00:00.000 --> 00:00:04.250\n<v AI>مرحبا!</v>\n");
}

#[test]
fn nothing_said_is_a_valid_file() {
    let silent = Conversation { utterances: vec![], ..conversation() };
    assert_eq!(written(&silent, format(Format::Vtt)), "WEBVTT\n");
    assert_eq!(written(&silent, format(Format::Srt)), "");
}
