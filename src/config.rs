//! Settings (contract 47, 60): one table of what there is, and four places that each may come from.
//!
//! A flag wins over an environment variable, that over `interview-relay.toml`, that over the default. A setting that
//! is unknown or makes no sense stops the start with a message that names it.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use chrono::TimeDelta;
use clap::{Arg, ArgMatches};

use crate::{
    files::Place,
    http::TrustedProxies,
    interview::{model::Endpoint, speech},
    mail::{MailSettings, Outlet, settings},
    webhooks::Schedule,
};

mod tls;

pub use self::tls::{Certificates, Tls};

/// The settings file that is read when no other is named.
pub const FILE: &str = "interview-relay.toml";

/// One setting: a flag, a variable and a key in the file, all of the same meaning.
#[derive(Debug)]
pub struct Setting {
    /// The flag without its dashes, and the key in the file.
    pub name: &'static str,
    /// The environment variable.
    pub variable: &'static str,
    /// The value when nothing else is said; empty for "none".
    pub default: &'static str,
    /// What it is for.
    pub help: &'static str,
}

const fn setting(name: &'static str, variable: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting { name, variable, default, help }
}

/// The table.
pub const SETTINGS: &[Setting] = &[
    setting("listen", "RELAY_LISTEN", "127.0.0.1:8080", "Address to listen on"),
    setting("data-dir", "RELAY_DATA_DIR", "./data", "Where the SQLite file, the files and the master key live"),
    setting("database-url", "DATABASE_URL", "", "postgres://… for PostgreSQL; SQLite in the data directory otherwise"),
    setting("public-url", "RELAY_PUBLIC_URL", "", "Base of invite links; from the listen address by default"),
    setting(
        "master-key-file",
        "RELAY_MASTER_KEY_FILE",
        "",
        "32 bytes in base64 on one line; required with PostgreSQL, generated in the data directory otherwise",
    ),
    setting("amqp-url", "AMQP_URL", "", "amqp://… or amqps://… to publish events to RabbitMQ"),
    setting("amqp-ca-file", "RELAY_AMQP_CA_FILE", "", "Roots besides the public ones for amqps://, in PEM"),
    setting(
        "files-url",
        "RELAY_FILES_URL",
        "",
        "s3://bucket/prefix (with the usual AWS_… variables) or file:///directory; in the data directory otherwise",
    ),
    setting("redis-url", "REDIS_URL", "", "redis://… to share rate limits between nodes; per process otherwise"),
    setting(
        "smtp-url",
        "SMTP_URL",
        "",
        "smtp://user:password@host:port, with ?tls=required for STARTTLS, or smtps://…; otherwise mails become files",
    ),
    setting("mail-from", "RELAY_MAIL_FROM", "", "Sender of mails: an address, or Name <address>; required with SMTP"),
    setting("mail-rate", "RELAY_MAIL_RATE", "600", "Mails sent per minute, by all nodes together"),
    setting("mail-open-pixel", "RELAY_MAIL_OPEN_PIXEL", "on", "Whether mails tell when they are opened"),
    setting(
        "bounce-address",
        "RELAY_BOUNCE_ADDRESS",
        "",
        "Where bounces go: bounces@host becomes bounces+<token>@host for each mail; the sender otherwise",
    ),
    setting("bounce-secret", "RELAY_BOUNCE_SECRET", "", "What whoever hands in bounce messages must know"),
    setting("ses-topic-arn", "RELAY_SES_TOPIC_ARN", "", "The SNS topic that Amazon SES reports to"),
    setting("sendgrid-public-key", "RELAY_SENDGRID_PUBLIC_KEY", "", "SendGrid's key for signed events, in base64"),
    setting("postmark-secret", "RELAY_POSTMARK_SECRET", "", "user:password that Postmark's webhooks send"),
    setting("rate-limit", "RELAY_RATE_LIMIT", "on", "on or off; off is for load tests"),
    setting("dev", "RELAY_DEV", "off", "Development mode: webhooks may go to http and loopback"),
    setting(
        "webhook-retry-schedule",
        "RELAY_WEBHOOK_RETRY_SCHEDULE",
        "0s,5s,5m,30m,2h,5h,10h,14h,20h,24h",
        "Pauses before each attempt of a delivery, each shortened or lengthened by up to a tenth",
    ),
    setting(
        "webhook-log-retention",
        "RELAY_WEBHOOK_LOG_RETENTION",
        "30d",
        "How long finished deliveries stay in the log",
    ),
    setting(
        "embed-origins",
        "RELAY_EMBED_ORIGINS",
        "",
        "Origins whose pages may mount an interview with /embed.js, such as https://www.example.com; separated by commas",
    ),
    setting(
        "llm-url",
        "OPENAI_BASE_URL",
        "",
        "Base of an endpoint that speaks OpenAI's protocol, such as https://api.openai.com/v1; no model otherwise",
    ),
    setting("llm-key", "OPENAI_API_KEY", "", "The key that it demands"),
    setting(
        "llm-model",
        "RELAY_LLM_MODEL",
        "",
        "The model that words what the interviewer says; the interviewer's own phrases otherwise",
    ),
    setting(
        "llm-speech-model",
        "RELAY_LLM_SPEECH_MODEL",
        "",
        "The endpoint's model for /audio/speech, which reads prompts aloud; the browser's own voices otherwise",
    ),
    setting(
        "llm-transcription-model",
        "RELAY_LLM_TRANSCRIPTION_MODEL",
        "",
        "The endpoint's model for /audio/transcriptions, which writes spoken answers down; answers are typed otherwise",
    ),
    setting(
        "heartbeat-timeout",
        "RELAY_HEARTBEAT_TIMEOUT",
        "120s",
        "Silence after which a running interview is paused, such as 120s",
    ),
    setting("pause-timeout", "RELAY_PAUSE_TIMEOUT", "24h", "How long an interview may be paused before it is given up"),
    setting(
        "answer-grace",
        "RELAY_ANSWER_GRACE",
        "120s",
        "How much longer the current answer may take when an interview's time is up",
    ),
    setting("tls-cert", "RELAY_TLS_CERT", "", "Certificate chain in PEM; with --tls-key, serves HTTPS"),
    setting("tls-key", "RELAY_TLS_KEY", "", "Private key in PEM"),
    setting(
        "tls-listen",
        "RELAY_TLS_LISTEN",
        "0.0.0.0:8443",
        "Address to listen on for HTTPS; --listen then redirects to it",
    ),
    setting(
        "trusted-proxies",
        "RELAY_TRUSTED_PROXIES",
        "",
        "Addresses and networks, such as 10.0.0.0/8, whose X-Forwarded-For is believed; separated by commas",
    ),
    setting(
        "acme-domain",
        "RELAY_ACME_DOMAIN",
        "",
        "Names to get certificates for by ACME, which agrees to the authority's terms; it asks on port 80. Separated by commas",
    ),
    setting(
        "acme-directory",
        "RELAY_ACME_DIRECTORY",
        "https://acme-v02.api.letsencrypt.org/directory",
        "The authority that issues them",
    ),
    setting(
        "acme-ca-file",
        "RELAY_ACME_CA_FILE",
        "",
        "Roots of that authority's own HTTPS in PEM; the machine's otherwise",
    ),
    setting("max-body", "RELAY_MAX_BODY", "1048576", "Bytes that a request body may have"),
    setting("max-upload", "RELAY_MAX_UPLOAD", "104857600", "Bytes that a session's file may have"),
    setting("max-connections", "RELAY_MAX_CONNECTIONS", "4096", "Connections served at once"),
    setting("header-timeout", "RELAY_HEADER_TIMEOUT", "10s", "How long the head of a request may take"),
    setting(
        "log-level",
        "RELAY_LOG_LEVEL",
        "info",
        "error, warn, info, debug or trace, or a filter such as info,sqlx=warn",
    ),
    setting("log-format", "RELAY_LOG_FORMAT", "auto", "json, text, or auto: text at a terminal"),
];

