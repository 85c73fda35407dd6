//! A proxy in front of the product, which fails on demand the way networks and busy servers do.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use parking_lot::Mutex;
use tokio::{net::TcpListener, task::JoinHandle};

/// What the proxy does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Answers requests with a status and `Retry-After: 1`, until it calms down.
    Busy(u16),
    /// Passes the next request whose path ends so on, and loses the answer.
    LoseAnswer(&'static str),
    /// Keeps the next request whose path ends so, and neither passes it on nor answers it.
    Hang(&'static str),
}

/// A running proxy.
pub struct Proxy {
    /// Its base URL.
    pub url: String,
    shared: Arc<Shared>,
    served: JoinHandle<()>,
}

struct Shared {
    target: String,
    trouble: Mutex<Option<Trouble>>,
    /// Method and path of every request, with what was answered.
    seen: Mutex<Vec<(String, u16)>>,
    client: reqwest::Client,
}

impl Proxy {
    /// In front of a server.
    pub async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let client = reqwest::Client::new();
        let shared =
            Arc::new(Shared { target: target.to_owned(), trouble: Mutex::default(), seen: Mutex::default(), client });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let served = tokio::spawn(async move { axum::serve(listener, router).await.expect("serve") });
        Self { url, shared, served }
    }

    /// From now on.
    pub fn trouble(&self, trouble: Trouble) {
        *self.shared.trouble.lock() = Some(trouble);
    }

    /// Ends whatever trouble there is.
    pub fn calm(&self) {
        *self.shared.trouble.lock() = None;
    }

    /// The statuses that requests with this method and end of their path were answered with; 0 for none.
    pub fn statuses(&self, method: &str, end: &str) -> Vec<u16> {
        let seen = self.shared.seen.lock();
        let matches = |what: &str| what.starts_with(method) && what.ends_with(end);
        seen.iter().filter(|(what, _)| matches(what)).map(|(_, status)| *status).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl Shared {
    fn busy(&self, path: &str) -> Option<u16> {
        match *self.trouble.lock() {
            Some(Trouble::Busy(status)) if path.starts_with("/v1/") => Some(status),
            _ => None,
        }
    }

    fn loses(&self, path: &str) -> bool {
        self.once(|trouble| matches!(trouble, Trouble::LoseAnswer(end) if path.ends_with(end)))
    }

    fn hangs(&self, path: &str) -> bool {
        self.once(|trouble| matches!(trouble, Trouble::Hang(end) if path.ends_with(end)))
    }

    /// Whether there is such trouble, which is over with this.
    fn once(&self, is_such: impl Fn(&Trouble) -> bool) -> bool {
        self.trouble.lock().take_if(|trouble| is_such(trouble)).is_some()
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let what = format!("{} {path}", parts.method);
    if let Some(status) = shared.busy(&path) {
        shared.seen.lock().push((what, status));
        let status = StatusCode::from_u16(status).expect("a status");
        return (status, [(header::RETRY_AFTER, HeaderValue::from_static("1"))], "busy").into_response();
    }
    if shared.hangs(&path) {
        shared.seen.lock().push((what, 0));
        return std::future::pending().await;
    }
    let body: Bytes = to_bytes(body, 1 << 20).await.expect("a body");
    let url = format!("{}{}", shared.target, parts.uri.path_and_query().expect("a path"));
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    let answer = shared.client.request(parts.method, url).headers(headers).body(body).send().await.expect("an answer");
    if shared.loses(&path) {
        shared.seen.lock().push((what, 0));
        // A body that breaks off before the length that was announced.
        let broken = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) });
        return Response::new(Body::from_stream(broken));
    }
    let status = answer.status();
    shared.seen.lock().push((what, status.as_u16()));
    let headers = answer.headers().clone();
    let mut response = Response::new(Body::from(answer.bytes().await.expect("a body")));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    response
}
