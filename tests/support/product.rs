//! The whole product behind a real server, on either engine, with a clock that tests move.
#![allow(dead_code, reason = "shared by tests that each use a part of it")]

use std::sync::Arc;

use aggregates::{id::OrganizationId, organization::Plan};
use interview_relay::{
    app::App,
    command::{Caller, Commands, organizations::CreateOrganization},
    files::{Files, Objects, Place, Sizes},
    http::{
        Limits, Platform, TrustedProxies,
        events::Streams,
        interview::page::InterviewPage,
        key_auth::StoredKeys,
        operation,
        rate_limit::{InProcess, RateLimiter, Unlimited},
        routes,
        server::{self, Bounds, Front},
    },
    interview::Interviews,
    mail::{
        MailSettings, Mailer,
        reports::{
            Desk,
            ses::{Amazon, Network},
        },
    },
    reactors::{
        Runner,
        file_removal::FileRemoval,
        invite_expiry::InviteExpiry,
        session_timers::SessionTimers,
        upkeep::{self, KeyUses},
    },
    store::Store,
    trust::secret_key,
    webhooks::{self, Client, Deadlines, Schedule, Webhooks, guard::SystemResolver},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::engines::Engine;

/// A running product with one organization.
pub struct Product {
    /// The engine below it; its hands move the time.
    pub engine: Engine,
    /// Runs commands past HTTP.
    pub commands: Arc<Commands>,
    /// What webhook deliveries are made with, in development mode.
    pub webhooks: Arc<Webhooks>,
    /// The application, as its handlers see it.
    pub app: Arc<App>,
    /// The base URL.
    pub url: String,
    /// An API key with every scope.
    pub key: String,
    /// The organization.
    pub organization: OrganizationId,
    /// Keeps the bytes of files.
    pub files: Arc<Files>,
    /// Where they are, unless the test has brought a place of its own.
    pub folder: tempfile::TempDir,
    uses: Arc<KeyUses>,
    pub(super) client: reqwest::Client,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

/// What a product is started with, where a test wants something else than the ordinary.
pub struct Setup {
    /// The plan of its organization.
    pub plan: Plan,
    /// Its opening balance, in hundredths.
    pub credits: i64,
    /// Who counts requests.
    pub limiter: Arc<dyn RateLimiter>,
    /// Keeps the bytes of files; in a folder of the test by default.
    pub files: Option<Files>,
    /// Bounds of requests.
    pub limits: Limits,
    /// Bounds of connections.
    pub bounds: Bounds,
    /// Who leads the interviews.
    pub interviews: Interviews,
    /// Who may mount the interview page.
    pub interview_page: InterviewPage,
    /// Proxies whose word is taken.
    pub proxies: TrustedProxies,
    /// Settings for mail, and who is asked for what SES's proofs need.
    pub mail: Option<Mail>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            plan: Plan::Enterprise,
            credits: 500_000,
            limiter: Arc::new(Unlimited),
            files: None,
            limits: Limits::default(),
            bounds: Bounds::default(),
            interviews: Interviews::default(),
            interview_page: InterviewPage::default(),
            proxies: TrustedProxies::default(),
            mail: None,
        }
    }
}

/// Settings for mail, and what stands for Amazon.
pub type Mail = (MailSettings, Arc<dyn Amazon>);

/// Another node of the same installation, which knows nothing but what is stored.
pub struct Node {
    /// Its base URL.
    pub url: String,
    /// Its application.
    pub app: Arc<App>,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

impl Node {
    async fn start(store: Store, engine: &Engine, files: Arc<Files>, setup: Setup, uses: Arc<KeyUses>) -> Self {
        let Setup { limiter, limits, bounds, interviews, interview_page, proxies, mail, .. } = setup;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        super::ring();
        let clock = engine.clock.clone();
        let commands = Arc::new(Commands::new(store.clone(), clock.clone(), engine.keys.clone(), url.clone()));
        let platform = Arc::new(Platform {
            clock: clock.clone(),
            authenticator: Arc::new(StoredKeys::new(store.clone(), clock, uses)),
            limiter,
            readiness: Arc::new(store.clone()),
            limits,
        });
        let (stop, stopped) = watch::channel(false);
        let streams = Streams::new(stopped.clone());
        let webhooks = webhooks(engine, Arc::new(SystemResolver));
        let (mail, amazon) = mail.unwrap_or_else(|| {
            let nowhere = MailSettings::to_folder(std::env::temp_dir().join("relay-no-mail"));
            (nowhere, Arc::new(Network::new().expect("a client")) as _)
        });
        let mail = Arc::new(Desk::new(Arc::new(mail), engine.keys.clone(), amazon));
        let app = Arc::new(App { commands, store, files, streams, interviews, interview_page, webhooks, mail });
        let router = operation::router(&platform, routes::operations(), app.clone());
        let front = Front::plain(listener, router).behind(&proxies);
        let served = tokio::spawn(server::serve(vec![front], bounds, stopped));
        Self { url, app, stop, served }
    }

