//! Certificates that are ordered, kept and renewed without anybody's help (ACME, RFC 8555; contract 14).
//!
//! An authority such as Let's Encrypt asks on the plain listener whether a name is ours (HTTP-01). Account, certificate and
//! answers lie sealed in the store, so that any node can answer and all of them serve the same certificate; one at a time,
//! which holds the lease, orders. Renewal is due after two thirds of a certificate's life.

mod certificate;
mod keeper;
mod order;

use std::{path::PathBuf, sync::Arc};

use axum::{
    Router,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::sync::Semaphore;

pub use self::{certificate::Shelf, keeper::Keeper};
use crate::{http::ApiError, store::Store};

/// Who is asked for which certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The names that it is for.
    pub domains: Vec<String>,
    /// The authority's directory.
    pub directory: String,
    /// The roots of the authority's own HTTPS, in PEM; the machine's by default.
    pub ca_file: Option<PathBuf>,
}

/// The name in the store of an answer to a challenge.
fn challenge(token: &str) -> String {
    format!("challenge/{token}")
}

/// Answers looked up at once. The rest waits, so that strangers who ask for tokens do not keep the database busy.
const LOOK_UPS: usize = 4;
/// The longest token that an answer is looked up for.
const TOKEN: usize = 200;

/// Answers the authority's questions whether a name is ours.
pub fn challenges(store: Store) -> Router {
    let state = (store, Arc::new(Semaphore::new(LOOK_UPS)));
    Router::new().route("/.well-known/acme-challenge/{token}", get(answer)).with_state(state)
}

async fn answer(State((store, room)): State<(Store, Arc<Semaphore>)>, Path(token): Path<String>) -> Response {
    let sane = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if token.len() > TOKEN || !token.bytes().all(sane) {
        return ApiError::not_found().into_response();
    }
    let _permit = room.acquire().await;
    match store.acme(&challenge(&token)).await {
        Ok(Some(answer)) => ([(header::CONTENT_TYPE, "application/octet-stream")], answer).into_response(),
        Ok(None) => ApiError::not_found().into_response(),
        Err(error) => {
            tracing::warn!(%error, "an answer to a challenge cannot be looked up");
            ApiError::unavailable(1).into_response()
        }
    }
}
