//! `keys create`, `keys list` and `keys revoke` (contract 49).

use aggregates::{
    api_key::Scope,
    id::{ApiKeyId, OrganizationId},
};
use serde_json::{Value, json};

use super::{
    args::{KeysCreate, KeysList, KeysRevoke},
    org::{administrator, describe},
};
use crate::{
    command::{
        Answer, Command, Commands,
        api_keys::{CreateApiKey, RevokeApiKey, shown},
    },
    store::{Cursor, Document, Filter, PageQuery, Sort, Store},
    trust::secret_key,
};

/// Keys asked for at once.
const PAGE: i64 = 500;

/// `keys create`.
pub async fn create(commands: &Commands, store: &Store, create: &KeysCreate) -> Result<(), String> {
    let organization = organization(store, &create.org).await?;
    let scopes: Vec<&str> = match create.scopes.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["all"] => Scope::ALL.iter().map(|scope| scope.as_str()).collect(),
        scopes => scopes.to_vec(),
    };
    let secret = secret_key::generate();
    let command = CreateApiKey {
        body: json!({"name": create.name, "scopes": scopes}).into(),
        granted: Scope::ALL.iter().copied().collect(),
        secret: secret.clone(),
    };
    let answer = run(commands, organization, &command).await?;
    let document: Value = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
    let id = document["id"].as_str().unwrap_or_default();
    if create.json {
        say!("{}", json!({"id": id, "key": secret.as_str()}));
    } else {
        say!("{id}\n{}\nThis is the only time that the key is shown.", secret.as_str());
    }
    Ok(())
}

/// `keys list`.
pub async fn list(store: &Store, list: &KeysList) -> Result<(), String> {
    let filters = match &list.org {
        Some(org) => vec![Filter::Equals("org_id", organization(store, org).await?.to_string().into())],
        None => Vec::new(),
    };
    let mut query = PageQuery {
        table: "api_keys",
        filters,
        sort: Sort::Id,
        descending: false,
        limit: PAGE,
        offset: 0,
        after: None,
        counter: None,
    };
    let mut keys = Vec::new();
    loop {
        let page = store.page_of(&query).await.map_err(|error| error.to_string())?;
        let ids = page.documents.iter().map(|document| document.id.clone()).collect();
        let uses = store.key_uses(ids).await.map_err(|error| error.to_string())?;
        for document in &page.documents {
            keys.push(entry(document, uses.get(&document.id).copied())?);
        }
        query.after = page.documents.last().map(|document| Cursor::at(document, query.sort));
        if !page.has_more || query.after.is_none() {
            break;
        }
    }
    if list.json {
        say!("{}", Value::from(keys));
        return Ok(());
    }
    for key in &keys {
        let text = |name: &str| key[name].as_str().unwrap_or("-").to_owned();
        let state = match (&key["revokedAt"], &key["expiresAt"]) {
            (Value::String(at), _) => format!("revoked {at}"),
            (_, Value::String(at)) => format!("expires {at}"),
            _ => "active".to_owned(),
        };
        let (id, org, four, used) = (text("id"), text("organizationId"), text("lastFour"), text("lastUsedAt"));
        say!("{id}  {org}  …{four}  {state}  last used {used}  {}", text("name"));
    }
    Ok(())
}

/// `keys revoke`.
pub async fn revoke(commands: &Commands, store: &Store, revoke: &KeysRevoke) -> Result<(), String> {
    let unknown = || format!("there is no key {}", revoke.id);
    let id: ApiKeyId = revoke.id.parse().map_err(|_| unknown())?;
    let document = store.document_of_any("api_keys", &revoke.id).await.map_err(|error| error.to_string())?;
    let organization = document.and_then(|document| document.organization.parse().ok()).ok_or_else(unknown)?;
    run(commands, organization, &RevokeApiKey { id }).await?;
    say!("{id} is revoked");
    Ok(())
}

/// A key as it is listed: as the API shows it, and whom it speaks for.
fn entry(document: &Document, last_used: Option<i64>) -> Result<Value, String> {
    let mut key: Value = serde_json::from_str(&shown(&document.json, last_used)).map_err(|error| error.to_string())?;
    key["organizationId"] = document.organization.as_str().into();
    Ok(key)
}

async fn organization(store: &Store, id: &str) -> Result<OrganizationId, String> {
    let found = store.document_of_any("organizations", id).await.map_err(|error| error.to_string())?;
    found.and_then(|_| id.parse().ok()).ok_or_else(|| format!("--org: there is no organization {id}"))
}

async fn run<C: Command>(commands: &Commands, organization: OrganizationId, command: &C) -> Result<Answer, String> {
    let outcome = commands.run(&administrator(organization), None, command).await.map_err(|error| error.to_string())?;
    outcome.result.map_err(|refusal| describe(&refusal))
}
