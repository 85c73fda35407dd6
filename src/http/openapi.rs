//! The OpenAPI document, assembled from the route table. What all operations share is written here once.

use std::collections::BTreeMap;

use aggregates::{Code, FieldError};
use axum::{http::Method, response::Response};
use bytes::Bytes;
use projections::public;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::{
    ToSchema,
    openapi::{
        ComponentsBuilder, Content, HeaderBuilder, Info, License, ObjectBuilder, OpenApi, OpenApiBuilder, PathsBuilder,
        Ref, RefOr, Required, ResponseBuilder, Schema, Tag,
        extensions::ExtensionsBuilder,
        header::Header,
        path::{Operation as Docs, ParameterBuilder, ParameterIn, PathItem},
        schema::{ArrayItems, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::{Access, Operation, answer, error::Failure, operation::documented_method};

/// As it is served: made once, when it is checked in, and not at every start; a test compares it with the route table.
const CHECKED_IN: &[u8] = include_bytes!("../../openapi.json");

/// This API as an OpenAPI 3.1 document
#[utoipa::path(get, path = "/openapi.json", operation_id = "getOpenApi", tag = "Service",
    responses((status = 200, description = "The document.", body = Object, example = json!({
        "openapi": "3.1.0", "info": {"title": TITLE, "version": env!("CARGO_PKG_VERSION")}, "paths": {},
    }))))]
pub async fn show() -> Response {
    answer::ok(Bytes::from_static(CHECKED_IN))
}

/// How every error looks (contract 3).
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Error {
    /// What went wrong.
    pub error: ErrorBody,
}

/// What went wrong.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ErrorBody {
    /// A stable word for the kind of failure.
    #[schema(example = "VALIDATION_ERROR")]
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// `fields` lists every offending field; other members depend on the code.
    pub details: ErrorDetails,
    /// Quote it when you ask for help.
    pub request_id: String,
    /// With 429: the seconds to wait.
    pub retry_after: Option<u64>,
}

/// More about a failure.
#[derive(ToSchema)]
pub struct ErrorDetails {
    /// Every offending field at once.
    pub fields: Option<Vec<ErrorField>>,
}

/// One offending field.
#[derive(ToSchema)]
pub struct ErrorField {
    /// Path of the field.
    #[schema(example = "questions[1].type")]
    pub field: String,
    /// A stable word for the rule.
    #[schema(example = "invalid_enum")]
    pub code: String,
    /// One sentence for people.
    pub message: String,
}

/// The failures that operations share, by the name of the response component.
fn shared_failures() -> Vec<(&'static str, Failure, &'static str)> {
    vec![
        ("BadRequest", Failure::Refused(Code::InvalidRequest), "The request is malformed."),
        ("Unauthorized", Failure::Unauthorized, "The API key is missing, invalid, expired or revoked."),
        ("Forbidden", Failure::Forbidden, "The API key lacks the scope."),
        ("NotFound", Failure::Refused(Code::NotFound), "There is no such resource."),
        (
            "Conflict",
            Failure::Refused(Code::Conflict),
            "The state of the resource, or a request that still runs, forbids it.",
        ),
        (
            "PreconditionFailed",
            Failure::Refused(Code::PreconditionFailed),
            "The resource has changed since the version that `If-Match` names.",
        ),
        ("PayloadTooLarge", Failure::PayloadTooLarge, "The body is too large."),
        (
            "UnsupportedMediaType",
            Failure::UnsupportedMediaType,
            "The body, or the file in it, is of a type that is not taken.",
        ),
        ("ValidationError", Failure::Refused(Code::ValidationError), "Fields break rules."),
        ("RateLimited", Failure::Refused(Code::RateLimited), "Too many requests."),
        ("InternalError", Failure::Internal, "A defect of the server."),
        ("ServiceUnavailable", Failure::Unavailable, "A temporary outage or overload."),
    ]
}

const SHARED_HEADERS: [(&str, &str, Type); 4] = [
    ("X-Request-Id", "The id of the request: yours, if you sent one.", Type::String),
    ("X-RateLimit-Limit", "Requests per minute.", Type::Integer),
    ("X-RateLimit-Remaining", "Requests left in this minute.", Type::Integer),
    ("X-RateLimit-Reset", "When the next minute starts, in epoch seconds.", Type::Integer),
];

/// The schemas of the document, by their names.
type Schemas = BTreeMap<String, RefOr<Schema>>;

