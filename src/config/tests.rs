use super::{sources::parse_file, *};
use crate::mail::Outlet;

pub(super) fn load(flags: &[(&str, &str)], variables: &[(&str, &str)], file: &str) -> Result<Config, ConfigError> {
    let find = |pairs: &[(&str, &str)], name: &str| {
        pairs.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned())
    };
    let file = Some((PathBuf::from("test.toml"), parse_file(file)?));
    Config::from_sources(|name| find(flags, name), |name| find(variables, name), file)
}

pub(super) fn message(result: Result<Config, ConfigError>) -> String {
    result.expect_err("refused").to_string()
}

#[test]
fn flags_win_over_variables_over_the_file_over_defaults() {
    let file = "listen = \"127.0.0.1:1\"\nmax-body = 2048\ndata-dir = \"/file\"";
    let variables = [("RELAY_LISTEN", "127.0.0.1:2"), ("RELAY_DATA_DIR", "/variable"), ("DATABASE_URL", "")];
    let config = load(&[("listen", "127.0.0.1:3")], &variables, file).expect("valid");
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.data_dir, PathBuf::from("/variable"));
    assert_eq!(config.max_body, 2_048);
    assert_eq!(config.public_url, "http://127.0.0.1:3");
    assert!(config.rate_limit && !config.dev && config.database_url.is_none());
    assert_eq!(config.timeouts, Timeouts::default());
    let lines = config.describe();
    assert!(lines.contains("127.0.0.1:3  (flag)"), "{lines}");
    assert!(lines.contains("/variable  (RELAY_DATA_DIR)"), "{lines}");
    assert!(lines.contains("2048  (test.toml)"), "{lines}");
    let shown = |name: &str| lines.lines().find_map(|line| line.strip_prefix(name)).expect("listed").trim().to_owned();
    assert_eq!(shown("database-url "), "(none: SQLite in /variable/relay.db)  (default)");
    assert_eq!(shown("master-key-file "), "/variable/master.key  (default)");
    assert_eq!(shown("files-url "), "/variable/files  (default)");
    assert_eq!(shown("public-url "), "http://127.0.0.1:3  (default)");
    assert_eq!(shown("redis-url "), "(none)  (default)");
}

#[test]
fn what_makes_no_sense_is_named() {
    assert_eq!(message(load(&[], &[], "colour = 1")), "colour is no setting");
    let bad = message(load(&[], &[("RELAY_RATE_LIMIT", "maybe")], ""));
    assert_eq!(bad, "rate-limit = \"maybe\" (from RELAY_RATE_LIMIT) is not one of true, false, 1, 0, on, off");
    for (name, value) in [
        ("listen", "here"),
        ("database-url", "mysql://x"),
        ("redis-url", "redis://"),
        ("amqp-url", "http://x"),
        ("public-url", "ftp://x"),
        ("trusted-proxies", "10.0.0.0/8, proxy.example.com"),
        ("trusted-proxies", "10.0.0.1/8"),
        ("max-body", "10"),
        ("max-upload", "1 GB"),
        ("files-url", "ftp://files"),
        ("files-url", "s3://"),
        ("header-timeout", "10"),
        ("heartbeat-timeout", "120"),
        ("heartbeat-timeout", "500ms"),
        ("pause-timeout", "1000d"),
        ("answer-grace", "0s"),
        ("log-format", "xml"),
        ("embed-origins", "www.example.com"),
        ("embed-origins", "https://www.example.com/path"),
        ("embed-origins", "https://*.example.com"),
        ("embed-origins", "https://a.example, ftp://b.example"),
        ("log-level", "info,[["),
        ("dev", "perhaps"),
        ("webhook-retry-schedule", "0s,soon"),
        ("webhook-log-retention", "0d"),
        ("webhook-log-retention", "3651d"),
        ("webhook-log-retention", "200000000d"),
        ("llm-url", "api.example.com"),
        ("smtp-url", "mail.example.com"),
        ("mail-from", "nobody"),
        ("mail-rate", "0"),
        ("mail-open-pixel", "maybe"),
        ("bounce-address", "a+b@example.com"),
        ("bounce-secret", "short"),
        ("postmark-secret", "short"),
        ("ses-topic-arn", "topic"),
        ("sendgrid-public-key", "AAAA"),
    ] {
        assert!(message(load(&[(name, value)], &[], "")).starts_with(name), "{name}");
    }
    assert!(message(load(&[("tls-cert", "a.pem")], &[], "")).contains("tls-key"));
    assert!(message(load(&[("amqp-ca-file", "a.pem"), ("amqp-url", "amqp://x")], &[], "")).contains("amqps://"));
}

