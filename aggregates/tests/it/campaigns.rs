use aggregates::{
    Code, Entity,
    campaign::{
        Campaign, CampaignArchived, CampaignCommand, CampaignCreated, CampaignError, CampaignEvent, CampaignPatch,
        CampaignPatchInput, CampaignPaused, CampaignResumed, CampaignStatus, CampaignUpdated, NewCampaign,
        NewCampaignInput,
    },
    id::{ProjectId, ScriptId},
    script::Script,
    value::{Change, Metadata},
};
use chrono::Duration;
use serde_json::{Value, json};

use crate::{
    common::{fields, given, id, invalid, malformed, object, read, refusal, t0},
    scripts,
};

fn body() -> Value {
    json!({
        "name": "Q1", "description": "Quarterly", "scriptId": id::<ScriptId>(2).to_string(),
        "settings": {"voice": "echo", "pace": "slow"}, "inviteDefaults": {"expiresIn": "24h", "emailTemplate": "warm"},
        "metadata": {"team": "cx"},
    })
}

fn new_campaign() -> NewCampaign {
    read::<NewCampaignInput>(body()).validate().expect("good")
}

pub fn create() -> CampaignCommand {
    CampaignCommand::Create {
        campaign_id: id(3),
        organization_id: id(1),
        campaign: new_campaign(),
        script: Script::replay([scripts::created(), scripts::published(1)]).pin().expect("published"),
        organization_settings: object(json!({"language": "de", "voice": "onyx"})),
    }
}

fn created() -> CampaignEvent {
    CampaignEvent::Created(CampaignCreated {
        campaign_id: id(3),
        organization_id: id(1),
        name: "Q1".into(),
        description: Some("Quarterly".into()),
        script_id: id(2),
        script_version: 1,
        project_id: None,
        inherited_settings: object(json!({
            "language": "de", "voice": "nova", "maxDuration": 1800, "requireConsent": true, "maxFollowUps": 2
        })),
        settings: object(json!({"voice": "echo", "pace": "slow"})),
        invite_defaults: object(json!({"expiresIn": "24h", "emailTemplate": "warm"})),
        metadata: Metadata::try_from(object(json!({"team": "cx"}))).expect("good"),
    })
}

fn paused() -> CampaignEvent {
    CampaignEvent::Paused(CampaignPaused {})
}

fn resumed() -> CampaignEvent {
    CampaignEvent::Resumed(CampaignResumed {})
}

fn archived() -> CampaignEvent {
    CampaignEvent::Archived(CampaignArchived {})
}

fn update(body: Value) -> CampaignCommand {
    CampaignCommand::Update(read::<CampaignPatchInput>(body).validate().expect("good"))
}

#[test]
fn it_is_created_once_on_the_published_version() {
    given::<Campaign>(&[]).when(create()).then_expect_events(vec![created()]);
    given::<Campaign>(&[created()]).when(create()).then_expect_error(CampaignError::AlreadyExists);
    let campaign = Campaign::replay([created()]);
    assert_eq!(campaign.organization_id(), Some(id(1)));
    assert_eq!(campaign.admit_invites(), Ok(()));
}

#[test]
fn settings_are_resolved_through_four_layers() {
    assert_eq!(
        Value::Object(Campaign::replay([created()]).settings()),
        json!({
            "language": "de", "voice": "echo", "maxDuration": 1800, "requireConsent": true, "maxFollowUps": 2, "pace": "slow"
        })
    );
}

#[test]
fn it_is_paused_resumed_and_archived() {
    use CampaignCommand::{Archive, Pause, Resume};
    let given = |events: &[CampaignEvent]| given::<Campaign>(events);
    given(&[created()]).when(Pause).then_expect_events(vec![paused()]);
    given(&[created(), paused()]).when(Resume).then_expect_events(vec![resumed()]);
    given(&[created(), paused(), resumed()]).when(Pause).then_expect_events(vec![paused()]);
    given(&[created()]).when(Archive).then_expect_events(vec![archived()]);
    given(&[created(), paused()]).when(Archive).then_expect_events(vec![archived()]);
    given(&[created(), paused()]).when(Pause).then_expect_error(CampaignError::AlreadyPaused);
    given(&[created()]).when(Resume).then_expect_error(CampaignError::AlreadyActive);
    assert_eq!(refusal::<Campaign>(&[created()], Resume).code, Code::Conflict);
    for command in [Pause, Resume, Archive] {
        given(&[]).when(command.clone()).then_expect_error(CampaignError::NotFound);
        assert_eq!(refusal::<Campaign>(&[created(), archived()], command).code, Code::CampaignNotActive);
    }
}

#[test]
fn only_an_active_campaign_takes_invites_and_only_an_archived_one_refuses_links() {
    for (history, invites, links) in [
        (vec![], Err(CampaignError::NotFound), Err(CampaignError::NotFound)),
        (vec![created()], Ok(()), Ok(())),
        (vec![created(), paused()], Err(CampaignError::Paused), Ok(())),
        (vec![created(), paused(), resumed()], Ok(()), Ok(())),
        (vec![created(), paused(), archived()], Err(CampaignError::Archived), Err(CampaignError::Archived)),
    ] {
        let campaign = Campaign::replay(history);
        assert_eq!((campaign.admit_invites(), campaign.admit_links()), (invites, links));
    }
}

