//! What a node knows of an endpoint while it serves it.

use std::collections::BTreeMap;

use aggregates::webhook::WebhookStatus;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use projections::{
    public::{self, Types},
    webhook::{WebhookDocument, WebhookKeys},
};

use super::{
    client::Request,
    secret::{Secret, open_headers},
    signature,
};
use crate::{
    events::Selection,
    store::{Document, Error, Store},
};

/// An endpoint as it is served, its secrets opened.
pub struct Settings {
    /// Its id.
    pub webhook: String,
    /// Its organization.
    pub organization: String,
    /// Version of its stream.
    pub version: i64,
    /// What the API shows of it.
    pub api: WebhookDocument,
    /// Which events it asks for.
    pub selection: Selection,
    secrets: Vec<(Secret, Option<DateTime<Utc>>)>,
    headers: BTreeMap<String, String>,
}

/// The types that patterns stand for. A pattern that no longer stands for anything is no reason to stop.
pub fn types(patterns: &[String]) -> Types {
    let known = |pattern: &&str| public::types().iter().any(|public| public::matches(pattern, public.name));
    // Every pattern that is left matches something, so that none can be refused.
    Types::parse(patterns.iter().map(String::as_str).filter(known)).unwrap_or_else(|_| Types::all())
}

impl Settings {
    /// Reads an endpoint's row and opens what is sealed in it.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the row cannot be read; [`Error::Database`].
    pub async fn open(store: &Store, document: &Document) -> Result<Self, Error> {
        let api: WebhookDocument = serde_json::from_str(&document.json)?;
        let keys: WebhookKeys = serde_json::from_str(document.column("keys").text())?;
        let key = store.organization_key(&document.organization).await?;
        let open = |sealed: &str| {
            Secret::open(&key, &document.id, sealed)
                .ok_or_else(|| Error::Corrupt(format!("the secret of {} cannot be opened", document.id)))
        };
        let mut secrets = vec![(open(&keys.secret)?, None)];
        for former in &keys.former {
            secrets.push((open(&former.sealed)?, Some(former.valid_until)));
        }
        let headers = match &keys.headers {
            None => BTreeMap::new(),
            Some(sealed) => open_headers(&key, &document.id, sealed)
                .ok_or_else(|| Error::Corrupt(format!("the headers of {} cannot be opened", document.id)))?,
        };
        let selection = Selection {
            types: types(&api.event_types),
            campaign: api.campaign_id,
            project: api.project_id,
            with_projects: false,
        };
        Ok(Self {
            webhook: document.id.clone(),
            organization: document.organization.clone(),
            version: document.version,
            api,
            selection,
            secrets,
            headers,
        })
    }

    /// Whether deliveries are to be made.
    pub fn enabled(&self) -> bool {
        self.api.status == WebhookStatus::Enabled
    }

    /// The customer's own headers.
    pub fn headers(&self) -> &BTreeMap<String, String> {
        &self.headers
    }

    /// A signed request with an event.
    pub fn request(&self, event_id: &str, now: DateTime<Utc>, body: Bytes) -> Request {
        let valid = self.secrets.iter().filter(|(_, until)| until.is_none_or(|until| until > now));
        let secrets: Vec<&Secret> = valid.map(|(secret, _)| secret).collect();
        let signed = signature::headers(&secrets, event_id, now.timestamp_micros(), &body);
        let own = self.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
        let headers = own
            .chain([("content-type".to_owned(), "application/json".to_owned())])
            .chain(signed.into_iter().map(|(name, value)| (name.to_owned(), value)))
            .collect();
        Request { url: self.api.url.clone(), headers, body }
    }
}
