//! The OpenAPI document of the product.

use std::collections::BTreeSet;

use interview_relay::http::{openapi, routes};
use serde_json::{Value, json};

use super::support::TestServer;

#[test]
fn the_checked_in_document_is_current() {
    let current = openapi::text(&routes::operations()).expect("text");
    let kept = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json")).unwrap_or_default();
    assert!(
        current == kept,
        "openapi.json is out of date: run `cargo run -- openapi > openapi.json` and review the difference"
    );
}

#[tokio::test]
async fn what_is_checked_in_is_served() {
    let server = TestServer::start().await;
    let answer = server.request("GET", "/openapi.json").send().await.expect("answer");
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].as_bytes()),
        (200, &b"application/json"[..])
    );
    assert!(answer.text().await.expect("text") == include_str!("../../openapi.json"));
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

/// Readers copy examples, and tools play them back: there is one for every body of data, and none that is wrong.
#[test]
fn every_body_has_an_example_that_fits() {
    let text = openapi::text(&routes::operations()).expect("text");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    for (path, methods) in members(&document["paths"]) {
        for (method, operation) in members(methods) {
            let mut bodies = vec![("the request", &operation["requestBody"])];
            for (status, response) in members(&operation["responses"]) {
                let response = resolved(&document, response);
                let is_told = response["content"].is_object() || ["204", "304"].contains(&status.as_str());
                assert!(is_told, "{method} {path}: nothing says what {status} looks like");
                bodies.push((status, response));
            }
            for (place, body) in bodies {
                let name = format!("{method} {path}, {place}");
                for kind in ["application/json", "multipart/form-data"] {
                    let Some(content) = body["content"].get(kind) else { continue };
                    let schema = &content["schema"];
                    let example = content.get("example").or_else(|| resolved(&document, schema).get("example"));
                    fits(&document, &name, schema, example.unwrap_or_else(|| panic!("{name} has no example")));
                }
            }
        }
    }
    for (name, schema) in members(&document["components"]["schemas"]) {
        for (part, schema) in members(&schema["properties"]).chain([(name, schema)]) {
            if let Some(example) = schema.get("example") {
                fits(&document, &format!("{name}, {part}"), schema, example);
            }
        }
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn resolved<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    let target = part["$ref"].as_str().and_then(|path| document.pointer(path.trim_start_matches('#')));
    target.unwrap_or(part)
}

/// An example keeps the schema, and names no member that the schema does not know.
fn fits(document: &Value, name: &str, schema: &Value, example: &Value) {
    let names_members = ["properties", "allOf"].iter().any(|key| resolved(document, schema).get(key).is_some());
    let schema =
        json!({"allOf": [schema], "unevaluatedProperties": !names_members, "components": document["components"]});
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
    validator.validate(example).unwrap_or_else(|error| panic!("the example of {name}: {error}"));
}

/// What a parameter names as possible, as taken when it is absent, or as an example, must be allowed by the rest of its schema.
fn can_be_given(operation: &str, parameter: &Value) {
    let (name, schema) = (&parameter["name"], &parameter["schema"]);
    let validator = jsonschema::draft202012::new(schema).expect("a schema");
    let parts = schema["allOf"].as_array().map_or_else(|| vec![schema], |parts| parts.iter().collect());
    let named = parts.iter().flat_map(|part| part["enum"].as_array().into_iter().flatten().chain(part.get("default")));
    for value in named.chain(parameter.get("example")) {
        assert!(validator.is_valid(value), "{operation}: {name} cannot be {value}");
    }
}
