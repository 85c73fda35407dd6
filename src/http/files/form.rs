//! Reading `multipart/form-data` as it arrives, in bounded memory.
//!
//! The parser takes whatever the connection has ready before it looks at it, so a fast client could make it hold a whole
//! body. Here it is handed one piece at a time, and no more once it holds too much that belongs to no part's content: a
//! preamble or head of a part that does not end.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use aggregates::FieldError;
use axum::{
    body::{Body, BodyDataStream, Bytes},
    extract::{FromRequest, Multipart, Request, multipart::Field},
    http::header,
};
use futures_util::Stream;
use parking_lot::Mutex;
use tokio::time::{Instant, Sleep};

use crate::{
    files::upload::Source,
    http::{ApiError, error::Failure},
};

/// Bytes that the parser may hold which have not been taken from it.
const HELD: usize = 256 << 10;
/// Bytes that a form may have besides its file: boundaries, heads, other parts.
const AROUND: u64 = 64 << 10;
/// Parts that are looked at.
const PARTS: usize = 16;
/// Bytes that must come within the time that a client may be silent: whoever drips is not waited for. That is half a KiB a second
/// with the usual half a minute.
const DRIP: usize = 16 << 10;
/// How long a whole form may take.
const WHOLE: Duration = Duration::from_secs(3_600);

/// Why a body ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    TooLarge,
    TooSlow,
    Unreadable,
    Endless,
}

/// What the parser's end and ours share.
struct Flow {
    body: Mutex<BodyDataStream>,
    held: AtomicUsize,
    broken: Mutex<Option<Broken>>,
}

impl Flow {
    fn taken(&self, bytes: usize) {
        let less = |held: usize| Some(held.saturating_sub(bytes));
        _ = self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, axum::Error>>> {
        Pin::new(&mut *self.body.lock()).poll_next(cx)
    }
}

/// The body as the parser gets it.
struct Paced {
    flow: Arc<Flow>,
    left: u64,
    idle: Duration,
    /// What has come since there last was enough of it, and how long was waited for that. Only waiting counts: while a part is being
    /// written, the client cannot send.
    came: usize,
    waited: Duration,
    waiting: Option<Instant>,
    patience: Pin<Box<Sleep>>,
    whole: Pin<Box<Sleep>>,
    pause: bool,
}

impl Paced {
    fn new(flow: Arc<Flow>, limit: u64, idle: Duration) -> Self {
        let (patience, whole) = (Box::pin(tokio::time::sleep(idle)), Box::pin(tokio::time::sleep(WHOLE)));
        Self { flow, left: limit, idle, came: 0, waited: Duration::ZERO, waiting: None, patience, whole, pause: false }
    }

    fn break_off(&self, broken: Broken) -> Poll<Option<Result<Bytes, std::io::Error>>> {
        self.flow.broken.lock().get_or_insert(broken);
        Poll::Ready(Some(Err(std::io::Error::other("the body broke off"))))
    }
}

impl Stream for Paced {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.pause) {
            // The parser asks again and again until there is nothing: this is where it stops and looks at what it has.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = match self.flow.poll(cx) {
            Poll::Ready(Some(Ok(piece))) => piece,
            Poll::Ready(Some(Err(_))) => return self.break_off(Broken::Unreadable),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => {
                if self.waiting.is_none() {
                    let now = Instant::now();
                    self.waiting = Some(now);
                    let end = now + self.idle.saturating_sub(self.waited);
                    self.patience.as_mut().reset(end);
                }
                let late = self.patience.as_mut().poll(cx).is_ready() || self.whole.as_mut().poll(cx).is_ready();
                return if late { self.break_off(Broken::TooSlow) } else { Poll::Pending };
            }
        };
        let size = piece.len() as u64;
        let held = self.flow.held.fetch_add(piece.len(), Ordering::Relaxed) + piece.len();
        if size > self.left {
            return self.break_off(Broken::TooLarge);
        }
        if held > HELD.max(2 * piece.len()) {
            return self.break_off(Broken::Endless);
        }
        self.left -= size;
        self.pause = true;
        let waited = self.waiting.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.waited += waited;
        self.came += piece.len();
        if self.came >= DRIP {
            (self.came, self.waited) = (0, Duration::ZERO);
        }
        Poll::Ready(Some(Ok(piece)))
    }
}

