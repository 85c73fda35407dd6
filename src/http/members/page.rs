//! `/members/accept/{token}`: the page behind the link of an invitation. It has no script: a form with one button, which is
//! what accepts. Opening the page changes nothing, because mail scanners do it too.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use minijinja::{Environment, context};
use projections::{
    member::{MemberDocument, MemberStatus},
    organization::OrganizationDocument,
};

use crate::{
    app::{App, MEMBER},
    command::{Caller, members::AcceptInvitation},
    http::{ApiError, Guest, NoBody, Token, interview::assets},
    mail::{builtin, member_words::accepted},
};

const LAYOUT: &str = include_str!("../../../assets/members/page.html");
/// Nothing but the style sheet of this server, and forms that go nowhere else.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The page of an invitation
///
/// What the link in an invitation's mail opens. Opening it accepts nothing.
#[utoipa::path(get, path = "/members/accept/{token}", operation_id = "openInvitationPage", tag = "Organization",
    params(("token" = String, Path, description = "The token of the invitation's link.")),
    responses((status = 200, description = "The page.", content_type = "text/html"),
        (status = 404, description = "No such link. The page says so.", content_type = "text/html")))]
pub async fn page(State(app): State<Arc<App>>, headers: HeaderMap, Token(token): Token) -> Result<Response, ApiError> {
    show(&app, &headers, &token).await
}

/// Accept an invitation on its page
///
/// What the button of the page does.
#[utoipa::path(post, path = "/members/accept/{token}", operation_id = "acceptInvitationOnPage", tag = "Organization",
    params(("token" = String, Path, description = "The token of the invitation's link.")),
    responses((status = 200, description = "The page, which says what came of it.", content_type = "text/html"),
        (status = 404, description = "No such link. The page says so.", content_type = "text/html")))]
pub async fn accept(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    guest: Guest,
    Token(token): Token,
    NoBody: NoBody,
) -> Result<Response, ApiError> {
    if let Some((_, invitation)) = app.commands.invitation(&token).await? {
        let request_id = guest.request_id.as_str().to_owned();
        let caller = Caller { organization: invitation.organization, actor: MEMBER.to_owned(), request_id };
        // Should it be refused, the page says where the invitation stands.
        _ = app.commands.run(&caller, None, &AcceptInvitation(invitation)).await?;
    }
    show(&app, &headers, &token).await
}

async fn show(app: &App, headers: &HeaderMap, token: &str) -> Result<Response, ApiError> {
    let languages = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let words = accepted(languages);
    let mut known = None;
    if let Some((row, _)) = app.commands.invitation(token).await? {
        let member: MemberDocument = serde_json::from_str(&row.json).map_err(ApiError::internal)?;
        let company = app.store.document_of_any("organizations", &row.organization).await?;
        let company = company.ok_or_else(|| ApiError::internal("the organization of a member is gone"))?;
        let company: OrganizationDocument = serde_json::from_str(&company.json).map_err(ApiError::internal)?;
        known = Some((member, company.name));
    }
    let now = app.commands.now();
    let state = match &known {
        None => "unknown",
        Some((member, _)) if member.status == MemberStatus::Active => "accepted",
        Some((member, _)) if member.expires_at.is_some_and(|end| now < end) => "open",
        Some(_) => "expired",
    };
    let expires_at = known.as_ref().and_then(|(member, _)| member.expires_at);
    let shown = context! {
        state,
        organization => known.as_ref().map(|(_, name)| name.as_str()),
        role => known.as_ref().map(|(member, _)| words.role(member.role)),
        expiresOn => expires_at.map(|end| builtin::language(words.tag).date(end)),
        language => words.tag,
        direction => builtin::direction(words.tag),
        version => &*assets::VERSION,
    };
    // The name decides that texts are escaped.
    let html = Environment::new().render_named_str("page.html", &words.filled(LAYOUT), &shown);
    let mut response = Response::new(Body::from(html.map_err(ApiError::internal)?));
    if known.is_none() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    Ok(response)
}
