//! A language model's endpoint that speaks OpenAI's protocol over real HTTP, and does what a test wants.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// What it does with a request.
#[derive(Clone, Debug)]
pub enum Mood {
    /// Says this, word by word.
    Says(String),
    /// Says this, and runs out of tokens.
    BreaksOff(String),
    /// Says this, and the connection is cut.
    IsCut(String),
    /// Says this, and then nothing more, without an end.
    Stalls(String),
    /// Answers with a status.
    Fails(u16),
    /// Answers with what is no answer.
    Garbles,
    /// Accepts the request and never answers.
    Hangs,
}

struct Inner {
    mood: Mutex<Mood>,
    asked: Mutex<Vec<(Value, HeaderMap)>>,
}

/// The endpoint.
pub struct Model {
    /// The base of its URLs.
    pub url: String,
    inner: Arc<Inner>,
    served: JoinHandle<()>,
}

impl Drop for Model {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl Model {
    /// Starts it on a free port.
    pub async fn start(mood: Mood) -> Self {
        let inner = Arc::new(Inner { mood: Mutex::new(mood), asked: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let router = Router::new().route("/v1/chat/completions", post(complete)).with_state(inner.clone());
        let served = tokio::spawn(async move { axum::serve(listener, router).await.expect("serve") });
        Self { url, inner, served }
    }

    /// Changes what it does.
    pub fn becomes(&self, mood: Mood) {
        *self.inner.mood.lock() = mood;
    }

    /// What it was asked since the last time, with the headers.
    pub fn asked(&self) -> Vec<(Value, HeaderMap)> {
        std::mem::take(&mut *self.inner.asked.lock())
    }
}

async fn complete(State(inner): State<Arc<Inner>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    inner.asked.lock().push((body, headers));
    let mood = inner.mood.lock().clone();
    match mood {
        Mood::Says(text) => events(words(&text, Some("stop")), None),
        Mood::BreaksOff(text) => events(words(&text, Some("length")), None),
        Mood::IsCut(text) => events(words(&text, None), Some(())),
        Mood::Stalls(text) => {
            let said = words(&text, None).into_iter().map(|event| Ok::<_, std::io::Error>(Bytes::from(event)));
            let body = Body::from_stream(stream::iter(said).chain(stream::pending()));
            ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
        }
        Mood::Fails(status) => {
            let error = json!({"error": {"message": "no", "type": "server_error", "param": null, "code": null}});
            (StatusCode::from_u16(status).expect("a status"), Json(error)).into_response()
        }
        Mood::Garbles => events(vec!["data: {\"choices\": 7}\n\n".to_owned(), "data: [DONE]\n\n".to_owned()], None),
        Mood::Hangs => std::future::pending().await,
    }
}

fn words(text: &str, finish: Option<&str>) -> Vec<String> {
    let chunk = |delta: Value, finish: Option<&str>| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        let chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "stand-in", "choices": [choice],
        });
        format!("data: {chunk}\n\n")
    };
    let mut events = vec![chunk(json!({"role": "assistant"}), None)];
    events.extend(text.split_inclusive(' ').map(|word| chunk(json!({"content": word}), None)));
    if finish.is_some() {
        events.extend([chunk(json!({}), finish), "data: [DONE]\n\n".to_owned()]);
    }
    events
}

fn events(events: Vec<String>, cut: Option<()>) -> Response {
    let ok = events.into_iter().map(|event| Ok::<_, std::io::Error>(Bytes::from(event)));
    let end = cut.map(|()| Err(std::io::Error::other("cut")));
    let body = Body::from_stream(stream::iter(ok.chain(end)));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}