/// A form that is being received.
pub struct Form {
    multipart: Multipart,
    flow: Arc<Flow>,
    limit: u64,
    parts: usize,
}

/// A part of a form, whose content is yet to be read.
pub struct Part<'a> {
    field: Field<'a>,
    flow: Arc<Flow>,
    limit: u64,
}

impl Form {
    /// Looks at the head of a request that brings a form with a file of at most `limit` bytes.
    ///
    /// # Errors
    /// 415 when it is no form, 400 when its boundary is missing, 413 when it is announced as too large.
    pub async fn open(request: Request, limit: u64, idle: Duration) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("multipart/form-data") {
            let message = "The body must be sent as Content-Type: multipart/form-data.";
            return Err(ApiError::new(Failure::UnsupportedMediaType, message));
        }
        let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: u64| length > limit + AROUND) {
            return Err(too_large(limit));
        }
        let flow = Arc::new(Flow {
            body: Mutex::new(body.into_data_stream()),
            held: AtomicUsize::new(0),
            broken: Mutex::new(None),
        });
        let paced = Paced::new(Arc::clone(&flow), limit + AROUND, idle);
        let mut request = Request::from_parts(parts, Body::from_stream(paced));
        // The limit is ours, not the framework's two megabytes.
        axum::extract::DefaultBodyLimit::apply(axum::extract::DefaultBodyLimit::disable(), &mut request);
        let multipart = Multipart::from_request(request, &()).await;
        let multipart = multipart.map_err(|_| malformed("The Content-Type names no usable boundary."))?;
        Ok(Self { multipart, flow, limit, parts: 0 })
    }

    /// The next part; the one before must have been read to its end.
    ///
    /// # Errors
    /// When the body is no form, or did not come to its end.
    pub async fn next(&mut self) -> Result<Option<Part<'_>>, ApiError> {
        self.parts += 1;
        if self.parts > PARTS {
            return Err(malformed("The form has too many parts."));
        }
        let (flow, limit) = (Arc::clone(&self.flow), self.limit);
        match self.multipart.next_field().await {
            Ok(field) => Ok(field.map(|field| Part { field, flow, limit })),
            Err(error) => Err(failure(&flow, limit, &error.body_text())),
        }
    }
}

impl Part<'_> {
    /// The name of the form's field.
    pub fn name(&self) -> Option<&str> {
        self.field.name()
    }

    /// What the client calls the file.
    pub fn file_name(&self) -> Option<&str> {
        self.field.file_name()
    }

    /// A short text; `None` when it is longer, or not UTF-8.
    ///
    /// # Errors
    /// When the body did not come to its end.
    pub async fn text(mut self, max: usize) -> Result<Option<String>, ApiError> {
        let mut text = Vec::new();
        let mut fits = true;
        while let Some(piece) = self.next().await? {
            fits = fits && text.len() + piece.len() <= max;
            if fits {
                text.extend_from_slice(&piece);
            }
        }
        Ok(String::from_utf8(text).ok().filter(|_| fits))
    }
}

impl Source for Part<'_> {
    type Error = ApiError;

    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        match self.field.chunk().await {
            Ok(piece) => {
                self.flow.taken(piece.as_ref().map_or(0, Bytes::len));
                Ok(piece)
            }
            Err(error) => Err(failure(&self.flow, self.limit, &error.body_text())),
        }
    }
}

fn failure(flow: &Flow, limit: u64, text: &str) -> ApiError {
    let incomplete =
        |message: &str| ApiError::invalid_request(message, vec![FieldError::new("body", "incomplete", message)]);
    match *flow.broken.lock() {
        Some(Broken::TooLarge) => too_large(limit),
        Some(Broken::TooSlow) => incomplete("The body took too long to arrive."),
        Some(Broken::Unreadable) => incomplete("The body could not be read."),
        Some(Broken::Endless) => malformed("A part of the form has no end to its head."),
        None => malformed(&format!("The form cannot be read: {text}.")),
    }
}

