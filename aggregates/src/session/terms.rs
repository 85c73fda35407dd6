//! What holds for one interview, whatever happens to the campaign's settings later.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::value::Document;

/// The greatest number of characters of a greeting or a closing that is read out.
const MAX_LINE: usize = 2_000;

/// The campaign's resolved settings as they were when the session was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// The language of the interview, a BCP 47 tag.
    pub language: String,
    /// The voice of spoken prompts.
    pub voice: String,
    /// The greatest length of the interview in seconds, pauses left out.
    pub max_duration: u32,
    /// How often the interviewer follows up on one question, where the question does not say.
    pub max_follow_ups: Option<u32>,
    /// Whether the interview may only start with consent.
    pub require_consent: bool,
    /// What the interviewer says first, if not its own phrase.
    pub greeting: Option<String>,
    /// What the interviewer says last, if not its own phrase.
    pub closing: Option<String>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            language: "en".to_owned(),
            voice: "alloy".to_owned(),
            max_duration: 1_800,
            max_follow_ups: None,
            require_consent: true,
            greeting: None,
            closing: None,
        }
    }
}

impl Terms {
    /// Reads resolved settings (contract 16). They were checked when they were given; what is missing gets its default.
    pub fn of(settings: &Document) -> Self {
        let default = Self::default();
        let text = |key: &str| settings.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        let number = |key: &str| {
            let number = settings.get(key)?;
            let whole = number.as_i64().or_else(|| number.as_f64().map(|float| float as i64))?;
            u32::try_from(whole).ok()
        };
        let line = |key: &str| text(key).map(|text| text.chars().take(MAX_LINE).collect());
        Self {
            language: text("language").map_or(default.language, str::to_owned),
            voice: text("voice").map_or(default.voice, str::to_owned),
            max_duration: number("maxDuration").unwrap_or(default.max_duration),
            max_follow_ups: number("maxFollowUps"),
            require_consent: settings.get("requireConsent").and_then(Value::as_bool).unwrap_or(default.require_consent),
            greeting: line("greeting"),
            closing: line("closing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::value::settings;

    #[test]
    fn resolved_settings_become_terms() {
        assert_eq!(Terms::of(&settings::defaults()), Terms::default());
        let own = json!({
            "language": "de-AT", "voice": "echo", "maxDuration": 600.0, "maxFollowUps": 2, "requireConsent": false,
            "greeting": " Grüß Gott! ", "closing": "", "other": 1,
        });
        assert_eq!(
            Terms::of(own.as_object().expect("an object")),
            Terms {
                language: "de-AT".into(),
                voice: "echo".into(),
                max_duration: 600,
                max_follow_ups: Some(2),
                require_consent: false,
                greeting: Some("Grüß Gott!".into()),
                closing: None,
            }
        );
    }
}
