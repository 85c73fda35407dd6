//! Putting the server together.

use std::{path::Path, sync::Arc, time::Duration};

use axum::Router;
use chrono::TimeDelta;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio::{net::TcpListener, sync::watch};

use super::{background::Background, installation::Installation, node::Node, org::first_start};
use crate::{
    acme,
    app::App,
    broker::{self, Broker},
    clock::Clock,
    config::{Certificates, Config},
    files::{Files, Objects, Sizes},
    http::{
        Authenticator, Limits, Operation, Platform,
        events::Streams,
        health::Readiness,
        interview::page::InterviewPage,
        key_auth::StoredKeys,
        operation,
        rate_limit::{InProcess, RateLimiter, Shared, Unlimited},
        routes,
        server::{self, Bounds, Front},
    },
    interview::{Interviews, heartbeats, model::Model, speech::Speech},
    mail::{
        Mailer, Outlet,
        reports::{Desk, ses::Network},
    },
    processors::Processors,
    reactors::{
        Runner,
        file_removal::FileRemoval,
        invite_expiry::InviteExpiry,
        session_timers::SessionTimers,
        upkeep::{self, KeyUses},
    },
    telemetry,
    webhooks::{self, Webhooks, guard::SystemResolver},
};

/// Serves an installation until the process is told to stop.
///
/// # Errors
/// As [`serve`].
pub async fn run(config: &Config, installation: Installation) -> Result<(), String> {
    let Installation { commands, store, clock, key_file, database } = installation;
    // HTTP clients are built without a cryptography of their own.
    _ = rustls::crypto::ring::default_provider().install_default();
    let variables = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
    let objects = Objects::open(&config.files, variables).map_err(|error| format!("files-url = {error}"))?;
    let files = Arc::new(Files::new(objects, Sizes { upload: config.max_upload, ..Sizes::default() }));
    let signal = server::stop_signal().map_err(|error| error.to_string())?;
    let (halt, stop) = watch::channel(false);
    let uses = Arc::new(KeyUses::default());
    let place = Node::enter(&config.data_dir);
    if let Some(place) = &place.place {
        store.release_place(place).await.map_err(|error| error.to_string())?;
    }
    let node = place.name.clone();
    let mail = Arc::new(config.mail.clone());
    let mailer =
        Mailer::new(commands.clone(), mail.clone(), node.clone()).map_err(|error| format!("smtp-url: {error}"))?;
    let interviews = interviews(config)?;
    let timers = SessionTimers::new(config.timeouts, clock.now());
    let removal = FileRemoval::new(files.clone());
    let webhooks = webhooks(config, &clock)?;
    let options = webhooks::Options {
        retention: TimeDelta::from_std(config.webhook_log_retention)
            .map_err(|error| format!("webhook-log-retention: {error}"))?,
        ..webhooks::Options::default()
    };
    let deliveries = webhooks::Worker::new(commands.clone(), webhooks.clone(), options, node.clone());
    let mut background = Background::default();
    background.spawn("the delivery of webhooks", deliveries.run(stop.clone()));
    let expiry = Runner::new(InviteExpiry, commands.clone(), node.clone());
    background.spawn("the expiry of invites", expiry.run(stop.clone()));
    let timers = Runner::new(timers, commands.clone(), node.clone());
    background.spawn("the timers of sessions", timers.run(stop.clone()));
    let removal = Runner::new(removal, commands.clone(), node.clone());
    background.spawn("the removal of files", removal.run(stop.clone()));
    background.spawn("the mailer", mailer.run(stop.clone()));
    let beats = heartbeats::run(commands.clone(), interviews.heartbeats.clone(), stop.clone());
    background.spawn("the keeping of heartbeats", beats);
    background.spawn("the upkeep", upkeep::run(commands.clone(), files.clone(), uses.clone(), stop.clone()));
    let mut certificates = None;
    if let Some(Certificates::Acme(settings)) = config.tls.as_ref().map(|tls| &tls.certificates) {
        let keeper = acme::Keeper::new(store.clone(), clock.clone(), node.clone(), settings.clone())?;
        certificates = Some(Ordered { keeper, challenges: acme::challenges(store.clone()) });
    }
    if let Some(url) = &config.amqp_url {
        let settings = broker::Settings {
            url: url.clone(),
            roots: config.amqp_ca_file.as_deref().map(amqp_roots).transpose()?,
            exchange: broker::EXCHANGE.to_owned(),
            source: config.public_url.clone(),
        };
        let broker = Broker::new(settings, store.clone(), clock.clone(), node);
        background.spawn("the publishing to the broker", broker.run(stop.clone()));
    }

    let authenticator = Arc::new(StoredKeys::new(store.clone(), clock.clone(), uses));
    let backend = Backend { authenticator, readiness: Arc::new(store.clone()), certificates };
    let mail_to = match &mail.outlet {
        Outlet::Folder(folder) => format!("files in {}", folder.display()),
        Outlet::Smtp(_) => format!("by SMTP, from {}", mail.from),
    };
    let desk = Arc::new(Desk::new(mail, commands.keys.clone(), Arc::new(Network::new()?)));
    let streams = Streams::new(stop.clone());
    let interview_page = InterviewPage::new(&config.embed_origins);
    let app = Arc::new(App {
        commands: commands.clone(),
        store,
        files,
        streams,
        interviews,
        interview_page,
        webhooks,
        mail: desk,
        processors: Processors::default(),
    });
    let mut operations = routes::operations();
    if config.dev {
        operations.extend(routes::development());
    }
    let banner = async || {
        // Not before everything else is known to work: the key is shown only once.
        let first_key = first_start(&commands).await?;
        say!("InterviewRelay listens on {}", config.public_url);
        say!("  events      {database}");
        say!("  files       {}", config.files);
        say!("  master key  {}", key_file.display());
        say!("  mail        {mail_to}");
        say!("  reference   {}/docs", config.public_url);
        if let Some(key) = first_key {
            say!("\nThis is the first start. Your API key, which is shown only now:\n\n  {}\n", *key);
            say!("Try it:\n\n  curl {}/v1/campaigns -H \"Authorization: Bearer {}\"\n", config.public_url, *key);
        }
        Ok(())
    };
    let background = tokio::spawn(background.watch(signal, halt));
    let result = serve(config, clock, backend, operations, app, stop, banner).await;
    if result.is_err() {
        // Nothing is served, so that nobody waits for what is left.
        background.abort();
        return result;
    }
    background.await.map_err(|error| error.to_string())?
}

