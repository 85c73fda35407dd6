//! Bringing organizations into being (contract 48, 49).

use aggregates::{
    Code, Refusal,
    api_key::{ApiKey, ApiKeyCommand, NewApiKey, Scope},
    id::{ApiKeyId, OrganizationId},
    organization::{Organization, OrganizationCommand, Plan},
};

use super::{Answer, Command, Stop, Work};
use crate::trust::secret_key;

/// Counts the organizations of the installation.
const COUNTER: &str = "organizations";

/// Creates an organization, with a key that holds every scope if one is given.
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