/// Assembles the document.
pub fn document<S>(operations: &[Operation<S>]) -> OpenApi {
    let mut schemas = vec![(Error::name().into_owned(), <Error as utoipa::PartialSchema>::schema())];
    Error::schemas(&mut schemas);
    schemas.extend(operations.iter().flat_map(|operation| operation.schemas.clone()));
    let schemas = Schemas::from_iter(schemas);
    let mut paths = PathsBuilder::new();
    let bearer = |description: &str| {
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build())
    };
    let mut components = ComponentsBuilder::new()
        .security_scheme(
            "apiKey",
            bearer("An API key of your organization. Each operation names the scope that it needs."),
        )
        .security_scheme(
            "sessionToken",
            bearer("The `sessionToken` of a participant, which works together with the invite token in the path only."),
        );
    for operation in operations {
        let docs = complete(operation, &schemas);
        paths = paths.path(&operation.path, PathItem::new(documented_method(&operation.method), docs));
    }
    components = components.schemas_from_iter(schemas);
    for (name, failure, description) in shared_failures() {
        components = components.response(name, failure_response(failure, description));
    }
    for (name, description, kind) in SHARED_HEADERS {
        components = components.header(name, header(description, kind));
    }
    let mut info = Info::new(TITLE, env!("CARGO_PKG_VERSION"));
    info.description = Some(INTRODUCTION.to_owned());
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".to_owned());
    info.license = Some(license);
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components.build()))
        .tags(Some(tags(operations)))
        .build()
}

const TITLE: &str = "InterviewRelay API";

const INTRODUCTION: &str = "Campaigns, invites and interviews. Every list is paginated, every error has the same shape, \
                            every POST takes an `Idempotency-Key`, and PUT is an alias of PATCH.";

/// The document as text, as it is checked in.
///
/// # Errors
/// Never in practice: the document is plain data.
pub fn text<S>(operations: &[Operation<S>]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Whole::new(operations)?).map(|text| text + "\n")
}

/// The document with what is sent to subscribers, whose schemas come as JSON from the table of public events.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    document: OpenApi,
    webhooks: BTreeMap<&'static str, Value>,
}

impl Whole {
    fn new<S>(operations: &[Operation<S>]) -> serde_json::Result<Self> {
        let webhooks = public::types().iter().map(|event| Ok((event.name, webhook(event)?)));
        Ok(Self { document: document(operations), webhooks: webhooks.collect::<serde_json::Result<_>>()? })
    }
}

fn webhook(event: &public::PublicType) -> serde_json::Result<Value> {
    let id = event.name.split(['.', '_']).fold(String::from("on"), |id, word| {
        let (first, rest) = word.split_at(word.len().min(1));
        id + &first.to_uppercase() + rest
    });
    Ok(json!({"post": {
        "operationId": id,
        "summary": event.summary,
        "tags": ["Webhooks"],
        "requestBody": {"required": true, "content": {"application/json": {
            "schema": event.schema()?, "example": event.example()?,
        }}},
        "responses": {"2XX": {"description": "It was received. Anything else is tried again."}},
    }}))
}

fn tags<S>(operations: &[Operation<S>]) -> Vec<Tag> {
    let mut names: Vec<&String> = Vec::new();
    for tag in operations.iter().flat_map(|operation| operation.docs.tags.iter().flatten()) {
        if !names.contains(&tag) {
            names.push(tag);
        }
    }
    names.into_iter().map(Tag::new).collect()
}

/// Adds to an operation's own documentation what follows from the table.
fn complete<S>(operation: &Operation<S>, schemas: &Schemas) -> Docs {
    let mut docs = operation.docs.clone();
    let has_body = docs.request_body.is_some();
    let has_parameter = operation.path.contains('{');
    let has_query = docs.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Query,
        RefOr::Ref(_) => false,
    });
    let mut failures = vec!["RateLimited", "InternalError", "ServiceUnavailable"];
    match operation.access {
        Access::Scope(scope) => {
            failures.extend(["Unauthorized", "Forbidden"]);
            docs.security = Some(vec![SecurityRequirement::new("apiKey", [scope.to_string()])]);
            docs.extensions = Some(ExtensionsBuilder::new().add("x-required-scope", scope.to_string()).build());
        }
        Access::SessionToken => {
            failures.push("Unauthorized");
            docs.security = Some(vec![SecurityRequirement::new("sessionToken", [] as [&str; 0])]);
        }
        Access::Public | Access::Health | Access::InviteToken | Access::Mail => docs.security = Some(Vec::new()),
    }
    if has_parameter {
        failures.push("NotFound");
    }
    match operation.method {
        Method::POST => {
            docs.parameters.get_or_insert_default().push(RefOr::T(idempotency_key()));
            // What a key that was used otherwise is told.
            failures.push("ValidationError");
        }
        Method::PATCH => {
            docs.parameters.get_or_insert_default().push(RefOr::T(if_match()));
            failures.push("PreconditionFailed");
        }
        _ => {}
    }
    if operation.method != Method::GET {
        failures.push("Conflict");
    }
    if has_body || has_query || operation.method == Method::POST {
        failures.push("BadRequest");
    }
    if has_body {
        failures.extend(["PayloadTooLarge", "UnsupportedMediaType", "ValidationError"]);
    }
    for (status, response) in &mut docs.responses.responses {
        if let RefOr::T(response) = response {
            if status == "201" {
                let location = header("Where what was created lives, if it can be asked for.", Type::String);
                response.headers.insert("Location".to_owned(), RefOr::T(location));
            }
            for (name, ..) in SHARED_HEADERS {
                let reference = Ref::new(format!("#/components/headers/{name}"));
                response.headers.entry(name.to_owned()).or_insert(RefOr::Ref(reference));
            }
            if response.content.is_empty()
                && let Some(failure) = worded_failure(status)
            {
                let content = failure_content(failure, &response.description);
                response.content.insert("application/json".to_owned(), RefOr::T(content));
            }
            response.content.values_mut().for_each(|content| illustrate(content, schemas));
        }
    }
    if let Some(RefOr::T(body)) = &mut docs.request_body {
        body.content.values_mut().for_each(|content| illustrate(content, schemas));
    }
    for (name, failure, _) in shared_failures().into_iter().filter(|(name, ..)| failures.contains(name)) {
        let status = failure.status_and_code().0.as_str().to_owned();
        let reference = RefOr::Ref(Ref::from_response_name(name));
        docs.responses.responses.entry(status).or_insert(reference);
    }
    docs
}