/// Settings whose values are shown to nobody.
const SECRETS: [&str; 3] = ["bounce-secret", "postmark-secret", "llm-key"];

/// The fewest characters of a secret that others must know.
const MIN_SECRET: usize = 16;

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

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
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

/// The flags of all settings.
pub fn flags() -> Vec<Arg> {
    let file = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .global(true)
        .help("Settings file [default: interview-relay.toml, if there is one]");
    let flags = SETTINGS.iter().map(|setting| {
        let default =
            if setting.default.is_empty() { String::new() } else { format!(" [default: {}]", setting.default) };
        // A switch may stand alone: `--dev` is `--dev on`.
        let values = if setting.default == "off" { 0..=1 } else { 1..=1 };
        Arg::new(setting.name)
            .long(setting.name)
            .value_name("VALUE")
            .num_args(values)
            .default_missing_value("on")
            .require_equals(false)
            .global(true)
            .hide_possible_values(true)
            .help(format!("{} [env: {}]{default}", setting.help, setting.variable))
    });
    std::iter::once(file).chain(flags).collect()
}

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
        file: Option<(PathBuf, BTreeMap<&'static str, String>)>,
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

    /// What is in force, one setting a line, with where it comes from; passwords in URLs are hidden.
    pub fn describe(&self) -> String {
        let line = |setting: &Setting| {
            let (value, source) = self.sources.get(setting.name)?;
            let shown = match setting.name {
                "public-url" => self.public_url.clone(),
                _ if value.is_empty() => "(none)".to_owned(),
                name if SECRETS.contains(&name) => "***".to_owned(),
                _ => hide_password(value),
            };
            Some(format!("{:<24} {shown}  ({source})\n", setting.name))
        };
        SETTINGS.iter().filter_map(line).collect()
    }
}

