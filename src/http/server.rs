//! Connections: our own accept loop, because slow, huge and too many requests have to be bounded before any handler
//! runs, and because a stop must finish what is in flight (contract 14, 50).

use std::{io, net::IpAddr, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{from_fn, map_response},
    response::{IntoResponse, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::ResolvesServerCert,
        sign::{CertifiedKey, SingleCertAndKey},
    },
};
use tower::Service;

mod patience;
mod stall;

use self::{
    patience::{Patient, Progress},
    stall::Unstalled,
};
use super::{
    ApiError, TrustedProxies,
    error::Failure,
    observe::observe,
    operation::{alias_put, name_put},
    proxies::ClientAddress,
};

/// Bounds on connections.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// How long the head of a request may take to arrive.
    pub head_timeout: Duration,
    /// How long a connection may stay open between two requests.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub stall_timeout: Duration,
    /// How large the head of a request may be.
    pub head_bytes: usize,
    /// How many connections are served at once; the others are answered 503.
    pub connections: usize,
    /// How long a stop waits for what is in flight.
    pub shutdown: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(10),
            // Longer than load balancers keep theirs, so that it is they who hang up.
            idle_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_secs(60),
            head_bytes: 32 << 10,
            connections: 4_096,
            shutdown: Duration::from_secs(25),
        }
    }
}

/// How many connections beyond the bound are told so; those beyond are closed without a word.
const TURNED_AWAY: usize = 64;

async fn strict_transport(mut response: Response) -> Response {
    let value = HeaderValue::from_static("max-age=31536000");
    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value);
    response
}

/// One listening socket and what it serves.
pub struct Front {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    app: Router,
    proxies: TrustedProxies,
}

impl Front {
    /// Plain HTTP.
    pub fn plain(listener: TcpListener, app: Router) -> Self {
        Self { listener, tls: None, app, proxies: TrustedProxies::default() }
    }

    /// HTTPS.
    pub fn tls(listener: TcpListener, config: Arc<ServerConfig>, app: Router) -> Self {
        let app = app.layer(map_response(strict_transport));
        Self { tls: Some(config.into()), ..Self::plain(listener, app) }
    }

    /// The same, reached through proxies whose word is taken.
    pub fn behind(self, proxies: &TrustedProxies) -> Self {
        Self { proxies: proxies.clone(), ..self }
    }

    /// Plain HTTP in front of HTTPS: sends everybody to `https` (scheme and authority, without a slash at the end), but for
    /// what `besides` has routes for.
    pub fn redirect(listener: TcpListener, https: &str, besides: Router) -> Self {
        Self::plain(listener, redirect(https, besides))
    }
}

/// Serves until `stop` turns true, then finishes what is in flight, within bounds.
pub async fn serve(fronts: Vec<Front>, bounds: Bounds, stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(bounds.connections));
    let anteroom = Arc::new(Semaphore::new(TURNED_AWAY));
    let fronts = fronts.into_iter().map(|front| {
        let shared = Shared { bounds: bounds.clone(), room: Arc::clone(&room), anteroom: Arc::clone(&anteroom) };
        accept(front, shared, stop.clone())
    });
    futures_util::future::join_all(fronts).await;
}

/// Turns true on SIGTERM or SIGINT.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn stop_signal() -> io::Result<watch::Receiver<bool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: finishing what is in flight");
        sender.send_replace(true);
        // The sender lives on, so that late receivers still see the value.
        std::future::pending::<()>().await;
    });
    Ok(receiver)
}

