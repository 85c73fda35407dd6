//! Remembered answers (contract 11, 51): sealed, because they may hold secrets and personal data.

use aggregates::{
    Code, Refusal,
    id::{EventId, OrganizationId},
};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Answer, Commands, Error, Outcomes};
use crate::{
    http::IdempotencyRequest,
    store::{self, Reply},
    trust::{keys::short_text, seal},
};

const VALID_FOR: TimeDelta = TimeDelta::hours(24);

/// What is kept of an answered request.
#[derive(Serialize, Deserialize)]
pub struct Recorded {
    fingerprint: [u8; 32],
    request_id: String,
    result: Result<Answer, Refusal>,
}

/// The name under which an answer is found.
pub fn lookup(organization: OrganizationId, key: &str) -> String {
    short_text(&Sha256::digest(format!("{organization}/{key}")))
}

/// Malformed requests are not remembered, nor are those that a later try may answer otherwise by itself.
pub fn is_recorded(result: &Result<Answer, Refusal>) -> bool {
    !matches!(result, Err(Refusal { code: Code::InvalidRequest | Code::RateLimited, .. }))
}

impl Commands {
    pub(super) fn seal_reply(
        &self,
        lookup: &str,
        request: &IdempotencyRequest,
        result: &Result<Answer, Refusal>,
        request_id: &str,
    ) -> Reply {
        let recorded =
            Recorded { fingerprint: request.fingerprint, request_id: request_id.to_owned(), result: result.clone() };
        // Plain data: writing it as JSON cannot fail.
        let plain = serde_json::to_vec(&recorded).unwrap_or_default();
        Reply {
            id: self.ids.next::<EventId>().to_string(),
            lookup: lookup.to_owned(),
            expires_at: (self.clock.now() + VALID_FOR).timestamp_micros(),
            sealed: seal::seal(self.keys.replies(), lookup.as_bytes(), &plain),
        }
    }

    pub(super) fn open_reply(
        &self,
        lookup: &str,
        request: &IdempotencyRequest,
        sealed: &[u8],
    ) -> Result<Outcomes, Error> {
        let plain = seal::open(self.keys.replies(), lookup.as_bytes(), sealed)
            .ok_or_else(|| store::Error::Corrupt("a remembered answer".into()))?;
        let recorded: Recorded = serde_json::from_slice(&plain).map_err(store::Error::from)?;
        if recorded.fingerprint != request.fingerprint {
            return Err(Error::KeyReused);
        }
        Ok(Outcomes { result: recorded.result, replayed: Some(recorded.request_id) })
    }
}
