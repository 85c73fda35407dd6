//! What can be done with organizations.

use aggregates::{
    Code, Refusal,
    api_key::{ApiKey, ApiKeyCommand, NewApiKey, Scope},
    file::{Content, File, FileCommand, name},
    id::{ApiKeyId, FileId, OrganizationId},
    organization::{Logo, Organization, OrganizationCommand, OrganizationPatch, OrganizationPatchInput, Plan},
    value::{Change, Input},
};
use projections::organization::{OrganizationDocument, logo_path};
use serde::Deserialize;

use super::{Answer, Command, Commands, Sent, Stop, Work, not_found};
use crate::{
    http::extract::IfMatch,
    store::{self, end_of_upload},
    trust::secret_key,
};

/// Counts the organizations of the installation.
const COUNTER: &str = "organizations";

/// Creates an organization (contract 48, 49), with a key that holds every scope if one is given.
pub struct CreateOrganization {
    /// The new organization; it must be the caller's.
    pub id: OrganizationId,
    /// Its display name.
    pub name: String,
    /// Its plan.
    pub plan: Plan,
    /// Opening balance in hundredths of a credit.
    pub credits: i64,
    /// Id and secret of its first key.
    pub key: Option<(ApiKeyId, String)>,
    /// Only if there is none yet: of several nodes that start at once on an empty store, one does it.
    pub only_first: bool,
}

impl Command for CreateOrganization {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        if self.only_first && work.counter(COUNTER.to_owned()).await? > 0 {
            return Err(Refusal::new(Code::Conflict, "There is an organization already.").into());
        }
        let create = OrganizationCommand::Create {
            organization_id: self.id,
            name: self.name.clone(),
            plan: self.plan,
            opening_credits: self.credits,
        };
        work.execute::<Organization>(self.id, create)?;
        work.write(work.store().new_organization_key(&self.id.to_string()));
        if let Some((key_id, secret)) = &self.key {
            let key = NewApiKey {
                name: "First key".to_owned(),
                scopes: Scope::ALL.iter().copied().collect(),
                expires_at: None,
            };
            let create = ApiKeyCommand::Create {
                key_id: *key_id,
                organization_id: self.id,
                key,
                secret_hash: secret_key::hash(secret),
                last_four: secret_key::last_four(secret),
            };
            work.execute::<ApiKey>(*key_id, create)?;
        }
        Ok(Answer::created(String::new(), work.document::<Organization>(self.id)?))
    }
}

/// `PATCH /v1/organization`.
pub struct UpdateOrganization {
    /// The versions that the client is willing to change.
    pub if_match: IfMatch,
    /// The request's body.
    pub body: Sent,
}

impl Command for UpdateOrganization {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let id = work.caller().organization;
        let organization: Organization = work.load_expected(id, &self.if_match).await?;
        let shown = organization.logo.as_ref().map(|logo| match logo {
            Logo::File(file) => format!("{}{}", work.commands().public_url, logo_path(*file)),
            Logo::Url(url) => url.clone(),
        });
        let patch = OrganizationPatchInput::from_json(self.body.json()?)?.validate(shown.as_deref())?;
        if !patch.logo.is_keep() {
            delete_logo(work, &organization).await?;
        }
        work.execute::<Organization>(id, OrganizationCommand::Update(patch))?;
        shown_now(work, Answer::ok)
    }
}

/// `POST /v1/organization/logo`, once the bytes are stored and known to be a picture.
pub struct StoreLogo {
    /// The new file.
    pub id: FileId,
    /// What it is called.
    pub name: String,
    /// What is stored.
    pub content: Content,
}

impl Command for StoreLogo {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let organization_id = work.caller().organization;
        // Its version is checked at the commit, so of two uploads at once the later one finds the earlier one's file.
        let organization: Organization = work.load(organization_id).await?;
        delete_logo(work, &organization).await?;
        let (file_id, content) = (self.id, self.content.clone());
        let store = FileCommand::StoreLogo { file_id, organization_id, name: name::clean(&self.name), content };
        work.execute::<File>(file_id, store)?;
        work.write(end_of_upload(&self.content.storage_key));
        let patch = OrganizationPatch { logo: Change::Set(Logo::File(file_id)), ..OrganizationPatch::default() };
        work.execute::<Organization>(organization_id, OrganizationCommand::Update(patch))?;
        let location = format!("{}{}", work.commands().public_url, logo_path(file_id));
        shown_now(work, |document| Answer::created(location, document))
    }
}

/// Deletes the picture that is the organization's logo until now.
async fn delete_logo(work: &mut Work<'_>, organization: &Organization) -> Result<(), Stop> {
    let Some(Logo::File(file)) = organization.logo else { return Ok(()) };
    match work.load::<File>(file).await {
        Ok(_) => work.execute::<File>(file, FileCommand::Delete),
        // It was replaced since the organization was read, whose version does not hold at the commit: this runs again.
        Err(Stop::Refused(refusal)) if refusal.code == Code::NotFound => Ok(()),
        Err(stop) => Err(stop),
    }
}

fn shown_now(work: &Work<'_>, answer: impl FnOnce(String) -> Answer) -> Result<Answer, Stop> {
    let id = work.caller().organization;
    let row = work.row::<Organization>(id).ok_or_else(not_found)?;
    let document = work.commands().shown_organization(row.api.clone()).map_err(store::Error::from)?;
    Ok(answer(document).tagged(work.version::<Organization>(id).to_string()))
}

impl Commands {
    /// The API's representation of an organization: an uploaded logo has an address of this installation.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn shown_organization(&self, mut document: OrganizationDocument) -> serde_json::Result<String> {
        document.logo = logo_url(&self.public_url, &document);
        serde_json::to_string(&document)
    }

    /// Where an organization's links begin: at its own domain, if it has one.
    pub fn link_base(&self, domain: Option<&str>) -> String {
        domain.map_or_else(|| self.public_url.clone(), |domain| format!("https://{domain}"))
    }

    /// The same, for queries.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn link_base_of(&self, organization: &str) -> Result<String, store::Error> {
        #[derive(Default, Deserialize)]
        struct Found {
            domain: Option<String>,
        }
        let row = self.store.document_of_any("organizations", organization).await?;
        let found: Found = row.and_then(|row| serde_json::from_str(&row.json).ok()).unwrap_or_default();
        Ok(self.link_base(found.domain.as_deref()))
    }
}

/// The address of an organization's logo, which begins with `base` where it was uploaded.
pub fn logo_url(base: &str, document: &OrganizationDocument) -> Option<String> {
    match document.logo_file() {
        Some(file) => Some(format!("{base}{}", logo_path(file))),
        None => document.logo.clone(),
    }
}
