use aggregates::{
    Code, Entity,
    id::FileId,
    script::{ExportedMedia, Script, ScriptDraftOpened, ScriptEvent, export, import},
};
use serde_json::{Value, json};

use crate::{
    common::{fields, id},
    scripts::{created, new_script, published},
};

fn script() -> Script {
    let mut content = new_script().content;
    content.system_prompt = "Be brief.".into();
    content.settings.insert("ratio".into(), json!(2.0));
    let opened = ScriptDraftOpened { version: 2, content, changelog: Some("Shorter".into()) };
    Script::replay([created(), published(1), ScriptEvent::DraftOpened(opened)])
}

fn file() -> Value {
    serde_json::to_value(export(&script(), Vec::new()).expect("writable")).expect("writable")
}

#[test]
fn an_export_can_be_imported_as_a_new_draft() {
    let file = file();
    assert_eq!((&file["format"], &file["formatVersion"]), (&json!("interviewrelay.script"), &json!(1)));
    assert_eq!(file["versions"].as_array().map(Vec::len), Some(2));
    assert_eq!(file["media"], json!([]));
    let imported = import(&file).expect("good");
    assert_eq!(imported.media, []);
    let imported = imported.script;
    let script = script();
    assert_eq!((imported.name, imported.description), (script.name.clone(), script.description.clone()));
    assert_eq!(Some(imported.content), script.current().map(|version| version.content.clone()));
    assert_eq!(imported.project_id, None);
}

#[test]
fn the_checksum_survives_rewriting_but_not_changes() {
    let mut rewritten = file();
    rewritten["script"]["settings"]["ratio"] = json!(2);
    assert!(import(&rewritten).is_ok(), "2.0 and 2 are the same number");
    let pretty = serde_json::to_string_pretty(&file()).expect("writable");
    assert!(import(&serde_json::from_str(&pretty).expect("readable")).is_ok());

    for change in ["/script/name", "/versions/0/systemPrompt"] {
        let mut changed = file();
        *changed.pointer_mut(change).expect("there") = json!("Other");
        let refusal = import(&changed).expect_err("refused");
        assert_eq!((refusal.code, fields(&refusal)), (Code::ValidationError, vec![("checksum", "mismatch")]));
    }
}

#[test]
fn unknown_forms_are_refused() {
    for (key, value) in [("format", json!("other")), ("formatVersion", json!(2))] {
        let mut changed = file();
        changed[key] = value;
        let refusal = import(&changed).expect_err("refused");
        assert_eq!(refusal.code, Code::ValidationError);
        assert_eq!(fields(&refusal), [(key, "invalid_enum"), ("checksum", "mismatch")]);
    }
    let refusal = import(&json!({"formatVersion": "1"})).expect_err("refused");
    assert_eq!(refusal.code, Code::InvalidRequest);
    assert_eq!(
        fields(&refusal),
        [("format", "required"), ("formatVersion", "invalid_type"), ("script", "required"), ("checksum", "required"),]
    );
    assert!(import(&json!([])).is_err());
}

#[test]
fn the_checksum_is_what_anyone_can_compute() {
    // printf '{"a":[1,true,null],"b":"é"}' | sha256sum, of a file that would say nothing else.
    let file =
        json!({"b": "é", "a": [1.0, true, null], "checksum": "", "format": "x", "formatVersion": 1, "script": {}});
    let canonical = r#"{"a":[1,true,null],"b":"é","format":"x","formatVersion":1,"script":{}}"#;
    let expected = "sha256:".to_owned()
        + &<sha2::Sha256 as sha2::Digest>::digest(canonical)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
    let mut file = file;
    file["checksum"] = json!(expected);
    let refusal = import(&file).expect_err("refused");
    assert_eq!(fields(&refusal), [("format", "invalid_enum")], "the checksum itself is right");
}

fn with_media(media: FileId, referred: FileId) -> Value {
    let mut content = new_script().content;
    content.questions[0].media = vec![referred];
    let opened = ScriptDraftOpened { version: 2, content, changelog: None };
    let script = Script::replay([created(), published(1), ScriptEvent::DraftOpened(opened)]);
    let media = ExportedMedia {
        id: media,
        name: "../logo.png".into(),
        content_type: "image/png".into(),
        size: 9,
        sha256: "0a".repeat(32),
    };
    serde_json::to_value(export(&script, vec![media]).expect("writable")).expect("writable")
}

/// The file with a change and the checksum that belongs to it.
fn signed(mut file: Value, change: impl FnOnce(&mut Value)) -> Value {
    change(&mut file);
    // Keys are sorted and there are no fractions here, so the ordinary text is the canonical one.
    let mut rest = file.clone();
    rest.as_object_mut().expect("an object").remove("checksum");
    let digest = <sha2::Sha256 as sha2::Digest>::digest(rest.to_string());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    file["checksum"] = json!(format!("sha256:{hex}"));
    file
}

#[test]
fn media_come_with_their_hashes_and_old_files_without_any() {
    let file = with_media(id(5), id(5));
    assert_eq!(file["media"][0]["sha256"], json!("0a".repeat(32)));
    let imported = import(&file).expect("good");
    assert_eq!(imported.script.content.questions[0].media, [id(5)]);
    let media = &imported.media[0];
    assert_eq!((media.id, media.name.as_str(), media.sha256.as_str()), (id(5), "logo.png", &*"0a".repeat(32)));

    // Files of the first days know no media, neither in the list nor in questions.
    let old = signed(with_media(id(5), id(5)), |file| {
        file.as_object_mut().expect("an object").remove("media");
        for path in ["/script/questions/0", "/versions/0/questions/0", "/versions/1/questions/0"] {
            let question = file.pointer_mut(path).and_then(Value::as_object_mut).expect("a question");
            question.remove("media");
        }
    });
    let imported = import(&old).expect("good");
    assert_eq!((imported.media, imported.script.content.questions[0].media.len()), (Vec::new(), 0));
}

#[test]
fn media_that_make_no_sense_are_named() {
    let refusal = import(&with_media(id(5), id(6))).expect_err("refused");
    assert_eq!(fields(&refusal), [("script.questions[0].media[0]", "not_found")]);
    let file = signed(with_media(id(5), id(5)), |file| {
        let mut second = file["media"][0].clone();
        second["sha256"] = json!("0A".repeat(32));
        file["media"] = json!([file["media"][0], second, {"id": "x", "name": "n", "sha256": ""}]);
    });
    let refusal = import(&file).expect_err("refused");
    let expected = [
        ("media[1].id", "duplicate"),
        ("media[1].sha256", "invalid_format"),
        ("media[2].id", "invalid_format"),
        ("media[2].sha256", "invalid_format"),
    ];
    assert_eq!(fields(&refusal), expected);
    let file = signed(with_media(id(5), id(5)), |file| file["media"] = json!([1, {"id": 2}]));
    let refusal = import(&file).expect_err("refused");
    assert_eq!(refusal.code, Code::InvalidRequest);
    let named: Vec<_> = fields(&refusal).into_iter().map(|(field, _)| field).collect();
    assert_eq!(named, ["media[0]", "media[1].id", "media[1].name", "media[1].sha256"]);
}