/// 400 because the body is not a form.
fn malformed(message: &str) -> ApiError {
    ApiError::invalid_request(message, vec![FieldError::new("body", "invalid_form", message)])
}

/// 413.
pub fn too_large(limit: u64) -> ApiError {
    ApiError::new(Failure::PayloadTooLarge, format!("The file may have at most {limit} bytes."))
        .with_detail("maxBytes", limit)
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    const BOUNDARY: &str = "XX";

    fn request(pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Request {
        let pieces = stream::iter(pieces.map(Ok::<_, std::convert::Infallible>));
        Request::post("/")
            .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
            .body(Body::from_stream(pieces))
            .expect("a request")
    }

    fn head() -> Bytes {
        Bytes::from_static(b"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n")
    }

    #[tokio::test]
    async fn a_body_that_is_always_ready_is_never_held() {
        // 200 MiB that are there at once, as from the fastest of clients.
        let (piece, count) = (Bytes::from(vec![b'x'; 64 << 10]), 3_200);
        let size = piece.len() as u64 * count;
        let pieces = std::iter::once(head())
            .chain(std::iter::repeat_n(piece, count as usize))
            .chain([Bytes::from_static(b"\r\n--XX--\r\n")]);
        let mut form = Form::open(request(pieces), size, Duration::from_secs(30)).await.expect("a form");
        let flow = Arc::clone(&form.flow);
        let mut part = form.next().await.expect("readable").expect("a part");
        let (mut seen, mut most) = (0, 0);
        while let Some(piece) = part.next().await.expect("readable") {
            seen += piece.len() as u64;
            most = most.max(piece.len() + flow.held.load(Ordering::Relaxed));
        }
        assert_eq!(seen, size);
        assert!(most <= HELD, "{most} bytes were held");
        drop(part);
        assert!(form.next().await.expect("readable").is_none());
    }

    #[tokio::test]
    async fn a_head_or_preamble_without_end_is_refused_soon() {
        for begin in ["--XX\r\nX-Long: ", "no boundary yet"] {
            let pieces = std::iter::once(Bytes::from(begin))
                .chain(std::iter::repeat_n(Bytes::from(vec![b'y'; 16 << 10]), 6_400));
            let mut form = Form::open(request(pieces), 200 << 20, Duration::from_secs(30)).await.expect("a form");
            let flow = Arc::clone(&form.flow);
            let Err(error) = form.next().await else { panic!("it was read") };
            assert_eq!(error.status(), 400);
            assert!(flow.held.load(Ordering::Relaxed) <= HELD + (16 << 10));
        }
    }

    #[tokio::test]
    async fn silence_ends_a_form() {
        let pieces = stream::iter([Ok::<_, std::convert::Infallible>(head())]).chain(stream::pending());
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=XX")
            .body(Body::from_stream(pieces))
            .expect("a request");
        let mut form = Form::open(request, 100, Duration::from_millis(20)).await.expect("a form");
        let mut part = form.next().await.expect("readable").expect("a part");
        let error = part.next().await.expect_err("silence");
        assert_eq!(error.message(), "The body took too long to arrive.");
    }

    #[tokio::test]
    async fn dripping_is_no_better_than_silence() {
        let drops = stream::repeat(()).then(|()| async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok::<_, std::convert::Infallible>(Bytes::from_static(b"x"))
        });
        let pieces = stream::iter([Ok(head())]).chain(drops);
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=XX")
            .body(Body::from_stream(pieces))
            .expect("a request");
        let mut form = Form::open(request, 1 << 20, Duration::from_millis(100)).await.expect("a form");
        let mut part = form.next().await.expect("readable").expect("a part");
        let error = loop {
            if let Err(error) = part.next().await {
                break error;
            }
        };
        assert_eq!(error.message(), "The body took too long to arrive.");
    }
}
