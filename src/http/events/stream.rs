//! The feed as server-sent events.
//!
//! A stream renders its next few events when its reader has taken the ones before, so a slow reader costs one piece of
//! the log in memory and is never ahead of. While it waits, it looks whether its key still is valid, and says now and
//! then that it is alive. It ends when the server stops; the reader connects again with the last id it has seen.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Weak},
    time::Duration,
};

use aggregates::{
    api_key::{Scope, grants},
    id::ApiKeyId,
};
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream;
use parking_lot::Mutex;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::{
    app::App,
    events::{PublicEvent, Selection},
    http::{ApiError, Call, Platform, auth::bearer},
    store::{Follower, Store},
};

/// Streams that one key may have open on one node.
const PER_KEY: usize = 10;
/// Events rendered at once.
const PIECE: usize = 50;
/// How often the key is looked up again.
const CHECK: TimeDelta = TimeDelta::seconds(2);
/// How often a quiet stream says that it is alive.
const ALIVE: TimeDelta = TimeDelta::seconds(15);
/// After a wake-up, commits of this time are looked at together.
const TOGETHER: Duration = Duration::from_millis(20);

/// The open streams of this node.
pub struct Streams {
    stop: watch::Receiver<bool>,
    open: Mutex<HashMap<ApiKeyId, usize>>,
}

impl Streams {
    /// Streams end when `stop` turns true.
    pub fn new(stop: watch::Receiver<bool>) -> Arc<Self> {
        Arc::new(Self { stop, open: Mutex::default() })
    }

    fn enter(self: &Arc<Self>, key: ApiKeyId) -> Option<Place> {
        let mut open = self.open.lock();
        let count = open.entry(key).or_insert(0);
        if *count >= PER_KEY {
            return None;
        }
        *count += 1;
        metrics::gauge!("event_streams").increment(1.0);
        Some(Place { streams: Arc::downgrade(self), key })
    }
}

/// A stream's place among those of its key, until it is dropped.
struct Place {
    streams: Weak<Streams>,
    key: ApiKeyId,
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!("event_streams").decrement(1.0);
        let Some(streams) = self.streams.upgrade() else { return };
        let mut open = streams.open.lock();
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}

/// Answers with a stream.
pub(super) fn open(
    app: &App,
    platform: &Arc<Platform>,
    call: &Call,
    headers: &HeaderMap,
    after: i64,
    selection: Selection,
) -> Result<Response, ApiError> {
    let key = bearer(headers).ok_or_else(ApiError::unauthorized)?;
    let place = app.streams.enter(call.key_id()).ok_or_else(|| ApiError::rate_limited(10))?;
    let now = platform.clock.now();
    let feed = Feed {
        store: app.store.clone(),
        follower: app.store.follow(),
        platform: Arc::clone(platform),
        stop: app.streams.stop.clone(),
        key: Zeroizing::new(key.to_owned()),
        organization: call.organization().to_string(),
        selection,
        after,
        greeted: false,
        check_at: now + CHECK,
        alive_at: now + ALIVE,
        _place: place,
    };
    let chunks = stream::unfold(feed, async |mut feed| {
        let chunk = feed.next().await?;
        Some((Ok::<_, Infallible>(chunk), feed))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Proxies that buffer answers would keep the events for themselves.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

struct Feed {
    store: Store,
    follower: Follower,
    platform: Arc<Platform>,
    stop: watch::Receiver<bool>,
    key: Zeroizing<String>,
    organization: String,
    selection: Selection,
    after: i64,
    greeted: bool,
    check_at: DateTime<Utc>,
    alive_at: DateTime<Utc>,
    _place: Place,
}

impl Feed {
    /// What to send next; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.greeted {
            self.greeted = true;
            // So that the reader knows at once that it is connected, and when to come back if it no longer is.
            return Some(Bytes::from_static(b"retry: 2000\n\n"));
        }
        loop {
            if *self.stop.borrow() || !self.may_go_on().await {
                return None;
            }
            let piece = self.store.public_events_of(&self.organization, self.after, PIECE, &self.selection).await;
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    tracing::warn!(%error, "a stream of events ends");
                    return None;
                }
            };
            self.after = piece.next;
            let more = piece.has_more();
            let now = self.platform.clock.now();
            if !piece.events.is_empty() {
                self.alive_at = now + ALIVE;
                return Some(written(&piece.events));
            }
            if now >= self.alive_at {
                self.alive_at = now + ALIVE;
                // An id without data dispatches nothing and moves the place to resume from past what was left out.
                return Some(Bytes::from(format!(": still here\nid: {}\n\n", self.after)));
            }
            if more {
                continue;
            }
            let wake_at = self.check_at.min(self.alive_at);
            tokio::select! {
                () = self.follower.changed() => tokio::time::sleep(TOGETHER).await,
                () = self.platform.clock.sleep_until(wake_at) => {}
                changed = self.stop.changed() => changed.ok()?,
            }
        }
    }

    /// Whether the key still is valid, asked now and then. As long as nobody can say, it counts as valid.
    async fn may_go_on(&mut self) -> bool {
        let now = self.platform.clock.now();
        if now < self.check_at {
            return true;
        }
        self.check_at = now + CHECK;
        match self.platform.authenticator.authenticate(&self.key).await {
            Ok(caller) => caller.is_some_and(|caller| grants(&caller.scopes, Scope::WebhooksRead)),
            Err(_) => true,
        }
    }
}

fn written(events: &[PublicEvent]) -> Bytes {
    let size: usize = events.iter().map(|event| event.body.len() + 64).sum();
    let mut text = Vec::with_capacity(size);
    for event in events {
        // JSON as we write it has no line breaks outside of strings, and none inside either.
        text.extend_from_slice(format!("id: {}\nevent: {}\ndata: ", event.sequence, event.name).as_bytes());
        text.extend_from_slice(&event.body);
        text.extend_from_slice(b"\n\n");
    }
    text.into()
}
