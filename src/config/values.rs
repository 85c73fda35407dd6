//! Values of settings, read one by one; what makes no sense is told with its name and where it was found.

use std::{collections::BTreeMap, path::PathBuf};

use chrono::TimeDelta;

use super::{
    ConfigError,
    sources::{Source, hide_password},
    table::SECRETS,
};

/// The fewest characters of a secret that others must know.
const MIN_SECRET: usize = 16;

/// All of them, with where each comes from.
pub(super) struct Values<'a>(pub(super) &'a BTreeMap<&'static str, (String, Source)>);

impl Values<'_> {
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |(value, _)| value)
    }

    pub(super) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|value| !value.is_empty())
    }

    pub(super) fn bad(&self, name: &str, expected: &str) -> ConfigError {
        let source = self.0.get(name).map_or(&Source::Default, |(_, source)| source);
        let value = if SECRETS.contains(&name) { "***".to_owned() } else { hide_password(self.text(name)) };
        ConfigError(format!("{name} = {value:?} (from {source}) is not {expected}"))
    }

    pub(super) fn parse<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        parse(self.text(name).trim()).ok_or_else(|| self.bad(name, expected))
    }

    pub(super) fn switch(&self, name: &str) -> Result<bool, ConfigError> {
        self.parse(name, "one of true, false, 1, 0, on, off", |value| match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" => Some(true),
            "false" | "0" | "off" => Some(false),
            _ => None,
        })
    }

    pub(super) fn url(&self, name: &str, schemes: &[&str]) -> Result<Option<String>, ConfigError> {
        let Some(url) = self.given(name) else { return Ok(None) };
        if schemes.iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty())) {
            return Ok(Some(url.to_owned()));
        }
        Err(self.bad(name, &format!("a URL that starts with {}", schemes.join(" or "))))
    }

    /// `sqlite:` and nothing at all both mean the embedded store.
    pub(super) fn database_url(&self) -> Result<Option<String>, ConfigError> {
        match self.given("database-url") {
            None | Some("sqlite" | "sqlite:") => Ok(None),
            Some(_) => self.url("database-url", &["postgres://", "postgresql://"]),
        }
    }

    /// A value that may be absent.
    pub(super) fn optional<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        self.given(name).map(|_| self.parse(name, expected, parse)).transpose()
    }

    pub(super) fn secret(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let long = |value: &str| (value.chars().count() >= MIN_SECRET).then(|| value.to_owned());
        self.optional(name, &format!("at least {MIN_SECRET} characters long"), long)
    }

    pub(super) fn amqp_ca_file(&self) -> Result<Option<PathBuf>, ConfigError> {
        let file = self.given("amqp-ca-file").map(PathBuf::from);
        if file.is_some() && !self.text("amqp-url").starts_with("amqps://") {
            return Err(ConfigError("amqp-ca-file needs an amqp-url that starts with amqps://".to_owned()));
        }
        Ok(file)
    }
}

/// Origins, separated by commas or spaces, in the form in which browsers name them.
pub(super) fn origins(text: &str) -> Option<Vec<String>> {
    let origin = |text: &str| {
        let url = reqwest::Url::parse(text).ok()?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        let web = matches!(url.scheme(), "http" | "https");
        // A wildcard would let in whoever gets a subdomain.
        (web && bare && anonymous && !text.contains('*')).then(|| url.origin().ascii_serialization())
    };
    text.split([',', ' ']).filter(|part| !part.is_empty()).map(origin).collect()
}

/// A duration of at least a second, and of a year at most.
pub(super) fn timeout(text: &str) -> Option<TimeDelta> {
    let timeout = TimeDelta::from_std(duration(text)?).ok()?;
    (TimeDelta::seconds(1)..=TimeDelta::days(365)).contains(&timeout).then_some(timeout)
}

/// A whole number with `ms`, `s`, `m`, `h` or `d`.
pub(super) fn duration(text: &str) -> Option<std::time::Duration> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok().filter(|number| *number > 0)?;
    let milliseconds = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(std::time::Duration::from_millis)
}
