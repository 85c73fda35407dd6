//! Putting the server together.

use std::sync::Arc;

use tokio::{net::TcpListener, sync::watch};

use crate::{
    clock::Clock,
    config::Config,
    http::{
        Authenticator, Limits, Operation, Platform,
        health::Readiness,
        operation,
        rate_limit::{InProcess, RateLimiter, Shared, Unlimited},
        server::{self, Bounds, Front},
    },
    telemetry,
};

/// What the HTTP platform needs to know about the store.
pub struct Backend {
    /// Who knows the API keys.
    pub authenticator: Arc<dyn Authenticator>,
    /// Who knows whether the store can serve.
    pub readiness: Arc<dyn Readiness>,
}

/// Serves `operations` until `stop` turns true. `ready` hears of it once connections are accepted.
///
/// # Errors
/// When an address cannot be listened on, or a file or URL of the settings is of no use; the message names it.
pub async fn serve<S: Clone + Send + Sync + 'static>(
    config: &Config,
    clock: Clock,
    backend: Backend,
    operations: Vec<Operation<S>>,
    state: S,
    stop: watch::Receiver<bool>,
    ready: impl FnOnce(),
) -> Result<(), String> {
    let platform = Arc::new(Platform {
        clock,
        authenticator: backend.authenticator,
        limiter: limiter(config)?,
        readiness: backend.readiness,
        limits: Limits { body: config.max_body, ..Limits::default() },
    });
    let app = operation::router(&platform, operations, state);
    let plain = listen("listen", config.listen).await?;
    let fronts = match &config.tls {
        None => vec![Front::plain(plain, app)],
        Some(tls) => {
            let secure = listen("tls-listen", tls.listen).await?;
            let certificates = server::tls_config(&tls.certificates, &tls.key)?;
            vec![Front::tls(secure, certificates, app), Front::redirect(plain, &config.public_url)]
        }
    };
    let upkeep = tokio::spawn(telemetry::keep_metrics());
    let bounds =
        Bounds { head_timeout: config.header_timeout, connections: config.max_connections, ..Bounds::default() };
    tracing::info!(listen = %config.listen, public_url = config.public_url, "serving");
    ready();
    server::serve(fronts, bounds, stop).await;
    upkeep.abort();
    tracing::info!("stopped");
    Ok(())
}

async fn listen(setting: &str, address: std::net::SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("{setting} = {address}: {error}"))
}

fn limiter(config: &Config) -> Result<Arc<dyn RateLimiter>, String> {
    Ok(match &config.redis_url {
        _ if !config.rate_limit => Arc::new(Unlimited),
        Some(url) => Arc::new(Shared::new(url).map_err(|error| format!("redis-url: {error}"))?),
        None => Arc::new(InProcess::default()),
    })
}
