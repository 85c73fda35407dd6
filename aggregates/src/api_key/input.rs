//! What callers send about API keys.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::{
    Refusal,
    api_key::Scope,
    value::{Input, Reader, Validator, parse_instant, whole_second},
};

/// The body of `POST /v1/api-keys`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewApiKeyInput {
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it stops working.
    pub expires_at: Option<String>,
}

/// A new API key whose fields keep the rules.
#[derive(Clone, Debug, PartialEq)]
pub struct NewApiKey {
    /// What its owner calls it.
    pub name: String,
    /// What it may do; never nothing.
    pub scopes: BTreeSet<Scope>,
    /// When it stops working, if ever.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Input for NewApiKeyInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            name: fields.required("name"),
            scopes: fields.required("scopes"),
            expires_at: fields.optional("expiresAt"),
        }
    }
}

impl NewApiKeyInput {
    /// Checks the fields.
    ///
    /// # Errors
    /// A validation refusal with every field that breaks a rule.
    pub fn validate(self, now: DateTime<Utc>) -> Result<NewApiKey, Refusal> {
        let mut validator = Validator::new();
        let name = validator.name("name", &self.name);
        if self.scopes.is_empty() {
            validator.error("scopes", "too_few", "must name at least one scope");
        }
        let mut scopes = BTreeSet::new();
        for (index, text) in self.scopes.iter().enumerate() {
            match text.parse() {
                Ok(scope) => drop(scopes.insert(scope)),
                Err(_) => validator.error(&format!("scopes[{index}]"), "invalid_enum", "is not a known scope"),
            }
        }
        let expires_at = self.expires_at.and_then(|text| {
            let instant = parse_instant(&text).map(whole_second);
            match instant {
                None => validator.error("expiresAt", "invalid_format", "must be an ISO 8601 date and time"),
                Some(instant) if instant <= now => validator.error("expiresAt", "in_the_past", "must be in the future"),
                Some(_) => {}
            }
            instant
        });
        validator.refuse(NewApiKey { name, scopes, expires_at })
    }
}