struct Values<'a>(&'a BTreeMap<&'static str, (String, Source)>);

impl Values<'_> {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |(value, _)| value)
    }

    fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|value| !value.is_empty())
    }

    fn bad(&self, name: &str, expected: &str) -> ConfigError {
        let source = self.0.get(name).map_or(&Source::Default, |(_, source)| source);
        let value = if SECRETS.contains(&name) { "***".to_owned() } else { hide_password(self.text(name)) };
        ConfigError(format!("{name} = {value:?} (from {source}) is not {expected}"))
    }

    fn parse<T>(&self, name: &str, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, ConfigError> {
        parse(self.text(name).trim()).ok_or_else(|| self.bad(name, expected))
    }

    fn switch(&self, name: &str) -> Result<bool, ConfigError> {
        self.parse(name, "one of true, false, 1, 0, on, off", |value| match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" => Some(true),
            "false" | "0" | "off" => Some(false),
            _ => None,
        })
    }

    fn url(&self, name: &str, schemes: &[&str]) -> Result<Option<String>, ConfigError> {
        let Some(url) = self.given(name) else { return Ok(None) };
        if schemes.iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty())) {
            return Ok(Some(url.to_owned()));
        }
        Err(self.bad(name, &format!("a URL that starts with {}", schemes.join(" or "))))
    }

    /// `sqlite:` and nothing at all both mean the embedded store.
    fn database_url(&self) -> Result<Option<String>, ConfigError> {
        match self.given("database-url") {
            None | Some("sqlite" | "sqlite:") => Ok(None),
            Some(_) => self.url("database-url", &["postgres://", "postgresql://"]),
        }
    }

    /// A value that may be absent.
    fn optional<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        self.given(name).map(|_| self.parse(name, expected, parse)).transpose()
    }

    fn secret(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let long = |value: &str| (value.chars().count() >= MIN_SECRET).then(|| value.to_owned());
        self.optional(name, &format!("at least {MIN_SECRET} characters long"), long)
    }

    /// Where models are, and the key that is demanded there.
    fn llm(&self) -> Result<Option<(String, Option<String>)>, ConfigError> {
        let url = self.url("llm-url", &["https://", "http://"])?;
        Ok(url.map(|url| (url.trim_end_matches('/').to_owned(), self.given("llm-key").map(str::to_owned))))
    }

    fn amqp_ca_file(&self) -> Result<Option<PathBuf>, ConfigError> {
        let file = self.given("amqp-ca-file").map(PathBuf::from);
        if file.is_some() && !self.text("amqp-url").starts_with("amqps://") {
            return Err(ConfigError("amqp-ca-file needs an amqp-url that starts with amqps://".to_owned()));
        }
        Ok(file)
    }

    fn model(&self) -> Result<Option<Endpoint>, ConfigError> {
        let Some((url, key)) = self.llm()? else { return Ok(None) };
        let model = self.given("llm-model").map(str::to_owned);
        if model.is_none() && self.speech()?.is_none() {
            return Err(ConfigError(
                "llm-model (RELAY_LLM_MODEL), llm-speech-model or llm-transcription-model is required with llm-url"
                    .to_owned(),
            ));
        }
        Ok(model.map(|model| Endpoint { url, key, model }))
    }

    fn speech(&self) -> Result<Option<speech::Endpoint>, ConfigError> {
        let names = ["llm-speech-model", "llm-transcription-model"];
        let [speech, transcription] = names.map(|name| self.given(name).map(str::to_owned));
        if speech.is_none() && transcription.is_none() {
            return Ok(None);
        }
        let Some((url, key)) = self.llm()? else {
            let name = if speech.is_some() { names[0] } else { names[1] };
            return Err(ConfigError(format!("{name} needs llm-url as well")));
        };
        Ok(Some(speech::Endpoint { url, key, speech, transcription }))
    }

    fn mail(&self) -> Result<MailSettings, ConfigError> {
        let smtp =
            self.optional("smtp-url", "a URL such as smtp://user:password@mail.example.com:587?tls=required", |url| {
                settings::is_smtp_url(url).then(|| url.to_owned())
            })?;
        let from = self.optional("mail-from", "an address such as mail@example.com", settings::sender)?;
        if smtp.is_some() && from.is_none() {
            return Err(ConfigError("mail-from (RELAY_MAIL_FROM) is required with smtp-url".to_owned()));
        }
        let files = MailSettings::to_folder(PathBuf::from(self.text("data-dir")).join("mail"));
        Ok(MailSettings {
            outlet: smtp.map_or(files.outlet, Outlet::Smtp),
            from: from.unwrap_or(files.from),
            bounces: self.optional(
                "bounce-address",
                "an address whose name has at most 15 ASCII letters and no plus sign",
                |value| value.parse().ok(),
            )?,
            rate: self.parse("mail-rate", "a number from 1 to 100000", |value| {
                value.parse().ok().filter(|rate| (1..=100_000).contains(rate))
            })?,
            open_pixel: self.switch("mail-open-pixel")?,
            ses_topic: self.optional("ses-topic-arn", "the ARN of an SNS topic", |value| {
                value.starts_with("arn:").then(|| value.to_owned())
            })?,
            sendgrid_key: self.optional(
                "sendgrid-public-key",
                "a P-256 public key in base64",
                settings::sendgrid_key,
            )?,
            postmark_secret: self.secret("postmark-secret")?,
            bounce_secret: self.secret("bounce-secret")?,
        })
    }
}

/// Origins, separated by commas or spaces, in the form in which browsers name them.
fn origins(text: &str) -> Option<Vec<String>> {
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
fn timeout(text: &str) -> Option<TimeDelta> {
    let timeout = TimeDelta::from_std(duration(text)?).ok()?;
    (TimeDelta::seconds(1)..=TimeDelta::days(365)).contains(&timeout).then_some(timeout)
}

/// A whole number with `ms`, `s`, `m`, `h` or `d`.
fn duration(text: &str) -> Option<std::time::Duration> {
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

/// Replaces the password of a URL.
fn hide_password(value: &str) -> String {
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

type FileValues = (PathBuf, BTreeMap<&'static str, String>);

fn read_file(named: Option<&Path>) -> Result<Option<FileValues>, ConfigError> {
    let path = named.unwrap_or(Path::new(FILE));
    let failed = |error: &dyn fmt::Display| ConfigError(format!("{}: {error}", path.display()));
    match std::fs::read_to_string(path) {
        Ok(text) => parse_file(&text).map(|values| Some((path.to_owned(), values))).map_err(|error| failed(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

fn parse_file(text: &str) -> Result<BTreeMap<&'static str, String>, ConfigError> {
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

#[cfg(test)]
mod tests;
