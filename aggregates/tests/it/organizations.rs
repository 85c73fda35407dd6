use aggregates::{
    Code, Entity,
    organization::{
        Organization, OrganizationCommand, OrganizationCreated, OrganizationError, OrganizationEvent, Plan,
    },
};

use crate::common::{given, id, refusal};

fn create(name: &str, opening_credits: i64) -> OrganizationCommand {
    OrganizationCommand::Create { organization_id: id(1), name: name.into(), plan: Plan::Professional, opening_credits }
}

fn created(opening_credits: i64) -> OrganizationEvent {
    OrganizationEvent::Created(OrganizationCreated {
        organization_id: id(1),
        name: "Acme".into(),
        plan: Plan::Professional,
        opening_credits,
    })
}

#[test]
fn it_is_created_once() {
    given::<Organization>(&[]).when(create(" Acme ", 50_000)).then_expect_events(vec![created(50_000)]);
    given::<Organization>(&[created(0)])
        .when(create("Acme", 50_000))
        .then_expect_error(OrganizationError::AlreadyExists);
}

#[test]
fn name_and_credits_are_checked() {
    let refusal = refusal::<Organization>(&[], create(" ", -1));
    assert_eq!(refusal.code, Code::ValidationError);
    assert_eq!(crate::common::fields(&refusal), [("name", "too_short"), ("credits", "out_of_range")]);
}

#[test]
fn invites_need_a_balance_above_zero() {
    assert_eq!(Organization::replay([created(1)]).admit_invites(500), Ok(()));
    for balance in [0, -100] {
        let organization = Organization::replay([created(balance)]);
        let refusal = organization.admit_invites(1).expect_err("refused");
        assert_eq!(refusal.code, Code::InsufficientCredits);
        assert_eq!(organization.admit_invites(0), Ok(()));
    }
}
