//! What callers send about a session.

use serde_json::{Number, Value};

use crate::{
    FieldError, Refusal,
    session::{ConsentKind, Device, Reply},
    value::{FromJson, Input, Lines, Reader, Validator},
};

/// The greatest number of characters of an answer.
pub const MAX_ANSWER: usize = 20_000;
const MAX_REASON: usize = 500;
const MAX_DEVICE: usize = 200;
const MAX_IP: usize = 45;
/// The greatest number of characters of an answer once much was said ([`crate::session::MUCH_SAID`]): enough to come to an end.
pub const SHORT_ANSWER: usize = 500;
/// The greatest sequence number: what JSON's numbers can count without loss.
pub(super) const MAX_SEQUENCE: u64 = 9_007_199_254_740_991;
const SEQUENCE: std::ops::RangeInclusive<i64> = 0..=MAX_SEQUENCE as i64;

/// Any JSON value: which one is right depends on the question.
struct Anything(Value);

impl FromJson for Anything {
    fn from_json_at(value: &Value, _: &str, _: &mut Vec<FieldError>) -> Option<Self> {
        Some(Self(value.clone()))
    }
}

/// The body of `POST …/session/answers`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerInput {
    /// The prompt that is answered.
    pub prompt_id: String,
    /// The client's sequence number.
    pub seq: Option<Number>,
    /// Words.
    pub text: Option<String>,
    /// A number, one of the options, or yes or no.
    pub value: Option<Value>,
    /// Whether to skip.
    pub skip: Option<bool>,
}

impl Input for AnswerInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        let seq = fields.optional("seq");
        if matches!(fields.raw("seq"), None | Some(Value::Null)) {
            fields.error("seq", "required", "is required");
        }
        Self {
            prompt_id: fields.required("promptId"),
            seq,
            text: fields.optional("text"),
            value: fields.optional::<Anything>("value").map(|value| value.0),
            skip: fields.optional("skip"),
        }
    }
}

/// An answer whose fields keep the rules, but which has not been held against its question.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAnswer {
    /// The prompt that is answered.
    pub prompt_id: String,
    /// The client's sequence number.
    pub seq: u64,
    /// What the client sends.
    pub reply: Reply,
}

impl AnswerInput {
    /// Checks the rules that need no question.
    ///
    /// # Errors
    /// With every field that breaks one.
    pub fn validate(self) -> Result<NewAnswer, Refusal> {
        let mut validator = Validator::new();
        let seq = self.seq.as_ref().map_or(0, |seq| validator.integer("seq", seq, SEQUENCE));
        let reply = match (self.text, self.value, self.skip) {
            (Some(text), None, None | Some(false)) => Reply::Text(text),
            (None, Some(value), None | Some(false)) => Reply::Value(value),
            (None, None, Some(true)) => Reply::Skip,
            (None, None, _) => {
                validator.error("text", "required", "one of text, value and skip is required");
                Reply::Skip
            }
            _ => {
                validator.error("text", "not_allowed", "only one of text, value and skip may be given");
                Reply::Skip
            }
        };
        validator.refuse(NewAnswer { prompt_id: self.prompt_id, seq: seq.unsigned_abs(), reply })
    }
}

/// The body of a consent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsentInput {
    /// Whether it is given.
    pub granted: bool,
    /// What it is about.
    pub kind: String,
    /// The SHA-256 of the text that was shown.
    pub text_sha256: Option<String>,
    /// The participant's address in the network; only with an API key.
    pub ip: Option<String>,
}

impl Input for ConsentInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            granted: fields.required("granted"),
            kind: fields.required("type"),
            text_sha256: fields.optional("textSha256"),
            ip: fields.optional("ip"),
        }
    }
}

/// A consent whose fields keep the rules.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedConsent {
    /// Whether it is given.
    pub granted: bool,
    /// What it is about.
    pub kind: ConsentKind,
    /// The SHA-256 of the text that was shown, in lower case.
    pub text_sha256: Option<String>,
    /// The participant's address in the network.
    pub ip: Option<String>,
}

impl ConsentInput {
    /// Checks the rules.
    ///
    /// # Errors
    /// With every field that breaks one.
    pub fn validate(self) -> Result<CheckedConsent, Refusal> {
        let mut validator = Validator::new();
        let kind = validator.one_of("type", &self.kind, ConsentKind::NAMES).unwrap_or(ConsentKind::All);
        let text_sha256 = self.text_sha256.map(|text| text.trim().to_ascii_lowercase());
        if let Some(hash) = &text_sha256
            && !(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            validator.error("textSha256", "invalid_format", "must be a SHA-256 in hexadecimal");
        }
        let ip = validator.optional_text("ip", self.ip.as_deref(), MAX_IP, Lines::One);
        if let Some(ip) = &ip
            && ip.parse::<std::net::IpAddr>().is_err()
        {
            validator.error("ip", "invalid_format", "must be an IP address");
        }
        validator.refuse(CheckedConsent { granted: self.granted, kind, text_sha256, ip })
    }
}

/// The `device` of a new session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceInput {
    browser: Option<String>,
    os: Option<String>,
    kind: Option<String>,
}

impl Input for DeviceInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self { browser: fields.optional("browser"), os: fields.optional("os"), kind: fields.optional("type") }
    }
}

impl DeviceInput {
    /// Reads the body of `POST …/session`, in which the device is all there is, and optional.
    ///
    /// # Errors
    /// With every field of a wrong type, and every one that breaks a rule.
    pub fn from_body(body: &Value) -> Result<Option<Device>, Refusal> {
        #[derive(Default)]
        struct Body(Option<DeviceInput>);
        impl Input for Body {
            fn read(fields: &mut Reader<'_>) -> Self {
                Self(fields.optional("device"))
            }
        }
        let Some(input) = Body::from_json(body)?.0 else { return Ok(None) };
        let mut validator = Validator::new();
        let device = validator.within("device", |validator| {
            let mut text =
                |field, text: Option<String>| validator.optional_text(field, text.as_deref(), MAX_DEVICE, Lines::One);
            Device { browser: text("browser", input.browser), os: text("os", input.os), kind: text("type", input.kind) }
        });
        validator.refuse(Some(device).filter(|device| *device != Device::default()))
    }
}

/// The body of a pause.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PauseInput {
    /// Why.
    pub reason: Option<String>,
}

impl Input for PauseInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self { reason: fields.optional("reason") }
    }
}

impl PauseInput {
    /// Checks the rules.
    ///
    /// # Errors
    /// When the reason is longer than 500 characters.
    pub fn validate(self) -> Result<Option<String>, Refusal> {
        let mut validator = Validator::new();
        let reason = validator.optional_text("reason", self.reason.as_deref(), MAX_REASON, Lines::Many);
        validator.refuse(reason)
    }
}
