//! `POST /v1/email-events/{provider}`.

use std::sync::Arc;

use aggregates::{FieldError, id::OrganizationId, invite::MailReport};
use axum::{extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    app::App,
    command::{self, Caller, mail_reports::ReportMail},
    http::{ApiError, Token, answer, error::Failure, extract::Bytes},
    mail::reports::{Refused, Report, Request},
};

/// What was done with a report.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"reported": 1}))]
pub struct Reported {
    /// How many things it reports about mails of this installation.
    pub reported: usize,
}

/// Report what became of mails
///
/// For `ses` (SNS messages), `sendgrid` (signed events), `postmark` (webhooks with basic authentication) and `rfc3464` (bounce
/// messages as they are, with `Authorization: Bearer` and the secret of the settings). A provider that the settings do not
/// provide for is unknown. Reports about mails of others are taken and ignored.
#[utoipa::path(post, path = "/v1/email-events/{provider}", operation_id = "reportEmailEvents", tag = "Mail",
    params(("provider" = String, Path, description = "`ses`, `sendgrid`, `postmark` or `rfc3464`.")),
    request_body(content = String, content_type = "application/octet-stream", description = "The report as the provider writes it."),
    responses((status = 200, description = "It was taken.", body = Reported),
        (status = 401, description = "It is not proved that the provider sent it.")))]
pub async fn report(
    State(app): State<Arc<App>>,
    Token(provider): Token,
    headers: HeaderMap,
    Bytes(body): Bytes,
) -> Result<Response, ApiError> {
    let request = Request { headers: &headers, body: &body, now: app.commands.now() };
    let reports = app.mail.read(&provider, request).await.map_err(refused)?;
    let reported = reports.len();
    record(&app, &provider, reports).await?;
    Ok(answer::ok(json!({"reported": reported}).to_string()))
}

fn refused(why: Refused) -> ApiError {
    match why {
        Refused::Unknown => ApiError::not_found(),
        Refused::Unproved(message) => ApiError::new(Failure::Unauthorized, message),
        Refused::Unreadable(message) => {
            ApiError::invalid_request(message, vec![FieldError::new("body", "invalid_format", message)])
        }
        Refused::Unavailable => ApiError::unavailable(30),
    }
}

/// Writes reports down. Whose invite it is, the invite's own row says.
///
/// # Errors
/// When the store fails; what was written stays, and reporting all of it again does no harm.
pub(super) async fn record(app: &App, source: &str, reports: Vec<Report>) -> Result<(), command::Error> {
    for Report { mail, fate } in reports {
        let found = app.store.document_of_any("invites", &mail.invite.to_string()).await?;
        let organization = found.and_then(|row| row.organization.parse::<OrganizationId>().ok());
        let Some(organization) = organization else { continue };
        let caller = Caller { organization, actor: format!("mail/{source}"), request_id: "mail-report".to_owned() };
        let report = ReportMail { invite: mail.invite, report: MailReport { mail: mail.mail, fate }, settles: None };
        app.commands.run(&caller, None, &report).await?;
    }
    Ok(())
}
