//! Which event types an endpoint asks for.

use crate::value::Validator;

/// The pattern of an endpoint that wants every event.
pub const EVERYTHING: &str = "*";

/// Patterns that one endpoint may have.
const MAX_PATTERNS: usize = 50;

/// Whether one of the patterns (`*`, `session.*`, `session.completed`) stands for the event type.
pub fn is_subscribed(patterns: &[String], event_type: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, event_type))
}

fn matches(pattern: &str, event_type: &str) -> bool {
    match pattern.strip_suffix('*') {
        None => pattern == event_type,
        Some("") => true,
        Some(prefix) => prefix.ends_with('.') && event_type.starts_with(prefix),
    }
}

/// Checks patterns against the event types that there are, and drops those that are given twice.
pub(crate) fn check(patterns: Vec<String>, known: &[&str], validator: &mut Validator) -> Vec<String> {
    if patterns.is_empty() {
        validator.error("eventTypes", "too_few", "must name at least one event type; \"*\" stands for all");
    }
    if patterns.len() > MAX_PATTERNS {
        validator.error("eventTypes", "too_long", format!("must have at most {MAX_PATTERNS} entries"));
        return Vec::new();
    }
    let mut checked: Vec<String> = Vec::with_capacity(patterns.len());
    for (index, pattern) in patterns.into_iter().enumerate() {
        let pattern = pattern.trim();
        if !known.iter().any(|known| matches(pattern, known)) {
            let message = "is no event type; see GET /v1/webhooks/event-types";
            validator.error(&format!("eventTypes[{index}]"), "unknown_event_type", message);
        }
        if !checked.iter().any(|other| other == pattern) {
            checked.push(pattern.to_owned());
        }
    }
    checked
}
