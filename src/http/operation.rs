//! The pattern of the route table: every operation is registered once, with what it demands and how it is documented.

use std::sync::Arc;

use aggregates::api_key::Scope;
use axum::{
    Extension, Router,
    extract::Request,
    http::{HeaderValue, Method, header::ALLOW},
    middleware::{from_fn, from_fn_with_state},
    response::Response,
    routing::MethodRouter,
};
use utoipa::openapi::{
    RefOr, Schema,
    path::{HttpMethod, Operation as Docs, PathItem},
};
use utoipa_axum::router::UtoipaMethodRouter;

use super::{
    ApiError, Platform,
    error::Failure,
    gate::{self, Gate},
    observe::observe,
};

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody; counted per client address.
    Public,
    /// Anybody, as often as they like: the probes of an orchestrator must not run out of budget, and no page may lack a
    /// file because its reader's neighbours have read it too.
    Health,
    /// An API key with this scope.
    Scope(Scope),
    /// The holder of the invite token in the path.
    InviteToken,
    /// Whoever handles mails of ours: programs that display them, and providers that report on them. The handler checks
    /// the proof, whatever its form; the body may be of any type.
    Mail,
    /// The holder of the invite token in the path and of a session token issued under it.
    SessionToken,
}

/// How the body of a request reaches its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// Read by the gate as JSON, within [`super::Limits::body`].
    Json,
    /// Read by the gate, of whatever type, within [`super::Limits::body`].
    Bytes,
    /// Left to the handler, which reads it as it arrives, within limits of its own (see [`super::files::form`]).
    Stream,
}

/// One method on one path.
pub struct Operation<S> {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: String,
    /// Who may call it.
    pub access: Access,
    /// How its body reaches it.
    pub intake: Intake,
    /// Bytes that its body may have, where that is not [`super::Limits::body`].
    pub most: Option<usize>,
    /// The status of success, as documented.
    pub success: u16,
    /// What the OpenAPI document says about it.
    pub docs: Docs,
    /// The schemas that its documentation refers to.
    pub schemas: Vec<(String, RefOr<Schema>)>,
    handler: MethodRouter<S>,
}

impl<S: Clone + Send + Sync + 'static> Operation<S> {
    /// Registers the one handler of `routes!(handler)`, whose `#[utoipa::path]` names method, path and success.
    ///
    /// # Panics
    /// When the handler's documentation names no path, several, or no success. The table is built at the start of the
    /// program and by every test, so this cannot pass unnoticed.
    pub fn new(access: Access, (schemas, paths, handler): UtoipaMethodRouter<S>) -> Self {
        let mut operations = paths.paths.into_iter().flat_map(|(path, item)| {
            by_method(item).into_iter().map(move |(method, docs)| (path.clone(), method, docs))
        });
        let (Some((path, method, docs)), None) = (operations.next(), operations.next()) else {
            panic!("an operation is one method on one path");
        };
        // Where there are two, the other one is that of an action which finds its work done already.
        let statuses = docs.responses.responses.keys().filter_map(|status| status.parse::<u16>().ok());
        let success = statuses.filter(|status| (200..300).contains(status)).max();
        let Some(success) = success else { panic!("{method} {path} documents no success") };
        Self { method, path, access, intake: Intake::Json, most: None, success, docs, schemas, handler }
    }

    /// Registers an operation that demands `scope`.
    pub fn scoped(scope: Scope, routes: UtoipaMethodRouter<S>) -> Self {
        Self::new(Access::Scope(scope), routes)
    }

    /// Leaves the body to the handler.
    #[must_use]
    pub fn streaming(mut self) -> Self {
        self.intake = Intake::Stream;
        self
    }

    /// Takes a body of any type.
    #[must_use]
    pub fn bytes(mut self) -> Self {
        self.intake = Intake::Bytes;
        self
    }

    /// Lets the body have so many bytes.
    #[must_use]
    pub fn of_at_most(mut self, bytes: usize) -> Self {
        self.most = Some(bytes);
        self
    }

    /// Registers an operation for anybody.
    pub fn public(routes: UtoipaMethodRouter<S>) -> Self {
        Self::new(Access::Public, routes)
    }

    /// Registers an operation that counts against no rate limit.
    pub fn unmetered(routes: UtoipaMethodRouter<S>) -> Self {
        Self::new(Access::Health, routes)
    }

    /// Registers an operation for participants.
    pub fn invited(routes: UtoipaMethodRouter<S>) -> Self {
        Self::new(Access::InviteToken, routes)
    }

    /// Registers an operation for participants whose session has been created.
    pub fn participating(routes: UtoipaMethodRouter<S>) -> Self {
        Self::new(Access::SessionToken, routes)
    }
}

fn by_method(item: PathItem) -> Vec<(Method, Docs)> {
    let all = [
        (Method::GET, item.get),
        (Method::POST, item.post),
        (Method::PATCH, item.patch),
        (Method::PUT, item.put),
        (Method::DELETE, item.delete),
    ];
    all.into_iter().filter_map(|(method, docs)| Some((method, docs?))).collect()
}

/// The method as the OpenAPI document names it.
pub fn documented_method(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::PATCH => HttpMethod::Patch,
        Method::PUT => HttpMethod::Put,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// Puts the table to work: every operation behind its gate, everything else refused in the API's own shape.
///
/// Call it through [`alias_put`] and [`name_put`], since it chooses a request's route, and names the methods of a path, itself.
pub fn router<S: Clone + Send + Sync + 'static>(
    platform: &Arc<Platform>,
    operations: Vec<Operation<S>>,
    state: S,
) -> Router {
    // Counters are only kept once there is a recorder.
    crate::telemetry::metrics();
    let mut router = Router::new();
    for operation in operations {
        let Operation { access, intake, most, .. } = operation;
        let gate = Gate { platform: Arc::clone(platform), access, intake, most };
        let handler = operation.handler.route_layer(from_fn_with_state(gate, gate::pass));
        router = router.route(&operation.path, handler);
    }
    let (unknown, mismatch) = (Arc::clone(platform), Arc::clone(platform));
    router
        .fallback(async move |request: Request| {
            let error = ApiError::not_found();
            gate::refuse(&unknown, request.headers(), request.extensions(), error).await
        })
        .method_not_allowed_fallback(async move |request: Request| {
            let error = ApiError::new(Failure::MethodNotAllowed, "This path does not support the request's method.");
            gate::refuse(&mismatch, request.headers(), request.extensions(), error).await
        })
        .layer(Extension(Arc::clone(platform)))
        .layer(from_fn(observe))
        .with_state(state)
}

/// Makes PUT an alias of PATCH (contract 1).
pub fn alias_put<B>(mut request: axum::http::Request<B>) -> axum::http::Request<B> {
    if request.method() == Method::PUT {
        *request.method_mut() = Method::PATCH;
    }
    request
}

/// Names the alias where a 405 tells which methods there are.
pub fn name_put(mut response: Response) -> Response {
    let allowed = response.headers().get(ALLOW).and_then(|allowed| allowed.to_str().ok());
    let with_alias = allowed.filter(|allowed| allowed.contains("PATCH")).map(|allowed| format!("{allowed},PUT"));
    if let Some(value) = with_alias.and_then(|allowed| HeaderValue::from_str(&allowed).ok()) {
        response.headers_mut().insert(ALLOW, value);
    }
    response
}