/// Gives a body the example that its schema does not show by itself.
fn illustrate(content: &mut RefOr<Content>, schemas: &Schemas) {
    if let RefOr::T(content) = content
        && let Some(schema) = &content.schema
        && content.example.is_none()
        && !matches!(resolved(schema, schemas), Some(Schema::Object(object)) if object.example.is_some())
    {
        content.example = example(schema, schemas);
    }
}

/// The example of a schema: its own, or what those of its parts make together.
fn example(schema: &RefOr<Schema>, schemas: &Schemas) -> Option<Value> {
    match resolved(schema, schemas)? {
        Schema::Object(object) if object.example.is_some() || object.properties.is_empty() => object.example.clone(),
        Schema::Object(object) => {
            let parts = object.properties.iter();
            parts.map(|(name, part)| Some((name.clone(), example(part, schemas)?))).collect()
        }
        Schema::Array(array) => match &array.items {
            ArrayItems::RefOrSchema(item) => Some(json!([example(item, schemas)?])),
            ArrayItems::False => None,
        },
        Schema::AllOf(all) => {
            let mut whole = Map::new();
            for part in &all.items {
                whole.append(example(part, schemas)?.as_object_mut()?);
            }
            Some(whole.into())
        }
        _ => None,
    }
}

fn resolved<'a>(schema: &'a RefOr<Schema>, schemas: &'a Schemas) -> Option<&'a Schema> {
    match schema {
        RefOr::T(schema) => Some(schema),
        RefOr::Ref(to) => resolved(schemas.get(to.ref_location.rsplit('/').next()?)?, schemas),
    }
}

fn idempotency_key() -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "1 to 255 characters of your choice. For 24 hours a repeated request with the same key gets the first answer \
             again, with `Idempotent-Replayed: true`.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255))))
        .build()
}

fn if_match() -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The `ETag` of the state that you want to change. If it has changed, nothing happens (412)."))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

fn header(description: &str, kind: Type) -> Header {
    HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(kind))).description(Some(description)).build()
}

/// The failure that an operation means when it describes a status in words of its own. For 409 only transcripts do so.
fn worded_failure(status: &str) -> Option<Failure> {
    let failures = [
        Failure::Unauthorized,
        Failure::Refused(Code::TranscriptNotReady),
        Failure::Refused(Code::Erased),
        Failure::PayloadTooLarge,
        Failure::RangeNotSatisfiable,
        Failure::Unavailable,
    ];
    failures.into_iter().find(|failure| failure.status_and_code().0.as_str() == status)
}

fn failure_response(failure: Failure, description: &str) -> utoipa::openapi::Response {
    let content = failure_content(failure, description);
    let mut builder = ResponseBuilder::new().description(description).content("application/json", content);
    for (name, ..) in SHARED_HEADERS {
        builder = builder.header_ref(name, Ref::new(format!("#/components/headers/{name}")));
    }
    builder.build()
}

fn failure_content(failure: Failure, description: &str) -> Content {
    let error = super::ApiError::new(failure, description);
    let error = match failure {
        Failure::Refused(Code::RateLimited) => super::ApiError::rate_limited(45),
        Failure::Refused(Code::InvalidRequest | Code::ValidationError) => {
            error.with_fields(vec![FieldError::new("name", "required", "This field is required.")])
        }
        _ => error,
    };
    let example = serde_json::from_slice(&error.body("req_01hm6q5v8qf2x")).unwrap_or_else(|_| json!({}));
    let mut content = Content::new(Some(Ref::from_schema_name("Error")));
    content.example = Some(example);
    content
}
