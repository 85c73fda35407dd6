use aggregates::{
    Code, Entity,
    script::{
        NewScript, NewScriptInput, NewVersion, NewVersionInput, Script, ScriptArchived, ScriptCommand, ScriptContent,
        ScriptCreated, ScriptDeleted, ScriptDetailsChanged, ScriptDraftChanged, ScriptDraftOpened, ScriptError,
        ScriptEvent, ScriptPatch, ScriptPatchInput, ScriptPublished, ScriptStatus,
    },
    value::Change,
};
use serde_json::{Value, json};

use crate::common::{fields, given, id, invalid, object, read, refusal};

pub fn new_script() -> NewScript {
    read::<NewScriptInput>(json!({
        "name": "Satisfaction",
        "description": "How do they like it?",
        "systemPrompt": "Be kind.",
        "questions": [{"id": "q1", "text": "Why?", "type": "open"}],
        "settings": {"voice": "nova", "maxFollowUps": 2},
    }))
    .validate()
    .expect("good")
}

pub fn created() -> ScriptEvent {
    let NewScript { name, description, project_id, content, changelog } = new_script();
    let (script_id, organization_id) = (id(2), id(1));
    ScriptEvent::Created(ScriptCreated {
        script_id,
        organization_id,
        name,
        description,
        project_id,
        content,
        changelog,
    })
}

pub fn published(version: u32) -> ScriptEvent {
    ScriptEvent::Published(ScriptPublished { version })
}

fn archived() -> ScriptEvent {
    ScriptEvent::Archived(ScriptArchived {})
}

fn deleted() -> ScriptEvent {
    ScriptEvent::Deleted(ScriptDeleted {})
}

fn content(prompt: &str) -> ScriptContent {
    ScriptContent { system_prompt: prompt.into(), ..new_script().content }
}

fn opened(version: u32, content: ScriptContent, changelog: Option<&str>) -> ScriptEvent {
    let changelog = changelog.map(str::to_owned);
    ScriptEvent::DraftOpened(ScriptDraftOpened { version, content, changelog })
}

fn update(body: Value) -> ScriptCommand {
    ScriptCommand::Update(read::<ScriptPatchInput>(body).validate().expect("good"))
}

fn version(body: Value) -> ScriptCommand {
    ScriptCommand::CreateVersion(read::<NewVersionInput>(body).validate().expect("good"))
}

fn create() -> ScriptCommand {
    ScriptCommand::Create { script_id: id(2), organization_id: id(1), script: new_script() }
}

#[test]
fn it_is_created_once_as_a_draft() {
    given::<Script>(&[]).when(create()).then_expect_events(vec![created()]);
    given::<Script>(&[created()]).when(create()).then_expect_error(ScriptError::AlreadyExists);
    let script = Script::replay([created()]);
    assert_eq!(script.status(), ScriptStatus::Draft);
    assert_eq!(script.draft().map(|version| version.number), Some(1));
    assert_eq!(script.pin(), Err(ScriptError::NotPublished));
}

#[test]
fn publishing_freezes_the_draft() {
    given::<Script>(&[created()]).when(ScriptCommand::Publish).then_expect_events(vec![published(1)]);
    given::<Script>(&[created(), published(1)]).when(ScriptCommand::Publish).then_expect_error(ScriptError::NoDraft);
    assert_eq!(refusal::<Script>(&[created(), published(1)], ScriptCommand::Publish).code, Code::Conflict);
    let script = Script::replay([created(), published(1)]);
    assert_eq!((script.status(), script.draft()), (ScriptStatus::Published, None));
    let pinned = script.pin().expect("published");
    assert_eq!((pinned.script_id(), pinned.version()), (id(2), 1));
    assert_eq!(pinned.settings(), &new_script().content.settings);
}

#[test]
fn an_update_edits_the_draft() {
    given::<Script>(&[created()])
        .when(update(json!({"systemPrompt": "Be brief."})))
        .then_expect_events(vec![ScriptEvent::DraftChanged(ScriptDraftChanged { content: content("Be brief.") })]);
    let history = [created(), published(1), opened(2, content("Two."), None)];
    given::<Script>(&history)
        .when(update(json!({"systemPrompt": "Be brief."})))
        .then_expect_events(vec![ScriptEvent::DraftChanged(ScriptDraftChanged { content: content("Be brief.") })]);
}

#[test]
fn an_update_of_a_published_script_opens_a_draft_and_leaves_the_published_version() {
    let history = [created(), published(1)];
    given::<Script>(&history).when(update(json!({"systemPrompt": "Be brief."}))).then_expect_events(vec![opened(
        2,
        content("Be brief."),
        None,
    )]);
    let script = Script::replay(history.into_iter().chain([opened(2, content("Be brief."), None)]));
    assert_eq!(script.status(), ScriptStatus::Published);
    assert_eq!(script.published().map(|version| version.content.system_prompt.as_str()), Some("Be kind."));
    assert_eq!(script.current().map(|version| version.number), Some(2));
    assert_eq!(script.pin().map(|pinned| pinned.version()), Ok(1));
}

