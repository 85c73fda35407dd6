//! Settings (contract 47, 60): one table of what there is, and four places that each may come from.
//!
//! A flag wins over an environment variable, that over `interview-relay.toml`, that over the default. A setting that
//! is unknown or makes no sense stops the start with a message that names it.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use chrono::TimeDelta;
use clap::ArgMatches;

use crate::{
    files::Place,
    http::TrustedProxies,
    interview::{model::Endpoint, speech},
    mail::MailSettings,
    webhooks::Schedule,
};

mod mail;
mod models;
mod sources;
mod table;
mod tls;
mod values;

pub use self::{
    sources::FILE,
    table::{SETTINGS, Setting, flags},
    tls::{Certificates, Tls},
};
use self::{
    sources::{FileValues, Source, hide_password, read_file},
    table::SECRETS,
    values::{Values, duration, origins, timeout},
};

/// What is in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address for HTTP.
    pub listen: SocketAddr,
    /// Where the embedded store lives.
    pub data_dir: PathBuf,
    /// Where PostgreSQL is, if it is used.
    pub database_url: Option<String>,
    /// Base of the links that are handed out, without a slash at the end.
    pub public_url: String,
    /// Where the master key is, if not in the data directory.
    pub master_key_file: Option<PathBuf>,
    /// Where RabbitMQ is, if it is used.
    pub amqp_url: Option<String>,
    /// Roots of RabbitMQ's certificate besides the public ones.
    pub amqp_ca_file: Option<PathBuf>,
    /// Where files are kept.
    pub files: Place,
    /// Where Redis is, if it is used.
    pub redis_url: Option<String>,
    /// How mails leave, and who may report on them.
    pub mail: MailSettings,
    /// Whether requests are limited.
    pub rate_limit: bool,
    /// Development mode.
    pub dev: bool,
    /// Origins whose pages may mount an interview.
    pub embed_origins: Vec<String>,
    /// When webhook deliveries are tried again.
    pub webhook_retry_schedule: Schedule,
    /// How long finished webhook deliveries stay in the log.
    pub webhook_log_retention: std::time::Duration,
    /// The language model that words what interviewers say, if there is one.
    pub model: Option<Endpoint>,
    /// The models that speak and listen, if there are any.
    pub speech: Option<speech::Endpoint>,
    /// When interviews end by themselves.
    pub timeouts: Timeouts,
    /// How HTTPS is served, if it is.
    pub tls: Option<Tls>,
    /// Proxies whose word is taken for where a request came from.
    pub trusted_proxies: TrustedProxies,
    /// Bytes that a request body may have.
    pub max_body: usize,
    /// Bytes that a session's file may have.
    pub max_upload: u64,
    /// Connections served at once.
    pub max_connections: usize,
    /// How long the head of a request may take.
    pub header_timeout: std::time::Duration,
    /// What is logged.
    pub log_level: String,
    /// How it is logged.
    pub log_format: LogFormat,
    sources: BTreeMap<&'static str, (String, Source)>,
}

/// When interviews are paused or end by themselves (contract 24).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Silence after which a running interview is paused.
    pub heartbeat: TimeDelta,
    /// How long an interview may be paused before it is given up.
    pub pause: TimeDelta,
    /// How much longer the current answer may take when the interview's time is up.
    pub answer: TimeDelta,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { heartbeat: TimeDelta::seconds(120), pause: TimeDelta::hours(24), answer: TimeDelta::seconds(120) }
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text at a terminal, JSON otherwise.
    Auto,
    /// JSON lines.
    Json,
    /// Text for people.
    Text,
}

