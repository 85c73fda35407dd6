//! A real server with a small table of operations of its own, so that the platform is tested without the product.

use std::{net::SocketAddr, sync::Arc};

use aggregates::{
    api_key::Scope,
    id::{ApiKeyId, CampaignId, Id as _, InviteId, OrganizationId, SessionId},
    value::{Input, Reader},
};
use axum::{extract::State, http::StatusCode, response::Response};
use chrono::DateTime;
use futures_util::future::BoxFuture;
use interview_relay::{
    clock::{Clock, ManualClock},
    http::{
        ApiError, Authenticated, Authenticator, Body, Call, Guest, Id, Limits, NoBody, Operation, Page, Participant,
        Platform, Query, Token, Turn, answer,
        extract::{IfMatch, IfNoneMatch},
        health::Readiness,
        operation,
        query::ListParams,
        rate_limit::InProcess,
        routes,
        server::{self, Bounds, Front},
    },
};
use parking_lot::Mutex;
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    task::JoinHandle,
};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// A key that may do everything.
pub const ALL: &str = "key-all";
/// A key that may only read.
pub const READ: &str = "key-read";
/// A key that may do everything, three times a minute.
pub const SLOW: &str = "key-slow";

pub struct TestServer {
    pub url: String,
    pub address: SocketAddr,
    pub hands: ManualClock,
    pub backend: Arc<Backend>,
    pub gate: Arc<Notify>,
    pub entered: Arc<Notify>,
    pub stop: watch::Sender<bool>,
    pub served: JoinHandle<()>,
    pub client: reqwest::Client,
}

#[derive(Default)]
pub struct Backend {
    pub trouble: Mutex<Option<String>>,
}

impl Authenticator for Backend {
    fn authenticate<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Authenticated>, ApiError>> {
        let (number, scopes, rate_limit) = match key {
            ALL => (1, Scope::ALL.iter().copied().collect(), 1_000),
            READ => (2, [Scope::CampaignsRead].into(), 1_000),
            SLOW => (3, Scope::ALL.iter().copied().collect(), 3),
            "key-broken" => return Box::pin(async { Err(ApiError::unavailable(2)) }),
            _ => return Box::pin(async { Ok(None) }),
        };
        let key_id = ApiKeyId::from_uuid(uuid::Uuid::from_u128(number));
        let organization = OrganizationId::default();
        Box::pin(async move { Ok(Some(Authenticated { organization, key_id, scopes, rate_limit })) })
    }

    fn participant<'a>(
        &'a self,
        invite_token: &'a str,
        session_token: &'a str,
    ) -> BoxFuture<'a, Result<Option<Participant>, ApiError>> {
        let number = session_token.strip_prefix("seat-").and_then(|number| number.parse().ok());
        let known = invite_token == "inv_open";
        Box::pin(async move {
            if !known {
                return Err(ApiError::not_found());
            }
            Ok(number.map(|number| Participant {
                session: SessionId::from_uuid(uuid::Uuid::from_u128(number)),
                invite: InviteId::default(),
                organization: OrganizationId::default(),
            }))
        })
    }
}

impl Readiness for Backend {
    fn ready(&self) -> BoxFuture<'_, Result<(), String>> {
        let trouble = self.trouble.lock().clone();
        Box::pin(async move { trouble.map_or(Ok(()), Err) })
    }
}

#[derive(Clone)]
pub struct Things {
    gate: Arc<Notify>,
    entered: Arc<Notify>,
}

/// The shape of a new thing.
#[derive(ToSchema)]
struct NewThing {
    name: String,
    size: Option<i64>,
    parts: Option<Vec<Part>>,
}

#[derive(Default, ToSchema)]
struct Part {
    id: String,
}

impl Input for NewThing {
    fn read(fields: &mut Reader<'_>) -> Self {
        let size: Option<serde_json::Number> = fields.optional("size");
        let size = size.and_then(|size| size.as_i64());
        Self { name: fields.required("name"), size, parts: fields.optional("parts") }
    }
}

impl Input for Part {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self { id: fields.required("id") }
    }
}

#[utoipa::path(post, path = "/v1/things", operation_id = "createThing", tag = "Things", request_body = NewThing,
    responses((status = 201, description = "Created.")))]
async fn create(call: Call, Body(body): Body) -> Result<Response, ApiError> {
    let body = NewThing::from_json(body.json()?)?;
    let parts: Vec<_> = body.parts.unwrap_or_default().into_iter().map(|part| part.id).collect();
    let key = call.idempotency.map(|idempotency| idempotency.key);
    let answer = json!({"name": body.name, "size": body.size, "parts": parts, "key": key});
    Ok(answer::created("/v1/things/1", answer.to_string()))
}

#[utoipa::path(get, path = "/v1/things", operation_id = "listThings", tag = "Things", params(ListParams),
    responses((status = 200, description = "A page.")))]
async fn list(_: Call, mut query: Query) -> Result<Response, ApiError> {
    let page = query.list::<CampaignId>(&[("name", "name")]);
    query.one_of("status", &["active", "paused"]);
    query.finish()?;
    let documents: [&str; 0] = [];
    Ok(answer::ok(answer::list(&documents, Page { total: 0, limit: page.limit, offset: page.offset, has_more: false })))
}

#[utoipa::path(get, path = "/v1/things/{thingId}", operation_id = "getThing", tag = "Things",
    params(("thingId" = String, Path)), responses((status = 200, description = "The thing.")))]
