//! Mail templates as the OpenAPI document describes them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

fn new_template() -> Value {
    json!({
        "name": "Warm welcome", "subject": "{{ participant.name }}, we would like to hear from you",
        "text": "Hello {{ participant.name }},\n\nplease open {{ link }} before {{ expiresOn }}.",
        "html": "<p>Hello {{ participant.name }},</p><p><a href=\"{{ link }}\">Open the interview</a> before {{ expiresOn }}.</p>",
        "language": "en",
    })
}

fn template() -> Value {
    let mut template = new_template();
    template["id"] = json!("tpl_01hm6x3k5vf8qbw2d9z7c4n0tm");
    template["createdAt"] = json!("2024-01-15T10:30:00Z");
    template["updatedAt"] = json!("2024-01-15T10:30:00Z");
    template
}

/// The body of a new template.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = new_template)]
pub struct NewEmailTemplate {
    /// What you call it.
    #[schema(max_length = 100)]
    pub name: String,
    /// Subject line, with variables in double braces.
    #[schema(max_length = 200)]
    pub subject: String,
    /// Text part.
    #[schema(max_length = 20_000)]
    pub text: String,
    /// HTML part; every value is escaped.
    #[schema(max_length = 100_000)]
    pub html: String,
    /// The language that it is written in; that of the campaign otherwise.
    #[schema(max_length = 35)]
    pub language: Option<String>,
}

/// A change of a template: what is absent stays.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"subject": "A question, {{ participant.name }}", "language": null}))]
pub struct EmailTemplatePatch {
    /// What you call it.
    #[schema(max_length = 100)]
    pub name: Option<String>,
    /// Subject line.
    #[schema(max_length = 200)]
    pub subject: Option<String>,
    /// Text part.
    #[schema(max_length = 20_000)]
    pub text: Option<String>,
    /// HTML part.
    #[schema(max_length = 100_000)]
    pub html: Option<String>,
    /// Language; `null` for that of the campaign.
    #[schema(max_length = 35)]
    pub language: Option<String>,
}

/// A mail template.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = template)]
pub struct EmailTemplate {
    /// Its id, to be named as `emailTemplate`.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Subject line.
    pub subject: String,
    /// Text part.
    pub text: String,
    /// HTML part.
    pub html: String,
    /// The language that it is written in.
    #[schema(required)]
    pub language: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What to preview a template with.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"data": {"participant": {"name": "Ada"}, "link": "https://example.com/interview"}}))]
pub struct EmailTemplateData {
    /// Values of variables; what is absent is made up.
    pub data: Option<EmailTemplateVariables>,
}

/// The variables of a template.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailTemplateVariables {
    /// Whom the invite is for.
    pub participant: Option<EmailTemplateParticipant>,
    /// Who invites.
    pub organization: Option<EmailTemplateNamed>,
    /// What to.
    pub campaign: Option<EmailTemplateNamed>,
    /// Where the interview takes place.
    pub link: Option<String>,
    /// Until when the link works, in RFC 3339.
    pub expires_at: Option<String>,
    /// The same, written out in the mail's language.
    pub expires_on: Option<String>,
    /// The mail's language.
    pub language: Option<String>,
    /// `ltr` or `rtl`.
    pub direction: Option<String>,
    /// The invite's metadata; a key that is not there is empty.
    pub metadata: Option<HashMap<String, Value>>,
}

/// A participant, as templates know one.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct EmailTemplateParticipant {
    /// Display name; empty if none was given.
    pub name: Option<String>,
    /// Address.
    pub email: Option<String>,
}

/// Something with a name.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct EmailTemplateNamed {
    /// Its name.
    pub name: Option<String>,
}

/// A rendered mail.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({
    "subject": "Ada, we would like to hear from you",
    "text": "Hello Ada,\n\nplease open https://example.com/interview before January 22, 2024, 10:30 UTC.",
    "html": "<p>Hello Ada,</p><p><a href=\"https:&#x2f;&#x2f;example.com&#x2f;interview\">Open the interview</a> before January 22, 2024, 10:30 UTC.</p>",
}))]
pub struct EmailTemplatePreview {
    /// Subject line.
    pub subject: String,
    /// Text part.
    pub text: String,
    /// HTML part.
    pub html: String,
}
