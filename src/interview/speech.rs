//! Voices: what the interviewer says as sound, and what participants say as text, by an endpoint that speaks OpenAI's
//! protocol (`/audio/speech`, `/audio/transcriptions`).
//!
//! Both are extras. A line that cannot be spoken is read by the participant's own browser or by the participant; an answer
//! whose words cannot be made out is kept as a recording and typed. So a failed request is never repeated here, and each
//! has a deadline, because somebody waits.
//!
//! The library's client takes whole files only. Here neither sound nor recordings are held whole, so the requests are
//! made with its types and settings and our own HTTP client.

use std::{fmt, sync::Arc, time::Duration};

use async_openai::{
    config::{Config as _, OpenAIConfig},
    types::audio::{CreateSpeechRequest, SpeechModel, SpeechResponseFormat, Voice},
};
use bytes::{Bytes, BytesMut};
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use quick_cache::{Weighter, sync::Cache};
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::files::kind;

/// Bytes that a spoken line may have: several minutes.
const MAX_SOUND: usize = 8 << 20;
/// Bytes of spoken lines that stay in memory.
const CACHE: u64 = 32 << 20;
/// Spoken lines that are roughly that many bytes. Few, because each shard of the cache must hold the longest.
const LINES: usize = 100;
/// Bytes after which what a sound is can be told.
const HEAD: usize = 512;
/// Bytes that the answer to a recording may have.
const MAX_TRANSCRIPTION: usize = 1 << 20;
/// Bytes that a recording may have: what the protocol's endpoints take.
pub const MAX_RECORDING: u64 = 25 << 20;
/// Lines that are made into sound at once; others are refused.
const SPEAKING: usize = 32;
/// Recordings that are listened to at once; others wait.
const HEARING: usize = 16;

/// How to reach voices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The base of its URLs, as `https://api.openai.com/v1`.
    pub url: String,
    /// The key that it demands, if it does.
    pub key: Option<String>,
    /// The model that speaks, if one shall.
    pub speech: Option<String>,
    /// The model that writes down what it hears, if one shall.
    pub transcription: Option<String>,
}

/// How long voices may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until the first sound of a line.
    pub first_sound: Duration,
    /// Until its last.
    pub whole_line: Duration,
    /// Until a recording is written down.
    pub hearing: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { first_sound: seconds(8), whole_line: seconds(40), hearing: seconds(40) }
    }
}

/// Voices of an endpoint.
pub struct Speech {
    endpoint: Endpoint,
    config: OpenAIConfig,
    http: reqwest::Client,
    /// How long they may take.
    pub patience: Patience,
    speaking: Arc<Semaphore>,
    hearing: Semaphore,
    cache: Cache<[u8; 32], Sound, Size>,
}

/// A whole spoken line.
#[derive(Clone)]
struct Sound {
    content_type: &'static str,
    bytes: Bytes,
}

#[derive(Clone)]
struct Size;

impl Weighter<[u8; 32], Sound> for Size {
    fn weight(&self, _: &[u8; 32], sound: &Sound) -> u64 {
        sound.bytes.len() as u64 + 64
    }
}

/// A line that is being spoken.
pub struct Spoken {
    /// Its media type, told by its bytes.
    pub content_type: &'static str,
    /// Its bytes, as they arrive. A stream that breaks off ends with an error.
    pub bytes: BoxStream<'static, Result<Bytes, BrokeOff>>,
}

/// A spoken line did not come to its end.
#[derive(Debug)]
pub struct BrokeOff;

impl fmt::Display for BrokeOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the voice broke off")
    }
}

impl std::error::Error for BrokeOff {}

/// A recording to be listened to.
pub struct Recording {
    /// Its media type.
    pub content_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its bytes.
    pub bytes: BoxStream<'static, Result<Bytes, object_store::Error>>,
}

/// What was heard in a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// The words; empty where nobody spoke.
    pub text: String,
    /// How sure the model is of them, from 0 to 1, if it says so.
    pub confidence: Option<f64>,
    /// How long the recording is, in milliseconds, if the model says so.
    pub duration_ms: Option<u64>,
}

impl Speech {
    /// Prepares to speak and listen; nothing is sent yet.
    pub fn new(endpoint: Endpoint, http: reqwest::Client) -> Self {
        let config = OpenAIConfig::new()
            .with_api_base(endpoint.url.clone())
            .with_api_key(endpoint.key.clone().unwrap_or_default());
        Self {
            endpoint,
            config,
            http,
            patience: Patience::default(),
            speaking: Arc::new(Semaphore::new(SPEAKING)),
            hearing: Semaphore::new(HEARING),
            cache: Cache::with_weighter(LINES, CACHE, Size),
        }
    }

