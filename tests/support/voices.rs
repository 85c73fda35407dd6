//! The voices of an endpoint that speaks OpenAI's protocol over real HTTP, and do what a test wants.
#![allow(dead_code, reason = "shared by tests that each use a part of it")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Multipart, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::stream;
use interview_relay::{
    config::Timeouts,
    interview::{
        Interviews, Rules,
        speech::{Endpoint, Patience, Speech},
    },
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// What a voice does with a request.
#[derive(Clone, Debug)]
pub enum Mood {
    /// Answers with this: sound, or the JSON of a transcription.
    Answers(Vec<u8>),
    /// Answers with the beginning of this, and the connection is cut.
    IsCut(Vec<u8>),
    /// Answers with the beginning of this, and with nothing more.
    Stalls(Vec<u8>),
    /// Answers with a status.
    Fails(u16),
    /// Accepts the request and never answers.
    Hangs,
}

impl Mood {
    /// Which of them it is, without its bytes.
    pub fn name(&self) -> String {
        format!("{self:?}").chars().take_while(char::is_ascii_alphabetic).collect()
    }
}

/// A recording that was listened to.
#[derive(Clone, Debug, Default)]
pub struct Listened {
    /// The form's texts.
    pub texts: BTreeMap<String, String>,
    /// What the file was called.
    pub file_name: String,
    /// The type that it was said to have.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The credential.
    pub authorization: String,
}

struct Inner {
    mouth: Mutex<Mood>,
    ear: Mutex<Mood>,
    spoken: Mutex<Vec<(Value, HeaderMap)>>,
    listened: Mutex<Vec<Listened>>,
}

/// The endpoint.
pub struct Voices {
    /// The base of its URLs.
    pub url: String,
    inner: Arc<Inner>,
    served: JoinHandle<()>,
}

impl Drop for Voices {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl Voices {
    /// Starts it on a free port: it says [`wav`], and hears what it is told by [`Voices::hears`].
    pub async fn start() -> Self {
        let inner = Arc::new(Inner {
            mouth: Mutex::new(Mood::Answers(wav(200))),
            ear: Mutex::new(Mood::Fails(500)),
            spoken: Mutex::default(),
            listened: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let router = Router::new()
            .route("/v1/audio/speech", post(speak))
            .route("/v1/audio/transcriptions", post(listen))
            .layer(DefaultBodyLimit::disable())
            .with_state(inner.clone());
        let served = tokio::spawn(async move { axum::serve(listener, router).await.expect("serve") });
        Self { url, inner, served }
    }

    /// Interviews with these voices and no model for words.
    pub fn interviews(&self) -> Interviews {
        super::ring();
        let endpoint = Endpoint {
            url: self.url.clone(),
            key: Some("sk-test".into()),
            speech: Some("mouth-1".into()),
            transcription: Some("ear-1".into()),
        };
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut speech = Speech::new(endpoint, http);
        // Only faults wait this long: long enough for a busy machine, short enough for a test.
        let fault = Duration::from_secs(2);
        speech.patience = Patience { first_sound: fault, whole_line: 2 * fault, hearing: fault };
        Interviews { speech: Some(Arc::new(speech)), ..Interviews::new(Arc::new(Rules), Timeouts::default()) }
    }

    /// Changes how it speaks.
    pub fn mouth(&self, mood: Mood) {
        *self.inner.mouth.lock() = mood;
    }

    /// Changes how it listens.
    pub fn ear(&self, mood: Mood) {
        *self.inner.ear.lock() = mood;
    }

    /// It hears these words, surely, in a recording of 4.2 seconds.
    pub fn hears(&self, words: &str) {
        let segment =
            json!({"id": 0, "start": 0.0, "end": 4.2, "text": words, "avg_logprob": -0.1, "no_speech_prob": 0.01});
        let answer = json!({"text": words, "language": "english", "duration": 4.2, "segments": [segment]});
        self.ear(Mood::Answers(answer.to_string().into_bytes()));
    }

    /// What it was asked to say since the last time.
    pub fn spoken(&self) -> Vec<(Value, HeaderMap)> {
        std::mem::take(&mut *self.inner.spoken.lock())
    }

    /// What it was asked to listen to since the last time.
    pub fn listened(&self) -> Vec<Listened> {
        std::mem::take(&mut *self.inner.listened.lock())
    }
}

async fn speak(State(inner): State<Arc<Inner>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    inner.spoken.lock().push((body, headers));
    let mood = inner.mouth.lock().clone();
    answer(mood, "audio/wav").await
}

async fn listen(State(inner): State<Arc<Inner>>, headers: HeaderMap, mut form: Multipart) -> Response {
    let authorization = headers["authorization"].to_str().expect("text").to_owned();
    let mut listened = Listened { authorization, ..Listened::default() };
    while let Some(field) = form.next_field().await.expect("a form") {
        let name = field.name().expect("a name").to_owned();
        if name == "file" {
            listened.file_name = field.file_name().expect("a file name").to_owned();
            listened.content_type = field.content_type().expect("a type").to_owned();
            listened.bytes = field.bytes().await.expect("the file").to_vec();
        } else {
            listened.texts.insert(name, field.text().await.expect("text"));
        }
    }
    inner.listened.lock().push(listened);
    let mood = inner.ear.lock().clone();
    answer(mood, "application/json").await
}

async fn answer(mood: Mood, content_type: &str) -> Response {
    let pieces = |bytes: &[u8]| bytes.chunks(700).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect::<Vec<_>>();
    let half = |bytes: &[u8]| pieces(&bytes[..bytes.len().div_ceil(2)]);
    let body = match mood {
        Mood::Answers(bytes) => Body::from_stream(stream::iter(pieces(&bytes))),
        Mood::IsCut(bytes) => {
            let cut: Result<Bytes, std::io::Error> = Err(std::io::Error::other("cut"));
            Body::from_stream(stream::iter(half(&bytes).into_iter().chain([cut])))
        }
        Mood::Stalls(bytes) => {
            let rest = stream::pending::<Result<Bytes, std::io::Error>>();
            Body::from_stream(futures_util::StreamExt::chain(stream::iter(half(&bytes)), rest))
        }
        Mood::Fails(status) => {
            let error = json!({"error": {"message": "no", "type": "server_error", "param": null, "code": null}});
            return (StatusCode::from_u16(status).expect("a status"), Json(error)).into_response();
        }
        Mood::Hangs => std::future::pending().await,
    };
    ([(header::CONTENT_TYPE, content_type.to_owned())], body).into_response()
}

/// A soft tone of so many milliseconds: sound that every browser plays.
pub fn wav(milliseconds: u32) -> Vec<u8> {
    const RATE: u32 = 16_000;
    let samples = RATE / 1_000 * milliseconds;
    let mut bytes = Vec::with_capacity(44 + 2 * samples as usize);
    bytes.extend(b"RIFF");
    bytes.extend((36 + 2 * samples).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1_u16, 1].into_iter().flat_map(u16::to_le_bytes));
    bytes.extend([RATE, 2 * RATE].into_iter().flat_map(u32::to_le_bytes));
    bytes.extend([2_u16, 16].into_iter().flat_map(u16::to_le_bytes));
    bytes.extend(b"data");
    bytes.extend((2 * samples).to_le_bytes());
    let tone = |n: u32| ((f64::from(n) * 440.0 * std::f64::consts::TAU / f64::from(RATE)).sin() * 3_000.0) as i16;
    bytes.extend((0..samples).flat_map(|n| tone(n).to_le_bytes()));
    bytes
}
