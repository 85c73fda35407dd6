//! What can be asked of a webhook endpoint.

use chrono::{DateTime, Utc};

use super::{DisabledReason, NewWebhook, SealedHeaders, WebhookPatch};
use crate::{
    id::{OrganizationId, WebhookId},
    value::Change,
};

/// Commands of a webhook endpoint.
#[derive(Clone, Debug, PartialEq)]
pub enum WebhookCommand {
    /// Creates it.
    Create {
        /// The new endpoint.
        webhook_id: WebhookId,
        /// Its organization.
        organization_id: OrganizationId,
        /// What it is.
        webhook: NewWebhook,
        /// Its secret, sealed.
        sealed_secret: String,
        /// Its headers, sealed, if it has any.
        headers: Option<SealedHeaders>,
    },
    /// Changes its details, and its status if the patch names one.
    Update {
        /// The change.
        patch: WebhookPatch,
        /// The new headers, sealed.
        headers: Change<SealedHeaders>,
    },
    /// Gives it a new secret; the present one is valid for some time more.
    RotateSecret {
        /// The new secret, sealed.
        sealed_secret: String,
        /// Until when the present secret is valid.
        previous_valid_until: DateTime<Utc>,
    },
    /// Stops deliveries because of what the endpoint did.
    Disable {
        /// Why.
        reason: DisabledReason,
    },
    /// Removes it.
    Delete,
}