    /// Whether it can speak.
    pub fn speaks(&self) -> bool {
        self.endpoint.speech.is_some()
    }

    /// Whether it can write down what it hears.
    pub fn hears(&self) -> bool {
        self.endpoint.transcription.is_some()
    }

    /// Speaks a line; `None` when it cannot. What was spoken to its end is kept in memory for a while: participants of a
    /// campaign hear the same questions.
    pub async fn say(self: &Arc<Self>, voice: &str, text: &str) -> Option<Spoken> {
        let model = self.endpoint.speech.as_ref()?;
        let key = key(&[model, voice, text]);
        if let Some(Sound { content_type, bytes }) = self.cache.get(&key) {
            return Some(Spoken { content_type, bytes: stream::once(async { Ok(bytes) }).boxed() });
        }
        // Whoever would have to wait for a place has a voice of their own, or eyes.
        let place = Arc::clone(&self.speaking).try_acquire_owned().ok()?;
        let begun = Instant::now();
        let beginning = tokio::time::timeout_at(begun + self.patience.first_sound, self.begin(model, voice, text));
        let (content_type, head, rest) = match beginning.await {
            Ok(Ok(beginning)) => beginning,
            Ok(Err(kind)) => return failed("speech", model, kind),
            Err(_) => return failed("speech", model, "slow"),
        };
        let line = Line {
            speech: Arc::clone(self),
            key,
            content_type,
            next: Some(head),
            rest,
            gathered: BytesMut::new(),
            until: begun + self.patience.whole_line,
            _place: place,
        };
        Some(Spoken { content_type, bytes: line.stream().boxed() })
    }

    /// Asks for a line, and waits for as much of it as tells that it is sound.
    async fn begin(&self, model: &str, voice: &str, text: &str) -> Result<Beginning, &'static str> {
        let request = CreateSpeechRequest {
            input: text.to_owned(),
            model: SpeechModel::Other(model.to_owned()),
            voice: Voice::Other(voice.to_owned()),
            response_format: Some(SpeechResponseFormat::Mp3),
            ..CreateSpeechRequest::default()
        };
        let request = self.http.post(self.config.url("/audio/speech")).headers(self.config.headers()).json(&request);
        let response = accepted(request).await?;
        let mut rest = response.bytes_stream().fuse().boxed();
        let mut head = BytesMut::new();
        while head.len() < HEAD {
            match rest.next().await {
                Some(Ok(bytes)) => head.extend_from_slice(&bytes),
                Some(Err(_)) => return Err("cut"),
                None => break,
            }
        }
        let found = kind::detect(&head[..head.len().min(kind::HEAD)]).filter(|kind| kind.starts_with("audio/"));
        Ok((found.ok_or("no sound")?, head.freeze(), rest))
    }

    /// Listens to a recording; `None` when its words cannot be made out in time.
    pub async fn hear(&self, recording: Recording, language: &str) -> Option<Heard> {
        let model = self.endpoint.transcription.as_ref()?;
        let heard = async {
            let Ok(_place) = self.hearing.acquire().await else { return Err("closed") };
            self.listen(model, recording, language).await
        };
        match tokio::time::timeout(self.patience.hearing, heard).await {
            Ok(Ok(heard)) => Some(heard),
            Ok(Err(kind)) => failed("transcription", model, kind),
            Err(_) => failed("transcription", model, "slow"),
        }
    }

    async fn listen(&self, model: &str, recording: Recording, language: &str) -> Result<Heard, &'static str> {
        let (name, content_type) = named(&recording.content_type);
        let file = Part::stream_with_length(reqwest::Body::wrap_stream(recording.bytes), recording.size)
            .file_name(name)
            .mime_str(content_type)
            .map_err(|_| "type")?;
        let mut form = Form::new().part("file", file).text("model", model.to_owned());
        for (name, value) in wanted(model) {
            form = form.text(name, value);
        }
        // The protocol knows languages by two letters.
        let primary = language.split(['-', '_']).next().unwrap_or_default();
        if primary.len() == 2 {
            form = form.text("language", primary.to_ascii_lowercase());
        }
        let url = self.config.url("/audio/transcriptions");
        let request = self.http.post(url).headers(self.config.headers()).multipart(form);
        let mut answer = accepted(request).await?.bytes_stream();
        let mut body = BytesMut::new();
        while let Some(bytes) = answer.next().await {
            body.extend_from_slice(&bytes.map_err(|_| "cut")?);
            if body.len() > MAX_TRANSCRIPTION {
                return Err("endless");
            }
        }
        let transcription: Transcription = serde_json::from_slice(&body).map_err(|_| "unreadable")?;
        Ok(transcription.heard())
    }
}