#[test]
fn an_update_records_what_changes_and_nothing_else() {
    let patch = json!({
        "name": "Q1", "description": null, "projectId": id::<ProjectId>(9).to_string(), "status": "active",
        "settings": {"voice": null, "maxDuration": 600}, "inviteDefaults": {"expiresIn": "24h"},
        "metadata": {"team": null, "n": 1}, "scriptId": id::<ScriptId>(2).to_string(),
    });
    let updated = CampaignUpdated {
        name: None,
        description: Change::Clear,
        project_id: Change::Set(id(9)),
        settings: Some(object(json!({"pace": "slow", "maxDuration": 600}))),
        invite_defaults: None,
        metadata: Some(Metadata::try_from(object(json!({"n": 1}))).expect("good")),
    };
    given::<Campaign>(&[created()])
        .when(update(patch))
        .then_expect_events(vec![CampaignEvent::Updated(updated.clone())]);
    let campaign = Campaign::replay([created(), CampaignEvent::Updated(updated)]);
    assert_eq!(campaign.settings().get("voice"), Some(&json!("nova")), "the script's voice shows again");
    for nothing in [json!({}), body(), json!({"projectId": null, "settings": {"other": null}})] {
        given::<Campaign>(&[created()]).when(update(nothing)).then_expect_events(vec![]);
    }
}

#[test]
fn null_empties_documents() {
    let updated = CampaignUpdated {
        settings: Some(object(json!({}))),
        invite_defaults: Some(object(json!({}))),
        metadata: Some(Metadata::default()),
        ..CampaignUpdated::default()
    };
    given::<Campaign>(&[created()])
        .when(update(json!({"settings": null, "inviteDefaults": null, "metadata": null})))
        .then_expect_events(vec![CampaignEvent::Updated(updated)]);
}

#[test]
fn status_and_script_are_not_patched() {
    let patch = json!({"status": "paused", "scriptId": id::<ScriptId>(8).to_string()});
    let refusal = refusal::<Campaign>(&[created()], update(patch));
    assert_eq!(refusal.code, Code::ValidationError);
    assert_eq!(fields(&refusal), [("status", "not_allowed"), ("scriptId", "not_allowed")]);
    assert!(refusal.fields[0].message.contains("/pause"));
    let refusal = invalid(read::<CampaignPatchInput>(json!({"status": "done", "name": null})).validate());
    assert_eq!(fields(&refusal).len(), 2);
}

#[test]
fn an_archived_campaign_changes_its_labels_only() {
    let history = [created(), archived()];
    for labels in [json!({"name": "Old"}), json!({"metadata": {"x": 1}, "description": null})] {
        assert!(Campaign::replay(history.clone()).decide(update(labels)).is_ok_and(|events| events.len() == 1));
    }
    for rules in [json!({"settings": {"voice": "x"}}), json!({"name": "Old", "inviteDefaults": null})] {
        given::<Campaign>(&history).when(update(rules)).then_expect_error(CampaignError::Archived);
    }
    given::<Campaign>(&[])
        .when(CampaignCommand::Update(CampaignPatch::default()))
        .then_expect_error(CampaignError::NotFound);
}

#[test]
fn merged_documents_stay_within_their_limits() {
    let many = |prefix: &str, n: usize| -> Value { (0..n).map(|i| (format!("{prefix}{i}"), json!(1))).collect() };
    let first = Campaign::replay([created()]).decide(update(json!({"metadata": many("a", 49)}))).expect("fits");
    let history: Vec<_> = [created()].into_iter().chain(first).collect();
    let refusal = refusal::<Campaign>(&history, update(json!({"metadata": many("b", 1)})));
    assert_eq!(fields(&refusal), [("metadata", "too_many")]);
}

#[test]
fn fields_are_checked_all_at_once() {
    let bad = json!({
        "name": "x".repeat(101), "description": "x".repeat(501), "scriptId": "scr_abc", "projectId": "prj_abc",
        "settings": {"language": "?", "maxDuration": 9}, "inviteDefaults": {"expiresIn": "1m"}, "metadata": {"a": []},
    });
    let count = |refusal: aggregates::Refusal| refusal.fields.len();
    assert_eq!(count(invalid(read::<NewCampaignInput>(bad.clone()).validate())), 8);
    assert_eq!(count(invalid(read::<CampaignPatchInput>(bad).validate())), 8);
    let refusal = malformed::<NewCampaignInput>(json!({
        "name": 1, "settings": {"requireConsent": "yes", "uniqueEmail": 1}, "inviteDefaults": {"expiresIn": 7}, "metadata": 5,
    }));
    assert_eq!(
        fields(&refusal),
        [
            ("name", "invalid_type"),
            ("scriptId", "required"),
            ("settings.requireConsent", "invalid_type"),
            ("settings.uniqueEmail", "invalid_type"),
            ("inviteDefaults.expiresIn", "invalid_type"),
            ("metadata", "invalid_type"),
        ]
    );
}

#[test]
fn invites_inherit_from_it() {
    let campaign = Campaign::replay([created()]);
    assert_eq!(campaign.status, CampaignStatus::Active);
    let terms = campaign.invite_terms(t0());
    assert_eq!((terms.expires_in, terms.email_template.as_deref()), (Some(Duration::hours(24)), Some("warm")));
    assert!(!campaign.unique_email());
    let unique =
        Campaign::replay([created()]).decide(update(json!({"settings": {"uniqueEmail": true}}))).expect("good");
    assert!(Campaign::replay([created()].into_iter().chain(unique)).unique_email());
}