/// Who words, speaks and hears what is said in interviews.
fn interviews(config: &Config) -> Result<Interviews, String> {
    let http = || {
        let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(3)).build();
        http.map_err(|error| format!("llm-url: {error}"))
    };
    let mut interviews = Interviews { timeouts: config.timeouts, ..Interviews::default() };
    if let Some(endpoint) = config.model.clone() {
        interviews.interviewer = Arc::new(Model::new(endpoint, http()?));
    }
    if let Some(endpoint) = config.speech.clone() {
        interviews.speech = Some(Arc::new(Speech::new(endpoint, http()?)));
    }
    Ok(interviews)
}

/// What the HTTP platform needs to know about the store.
pub struct Backend {
    /// Who knows the API keys.
    pub authenticator: Arc<dyn Authenticator>,
    /// Who knows whether the store can serve.
    pub readiness: Arc<dyn Readiness>,
    /// Certificates that do not come from files.
    pub certificates: Option<Ordered>,
}

/// Certificates that are ordered while the server runs.
pub struct Ordered {
    /// Who orders them.
    pub keeper: acme::Keeper,
    /// What answers those who issue them.
    pub challenges: Router,
}

/// Serves `operations` until `stop` turns true. `ready` runs before the first request is let in, when nothing else can go
/// wrong any more.
///
/// # Errors
/// When an address cannot be listened on, or a file or URL of the settings is of no use; the message names it. What `ready`
/// fails with.
pub async fn serve<S: Clone + Send + Sync + 'static>(
    config: &Config,
    clock: Clock,
    backend: Backend,
    operations: Vec<Operation<S>>,
    state: S,
    stop: watch::Receiver<bool>,
    ready: impl AsyncFnOnce() -> Result<(), String>,
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
    let mut keeping = None;
    let fronts = match &config.tls {
        None => vec![Front::plain(plain, app)],
        Some(tls) => {
            let secure = listen("tls-listen", tls.listen).await?;
            let (certificates, besides) = match (&tls.certificates, backend.certificates) {
                (Certificates::Files { chain, key }, _) => (server::tls_config(chain, key)?, Router::new()),
                (Certificates::Acme(_), Some(Ordered { keeper, challenges })) => {
                    let shelf = keeper.shelf();
                    // Not before there is somebody to answer the authority.
                    keeping = Some(tokio::spawn(keeper.run(stop.clone())));
                    (server::tls_with(shelf)?, challenges)
                }
                (Certificates::Acme(_), None) => return Err("acme-domain: nobody orders certificates".to_owned()),
            };
            vec![Front::tls(secure, certificates, app), Front::redirect(plain, &config.public_url, besides)]
        }
    };
    let fronts = fronts.into_iter().map(|front| front.behind(&config.trusted_proxies)).collect();
    let upkeep = tokio::spawn(telemetry::keep_metrics());
    let bounds =
        Bounds { head_timeout: config.header_timeout, connections: config.max_connections, ..Bounds::default() };
    tracing::info!(listen = %config.listen, public_url = config.public_url, "serving");
    ready().await?;
    let serving = server::serve(fronts, bounds, stop.clone());
    match &mut keeping {
        None => serving.await,
        Some(keeping) => {
            let mut serving = std::pin::pin!(serving);
            let ended = tokio::select! {
                () = &mut serving => false,
                _ = &mut *keeping => true,
            };
            // What it ends with when it is told to stop is no matter.
            if ended && !*stop.borrow() {
                upkeep.abort();
                return Err("acme-domain: the renewal of certificates has ended, see the log".to_owned());
            }
            if ended {
                serving.await;
            } else {
                // If it panicked, the log has that.
                _ = keeping.await;
            }
        }
    }
    upkeep.abort();
    tracing::info!("stopped");
    Ok(())
}

/// The certificates of `amqp-ca-file`.
fn amqp_roots(file: &Path) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("amqp-ca-file = {}: {error}", file.display());
    let pem = std::fs::read_to_string(file).map_err(|error| failed(&error))?;
    match CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>() {
        Ok(roots) if roots.is_empty() => Err(failed(&"holds no certificate")),
        Ok(_) => Ok(pem),
        Err(error) => Err(failed(&error)),
    }
}

fn webhooks(config: &Config, clock: &Clock) -> Result<Arc<Webhooks>, String> {
    let (resolver, deadlines) = (Arc::new(SystemResolver), webhooks::Deadlines::default());
    let client = webhooks::Client::new(resolver, config.dev, clock.clone(), deadlines, Vec::new());
    let client = client.map_err(|error| format!("webhooks: {error}"))?;
    Ok(Webhooks::new(client, config.webhook_retry_schedule.clone(), config.dev))
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
