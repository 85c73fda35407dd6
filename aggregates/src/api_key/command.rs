//! What can be asked of an API key.

use crate::{
    api_key::NewApiKey,
    id::{ApiKeyId, OrganizationId},
};

/// Commands of an API key.
#[derive(Clone, Debug, PartialEq)]
pub enum ApiKeyCommand {
    /// Issues it.
    Create {
        /// The new key's id.
        key_id: ApiKeyId,
        /// Whom it speaks for.
        organization_id: OrganizationId,
        /// Name, scopes and expiry.
        key: NewApiKey,
        /// SHA-256 of the whole key, in lower-case hex.
        secret_hash: String,
        /// The last four characters of the key.
        last_four: String,
    },
    /// Makes it stop working, for ever. Doing so twice changes nothing.
    Revoke,
}