/// A setting that stops the start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Config {
    /// Collects the settings of this process.
    ///
    /// # Errors
    /// Names the setting that is unknown or makes no sense, and where it was found.
    pub fn load(flags: &ArgMatches) -> Result<Self, ConfigError> {
        Self::load_with(flags, |variable| std::env::var(variable).ok())
    }

    /// As [`Config::load`], with another environment than the process's.
    pub(crate) fn load_with(
        flags: &ArgMatches,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let named = flags.get_one::<String>("config").map(PathBuf::from);
        let file = read_file(named.as_deref())?;
        let flag = |name: &str| flags.get_one::<String>(name).cloned();
        Self::from_sources(flag, variable, file)
    }

    fn from_sources(
        flag: impl Fn(&str) -> Option<String>,
        variable: impl Fn(&str) -> Option<String>,
        file: Option<FileValues>,
    ) -> Result<Self, ConfigError> {
        let mut sources = BTreeMap::new();
        for setting in SETTINGS {
            // A variable that is set to nothing is how compose files say "not set".
            let from_variable = || variable(setting.variable).filter(|value| !value.is_empty());
            let from_file = || file.as_ref().and_then(|(path, values)| Some((path, values.get(setting.name)?)));
            let found = if let Some(value) = flag(setting.name) {
                (value, Source::Flag)
            } else if let Some(value) = from_variable() {
                (value, Source::Variable(setting.variable))
            } else if let Some((path, value)) = from_file() {
                (value.clone(), Source::File(path.clone()))
            } else {
                (setting.default.to_owned(), Source::Default)
            };
            sources.insert(setting.name, found);
        }
        Self::check(sources)
    }

    fn check(sources: BTreeMap<&'static str, (String, Source)>) -> Result<Self, ConfigError> {
        let values = Values(&sources);
        let listen = values.parse("listen", "an address such as 127.0.0.1:8080", |value| value.parse().ok())?;
        let tls = values.tls()?;
        let database_url = values.database_url()?;
        let master_key_file = values.given("master-key-file").map(PathBuf::from);
        if database_url.is_some() && master_key_file.is_none() {
            return Err(ConfigError(
                "master-key-file (RELAY_MASTER_KEY_FILE) is required with PostgreSQL: all nodes must share one key, \
                 and it must not be lost with one of them"
                    .to_owned(),
            ));
        }
        Ok(Self {
            listen,
            data_dir: values.text("data-dir").into(),
            public_url: values.public_url(listen, tls.as_ref())?,
            database_url,
            master_key_file,
            amqp_ca_file: values.amqp_ca_file()?,
            amqp_url: values.url("amqp-url", &["amqp://", "amqps://"])?,
            files: match values.given("files-url") {
                None => Place::Local(PathBuf::from(values.text("data-dir")).join("files")),
                Some(_) => values.parse("files-url", "s3://bucket/prefix or file:///directory", Place::parse)?,
            },
            redis_url: values.url("redis-url", &["redis://"])?,
            mail: values.mail()?,
            rate_limit: values.switch("rate-limit")?,
            dev: values.switch("dev")?,
            embed_origins: values.parse(
                "embed-origins",
                "a list of origins such as https://www.example.com",
                origins,
            )?,
            webhook_retry_schedule: values.parse(
                "webhook-retry-schedule",
                "a list of 1 to 50 pauses such as 0s,5s,5m",
                Schedule::parse,
            )?,
            webhook_log_retention: values.parse(
                "webhook-log-retention",
                "a duration of at most 3650d, such as 30d",
                |text| duration(text).filter(|kept| kept.as_secs() <= 3_650 * 86_400),
            )?,
            model: values.model()?,
            speech: values.speech()?,
            timeouts: Timeouts {
                heartbeat: values.parse("heartbeat-timeout", "a duration of at least 1s, such as 120s", timeout)?,
                pause: values.parse("pause-timeout", "a duration of at least 1s, such as 24h", timeout)?,
                answer: values.parse("answer-grace", "a duration of at least 1s, such as 120s", timeout)?,
            },
            tls,
            trusted_proxies: values.parse(
                "trusted-proxies",
                "a list of addresses and networks such as 10.0.0.0/8",
                TrustedProxies::parse,
            )?,
            max_body: values.parse("max-body", "a number of bytes of at least 1024", |value| {
                value.parse().ok().filter(|bytes| *bytes >= 1_024)
            })?,
            max_upload: values.parse("max-upload", "a number of bytes from 1024 to 5368709120", |value| {
                value.parse().ok().filter(|bytes| (1_024..=5 << 30).contains(bytes))
            })?,
            max_connections: values.parse("max-connections", "a number from 1 to 100000", |value| {
                value.parse().ok().filter(|count| (1..=100_000).contains(count))
            })?,
            header_timeout: values.parse("header-timeout", "a duration such as 10s", duration)?,
            log_level: values.parse("log-level", "a level such as info, or a filter", |value| {
                tracing_subscriber::EnvFilter::builder().parse(value).ok().map(|_| value.to_owned())
            })?,
            log_format: values.parse("log-format", "auto, json or text", |value| match value {
                "auto" => Some(LogFormat::Auto),
                "json" => Some(LogFormat::Json),
                "text" => Some(LogFormat::Text),
                _ => None,
            })?,
            sources,
        })
    }

    /// The database of the embedded store.
    pub fn sqlite_file(&self) -> PathBuf {
        self.data_dir.join("relay.db")
    }

    /// Where the master key is.
    pub fn key_file(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join("master.key"))
    }

    /// What takes the place of a setting that was left empty.
    fn instead_of(&self, name: &str) -> Option<String> {
        match name {
            "public-url" => Some(self.public_url.clone()),
            "database-url" => Some(format!("(none: SQLite in {})", self.sqlite_file().display())),
            "master-key-file" => Some(self.key_file().display().to_string()),
            "files-url" => Some(self.files.to_string()),
            _ => None,
        }
    }

    /// What is in force, one setting a line, with where it comes from; passwords in URLs are hidden.
    pub fn describe(&self) -> String {
        let line = |setting: &Setting| {
            let (value, source) = self.sources.get(setting.name)?;
            let shown = match setting.name {
                name if value.is_empty() => self.instead_of(name).unwrap_or_else(|| "(none)".to_owned()),
                name if SECRETS.contains(&name) => "***".to_owned(),
                _ => hide_password(value),
            };
            Some(format!("{:<24} {shown}  ({source})\n", setting.name))
        };
        SETTINGS.iter().filter_map(line).collect()
    }
}

#[cfg(test)]
mod tests;
