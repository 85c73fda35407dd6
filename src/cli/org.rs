//! `org create`, and the organization of the first start.

use aggregates::{Code, id::OrganizationId, organization::Plan};
use serde_json::json;
use zeroize::Zeroizing;

use super::args::OrgCreate;
use crate::{
    command::{Caller, Commands, organizations::CreateOrganization},
    trust::secret_key,
};

/// Hundredths of a credit.
const HUNDREDTHS: i64 = 100;

/// What administrators' commands are recorded as.
pub fn administrator(organization: OrganizationId) -> Caller {
    Caller { organization, actor: "administrator".to_owned(), request_id: "cli".to_owned() }
}

/// `org create`.
pub async fn create(commands: &Commands, create: &OrgCreate) -> Result<(), String> {
    let plan: Plan = create.plan.parse().map_err(|_| format!("--plan: there is no plan {}", create.plan))?;
    let id: OrganizationId = commands.ids.next();
    let organization = CreateOrganization {
        id,
        name: create.name.clone(),
        plan,
        credits: create.credits.map_or(plan.included_credits(), i64::from) * HUNDREDTHS,
        key: None,
        only_first: false,
    };
    let outcome = commands.run(&administrator(id), None, &organization).await.map_err(|error| error.to_string())?;
    outcome.result.map_err(|refusal| describe(&refusal))?;
    if create.json {
        say!("{}", json!({"id": id, "name": create.name, "plan": plan.as_str()}));
    } else {
        say!("{id}  {}  {}", create.name, plan.as_str());
    }
    Ok(())
}

/// Makes one organization with one key when there is none (contract 48); answers that key.
///
/// # Errors
/// When the store fails.
pub async fn first_start(commands: &Commands) -> Result<Option<Zeroizing<String>>, String> {
    let id: OrganizationId = commands.ids.next();
    let key = secret_key::generate();
    let organization = CreateOrganization {
        id,
        name: "My organization".to_owned(),
        plan: Plan::Professional,
        credits: Plan::Professional.included_credits() * HUNDREDTHS,
        key: Some((commands.ids.next(), key.to_string())),
        only_first: true,
    };
    let outcome = commands.run(&administrator(id), None, &organization).await.map_err(|error| error.to_string())?;
    match outcome.result {
        Ok(_) => Ok(Some(key)),
        Err(refusal) if refusal.code == Code::Conflict => Ok(None),
        Err(refusal) => Err(describe(&refusal)),
    }
}

/// A refusal as one line.
pub fn describe(refusal: &aggregates::Refusal) -> String {
    let fields: Vec<_> = refusal.fields.iter().map(|field| format!("{} {}", field.field, field.message)).collect();
    if fields.is_empty() { refusal.message.clone() } else { fields.join("; ") }
}