type Beginning = (&'static str, Bytes, BoxStream<'static, reqwest::Result<Bytes>>);

/// Sends a request, and answers its response if it is a success. What failed may quote what was sent, which is personal, so
/// only its kind is told.
async fn accepted(request: reqwest::RequestBuilder) -> Result<reqwest::Response, &'static str> {
    let response = request.send().await.map_err(|_| "connection")?;
    if response.status().is_success() { Ok(response) } else { Err("refused") }
}

fn failed<T>(what: &str, model: &str, kind: &str) -> Option<T> {
    tracing::warn!(model, kind, "{what} failed");
    None
}

/// Lengths go in front of the parts, so that no two lines share a key.
fn key(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// A line on its way from the endpoint to the participant.
struct Line {
    speech: Arc<Speech>,
    key: [u8; 32],
    content_type: &'static str,
    /// What has arrived and was not handed on.
    next: Option<Bytes>,
    rest: BoxStream<'static, reqwest::Result<Bytes>>,
    gathered: BytesMut,
    until: Instant,
    _place: OwnedSemaphorePermit,
}

impl Line {
    fn stream(self) -> impl Stream<Item = Result<Bytes, BrokeOff>> + Send {
        stream::unfold(Some(self), |line| async {
            let mut line = line?;
            match line.piece().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Some(line))),
                Ok(None) => {
                    let sound = Sound { content_type: line.content_type, bytes: line.gathered.freeze() };
                    line.speech.cache.insert(line.key, sound);
                    None
                }
                Err(kind) => {
                    let model = line.speech.endpoint.speech.as_deref().unwrap_or_default();
                    failed::<()>("speech", model, kind);
                    Some((Err(BrokeOff), None))
                }
            }
        })
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, &'static str> {
        let bytes = match self.next.take() {
            Some(bytes) => bytes,
            None => match tokio::time::timeout_at(self.until, self.rest.next()).await {
                Ok(Some(Ok(bytes))) => bytes,
                Ok(Some(Err(_))) => return Err("cut"),
                Ok(None) => return Ok(None),
                Err(_) => return Err("slow"),
            },
        };
        self.gathered.extend_from_slice(&bytes);
        if self.gathered.len() > MAX_SOUND { Err("endless") } else { Ok(Some(bytes)) }
    }
}

/// A file name and a media type by which endpoints know a recording: they go by the extension, and take what browsers
/// record for films otherwise.
fn named(content_type: &str) -> (&'static str, &'static str) {
    match content_type {
        "audio/mpeg" => ("answer.mp3", "audio/mpeg"),
        "audio/wav" => ("answer.wav", "audio/wav"),
        "audio/ogg" => ("answer.ogg", "audio/ogg"),
        "audio/flac" => ("answer.flac", "audio/flac"),
        "audio/aac" => ("answer.aac", "audio/aac"),
        "audio/mp4" => ("answer.m4a", "audio/mp4"),
        "video/mp4" => ("answer.mp4", "audio/mp4"),
        _ => ("answer.webm", "audio/webm"),
    }
}

/// Whether a file of this type can be an answer.
pub fn is_recording(content_type: &str) -> bool {
    content_type.starts_with("audio/") || matches!(content_type, "video/mp4" | "video/webm")
}

/// What to ask a model for. The newer ones of OpenAI know one format only, and some of them say how sure they are of it;
/// everything else that speaks the protocol knows Whisper's.
fn wanted(model: &str) -> Vec<(&'static str, &'static str)> {
    match model {
        _ if model.starts_with("gpt-4o") => vec![("response_format", "json"), ("include[]", "logprobs")],
        _ if model.starts_with("gpt-") => vec![("response_format", "json")],
        _ => vec![("response_format", "verbose_json")],
    }
}

/// An answer to a recording, of whatever format: what is not said is not known.
#[derive(Deserialize)]
struct Transcription {
    text: String,
    #[serde(default)]
    duration: Value,
    #[serde(default)]
    segments: Option<Vec<Segment>>,
    #[serde(default)]
    logprobs: Option<Vec<Token>>,
    #[serde(default)]
    usage: Value,
}

#[derive(Deserialize)]
struct Segment {
    #[serde(default)]
    start: f64,
    #[serde(default)]
    end: f64,
    avg_logprob: Option<f64>,
    no_speech_prob: Option<f64>,
}

