use aggregates::{
    Code, Entity,
    script::{Script, ScriptDraftOpened, ScriptEvent, export, import},
};
use serde_json::{Value, json};

use crate::{
    common::fields,
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
    serde_json::to_value(export(&script()).expect("writable")).expect("writable")
}

#[test]
fn an_export_can_be_imported_as_a_new_draft() {
    let file = file();
    assert_eq!((&file["format"], &file["formatVersion"]), (&json!("interviewrelay.script"), &json!(1)));
    assert_eq!(file["versions"].as_array().map(Vec::len), Some(2));
    assert_eq!(file["media"], json!([]));
    let imported = import(&file).expect("good");
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