#[test]
fn origins_are_named_as_browsers_name_them() {
    let config = load(&[("embed-origins", "https://WWW.example.com:443/, http://localhost:3000")], &[], "");
    assert_eq!(config.expect("valid").embed_origins, ["https://www.example.com", "http://localhost:3000"]);
    assert!(load(&[], &[], "").expect("valid").embed_origins.is_empty());
}

#[test]
fn a_model_has_a_name_and_its_key_is_hidden() {
    assert_eq!(load(&[], &[("OPENAI_API_KEY", "sk-hunter2")], "").expect("valid").model, None, "a key alone is none");
    let url = ("llm-url", "http://127.0.0.1:11434/v1/");
    assert!(message(load(&[url], &[], "")).starts_with("llm-model"));
    let config = load(&[url, ("llm-model", "tiny")], &[("OPENAI_API_KEY", "sk-hunter2")], "").expect("valid");
    let model = config.model.as_ref().expect("a model");
    assert_eq!((model.url.as_str(), model.key.as_deref()), ("http://127.0.0.1:11434/v1", Some("sk-hunter2")));
    assert!(!config.describe().contains("hunter2"));
}

#[test]
fn voices_need_an_endpoint_and_no_model_for_words() {
    let heard = ("llm-transcription-model", "whisper-1");
    assert!(message(load(&[heard], &[], "")).starts_with("llm-transcription-model needs llm-url"));
    let url = ("llm-url", "http://127.0.0.1:8000/v1/");
    let config = load(&[url, heard], &[], "").expect("valid");
    assert_eq!(config.model, None, "words stay the interviewer's own");
    let speech = config.speech.expect("voices");
    assert_eq!((speech.speech, speech.transcription.as_deref()), (None, Some("whisper-1")));
    assert_eq!(speech.url, "http://127.0.0.1:8000/v1");
    let config = load(&[url, ("llm-model", "tiny")], &[], "").expect("valid");
    assert_eq!(config.speech, None);
}

#[test]
fn mail_goes_to_files_or_to_a_server_with_a_sender() {
    let config = load(&[("data-dir", "/d")], &[], "").expect("valid");
    assert_eq!(config.mail.outlet, Outlet::Folder("/d/mail".into()));
    let url = "smtp://relay:hunter2hunter2@mail.example.com:587?tls=required";
    assert!(message(load(&[("smtp-url", url)], &[], "")).starts_with("mail-from"));
    let secret = ("postmark-secret", "relay:0123456789abcdef");
    let config = load(&[("smtp-url", url), ("mail-from", "Acme <mail@example.com>"), secret], &[], "").expect("valid");
    assert_eq!(config.mail.outlet, Outlet::Smtp(url.to_owned()));
    let lines = config.describe();
    assert!(!lines.contains("hunter2") && !lines.contains("0123456789abcdef"), "{lines}");
    assert!(!message(load(&[("bounce-secret", "hunter2")], &[], "")).contains("hunter2"));
}

#[test]
fn postgresql_needs_a_master_key_of_its_own() {
    let url = ("database-url", "postgres://relay:hunter2@db/relay?password=hunter2&x=1");
    assert!(message(load(&[url], &[], "")).starts_with("master-key-file"));
    let config = load(&[url, ("master-key-file", "/key")], &[], "").expect("valid");
    let lines = config.describe();
    assert!(!lines.contains("hunter2"), "{lines}");
    assert!(lines.contains("postgres://relay:***@db/relay?password=***&x=1"), "{lines}");
}

#[test]
fn files_live_in_the_data_directory_or_in_a_bucket() {
    let config = load(&[("data-dir", "/d")], &[], "").expect("valid");
    assert_eq!((config.files, config.max_upload), (Place::Local("/d/files".into()), 100 << 20));
    let config = load(&[], &[("RELAY_FILES_URL", "s3://relay/files")], "max-upload = 2048").expect("valid");
    assert_eq!(config.files.to_string(), "s3://relay/files");
    assert_eq!(config.max_upload, 2_048);
}

#[test]
fn tls_needs_both_files_and_changes_the_public_url() {
    let config = load(&[("tls-cert", "c"), ("tls-key", "k")], &[], "tls-listen = \"0.0.0.0:443\"").expect("valid");
    assert_eq!(config.public_url, "https://localhost:443");
    let config = load(&[("public-url", "https://relay.example.com/")], &[], "").expect("valid");
    assert_eq!(config.public_url, "https://relay.example.com");
    for bad in ["https://x.example/base?z=1", "https://x.example#f", "https://a:b@x.example", "https://x.example/a b"] {
        let error = load(&[("public-url", bad)], &[], "").expect_err("refused").to_string();
        assert!(error.contains("public-url"), "{error}");
    }
}
