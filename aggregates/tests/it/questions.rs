use aggregates::script::{NewScriptInput, NewVersionInput, Question, QuestionType, Scale, ScriptPatchInput};
use serde_json::{Value, json};

use crate::common::{fields, invalid, malformed, read};

fn body(questions: Value) -> Value {
    json!({"name": "Script", "systemPrompt": "Be kind.", "questions": questions})
}

fn good(questions: Value) -> Vec<Question> {
    read::<NewScriptInput>(body(questions)).validate().expect("good").content.questions
}

fn bad(questions: Value) -> Vec<(String, String)> {
    let refusal = invalid(read::<NewScriptInput>(body(questions)).validate());
    refusal.fields.into_iter().map(|error| (error.field, error.code)).collect()
}

fn one(extra: Value) -> Value {
    let mut question = json!({"id": "q1", "text": "Why?", "type": "open"});
    for (key, value) in extra.as_object().expect("an object") {
        question[key] = value.clone();
    }
    json!([question])
}

fn assert_bad(extra: Value, field: &str, code: &str) {
    assert_eq!(bad(one(extra.clone())), [(format!("questions[0].{field}"), code.to_owned())], "{extra}");
}

#[test]
fn the_example_of_the_reference_is_good() {
    let questions = good(json!([
        {
            "id": "q1", "text": "Tell me about your experience using our product.", "type": "open",
            "followUp": {"enabled": true, "maxFollowUps": 2, "prompt": "Ask a follow-up"}
        },
        {"id": "q2", "text": "On a scale of 1-10, how likely are you to recommend us?", "type": "rating"}
    ]));
    assert_eq!(
        serde_json::to_value(&questions).expect("writable"),
        json!([
            {
                "id": "q1", "text": "Tell me about your experience using our product.", "type": "open", "required": true,
                "followUp": {"enabled": true, "maxFollowUps": 2, "prompt": "Ask a follow-up"}, "maxDuration": null,
                "order": 1, "options": null, "scale": null, "media": []
            },
            {
                "id": "q2", "text": "On a scale of 1-10, how likely are you to recommend us?", "type": "rating",
                "required": true, "followUp": null, "maxDuration": null, "order": 2, "options": null,
                "scale": {"min": 1, "max": 10}, "media": []
            }
        ])
    );
}

#[test]
fn what_was_read_can_be_sent_back() {
    let questions = good(json!([
        {"id": "a", "text": "A?", "type": "multiple_choice", "options": ["x", "y"], "maxDuration": 60, "required": false},
        {"id": "b", "text": "B?", "type": "rating", "scale": {"min": -5, "max": 5}, "followUp": {}},
        {"id": "c", "text": "C?", "type": "yes_no"},
    ]));
    assert_eq!(good(serde_json::to_value(&questions).expect("writable")), questions);
}

#[test]
fn missing_order_follows_the_question_before() {
    let order = |orders: &[Option<u32>]| -> Vec<(String, u32)> {
        let questions: Vec<Value> = (0..)
            .zip(orders)
            .map(|(n, order)| {
                json!({
                    "id": format!("q{n}"), "text": "?", "type": "open", "order": order
                })
            })
            .collect();
        good(json!(questions)).into_iter().map(|question| (question.id, question.order)).collect()
    };
    let expect = |pairs: &[(&str, u32)]| pairs.iter().map(|(id, order)| ((*id).to_owned(), *order)).collect::<Vec<_>>();
    assert_eq!(order(&[None, None, None]), expect(&[("q0", 1), ("q1", 2), ("q2", 3)]));
    assert_eq!(order(&[Some(10), None, Some(5)]), expect(&[("q2", 5), ("q0", 10), ("q1", 11)]));
    assert_eq!(order(&[Some(2), Some(2), Some(1)]), expect(&[("q2", 1), ("q0", 2), ("q1", 2)]));
}