#[test]
fn details_are_no_part_of_a_version() {
    let patch =
        json!({"name": "New", "description": null, "projectId": id::<aggregates::id::ProjectId>(9).to_string()});
    let changed =
        ScriptDetailsChanged { name: Some("New".into()), description: Change::Clear, project_id: Change::Set(id(9)) };
    given::<Script>(&[created(), published(1)])
        .when(update(patch))
        .then_expect_events(vec![ScriptEvent::DetailsChanged(changed)]);
}

#[test]
fn settings_are_merged() {
    let mut expected = content("Be kind.");
    expected.settings = object(json!({"maxFollowUps": 2, "language": "de"}));
    given::<Script>(&[created()])
        .when(update(json!({"settings": {"voice": null, "language": "de"}})))
        .then_expect_events(vec![ScriptEvent::DraftChanged(ScriptDraftChanged { content: expected.clone() })]);
    expected.settings.clear();
    given::<Script>(&[created()])
        .when(update(json!({"settings": null})))
        .then_expect_events(vec![ScriptEvent::DraftChanged(ScriptDraftChanged { content: expected })]);
    let half = || json!({"settings": {"a": "x".repeat(9_000)}});
    let first = Script::replay([created()]).decide(update(half())).expect("fits");
    let history: Vec<_> = [created()].into_iter().chain(first).collect();
    let refusal = refusal::<Script>(&history, update(json!({"settings": {"b": "x".repeat(9_000)}})));
    assert_eq!(fields(&refusal), [("settings", "too_long")]);
}

#[test]
fn an_update_that_changes_nothing_is_no_event() {
    let same = json!({
        "name": "Satisfaction", "systemPrompt": "Be kind.", "settings": {"voice": "nova"}, "status": "published",
        "questions": [{"id": "q1", "text": "Why?", "type": "open"}], "description": "How do they like it?",
    });
    for nothing in [json!({}), same] {
        given::<Script>(&[created(), published(1)]).when(update(nothing)).then_expect_events(vec![]);
    }
    given::<Script>(&[created(), archived()]).when(update(json!({"status": "archived"}))).then_expect_events(vec![]);
}

#[test]
fn an_update_archives_after_its_other_changes() {
    let changed = ScriptDetailsChanged { name: Some("Old".into()), ..ScriptDetailsChanged::default() };
    given::<Script>(&[created()])
        .when(update(json!({"name": "Old", "status": "archived"})))
        .then_expect_events(vec![ScriptEvent::DetailsChanged(changed), archived()]);
    for status in ["published", "nonsense"] {
        let patch = read::<ScriptPatchInput>(json!({"status": status})).validate();
        let refusal = match patch {
            Ok(patch) => refusal::<Script>(&[created()], ScriptCommand::Update(patch)),
            refused => invalid(refused),
        };
        assert_eq!(refusal.code, Code::ValidationError);
        assert_eq!(refusal.fields[0].field, "status");
    }
}

#[test]
fn an_archived_script_refuses_changes() {
    let history = [created(), published(1), archived()];
    for command in [
        update(json!({"name": "Other"})),
        update(json!({"systemPrompt": "Other"})),
        version(json!({})),
        ScriptCommand::Publish,
    ] {
        assert_eq!(refusal::<Script>(&history, command).code, Code::Conflict);
    }
    let script = Script::replay(history);
    assert_eq!((script.status(), script.pin()), (ScriptStatus::Archived, Err(ScriptError::NotPublished)));
}

#[test]
fn the_next_version_copies_what_is_not_given() {
    let history = [created(), published(1)];
    given::<Script>(&history).when(version(json!({"changelog": "Nicer"}))).then_expect_events(vec![opened(
        2,
        content("Be kind."),
        Some("Nicer"),
    )]);
    let mut expected = content("Two.");
    expected.settings = object(json!({"language": "fr"}));
    given::<Script>(&history)
        .when(version(json!({"systemPrompt": "Two.", "settings": {"language": "fr", "voice": null}})))
        .then_expect_events(vec![opened(2, expected, None)]);
}

#[test]
fn there_is_one_draft() {
    for history in [vec![created()], vec![created(), published(1), opened(2, content("Two."), None)]] {
        given::<Script>(&history).when(version(json!({}))).then_expect_error(ScriptError::DraftExists);
        assert_eq!(refusal::<Script>(&history, version(json!({}))).code, Code::DraftExists);
    }
}

#[test]
fn a_script_in_use_is_not_deleted() {
    let delete = |live_campaigns| ScriptCommand::Delete { live_campaigns };
    given::<Script>(&[created()]).when(delete(0)).then_expect_events(vec![deleted()]);
    given::<Script>(&[created()]).when(delete(1)).then_expect_error(ScriptError::InUse);
    assert_eq!(refusal::<Script>(&[created()], delete(1)).code, Code::ScriptInUse);
}

#[test]
fn nothing_comes_after_deletion() {
    for history in [vec![], vec![created(), published(1), deleted()]] {
        for command in [
            ScriptCommand::Update(ScriptPatch::default()),
            ScriptCommand::CreateVersion(NewVersion::default()),
            ScriptCommand::Publish,
            ScriptCommand::Delete { live_campaigns: 1 },
        ] {
            given::<Script>(&history).when(command).then_expect_error(ScriptError::NotFound);
        }
        assert_eq!(Script::replay(history).pin(), Err(ScriptError::NotFound));
    }
}
