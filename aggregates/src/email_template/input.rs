//! What callers send about mail templates.

use crate::{
    Refusal,
    email_template::render::{self, Part},
    value::{Change, Input, Lines, Reader, Validator},
};

/// The greatest number of characters of a subject's source.
pub const MAX_SUBJECT: usize = 200;
/// The greatest number of characters of a text part's source.
pub const MAX_TEXT: usize = 20_000;
/// The greatest number of characters of an HTML part's source.
pub const MAX_HTML: usize = 100_000;
/// The greatest number of characters of a language tag.
const MAX_LANGUAGE: usize = 35;

/// The body of `POST /v1/email-templates`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewEmailTemplateInput {
    /// What it is called.
    pub name: String,
    /// Source of the subject.
    pub subject: String,
    /// Source of the text part.
    pub text: String,
    /// Source of the HTML part.
    pub html: String,
    /// The language that it is written in.
    pub language: Option<String>,
}

/// A new mail template that keeps the rules: each of its parts renders with sample data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewEmailTemplate {
    /// What it is called, 1 to 100 characters.
    pub name: String,
    /// Source of the subject.
    pub subject: String,
    /// Source of the text part.
    pub text: String,
    /// Source of the HTML part.
    pub html: String,
    /// The language that it is written in.
    pub language: Option<String>,
}

impl Input for NewEmailTemplateInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            name: fields.required("name"),
            subject: fields.required("subject"),
            text: fields.required("text"),
            html: fields.required("html"),
            language: fields.optional("language"),
        }
    }
}

impl NewEmailTemplateInput {
    /// Checks the fields.
    ///
    /// # Errors
    /// A validation refusal with everything that breaks a rule.
    pub fn validate(self) -> Result<NewEmailTemplate, Refusal> {
        let mut validator = Validator::new();
        let template = NewEmailTemplate {
            name: validator.name("name", &self.name),
            subject: source(Part::Subject, &self.subject, &mut validator),
            text: source(Part::Text, &self.text, &mut validator),
            html: source(Part::Html, &self.html, &mut validator),
            language: self.language.and_then(|language| tag(&language, &mut validator)),
        };
        validator.refuse(template)
    }
}

/// The body of `PATCH /v1/email-templates/{templateId}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmailTemplatePatchInput {
    /// What it is to be called.
    pub name: Change<String>,
    /// The new source of the subject.
    pub subject: Change<String>,
    /// The new source of the text part.
    pub text: Change<String>,
    /// The new source of the HTML part.
    pub html: Change<String>,
    /// The new language.
    pub language: Change<String>,
}

/// A patch of a mail template that keeps the rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmailTemplatePatch {
    /// What it is to be called.
    pub name: Option<String>,
    /// The new source of the subject.
    pub subject: Option<String>,
    /// The new source of the text part.
    pub text: Option<String>,
    /// The new source of the HTML part.
    pub html: Option<String>,
    /// The new language.
    pub language: Change<String>,
}

impl Input for EmailTemplatePatchInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            name: fields.change("name"),
            subject: fields.change("subject"),
            text: fields.change("text"),
            html: fields.change("html"),
            language: fields.change("language"),
        }
    }
}

impl EmailTemplatePatchInput {
    /// Checks the fields.
    ///
    /// # Errors
    /// A validation refusal with everything that breaks a rule.
    pub fn validate(self) -> Result<EmailTemplatePatch, Refusal> {
        let mut validator = Validator::new();
        let mut change = |part: Part, change: Change<String>| {
            let text = validator.required_change(part.field(), change)?;
            Some(source(part, &text, &mut validator))
        };
        let subject = change(Part::Subject, self.subject);
        let text = change(Part::Text, self.text);
        let html = change(Part::Html, self.html);
        let language = match self.language {
            Change::Set(language) => tag(&language, &mut validator).into(),
            kept => kept,
        };
        let name = validator.name_change("name", self.name);
        validator.refuse(EmailTemplatePatch { name, subject, text, html, language })
    }
}

/// The source of a part. It is rendered only where its size is in order.
fn source(part: Part, text: &str, validator: &mut Validator) -> String {
    let (max, lines) = match part {
        Part::Subject => (MAX_SUBJECT, Lines::One),
        Part::Text => (MAX_TEXT, Lines::Many),
        Part::Html => (MAX_HTML, Lines::Many),
    };
    let mut shape = Validator::new();
    let source = shape.text(part.field(), text, max, lines);
    let broken = if shape.is_empty() { render::check(part, &source) } else { shape.into_errors() };
    validator.extend(broken);
    source
}

/// A language tag (BCP 47) as far as it matters here: letters, digits and hyphens.
fn tag(text: &str, validator: &mut Validator) -> Option<String> {
    let tag = validator.optional_text("language", Some(text), MAX_LANGUAGE, Lines::One)?;
    let subtags: Vec<&str> = tag.split('-').collect();
    let is_subtag =
        |subtag: &&str| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_language = |subtag: &str| (2..=3).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphabetic());
    if !subtags.iter().all(is_subtag) || !subtags.first().is_some_and(|first| is_language(first)) {
        validator.error("language", "invalid_format", "must be a language tag such as en or pt-BR");
    }
    Some(tag)
}