#[derive(Deserialize)]
struct Token {
    logprob: f64,
}

impl Transcription {
    fn heard(self) -> Heard {
        let seconds = number(&self.duration).or_else(|| number(&self.usage["seconds"]));
        let segments = self.segments.unwrap_or_default();
        // Whisper makes up words for silence, and says so here.
        let silent = |segment: &Segment| {
            segment.no_speech_prob.is_some_and(|silence| silence > 0.6)
                && segment.avg_logprob.is_some_and(|sure| sure < -1.0)
        };
        let nobody = !segments.is_empty() && segments.iter().all(silent);
        let words: String = self.text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
        let text = if nobody { "" } else { words.trim() };
        Heard {
            text: text.to_owned(),
            confidence: confidence(&segments, self.logprobs.as_deref().unwrap_or_default()),
            // A day is longer than any recording that is taken.
            duration_ms: seconds
                .filter(|seconds| *seconds > 0.0 && *seconds < 86_400.0)
                .map(|seconds| (seconds * 1_000.0).round() as u64),
        }
    }
}

/// Servers write seconds as numbers, and some as texts.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number: &f64| number.is_finite())
}

/// The probability of the average word: of segments by their length, else of single tokens.
fn confidence(segments: &[Segment], tokens: &[Token]) -> Option<f64> {
    let weighted: Vec<(f64, f64)> = if segments.iter().any(|segment| segment.avg_logprob.is_some()) {
        let weighted = |segment: &Segment| Some((segment.avg_logprob?, (segment.end - segment.start).max(0.001)));
        segments.iter().filter_map(weighted).collect()
    } else {
        tokens.iter().map(|token| (token.logprob, 1.0)).collect()
    };
    let weight: f64 = weighted.iter().map(|(_, weight)| weight).sum();
    let mean = weighted.iter().map(|(sure, weight)| sure * weight).sum::<f64>() / weight;
    // Three decimals, so that it reads back as it was written.
    mean.is_finite().then(|| (mean.exp().clamp(0.0, 1.0) * 1_000.0).round() / 1_000.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn heard(answer: Value) -> Heard {
        serde_json::from_value::<Transcription>(answer).expect("an answer").heard()
    }

    #[test]
    fn every_format_says_what_it_knows() {
        let plain = heard(json!({"text": " It was\u{7} late.\n"}));
        assert_eq!(plain, Heard { text: "It was  late.".into(), confidence: None, duration_ms: None });
        let verbose = heard(json!({
            "text": "It was late.", "language": "english", "duration": 4.26,
            "segments": [
                {"start": 0.0, "end": 3.0, "text": "It was", "avg_logprob": -0.1, "no_speech_prob": 0.01},
                {"start": 3.0, "end": 4.0, "text": "late.", "avg_logprob": -0.5, "no_speech_prob": 0.01},
            ],
        }));
        assert_eq!((verbose.confidence, verbose.duration_ms), (Some(0.819), Some(4_260)));
        let tokens = heard(json!({
            "text": "Late.", "logprobs": [{"token": "Late", "logprob": -0.2, "bytes": []}, {"token": ".", "logprob": 0.0}],
            "usage": {"type": "duration", "seconds": 2},
        }));
        assert_eq!((tokens.confidence, tokens.duration_ms), (Some(0.905), Some(2_000)));
        assert_eq!(heard(json!({"text": "x", "duration": "8.47"})).duration_ms, Some(8_470));
        assert_eq!(heard(json!({"text": "x", "duration": -1})).duration_ms, None);
    }

    #[test]
    fn words_that_were_made_up_for_silence_are_none() {
        let segment =
            |silence: f64, sure: f64| json!({"start": 0, "end": 2, "avg_logprob": sure, "no_speech_prob": silence});
        let text = |segments: Vec<Value>| heard(json!({"text": "Thank you.", "segments": segments})).text;
        assert_eq!(text(vec![segment(0.9, -1.4)]), "");
        assert_eq!(text(vec![segment(0.9, -1.4), segment(0.1, -0.2)]), "Thank you.");
        assert_eq!(text(vec![segment(0.9, -0.2)]), "Thank you.");
    }

    #[test]
    fn models_are_asked_for_what_they_know() {
        assert_eq!(wanted("whisper-1"), [("response_format", "verbose_json")]);
        assert_eq!(wanted("Systran/faster-whisper-small"), [("response_format", "verbose_json")]);
        assert_eq!(wanted("gpt-transcribe"), [("response_format", "json")]);
        assert_eq!(wanted("gpt-4o-mini-transcribe").len(), 2);
    }
}
