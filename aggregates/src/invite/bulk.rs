//! What callers send to create many invites at once (contract 20, 53).

use serde_json::Value;

use crate::{
    FieldError, Refusal,
    invite::{InviteTerms, NewInvite, NewInviteInput, input::check_expiry},
    value::{Document, Input, Reader, Validator},
};

/// The body of `POST /v1/campaigns/{campaignId}/invites/bulk`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BulkInput {
    /// Whom to invite; the items are objects, and nothing more is known of them.
    pub invites: Vec<Document>,
    /// For all items that do not say themselves.
    pub send_email: Option<bool>,
    /// For all items that do not say themselves.
    pub expires_in: Option<String>,
    /// For all items that do not say themselves.
    pub expires_at: Option<String>,
    /// For all items that do not say themselves.
    pub email_template: Option<String>,
}

/// What became of one item.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkItem {
    /// The address as it was given, for the list of errors.
    pub email: Option<String>,
    /// The invite, or all that is wrong with it.
    pub result: Result<NewInvite, Vec<FieldError>>,
}

impl Input for BulkInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            invites: fields.required("invites"),
            send_email: fields.optional("sendEmail"),
            expires_in: fields.optional("expiresIn"),
            expires_at: fields.optional("expiresAt"),
            email_template: fields.optional("emailTemplate"),
        }
    }
}

impl BulkInput {
    /// The greatest number of items.
    pub const MAX: usize = 500;

    /// Checks the request, and each item by itself: a bad item does not sink the others.
    ///
    /// # Errors
    /// A validation refusal when there are no items or too many, or when what stands beside them breaks a rule. That
    /// every item failed is for the caller to find out, who knows of duplicates too: see [`BulkInput::errors`].
    pub fn validate(self, terms: &InviteTerms) -> Result<Vec<BulkItem>, Refusal> {
        let mut validator = Validator::new();
        if self.invites.is_empty() {
            validator.error("invites", "too_few", "must have at least one item");
        }
        if self.invites.len() > Self::MAX {
            validator.error("invites", "too_many", format!("must have at most {} items", Self::MAX));
        }
        // What stands beside the items is the caller's mistake once, not five hundred times.
        let _ = check_expiry(self.expires_at.as_deref(), self.expires_in.as_deref(), terms, &mut validator);
        validator.refuse(())?;
        Ok(self.invites.iter().map(|item| self.item(item, terms)).collect())
    }

    fn item(&self, object: &Document, terms: &InviteTerms) -> BulkItem {
        let email = object.get("email").and_then(Value::as_str).map(str::to_owned);
        let result = NewInviteInput::from_object(object).and_then(|mut input| {
            input.send_email = input.send_email.or(self.send_email);
            // An item that says anything about its expiry speaks for itself.
            if input.expires_in.is_none() && input.expires_at.is_none() {
                input.expires_in.clone_from(&self.expires_in);
                input.expires_at.clone_from(&self.expires_at);
            }
            input.email_template = input.email_template.or_else(|| self.email_template.clone());
            input.check(terms)
        });
        BulkItem { email, result }
    }

    /// The field errors of all items under their places in the request, for the answer when every item is bad.
    pub fn errors(items: &[BulkItem]) -> Vec<FieldError> {
        let of_item = |(index, item): (usize, &BulkItem)| {
            let errors = item.result.as_ref().err().cloned().unwrap_or_default();
            errors
                .into_iter()
                .map(move |error| FieldError { field: format!("invites[{index}].{}", error.field), ..error })
        };
        items.iter().enumerate().flat_map(of_item).collect()
    }
}
