//! What callers send about an organization.

use url::{Host, Url};

use crate::{
    Refusal,
    organization::Logo,
    value::{Change, Document, Input, Reader, Validator, settings},
};

/// The longest address of a logo.
const MAX_URL: usize = 2_048;
/// The longest host name (RFC 1035).
const MAX_HOST: usize = 253;

/// The body of `PATCH /v1/organization`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OrganizationPatchInput {
    /// The new display name.
    pub name: Change<String>,
    /// The new address of the logo.
    pub logo: Change<String>,
    /// The new host name of interview links.
    pub domain: Change<String>,
    /// The new colour.
    pub brand_color: Change<String>,
    /// A merge-patch of the settings.
    pub settings: Change<Document>,
}

/// A patch of an organization whose fields keep the rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OrganizationPatch {
    /// The new display name.
    pub name: Option<String>,
    /// The new logo.
    pub logo: Change<Logo>,
    /// The new host name of interview links, in ASCII.
    pub domain: Change<String>,
    /// The new colour, `#RRGGBB`.
    pub brand_color: Change<String>,
    /// A merge-patch of the settings.
    pub settings: Change<Document>,
}

impl Input for OrganizationPatchInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            name: fields.change("name"),
            logo: fields.change("logo"),
            domain: fields.change("domain"),
            brand_color: fields.change("brandColor"),
            settings: fields.settings_change("settings"),
        }
    }
}

impl OrganizationPatchInput {
    /// Checks the fields. `logo` is the address that the present logo is shown with: sent back, it changes nothing.
    ///
    /// # Errors
    /// A validation refusal with every field that breaks a rule.
    pub fn validate(self, logo: Option<&str>) -> Result<OrganizationPatch, Refusal> {
        let mut validator = Validator::new();
        if let Change::Set(patch) = &self.settings {
            settings::check(patch, "settings", &mut validator);
        }
        let patch = OrganizationPatch {
            name: validator.name_change("name", self.name),
            logo: match self.logo {
                Change::Set(url) if Some(url.as_str()) == logo => Change::Keep,
                change => change.map(|url| Logo::Url(check_logo(&url, &mut validator))),
            },
            domain: self.domain.map(|domain| check_domain(&domain, &mut validator)),
            brand_color: self.brand_color.map(|color| validator.color("brandColor", &color)),
            settings: self.settings,
        };
        validator.refuse(patch)
    }
}

fn check_logo(text: &str, validator: &mut Validator) -> String {
    let text = text.trim();
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.has_host());
    if text.len() > MAX_URL {
        validator.error("logo", "too_long", format!("must be at most {MAX_URL} characters"));
    } else if url.is_none() {
        let message = "must be an https:// address; to upload a picture, use POST /v1/organization/logo";
        validator.error("logo", "invalid_format", message);
    } else if url.as_ref().is_some_and(|url| !url.username().is_empty() || url.password().is_some()) {
        validator.error("logo", "credentials", "must not hold credentials");
    }
    url.map(String::from).unwrap_or_default()
}

/// The host name as it stands in an address: in ASCII and lower case.
fn check_domain(text: &str, validator: &mut Validator) -> String {
    let host = match Host::parse(text.trim()) {
        Ok(Host::Domain(host)) if host.len() <= MAX_HOST && is_name(&host) => Some(host),
        _ => None,
    };
    if host.is_none() {
        validator.error("domain", "invalid_format", "must be a host name such as interviews.example.com");
    }
    host.unwrap_or_default()
}

fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.contains('.') && host.split('.').all(is_label)
}
