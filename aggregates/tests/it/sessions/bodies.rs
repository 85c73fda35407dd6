//! What callers send.

use aggregates::session::{AnswerInput, ConsentInput, ConsentKind, Device, DeviceInput, PauseInput, Reply};
use serde_json::json;

use super::{reply, text, value};
use crate::common::{fields, invalid, malformed, read};

#[test]
fn bodies_of_answers() {
    let good = |body| read::<AnswerInput>(body).validate().expect("good");
    assert_eq!(good(json!({"promptId": "p1", "seq": 3.0, "text": "x"})), reply("p1", 3, text("x")));
    assert_eq!(
        good(json!({"promptId": "p1", "seq": 0, "value": false, "skip": false})),
        reply("p1", 0, value(json!(false)))
    );
    assert_eq!(good(json!({"promptId": "p1", "seq": 1, "skip": true, "text": null})), reply("p1", 1, Reply::Skip));
    let refusal = malformed::<AnswerInput>(json!({"promptId": 1, "seq": "1", "text": 2, "skip": "yes"}));
    assert_eq!(
        fields(&refusal),
        [("seq", "invalid_type"), ("promptId", "invalid_type"), ("text", "invalid_type"), ("skip", "invalid_type")]
    );
    assert_eq!(fields(&malformed::<AnswerInput>(json!({}))), [("seq", "required"), ("promptId", "required")]);
    let broken = |body| {
        let refusal = invalid(read::<AnswerInput>(body).validate());
        fields(&refusal).into_iter().map(|(field, code)| format!("{field} {code}")).collect::<Vec<_>>()
    };
    assert_eq!(broken(json!({"promptId": "p1", "seq": -1})), ["seq out_of_range", "text required"]);
    assert_eq!(
        broken(json!({"promptId": "p1", "seq": 1.5, "text": "x", "value": 1})),
        ["seq out_of_range", "text not_allowed"]
    );
    assert_eq!(broken(json!({"promptId": "p1", "seq": 1, "text": "x", "skip": true})), ["text not_allowed"]);
}

#[test]
fn bodies_of_consent_device_and_pause() {
    let consent = read::<ConsentInput>(json!({"granted": true, "type": "all", "ip": "::1"})).validate().expect("good");
    assert_eq!((consent.kind, consent.granted, consent.ip.as_deref()), (ConsentKind::All, true, Some("::1")));
    assert_eq!(
        fields(&malformed::<ConsentInput>(json!({"type": 1}))),
        [("granted", "required"), ("type", "invalid_type")]
    );
    let bad = json!({"granted": true, "type": "marketing", "ip": "here", "textSha256": "abc"});
    assert_eq!(
        fields(&invalid(read::<ConsentInput>(bad).validate())),
        [("type", "invalid_enum"), ("textSha256", "invalid_format"), ("ip", "invalid_format")]
    );
    let device =
        DeviceInput::from_body(&json!({"device": {"browser": "Chrome 120", "type": "desktop"}})).expect("good");
    assert_eq!(device, Some(Device { browser: Some("Chrome 120".into()), os: None, kind: Some("desktop".into()) }));
    for body in [json!({}), json!({"device": null}), json!({"device": {}}), json!({"device": {"os": " "}})] {
        assert_eq!(DeviceInput::from_body(&body), Ok(None));
    }
    let refusal = DeviceInput::from_body(&json!({"device": {"os": 5}})).expect_err("refused");
    assert_eq!(fields(&refusal), [("device.os", "invalid_type")]);
    let refusal = invalid(DeviceInput::from_body(&json!({"device": {"type": "x".repeat(201)}})));
    assert_eq!(fields(&refusal), [("device.type", "too_long")]);
    assert_eq!(read::<PauseInput>(json!({"reason": " "})).validate(), Ok(None));
    let refusal = invalid(read::<PauseInput>(json!({"reason": "x".repeat(501)})).validate());
    assert_eq!(fields(&refusal), [("reason", "too_long")]);
}