async fn get(_: Call, Id(id): Id<CampaignId>, known: IfNoneMatch) -> Response {
    answer::cacheable(&known, "3.1", json!({"id": id}).to_string())
}

#[utoipa::path(patch, path = "/v1/things/{thingId}", operation_id = "updateThing", tag = "Things",
    params(("thingId" = String, Path)), responses((status = 200, description = "The thing.")))]
async fn update(_: Call, Id(_id): Id<CampaignId>, expected: IfMatch) -> Result<Response, ApiError> {
    expected.check(3)?;
    Ok(answer::tagged(answer::ok("{}"), "3"))
}

#[utoipa::path(delete, path = "/v1/things/{thingId}", operation_id = "deleteThing", tag = "Things",
    params(("thingId" = String, Path)), responses((status = 204, description = "Gone.")))]
async fn delete(_: Call, Id(_id): Id<CampaignId>) -> StatusCode {
    StatusCode::NO_CONTENT
}

#[utoipa::path(post, path = "/v1/things/{thingId}/act", operation_id = "actOnThing", tag = "Things",
    params(("thingId" = String, Path)), responses((status = 200, description = "The thing.")))]
async fn act(_: Call, Id(_id): Id<CampaignId>, _: NoBody) -> Response {
    answer::ok("{}")
}

#[utoipa::path(get, path = "/v1/panic", operation_id = "panic", tag = "Things",
    responses((status = 200, description = "Never.")))]
#[allow(clippy::unused_async)]
async fn panic(_: Call) -> Response {
    panic!("a defect with a secret in it")
}

#[utoipa::path(get, path = "/v1/wait", operation_id = "wait", tag = "Things",
    responses((status = 200, description = "When the test says so.")))]
async fn wait(_: Call, State(things): State<Things>) -> Response {
    things.entered.notify_one();
    things.gate.notified().await;
    answer::ok("{}")
}

#[utoipa::path(get, path = "/v1/door/{token}", operation_id = "door", tag = "Things",
    params(("token" = String, Path)), responses((status = 200, description = "Open.")))]
async fn door(guest: Guest, Token(token): Token) -> Response {
    answer::ok(json!({"token": token, "request": guest.request_id.as_str()}).to_string())
}

#[utoipa::path(post, path = "/v1/door/{token}/seat", operation_id = "seat", tag = "Things",
    params(("token" = String, Path)), responses((status = 200, description = "Seated.")))]
async fn seat(turn: Turn, Body(_body): Body) -> Response {
    let key = turn.guest.idempotency.map(|idempotency| idempotency.key);
    let agent = turn.guest.user_agent;
    answer::ok(json!({"session": turn.participant.session, "key": key, "agent": agent}).to_string())
}

/// The test table.
pub fn operations() -> Vec<Operation<Things>> {
    let mut operations = routes::service();
    operations.extend([
        Operation::scoped(Scope::CampaignsWrite, routes!(create)),
        Operation::scoped(Scope::CampaignsRead, routes!(list)),
        Operation::scoped(Scope::CampaignsRead, routes!(get)),
        Operation::scoped(Scope::CampaignsWrite, routes!(update)),
        Operation::scoped(Scope::CampaignsWrite, routes!(delete)),
        Operation::scoped(Scope::CampaignsWrite, routes!(act)),
        Operation::scoped(Scope::CampaignsRead, routes!(panic)),
        Operation::scoped(Scope::CampaignsRead, routes!(wait)),
        Operation::invited(routes!(door)),
        Operation::participating(routes!(seat)),
    ]);
    operations
}

/// The app of the test table, to be put behind any kind of front.
pub struct App {
    pub router: axum::Router,
    pub hands: ManualClock,
    pub backend: Arc<Backend>,
    pub gate: Arc<Notify>,
    pub entered: Arc<Notify>,
}

pub fn app(limits: Limits) -> App {
    crate::support::ring();
    // Forty seconds into a minute.
    let (clock, hands) = Clock::manual(DateTime::from_timestamp(1_705_312_780, 0).expect("time"));
    let backend = Arc::new(Backend::default());
    let platform = Arc::new(Platform {
        clock,
        authenticator: Arc::clone(&backend) as _,
        limiter: Arc::new(InProcess::default()),
        readiness: Arc::clone(&backend) as _,
        limits,
    });
    let (gate, entered) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let things = Things { gate: Arc::clone(&gate), entered: Arc::clone(&entered) };
    App { router: operation::router(&platform, operations(), things), hands, backend, gate, entered }
}

impl TestServer {
    pub async fn start() -> Self {
        Self::start_with(Limits::default(), Bounds::default()).await
    }

    pub async fn start_with(limits: Limits, bounds: Bounds) -> Self {
        let App { router, hands, backend, gate, entered } = app(limits);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("address");
        let (stop, stopped) = watch::channel(false);
        let served = tokio::spawn(server::serve(vec![Front::plain(listener, router)], bounds, stopped));
        crate::support::ring();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("client");
        Self { url: format!("http://{address}"), address, hands, backend, gate, entered, stop, served, client }
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().expect("method"), format!("{}{path}", self.url))
    }

    pub fn as_all(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.request(method, path).bearer_auth(ALL)
    }
}

/// The id of a thing.
pub fn thing() -> String {
    CampaignId::default().to_string()
}
