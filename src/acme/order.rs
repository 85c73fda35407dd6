//! The authority's side of it: the account, and one order from its beginning to the certificate.

use std::{future::Future, path::Path, pin::Pin, time::Duration};

use axum::http::Request;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType, Error, HttpClient,
    Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};

use super::{Settings, certificate::Stored};

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(30);
/// How long an authority may take to look at the answers, and again to write the certificate.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));
/// Bytes of an answer. Certificate chains have a few thousand.
const ANSWER: usize = 1 << 20;

/// What an order needs to have around it.
pub(super) trait Desk: Sync {
    /// The account as it was kept, if there is one with this directory.
    fn account(&self) -> impl Future<Output = Option<AccountCredentials>> + Send;
    /// Keeps an account, or forgets what was kept.
    fn keep_account(&self, account: Option<&AccountCredentials>) -> impl Future<Output = Result<(), String>> + Send;
    /// Makes the answer to a challenge known to whoever may be asked.
    fn publish(&self, token: &str, answer: &str) -> impl Future<Output = Result<(), String>> + Send;
}

/// Speaks to the authority.
pub(super) struct Authority {
    http: Http,
    settings: Settings,
}

impl Authority {
    /// Prepares to ask.
    ///
    /// # Errors
    /// When the file with the roots is of no use; the message names it.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let mut http =
            reqwest::Client::builder().timeout(REQUEST).https_only(true).redirect(reqwest::redirect::Policy::none());
        if let Some(file) = &settings.ca_file {
            http = http.tls_certs_only(roots(file)?);
        }
        let http = Http(http.build().map_err(|error| error.to_string())?);
        Ok(Self { http, settings })
    }

    /// Orders a certificate.
    ///
    /// # Errors
    /// What stood in the way, in words for the operator.
    pub async fn order(&self, desk: &impl Desk) -> Result<Stored, String> {
        let known = desk.account().await;
        let fresh = known.is_none();
        let account = self.account(known, desk).await?;
        let identifiers: Vec<_> = self.settings.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = match account.new_order(&NewOrder::new(&identifiers)).await {
            Err(Error::Api(problem)) if !fresh && is_lost(problem.r#type.as_deref()) => {
                // The next attempt makes a new account.
                desk.keep_account(None).await?;
                return Err(format!("the authority does not know the account any more: {problem}"));
            }
            order => order.map_err(told)?,
        };
        prove(&mut order, desk).await?;
        match order.poll_ready(&PATIENCE).await {
            Ok(OrderStatus::Ready) => {}
            Ok(_) => return Err(reasons(&mut order).await),
            Err(Error::Api(problem)) => return Err(format!("{problem}; {}", reasons(&mut order).await)),
            Err(error) => return Err(told(error)),
        }
        let key = order.finalize().await.map_err(told)?;
        let chain = order.poll_certificate(&PATIENCE).await.map_err(told)?;
        let Settings { directory, domains, .. } = self.settings.clone();
        Ok(Stored { directory, domains, chain, key })
    }

    async fn account(&self, known: Option<AccountCredentials>, desk: &impl Desk) -> Result<Account, String> {
        let builder = Account::builder_with_http(Box::new(self.http.clone()));
        if let Some(known) = known {
            return builder.from_credentials(known).await.map_err(told);
        }
        // Whoever sets `acme-domain` has agreed to the authority's terms.
        let new = NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
        let made = builder.create(&new, self.settings.directory.clone(), None).await;
        let (account, credentials) = made.map_err(told)?;
        desk.keep_account(Some(&credentials)).await?;
        Ok(account)
    }
}

/// Answers whatever challenges of an order are open.
async fn prove(order: &mut Order, desk: &impl Desk) -> Result<(), String> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(told)?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let mut challenge = authorization
            .challenge(ChallengeType::Http01)
            .ok_or_else(|| format!("the authority offers no HTTP-01 challenge for {name}"))?;
        desk.publish(&challenge.token, challenge.key_authorization().as_str()).await?;
        challenge.set_ready().await.map_err(told)?;
    }
    Ok(())
}

/// Why an order came to nothing, as far as its authorizations tell.
async fn reasons(order: &mut Order) -> String {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() {
            continue;
        }
        let name = authorization.identifier().to_string();
        let problems = authorization.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        reasons.extend(problems.map(|problem| format!("{name}: {problem}")));
    }
    if reasons.is_empty() { "the authority refused the order".to_owned() } else { reasons.join("; ") }
}

fn is_lost(problem: Option<&str>) -> bool {
    problem == Some("urn:ietf:params:acme:error:accountDoesNotExist")
}

/// An error with what lies behind it: "error sending request" alone helps nobody.
fn told(error: Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn roots(file: &Path) -> Result<Vec<reqwest::Certificate>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("acme-ca-file = {}: {error}", file.display());
    let pem = std::fs::read(file).map_err(|error| failed(&error))?;
    match reqwest::Certificate::from_pem_bundle(&pem) {
        Ok(roots) if roots.is_empty() => Err(failed(&"holds no certificate")),
        Ok(roots) => Ok(roots),
        Err(error) => Err(failed(&error)),
    }
}

/// The HTTP client of everything else, in the shape that is wanted here.
#[derive(Clone)]
struct Http(reqwest::Client);

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            // There is nothing that could go wrong with bytes in memory.
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let request = Request::from_parts(parts, body).try_into().map_err(other)?;
            let answer: axum::http::Response<reqwest::Body> = client.execute(request).await.map_err(other)?.into();
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER).collect().await.map_err(Error::Other)?.to_bytes();
            Ok(BytesResponse { parts, body: Box::new(body) })
        })
    }
}

fn other(error: reqwest::Error) -> Error {
    Error::Other(Box::new(error))
}
