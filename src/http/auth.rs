//! Who is calling (contract 4, 5, 36).

use std::collections::BTreeSet;

use aggregates::{
    api_key::Scope,
    id::{ApiKeyId, InviteId, OrganizationId, SessionId},
};
use axum::http::{HeaderMap, header};
use futures_util::future::BoxFuture;

use super::ApiError;

/// A caller whose API key is valid.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The organization that the key speaks for.
    pub organization: OrganizationId,
    /// The key.
    pub key_id: ApiKeyId,
    /// What the key may do.
    pub scopes: BTreeSet<Scope>,
    /// Requests per minute that the organization's plan allows this key.
    pub rate_limit: u32,
}

/// A participant whose session token is valid under the invite token in the path.
#[derive(Clone, Debug)]
pub struct Participant {
    /// The session.
    pub session: SessionId,
    /// The invite whose link led to it.
    pub invite: InviteId,
    /// The organization that asks.
    pub organization: OrganizationId,
}

/// Knows the API keys and the tokens of participants.
pub trait Authenticator: Send + Sync {
    /// Whose key this is; `None` when it is unknown, malformed, expired or revoked.
    ///
    /// An error means that nobody can say right now.
    fn authenticate<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Authenticated>, ApiError>>;

    /// Whose session token this is; `None` when it is unknown, malformed, expired, or was issued under another link.
    ///
    /// An error means that the link itself leads nowhere, or that nobody can say right now. Who knows no participants
    /// lets none in.
    fn participant<'a>(
        &'a self,
        invite_token: &'a str,
        session_token: &'a str,
    ) -> BoxFuture<'a, Result<Option<Participant>, ApiError>> {
        let _ = (invite_token, session_token);
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// The token of `Authorization: Bearer …`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= 512).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_is_accepted() {
        let token = |value: &str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().expect("value"))]);
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(token("Bearer ir_live_x").as_deref(), Some("ir_live_x"));
        assert_eq!(token("bearer  ir_live_x ").as_deref(), Some("ir_live_x"));
        assert_eq!(token("Basic aXI6"), None);
        assert_eq!(token("Bearer "), None);
        assert_eq!(token("ir_live_x"), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
