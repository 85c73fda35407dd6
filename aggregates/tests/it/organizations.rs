use aggregates::{
    Code, Entity,
    organization::{
        Logo, Organization, OrganizationCommand, OrganizationCreated, OrganizationError, OrganizationEvent,
        OrganizationPatch, OrganizationPatchInput, OrganizationUpdated, Plan,
    },
    value::Change,
};
use serde_json::{Value, json};

use crate::common::{fields, given, id, invalid, malformed, object, read, refusal};

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

const SHOWN: &str = "https://relay.example.com/logos/fil_1";

fn patch(body: Value) -> OrganizationPatch {
    read::<OrganizationPatchInput>(body).validate(Some(SHOWN)).expect("good")
}

fn updated(updated: OrganizationUpdated) -> OrganizationEvent {
    OrganizationEvent::Updated(updated)
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
fn an_update_records_what_changes_and_nothing_else() {
    let body = json!({"name": " Acme ", "brandColor": "#AA0000", "domain": " Interviews.BÜCHER.example ",
        "settings": {"voice": "echo", "mood": [1], "language": null}, "plan": "free", "id": 7});
    let first = updated(OrganizationUpdated {
        brand_color: Change::Set("#AA0000".into()),
        domain: Change::Set("interviews.xn--bcher-kva.example".into()),
        settings: Some(object(json!({"voice": "echo", "mood": [1]}))),
        ..OrganizationUpdated::default()
    });
    given::<Organization>(&[created(0)])
        .when(OrganizationCommand::Update(patch(body)))
        .then_expect_events(vec![first.clone()]);

    let logo = updated(OrganizationUpdated { logo: Change::Set(Logo::File(id(7))), ..OrganizationUpdated::default() });
    let history = [created(0), first, logo];
    let state = Organization::replay(history.clone());
    assert_eq!((state.name.as_str(), &state.logo), ("Acme", &Some(Logo::File(id(7)))));
    assert_eq!(state.settings, object(json!({"voice": "echo", "mood": [1]})));
    // A document that was read can be sent back as it is.
    for nothing in [
        json!({}),
        json!({"name": "Acme", "logo": SHOWN, "brandColor": "#AA0000",
        "domain": "interviews.xn--bcher-kva.example", "settings": {"voice": "echo", "mood": [1]}}),
    ] {
        given::<Organization>(&history).when(OrganizationCommand::Update(patch(nothing))).then_expect_events(vec![]);
    }
    let cleared = json!({"logo": null, "domain": null, "brandColor": null, "settings": {"voice": null}});
    given::<Organization>(&history).when(OrganizationCommand::Update(patch(cleared))).then_expect_events(vec![
        updated(OrganizationUpdated {
            name: None,
            logo: Change::Clear,
            domain: Change::Clear,
            brand_color: Change::Clear,
            settings: Some(object(json!({"mood": [1]}))),
        }),
    ]);
    given::<Organization>(&[])
        .when(OrganizationCommand::Update(OrganizationPatch::default()))
        .then_expect_error(OrganizationError::NotFound);
}

#[test]
fn fields_of_an_update_are_checked() {
    let check = |body| invalid(read::<OrganizationPatchInput>(body).validate(Some(SHOWN)));
    let bad = check(json!({"name": null, "logo": "ftp://x.example/a.png", "domain": "localhost", "brandColor": "red",
        "settings": {"language": "not a tag", "maxDuration": 1}}));
    assert_eq!(
        fields(&bad),
        [
            ("settings.language", "invalid_format"),
            ("settings.maxDuration", "out_of_range"),
            ("name", "required"),
            ("logo", "invalid_format"),
            ("domain", "invalid_format"),
            ("brandColor", "invalid_format"),
        ]
    );
    for logo in
        ["", "/logos/fil_1", "http://x.example/", "javascript:alert(1)", "data:image/png;base64,AA==", "https://"]
    {
        assert_eq!(fields(&check(json!({"logo": logo}))), [("logo", "invalid_format")], "{logo}");
    }
    assert_eq!(fields(&check(json!({"logo": "https://a:b@x.example/"}))), [("logo", "credentials")]);
    let long = format!("https://x.example/{}", "y".repeat(2_048));
    assert_eq!(fields(&check(json!({"logo": long}))), [("logo", "too_long")]);
    let label = format!("{}.example", "a".repeat(64));
    for domain in [
        "",
        "a b.example",
        "-a.example",
        "a..example",
        "a.example:80",
        "https://a.example",
        "1.2.3.4",
        "[::1]",
        "a/b.example",
        "a_b.example",
        "x@a.example",
        &label,
    ] {
        assert_eq!(fields(&check(json!({"domain": domain}))), [("domain", "invalid_format")], "{domain}");
    }
    let bad = malformed::<OrganizationPatchInput>(json!({"name": 1, "logo": {}, "settings": []}));
    assert_eq!(fields(&bad), [("name", "invalid_type"), ("logo", "invalid_type"), ("settings", "invalid_type")]);

    let large = patch(json!({"settings": {"a": "x".repeat(9_000)}}));
    let large = Organization::replay([created(0)]).decide(OrganizationCommand::Update(large)).expect("fits");
    let history: Vec<_> = [created(0)].into_iter().chain(large).collect();
    let more = OrganizationCommand::Update(patch(json!({"settings": {"b": "x".repeat(9_000)}})));
    assert_eq!(fields(&refusal::<Organization>(&history, more)), [("settings", "too_long")]);
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
