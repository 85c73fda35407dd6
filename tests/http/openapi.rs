//! The OpenAPI document of the product.

use std::collections::BTreeSet;

use interview_relay::http::{openapi, routes};
use serde_json::Value;

#[test]
fn the_checked_in_document_is_current() {
    let current = openapi::text(&routes::operations()).expect("text");
    let kept = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json")).unwrap_or_default();
    assert!(
        current == kept,
        "openapi.json is out of date: run `cargo run -- openapi > openapi.json` and review the difference"
    );
}

#[test]
fn every_operation_is_documented_once() {
    let operations = routes::operations();
    let document: Value = serde_json::to_value(openapi::document(&operations)).expect("JSON");
    let mut ids = BTreeSet::new();
    for operation in &operations {
        let method = operation.method.as_str().to_ascii_lowercase();
        let docs = &document["paths"][&operation.path][&method];
        let name = format!("{method} {}", operation.path);
        assert!(docs["summary"].is_string(), "{name} has no summary");
        assert!(docs["tags"][0].is_string(), "{name} has no tag");
        assert!(docs["responses"][operation.success.to_string()].is_object(), "{name} documents no success");
        let id = docs["operationId"].as_str().unwrap_or_else(|| panic!("{name} has no operation id"));
        assert!(ids.insert(id.to_owned()), "the operation id {id} is used twice");
        for parameter in docs["parameters"].as_array().into_iter().flatten() {
            can_be_given(&name, parameter);
        }
    }
}

/// What a parameter names as possible, or as taken when it is absent, must be allowed by the rest of its schema.
fn can_be_given(operation: &str, parameter: &Value) {
    let (name, schema) = (&parameter["name"], &parameter["schema"]);
    let validator = jsonschema::draft202012::new(schema).expect("a schema");
    let parts = schema["allOf"].as_array().map_or_else(|| vec![schema], |parts| parts.iter().collect());
    let named = parts.iter().flat_map(|part| part["enum"].as_array().into_iter().flatten().chain(part.get("default")));
    for value in named {
        assert!(validator.is_valid(value), "{operation}: {name} cannot be {value}");
    }
}
