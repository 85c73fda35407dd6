//! Where a setting's value comes from, and how it is shown.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use super::{ConfigError, SETTINGS};

/// The settings file that is read when no other is named.
pub const FILE: &str = "interview-relay.toml";

/// Where a value was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Flag,
    Variable(&'static str),
    File(PathBuf),
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The values of a settings file, and where it is.
pub(super) type FileValues = (PathBuf, BTreeMap<&'static str, String>);

/// Reads the settings file, if there is one; one that is named has to be there.
pub(super) fn read_file(named: Option<&Path>) -> Result<Option<FileValues>, ConfigError> {
    let path = named.unwrap_or(Path::new(FILE));
    let failed = |error: &dyn fmt::Display| ConfigError(format!("{}: {error}", path.display()));
    match std::fs::read_to_string(path) {
        Ok(text) => parse_file(&text).map(|values| Some((path.to_owned(), values))).map_err(|error| failed(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

pub(super) fn parse_file(text: &str) -> Result<BTreeMap<&'static str, String>, ConfigError> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError(error.to_string()))?;
    let mut values = BTreeMap::new();
    for (name, value) in table {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
            return Err(ConfigError(format!("{name} is no setting")));
        };
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(switch) => switch.to_string(),
            other => {
                return Err(ConfigError(format!(
                    "{name} must be a text, a number or a boolean, not {}",
                    other.type_str()
                )));
            }
        };
        values.insert(setting.name, value);
    }
    Ok(values)
}

/// Replaces the password of a URL.
pub(super) fn hide_password(value: &str) -> String {
    let hidden = || {
        let (scheme, rest) = value.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (user, host) = rest[..end].rsplit_once('@')?;
        let (user, _) = user.split_once(':')?;
        Some(format!("{scheme}://{user}:***@{host}{}", hide_query(&rest[end..])))
    };
    hidden().unwrap_or_else(|| hide_query(value))
}

/// PostgreSQL also takes the password as a parameter.
fn hide_query(text: &str) -> String {
    match text.split_once("password=") {
        Some((before, after)) if before.contains('?') => {
            let rest = after.find('&').map_or("", |end| &after[end..]);
            format!("{before}password=***{rest}")
        }
        _ => text.to_owned(),
    }
}
