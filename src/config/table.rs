//! Which settings there are.

use clap::Arg;

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

/// All of them.
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
pub(super) const SECRETS: [&str; 3] = ["bounce-secret", "postmark-secret", "llm-key"];

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