#[test]
fn every_rule_has_its_error() {
    for (extra, field, code) in [
        (json!({"id": " "}), "id", "too_short"),
        (json!({"id": "x".repeat(65)}), "id", "too_long"),
        (json!({"text": ""}), "text", "too_short"),
        (json!({"text": "x".repeat(2_001)}), "text", "too_long"),
        (json!({"type": "essay"}), "type", "invalid_enum"),
        (json!({"maxDuration": 9}), "maxDuration", "out_of_range"),
        (json!({"maxDuration": 14_401}), "maxDuration", "out_of_range"),
        (json!({"maxDuration": 60.5}), "maxDuration", "out_of_range"),
        (json!({"order": -1}), "order", "out_of_range"),
        (json!({"followUp": {"maxFollowUps": 11}}), "followUp.maxFollowUps", "out_of_range"),
        (json!({"followUp": {"prompt": "x".repeat(2_001)}}), "followUp.prompt", "too_long"),
        (json!({"options": ["a", "b"]}), "options", "not_allowed"),
        (json!({"type": "multiple_choice"}), "options", "required"),
        (json!({"type": "multiple_choice", "options": ["a"]}), "options", "too_few"),
        (json!({"type": "multiple_choice", "options": vec!["a"; 21]}), "options", "too_many"),
        (json!({"type": "multiple_choice", "options": ["a", "a "]}), "options[1]", "duplicate"),
        (json!({"type": "multiple_choice", "options": ["a", ""]}), "options[1]", "too_short"),
        (json!({"type": "multiple_choice", "options": ["a", "x".repeat(201)]}), "options[1]", "too_long"),
        (json!({"scale": {"min": 1, "max": 5}}), "scale", "not_allowed"),
        (json!({"type": "rating", "scale": {"min": 5, "max": 5}}), "scale.max", "out_of_range"),
        (json!({"type": "rating", "scale": {"max": 5}}), "scale.min", "required"),
        (json!({"type": "rating", "scale": {"min": 1, "max": 1001}}), "scale.max", "out_of_range"),
    ] {
        assert_bad(extra, field, code);
    }
    let twice = json!([{"id": "q", "text": "?", "type": "open"}, {"id": "q", "text": "?", "type": "open"}]);
    assert_eq!(bad(twice), [("questions[1].id".to_owned(), "duplicate".to_owned())]);
}

#[test]
fn the_number_of_questions_is_bounded() {
    let many =
        |n: usize| -> Value { (0..n).map(|i| json!({"id": format!("q{i}"), "text": "?", "type": "open"})).collect() };
    assert_eq!(good(many(100)).len(), 100);
    assert_eq!(bad(many(101)), [("questions".to_owned(), "too_many".to_owned())]);
    assert_eq!(bad(json!([])), [("questions".to_owned(), "too_few".to_owned())]);
}

#[test]
fn defaults() {
    let [question]: [Question; 1] = good(one(json!({"type": "rating"}))).try_into().expect("one");
    assert_eq!((question.kind, question.scale), (QuestionType::Rating, Some(Scale { min: 1, max: 10 })));
    assert!(question.required);
    let [question]: [Question; 1] = good(one(json!({"followUp": {}, "required": false}))).try_into().expect("one");
    assert!(!question.required && question.follow_up.expect("given").enabled);
}

#[test]
fn all_errors_of_a_script_come_at_once() {
    let body = json!({
        "name": "", "description": "x".repeat(501), "projectId": "prj_x", "systemPrompt": "x".repeat(10_001),
        "questions": [{"id": "q1", "text": "?", "type": "x"}], "settings": {"maxDuration": 5},
    });
    let mut expected = vec![
        ("name", "too_short"),
        ("description", "too_long"),
        ("projectId", "not_found"),
        ("systemPrompt", "too_long"),
        ("questions[0].type", "invalid_enum"),
        ("settings.maxDuration", "out_of_range"),
    ];
    let sorted = |refusal: &aggregates::Refusal| {
        let mut found: Vec<_> = fields(refusal).into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        found.sort();
        found
    };
    expected.sort_unstable();
    let expected: Vec<_> = expected.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
    assert_eq!(sorted(&invalid(read::<NewScriptInput>(body.clone()).validate())), expected);
    assert_eq!(sorted(&invalid(read::<ScriptPatchInput>(body.clone()).validate())), expected);
    let version = invalid(read::<NewVersionInput>(body).validate());
    assert_eq!(fields(&version).len(), 3);

    let refusal = malformed::<NewScriptInput>(json!({
        "name": 1, "questions": [{"id": 1, "text": "?", "followUp": {"enabled": "yes"}, "scale": 1}, 5],
        "settings": {"maxDuration": "long"},
    }));
    assert_eq!(
        fields(&refusal),
        [
            ("name", "invalid_type"),
            ("systemPrompt", "required"),
            ("questions[0].id", "invalid_type"),
            ("questions[0].type", "required"),
            ("questions[0].followUp.enabled", "invalid_type"),
            ("questions[0].scale", "invalid_type"),
            ("questions[1]", "invalid_type"),
            ("settings.maxDuration", "invalid_type"),
        ]
    );
}
