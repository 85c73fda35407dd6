//! What can be done with API keys (contract 36).

use std::collections::BTreeSet;

use aggregates::{
    FieldError, Refusal,
    api_key::{ApiKey, ApiKeyCommand, NewApiKeyInput, Scope, grants},
    id::ApiKeyId,
    organization::Organization,
    value::Input,
};
use chrono::{DateTime, SecondsFormat};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Answer, Command, Sent, Stop, Work};
use crate::trust::secret_key;

/// `POST /v1/api-keys`.
pub struct CreateApiKey {
    /// The request's body.
    pub body: Sent,
    /// What the caller may do: nobody can make a key that is stronger than the own one.
    pub granted: BTreeSet<Scope>,
    /// The new key. It is made before, so that it stays the same when the command runs again.
    pub secret: Zeroizing<String>,
}

impl Command for CreateApiKey {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let organization_id = work.caller().organization;
        work.load::<Organization>(organization_id).await?;
        let key = NewApiKeyInput::from_json(self.body.json()?)?.validate(work.now())?;
        let missing: Vec<&str> =
            key.scopes.iter().filter(|scope| !grants(&self.granted, **scope)).map(|scope| scope.as_str()).collect();
        if !missing.is_empty() {
            let message = format!("must not go beyond the scopes of your own key, which lacks {}", missing.join(", "));
            return Err(Refusal::validation(vec![FieldError::new("scopes", "not_granted", message)]).into());
        }
        let key_id: ApiKeyId = work.new_id();
        let create = ApiKeyCommand::Create {
            key_id,
            organization_id,
            key,
            secret_hash: secret_key::hash(&self.secret),
            last_four: secret_key::last_four(&self.secret),
        };
        work.execute::<ApiKey>(key_id, create)?;
        let secret = Value::from(self.secret.as_str()).to_string();
        let document = with_member(&shown(&work.document::<ApiKey>(key_id)?, None), "key", &secret);
        Ok(Answer::created(format!("/v1/api-keys/{key_id}"), document))
    }
}

/// `DELETE /v1/api-keys/{keyId}`.
pub struct RevokeApiKey {
    /// The key.
    pub id: ApiKeyId,
}

impl Command for RevokeApiKey {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        work.load::<ApiKey>(self.id).await?;
        work.execute::<ApiKey>(self.id, ApiKeyCommand::Revoke)?;
        Ok(Answer::no_content())
    }
}

/// A key as the API shows it: the stored document with the time of the last use (µs since 1970), which is no event.
pub fn shown(document: &str, last_used: Option<i64>) -> String {
    let last_used = last_used.and_then(DateTime::from_timestamp_micros);
    let text = last_used.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true));
    with_member(document, "lastUsedAt", &Value::from(text).to_string())
}

/// Adds a member to the text of a JSON object that has others.
pub(super) fn with_member(object: &str, name: &str, value: &str) -> String {
    let open = object.strip_suffix('}').unwrap_or(object);
    format!("{open},\"{name}\":{value}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_with_its_last_use() {
        assert_eq!(shown(r#"{"id":"k"}"#, None), r#"{"id":"k","lastUsedAt":null}"#);
        let at = shown(r#"{"id":"k"}"#, Some(1_705_314_600_999_999));
        assert_eq!(at, r#"{"id":"k","lastUsedAt":"2024-01-15T10:30:00Z"}"#);
    }
}