    /// Writes down what the node has noted of heartbeats.
    pub async fn flush_heartbeats(&self) {
        self.app.interviews.heartbeats.flush(&self.app.store).await.expect("flush");
    }

    /// The timers of sessions as this node runs them, to be run pass by pass.
    pub fn session_timers(&self, owner: &str) -> Runner<SessionTimers> {
        let timers = SessionTimers::new(self.app.interviews.timeouts, self.app.commands.now());
        Runner::new(timers, self.app.commands.clone(), owner.to_owned())
    }

    /// Stops it in order.
    pub async fn stop(self) {
        self.stop.send(true).expect("it runs");
        self.served.await.expect("no panic");
    }
}

/// What was answered.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answered {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body, if the status is the expected one.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// The error's code, if the status is the expected one.
    #[track_caller]
    pub fn refused(&self, status: u16) -> String {
        self.expect(status)["error"]["code"].as_str().expect("a code").to_owned()
    }

    /// The offending fields with their codes, sorted.
    pub fn fields(&self) -> Vec<(String, String)> {
        let body = self.json();
        let fields = body["error"]["details"]["fields"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let mut fields: Vec<_> = fields.iter().map(|field| (text(&field["field"]), text(&field["code"]))).collect();
        fields.sort_unstable();
        fields
    }
}

impl Product {
    /// Starts it without rate limits, for an organization on the plan `enterprise`.
    pub async fn start(engine: Engine) -> Self {
        Self::start_as(engine, Setup::default()).await
    }

    /// Starts it with the rate limits of a plan.
    pub async fn start_limited(engine: Engine, plan: Plan) -> Self {
        let limiter = Arc::new(InProcess::default());
        Self::start_as(engine, Setup { plan, credits: 50_000, limiter, ..Setup::default() }).await
    }

    /// Starts it with particulars.
    pub async fn start_as(engine: Engine, mut setup: Setup) -> Self {
        let folder = tempfile::Builder::new().prefix("relay-files.").tempdir().expect("make a folder");
        let files = Arc::new(setup.files.take().unwrap_or_else(|| {
            let objects = Objects::open(&Place::Local(folder.path().to_owned()), []).expect("a folder");
            Files::new(objects, Sizes::default())
        }));
        let uses = Arc::new(KeyUses::default());
        let (plan, credits) = (setup.plan, setup.credits);
        let store = engine.store.clone();
        let Node { url, app, stop, served } = Node::start(store, &engine, files.clone(), setup, uses.clone()).await;
        let commands = app.commands.clone();
        let webhooks = app.webhooks.clone();
        let (organization, key) = organization(&commands, plan, credits).await;
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("client");
        Self { engine, commands, webhooks, app, url, key, organization, files, folder, uses, client, stop, served }
    }

    /// Starts another node on the same database.
    pub async fn node(&self) -> Node {
        let store = self.engine.node().await;
        Node::start(store, &self.engine, self.files.clone(), Setup::default(), self.uses.clone()).await
    }

    /// The timers of sessions, to be run pass by pass.
    pub fn session_timers(&self, owner: &str) -> Runner<SessionTimers> {
        let timers = SessionTimers::new(self.app.interviews.timeouts, self.commands.now());
        Runner::new(timers, self.commands.clone(), owner.to_owned())
    }

    /// Writes down what was noted of heartbeats.
    pub async fn flush_heartbeats(&self) {
        self.app.interviews.heartbeats.flush(&self.app.store).await.expect("flush");
    }

    /// Another organization of the installation; answers its key.
    pub async fn other_organization(&self) -> String {
        organization(&self.commands, Plan::Enterprise, 500_000).await.1
    }

    /// A request with a key, to be added to.
    pub fn request(&self, method: Method, path: &str, key: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(key)
    }

    /// Sends a request.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answered {
        let answer = request.send().await.expect("send");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answered { status, headers, text: answer.text().await.expect("text") }
    }

    /// GET with the organization's key.
    pub async fn get(&self, path: &str) -> Answered {
        self.send(self.request(Method::GET, path, &self.key)).await
    }

    /// POST with the organization's key.
    pub async fn post(&self, path: &str, body: Value) -> Answered {
        self.send(self.request(Method::POST, path, &self.key).json(&body)).await
    }