/// Reads a certificate chain and its key.
///
/// # Errors
/// When a file is unreadable or holds no such thing, or the two do not belong together; the message names the file.
pub fn tls_config(certificates: &Path, key: &Path) -> Result<Arc<ServerConfig>, String> {
    let chain = CertificateDer::pem_file_iter(certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("{}: {error}", certificates.display()))?;
    if chain.is_empty() {
        return Err(format!("{}: holds no certificate", certificates.display()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", key.display()))?;
    let certified = CertifiedKey::from_der(chain, secret, &rustls::crypto::ring::default_provider())
        .map_err(|error| format!("{}: {error}", key.display()))?;
    tls_with(Arc::new(SingleCertAndKey::from(certified)))
}

/// Serves whatever certificate there is at the time.
///
/// # Errors
/// None in practice: the protocol versions are our own.
pub fn tls_with(certificates: Arc<dyn ResolvesServerCert>) -> Result<Arc<ServerConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[derive(Clone)]
struct Shared {
    bounds: Bounds,
    room: Arc<Semaphore>,
    anteroom: Arc<Semaphore>,
}

async fn accept(front: Front, shared: Shared, mut stop: watch::Receiver<bool>) {
    let Front { listener, tls, app, proxies } = front;
    let busy = overloaded();
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: those that close in the meantime make room.
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let Some((permit, app, keep_alive)) = shared.admit(&app, &busy) else { continue };
        let connection = Connection {
            peer: peer.ip(),
            proxies: proxies.clone(),
            app,
            keep_alive,
            bounds: shared.bounds.clone(),
            graceful: graceful.watcher(),
        };
        let tls = tls.clone();
        tokio::spawn(async move {
            let _permit = permit;
            connection.run(stream, tls).await;
        });
    }
    drop(listener);
    if tokio::time::timeout(shared.bounds.shutdown, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

/// Returns when it is time to stop; that nobody can say so any more is as good.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

impl Shared {
    /// A place for one more connection: with the app, or where it is told that there is none.
    fn admit(&self, app: &Router, busy: &Router) -> Option<(OwnedSemaphorePermit, Router, bool)> {
        if let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() {
            return Some((permit, app.clone(), true));
        }
        metrics::counter!("http_connections_refused_total").increment(1);
        let permit = Arc::clone(&self.anteroom).try_acquire_owned().ok()?;
        Some((permit, busy.clone(), false))
    }
}

struct Connection {
    peer: IpAddr,
    proxies: TrustedProxies,
    app: Router,
    keep_alive: bool,
    bounds: Bounds,
    graceful: Watcher,
}

impl Connection {
    async fn run(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        // Answers are small and complete; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let stream = Unstalled::new(stream, self.bounds.stall_timeout);
        match tls {
            None => self.speak(stream).await,
            Some(tls) => match tokio::time::timeout(self.bounds.head_timeout, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.speak(stream).await,
                Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                Err(_) => tracing::debug!("TLS handshake took too long"),
            },
        }
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self { peer, proxies, app, keep_alive, bounds, graceful } = self;
        let progress = Progress::default();
        let stream = Patient::new(stream, progress.clone(), bounds.head_timeout);
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = alias_put(request.map(Body::new));
            let client = ClientAddress(proxies.client(peer, request.headers()));
            request.extensions_mut().insert(client);
            progress.start();
            let (answer, progress) = (app.clone().call(request), progress.clone());
            async move {
                let answer = answer.await;
                progress.answer();
                answer.map(name_put)
            }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(bounds.idle_timeout)
            .max_header_size(bounds.head_bytes)
            .max_buf_size(bounds.head_bytes.max(16 << 10) * 2)
            .keep_alive(keep_alive);
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection ended");
        }
    }
}

/// What a connection beyond the bound gets.
fn overloaded() -> Router {
    Router::new().fallback(async || ApiError::unavailable(1)).layer(from_fn(observe))
}

/// Sends plain requests to the HTTPS address. One that carries a key is refused instead: its sender would never notice
/// that the key has travelled in clear (contract 14).
fn redirect(https: &str, besides: Router) -> Router {
    let https: Arc<str> = https.into();
    let answer = async move |request: Request| {
        if request.headers().contains_key(header::AUTHORIZATION) {
            let message = "This request came over plain HTTP with an API key. Use HTTPS, and replace the key.";
            return ApiError::new(Failure::Forbidden, message).into_response();
        }
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        match HeaderValue::from_str(&format!("{https}{path}")) {
            Ok(target) => {
                let location: (HeaderName, HeaderValue) = (header::LOCATION, target);
                (StatusCode::PERMANENT_REDIRECT, [location]).into_response()
            }
            Err(_) => ApiError::not_found().into_response(),
        }
    };
    besides.fallback(answer).layer(from_fn(observe))
}
