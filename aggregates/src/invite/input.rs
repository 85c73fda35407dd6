//! What callers send about an invite.

use chrono::{DateTime, Duration, Utc};

use crate::{
    FieldError, Refusal,
    value::{
        DEFAULT_EXPIRY, Document, Email, Input, Lines, MAX_EXPIRY, Metadata, Reader, Validator, parse_expiry,
        parse_instant, settings::MAX_TEMPLATE, whole_second,
    },
};

/// The body of `POST /v1/campaigns/{campaignId}/invites`, and one item of the bulk request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewInviteInput {
    /// Whom to invite.
    pub email: String,
    /// The participant's display name.
    pub name: Option<String>,
    /// Whether to send the mail; yes, unless told otherwise.
    pub send_email: Option<bool>,
    /// For how long the invite is valid.
    pub expires_in: Option<String>,
    /// Until when the invite is valid; goes before `expires_in`.
    pub expires_at: Option<String>,
    /// The customer's own keys.
    pub metadata: Option<Document>,
    /// The template of the mail.
    pub email_template: Option<String>,
}

/// What applies to new invites unless they say otherwise. The campaign makes it: [`crate::campaign::Campaign::invite_terms`].
#[derive(Clone, Debug, PartialEq)]
pub struct InviteTerms {
    /// The instant of creation.
    pub now: DateTime<Utc>,
    /// The campaign's validity period.
    pub expires_in: Option<Duration>,
    /// The campaign's mail template.
    pub email_template: Option<String>,
}

/// A new invite whose fields keep the rules.
#[derive(Clone, Debug, PartialEq)]
pub struct NewInvite {
    /// Whom to invite.
    pub email: Email,
    /// The participant's display name, up to 100 characters.
    pub name: Option<String>,
    /// The customer's own keys.
    pub metadata: Metadata,
    /// The first instant at which it can no longer be started; a whole second.
    pub expires_at: DateTime<Utc>,
    /// Whether to send the mail.
    pub send_email: bool,
    /// The template of the mail; the default one where absent.
    pub email_template: Option<String>,
}

impl Input for NewInviteInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            email: fields.required("email"),
            name: fields.optional("name"),
            send_email: fields.optional("sendEmail"),
            expires_in: fields.optional("expiresIn"),
            expires_at: fields.optional("expiresAt"),
            metadata: fields.optional("metadata"),
            email_template: fields.optional("emailTemplate"),
        }
    }
}

impl NewInviteInput {
    /// Checks the fields of a single request.
    ///
    /// # Errors
    /// A validation refusal with every field that breaks a rule.
    pub fn validate(self, terms: &InviteTerms) -> Result<NewInvite, Refusal> {
        self.check(terms).map_err(Refusal::validation)
    }

    /// Checks the fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn check(self, terms: &InviteTerms) -> Result<NewInvite, Vec<FieldError>> {
        let mut validator = Validator::new();
        let email = Email::parse(&self.email);
        if let Err(error) = &email {
            validator.error("email", "invalid_format", error.to_string());
        }
        let template =
            validator.optional_text("emailTemplate", self.email_template.as_deref(), MAX_TEMPLATE, Lines::One);
        let name = validator.optional_text("name", self.name.as_deref(), Validator::MAX_NAME, Lines::One);
        let metadata = Metadata::check(self.metadata.unwrap_or_default(), "metadata", &mut validator);
        let expires_at = check_expiry(self.expires_at.as_deref(), self.expires_in.as_deref(), terms, &mut validator);
        match email {
            Ok(email) => validator.finish(NewInvite {
                email,
                name,
                metadata,
                expires_at,
                send_email: self.send_email.unwrap_or(true),
                email_template: template.or_else(|| terms.email_template.clone()),
            }),
            Err(_) => Err(validator.into_errors()),
        }
    }
}

/// `expiresAt` before `expiresIn` before the campaign's default before 7 days. What is given is checked even where
/// something else goes before it.
pub(super) fn check_expiry(
    expires_at: Option<&str>,
    expires_in: Option<&str>,
    terms: &InviteTerms,
    validator: &mut Validator,
) -> DateTime<Utc> {
    let after = |period| whole_second(terms.now.checked_add_signed(period).unwrap_or(DateTime::<Utc>::MAX_UTC));
    let mut expiry = after(terms.expires_in.unwrap_or(DEFAULT_EXPIRY));
    if let Some(text) = expires_in {
        match parse_expiry(text) {
            Ok(period) => expiry = after(period),
            Err(error) => validator.error("expiresIn", error.code(), error.to_string()),
        }
    }
    if let Some(text) = expires_at {
        match parse_instant(text).map(whole_second) {
            None => validator.error("expiresAt", "invalid_format", "must be an ISO 8601 date and time"),
            Some(instant) if instant <= terms.now => {
                validator.error("expiresAt", "in_the_past", "must be in the future")
            }
            Some(instant) if instant > terms.now + MAX_EXPIRY => {
                validator.error("expiresAt", "out_of_range", "must be at most 365 days from now");
            }
            Some(instant) => expiry = instant,
        }
    }
    expiry
}
