//! The organization's state and rules.

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Entity, Refusal,
    id::OrganizationId,
    organization::{
        Logo, OrganizationCommand, OrganizationCreated, OrganizationError, OrganizationEvent, OrganizationPatch,
        OrganizationUpdated, Plan,
    },
    value::{Document, Validator, settings},
};

/// An organization, as far as its rules need to know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id, once it exists.
    pub id: Option<OrganizationId>,
    /// Its display name.
    pub name: String,
    /// Its plan.
    pub plan: Plan,
    /// The balance in hundredths of a credit (contract 37).
    pub balance: i64,
    /// Its logo.
    pub logo: Option<Logo>,
    /// The host name of its interview links, where it has one of its own.
    pub domain: Option<String>,
    /// Its colour, `#RRGGBB`.
    pub brand_color: Option<String>,
    /// Settings that its scripts and campaigns inherit (contract 16).
    pub settings: Document,
}

impl Organization {
    /// Whether so many invites may be created now. They cost nothing by themselves, but an organization without
    /// credits may not raise hopes that it cannot pay for (contract 37).
    ///
    /// # Errors
    /// [`crate::Code::InsufficientCredits`] at a balance of zero or less.
    pub fn admit_invites(&self, n: usize) -> Result<(), Refusal> {
        if n > 0 && self.balance <= 0 { Err(OrganizationError::InsufficientCredits.into()) } else { Ok(()) }
    }

    fn update(&self, patch: OrganizationPatch) -> Result<Vec<OrganizationEvent>, OrganizationError> {
        let mut validator = Validator::new();
        let settings = settings::merged(&self.settings, patch.settings, "settings", &mut validator);
        validator.finish(()).map_err(OrganizationError::Invalid)?;
        let updated = OrganizationUpdated {
            name: patch.name.filter(|name| *name != self.name),
            logo: patch.logo.against(self.logo.as_ref()),
            domain: patch.domain.against(self.domain.as_ref()),
            brand_color: patch.brand_color.against(self.brand_color.as_ref()),
            settings,
        };
        let unchanged = updated == OrganizationUpdated::default();
        Ok(if unchanged { Vec::new() } else { vec![OrganizationEvent::Updated(updated)] })
    }
}

impl Entity for Organization {
    type Id = OrganizationId;

    fn organization_id(&self) -> Option<OrganizationId> {
        self.id
    }

    fn decide(&self, command: OrganizationCommand) -> Result<Vec<OrganizationEvent>, OrganizationError> {
        match command {
            OrganizationCommand::Create { .. } if self.id.is_some() => Err(OrganizationError::AlreadyExists),
            OrganizationCommand::Create { organization_id, name, plan, opening_credits } => {
                let mut validator = Validator::new();
                let name = validator.name("name", &name);
                if opening_credits < 0 {
                    validator.error("credits", "out_of_range", "must not be negative");
                }
                validator.finish(()).map_err(OrganizationError::Invalid)?;
                let created = OrganizationCreated { organization_id, name, plan, opening_credits };
                Ok(vec![OrganizationEvent::Created(created)])
            }
            OrganizationCommand::Update(_) if self.id.is_none() => Err(OrganizationError::NotFound),
            OrganizationCommand::Update(patch) => self.update(patch),
        }
    }
}

impl Aggregate for Organization {
    const TYPE: &'static str = "organization";
    type Command = OrganizationCommand;
    type Event = OrganizationEvent;
    type Error = OrganizationError;
    type Services = ();

    async fn handle(
        &mut self,
        command: OrganizationCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), OrganizationError> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: OrganizationEvent) {
        match event {
            OrganizationEvent::Created(created) => {
                self.id = Some(created.organization_id);
                self.name = created.name;
                self.plan = created.plan;
                self.balance = created.opening_credits;
            }
            OrganizationEvent::Updated(updated) => {
                if let Some(name) = updated.name {
                    self.name = name;
                }
                updated.logo.apply_to(&mut self.logo);
                updated.domain.apply_to(&mut self.domain);
                updated.brand_color.apply_to(&mut self.brand_color);
                if let Some(settings) = updated.settings {
                    self.settings = settings;
                }
            }
        }
    }
}
