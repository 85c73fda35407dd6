//! Free-form JSON objects, and merge-patches on them.

use serde_json::{Map, Value};

/// A JSON object whose keys are not all ours: settings, invite defaults, metadata.
pub type Document = Map<String, Value>;

/// Applies a merge-patch to an object (RFC 7386): `null` removes, an object is merged, anything else replaces.
pub fn merge_patch(target: &mut Document, patch: &Document) {
    for (key, change) in patch {
        match change {
            Value::Null => {
                target.remove(key);
            }
            Value::Object(inner) => {
                let slot = target.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(object) = slot {
                    merge_patch(object, inner);
                }
            }
            other => {
                target.insert(key.clone(), other.clone());
            }
        }
    }
}

/// The object without its null members: what a merge-patch leaves of it on nothing.
pub fn without_nulls(document: &Document) -> Document {
    let mut result = Document::new();
    merge_patch(&mut result, document);
    result
}

/// The number of bytes of the object as compact JSON.
pub fn document_size(document: &Document) -> usize {
    // A map with text keys can always be written; the fallback only keeps the function total.
    serde_json::to_vec(document).map_or(usize::MAX, |text| text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Document {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn examples_of_the_rfc() {
        for (target, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let mut merged = object(target);
            merge_patch(&mut merged, &object(patch));
            assert_eq!(merged, object(result));
        }
    }
}
