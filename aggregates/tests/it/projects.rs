use aggregates::{
    Code, Entity,
    project::{
        NewProject, NewProjectInput, Project, ProjectCommand, ProjectCreated, ProjectDeleted, ProjectError,
        ProjectEvent, ProjectPatch, ProjectPatchInput, ProjectUpdated,
    },
    value::Change,
};
use serde_json::json;

use crate::common::{fields, given, id, invalid, malformed, read, refusal};

fn create() -> ProjectCommand {
    let (name, description, color) = ("Research".into(), Some("Why".into()), None);
    ProjectCommand::Create {
        project_id: id(2),
        organization_id: id(1),
        project: NewProject { name, description, color },
    }
}

fn created() -> ProjectEvent {
    let (name, description, color) = ("Research".into(), Some("Why".into()), None);
    ProjectEvent::Created(ProjectCreated { project_id: id(2), organization_id: id(1), name, description, color })
}

fn update(body: serde_json::Value) -> ProjectCommand {
    ProjectCommand::Update(read::<ProjectPatchInput>(body).validate().expect("good"))
}

#[test]
fn it_is_created_once() {
    given::<Project>(&[]).when(create()).then_expect_events(vec![created()]);
    given::<Project>(&[created()]).when(create()).then_expect_error(ProjectError::AlreadyExists);
}

#[test]
fn an_update_records_what_changes_and_nothing_else() {
    let updated = |name, description, color| ProjectEvent::Updated(ProjectUpdated { name, description, color });
    given::<Project>(&[created()])
        .when(update(json!({"name": "Research", "description": null, "color": "#6366F1"})))
        .then_expect_events(vec![updated(None, Change::Clear, Change::Set("#6366F1".into()))]);
    given::<Project>(&[created()]).when(update(json!({"name": "Other"}))).then_expect_events(vec![updated(
        Some("Other".into()),
        Change::Keep,
        Change::Keep,
    )]);
    for nothing in [json!({}), json!({"name": " Research ", "description": "Why", "color": null, "id": 7})] {
        given::<Project>(&[created()]).when(update(nothing)).then_expect_events(vec![]);
    }
}

#[test]
fn nothing_comes_after_deletion() {
    let deleted = || ProjectEvent::Deleted(ProjectDeleted {});
    given::<Project>(&[created()]).when(ProjectCommand::Delete).then_expect_events(vec![deleted()]);
    for command in [ProjectCommand::Delete, ProjectCommand::Update(ProjectPatch::default())] {
        given::<Project>(&[]).when(command.clone()).then_expect_error(ProjectError::NotFound);
        assert_eq!(refusal::<Project>(&[created(), deleted()], command).code, Code::NotFound);
    }
    given::<Project>(&[created(), deleted()]).when(create()).then_expect_error(ProjectError::AlreadyExists);
    assert_eq!(Project::replay([created(), deleted()]).organization_id(), None);
    assert_eq!(Project::replay([created()]).organization_id(), Some(id(1)));
}

#[test]
fn fields_are_checked() {
    let body = json!({"name": " ", "description": "x".repeat(501), "color": "red"});
    let expected = [("name", "too_short"), ("description", "too_long"), ("color", "invalid_format")];
    assert_eq!(fields(&invalid(read::<NewProjectInput>(body.clone()).validate())), expected);
    assert_eq!(fields(&invalid(read::<ProjectPatchInput>(body).validate())), expected);
    let bad = invalid(read::<ProjectPatchInput>(json!({"name": null})).validate());
    assert_eq!(fields(&bad), [("name", "required")]);
    let bad = malformed::<NewProjectInput>(json!({"description": 1, "color": []}));
    assert_eq!(fields(&bad), [("name", "required"), ("description", "invalid_type"), ("color", "invalid_type")]);
}