    /// POST with an Idempotency-Key.
    pub async fn post_once(&self, path: &str, idempotency_key: &str, body: Value) -> Answered {
        let request = self.request(Method::POST, path, &self.key).header("Idempotency-Key", idempotency_key);
        self.send(request.json(&body)).await
    }

    /// PATCH with the organization's key.
    pub async fn patch(&self, path: &str, body: Value) -> Answered {
        self.send(self.request(Method::PATCH, path, &self.key).json(&body)).await
    }

    /// DELETE with the organization's key.
    pub async fn delete(&self, path: &str) -> Answered {
        self.send(self.request(Method::DELETE, path, &self.key)).await
    }

    /// A published script; answers its id.
    pub async fn script(&self) -> String {
        self.script_with(json!([{"id": "q1", "text": "How was it?", "type": "open"}])).await
    }

    /// A published script with these questions; answers its id.
    pub async fn script_with(&self, questions: Value) -> String {
        let body = json!({"name": "Script", "systemPrompt": "Be kind.", "questions": questions});
        let script = id(&self.post("/v1/scripts", body).await.expect(201));
        self.post(&format!("/v1/scripts/{script}/publish"), json!({})).await.expect(200);
        script
    }

    /// An active campaign on a script of its own; answers its id.
    pub async fn campaign(&self, settings: Value) -> String {
        let body = json!({"name": "Campaign", "scriptId": self.script().await, "settings": settings});
        id(&self.post("/v1/campaigns", body).await.expect(201))
    }

    /// An active campaign that asks these questions; answers its id.
    pub async fn campaign_with(&self, questions: Value, settings: Value) -> String {
        let script = self.script_with(questions).await;
        id(&self
            .post("/v1/campaigns", json!({"name": "Campaign", "scriptId": script, "settings": settings}))
            .await
            .expect(201))
    }

    /// An invite; answers its document.
    pub async fn invite(&self, campaign: &str, email: &str) -> Value {
        self.post(&format!("/v1/campaigns/{campaign}/invites"), json!({"email": email})).await.expect(201)
    }

    /// The reactor that sends mails, to be run pass by pass.
    pub fn mailer(&self, settings: &MailSettings, owner: &str) -> Mailer {
        Mailer::new(self.commands.clone(), Arc::new(settings.clone()), owner.to_owned()).expect("settings")
    }

    /// The reactor that expires invites, to be run pass by pass.
    pub fn expiry(&self, owner: &str) -> Runner<InviteExpiry> {
        Runner::new(InviteExpiry, self.commands.clone(), owner.to_owned())
    }

    /// The reactor that removes the bytes of deleted files, to be run pass by pass.
    pub fn removal(&self, owner: &str) -> Runner<FileRemoval> {
        Runner::new(FileRemoval::new(self.files.clone()), self.commands.clone(), owner.to_owned())
    }

    /// Does the chores of a node once, such as writing down when keys were used.
    pub async fn upkeep(&self) {
        let (_stop, stopped) = watch::channel(true);
        upkeep::run(self.commands.clone(), self.files.clone(), self.uses.clone(), stopped).await;
    }

    /// Stops the server in order.
    pub async fn stop(self) {
        self.stop.send(true).expect("it runs");
        self.served.await.expect("no panic");
    }
}

/// The id of a document.
#[track_caller]
pub fn id(document: &Value) -> String {
    document["id"].as_str().expect("an id").to_owned()
}

async fn organization(commands: &Commands, plan: Plan, credits: i64) -> (OrganizationId, String) {
    let organization: OrganizationId = commands.new_id();
    let key = secret_key::generate().to_string();
    let create = CreateOrganization {
        id: organization,
        name: "Acme".to_owned(),
        plan,
        credits,
        key: Some((commands.new_id(), key.clone())),
        only_first: false,
    };
    let caller = Caller { organization, actor: "test".to_owned(), request_id: "test".to_owned() };
    commands.run(&caller, None, &create).await.expect("run").result.expect("created");
    (organization, key)
}

/// What deliveries are made with: development mode, the contract's schedule, the engine's clock.
pub fn webhooks(engine: &Engine, resolver: Arc<dyn webhooks::guard::Resolver>) -> Arc<Webhooks> {
    let schedule = Schedule::parse("0s,5s,5m,30m,2h,5h,10h,14h,20h,24h").expect("a schedule");
    let client = Client::new(resolver, true, engine.clock.clone(), Deadlines::default(), Vec::new());
    Webhooks::new(client.expect("a client"), schedule, true)
}
