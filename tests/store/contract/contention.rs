//! Commands that always come too late.

use std::sync::atomic::{AtomicUsize, Ordering};

use aggregates::{
    id::{OrganizationId, ProjectId},
    organization::Plan,
};
use interview_relay::{
    command::{
        Answer, Caller, Command, Commands, Error, Stop, Work,
        organizations::CreateOrganization,
        projects::{CreateProject, UpdateProject},
    },
    http::IfMatch,
};
use serde_json::{Value, json};

use super::personal::commands;
use crate::support::engines::{Engine, on_both_engines};

/// Renames a project, but another node renames it first, so many times.
struct Overtaken<'a> {
    update: UpdateProject,
    other: &'a Commands,
    times: usize,
    runs: AtomicUsize,
}

impl Command for Overtaken<'_> {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let answer = self.update.execute(work).await?;
        let run = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        if run <= self.times {
            let first = rename(self.update.id, format!("Theirs {run}"));
            let outcome = self.other.run(work.caller(), None, &first).await.expect("the other node is not disturbed");
            outcome.result.expect("renamed");
        }
        Ok(answer)
    }
}

fn rename(id: ProjectId, name: String) -> UpdateProject {
    UpdateProject { id, if_match: IfMatch(None), body: json!({"name": name}).into() }
}

async fn name(engine: &Engine) -> String {
    let document = engine.sql("SELECT doc FROM projects").await;
    let document: Value = serde_json::from_str(document[0][0].text()).expect("JSON");
    document["name"].as_str().expect("a name").to_owned()
}

on_both_engines! {
    async fn who_is_overtaken_tries_again_and_gives_up_in_the_end(engine: Engine) {
        let (ours, other) = (commands(&engine, engine.store.clone()), commands(&engine, engine.node().await));
        let id: OrganizationId = ours.new_id();
        let caller = Caller { organization: id, actor: "test".to_owned(), request_id: "test".to_owned() };
        let create = CreateOrganization { id, name: "One".to_owned(), plan: Plan::Free, credits: 0, key: None, only_first: false };
        ours.run(&caller, None, &create).await.expect("run").result.expect("created");
        let project = ours.run(&caller, None, &CreateProject { body: json!({"name": "P"}).into() }).await.expect("run");
        let project: Value = serde_json::from_str(&project.result.expect("created").body).expect("JSON");
        let project: ProjectId = project["id"].as_str().expect("an id").parse().expect("an id");
        let overtaken = async |times| {
            let (update, runs) = (rename(project, "Ours".to_owned()), AtomicUsize::new(0));
            let command = Overtaken { update, other: &other, times, runs };
            let result = ours.run(&caller, None, &command).await;
            (result, command.runs.into_inner())
        };

        let (result, runs) = overtaken(9).await;
        assert!(result.is_ok_and(|outcome| outcome.result.is_ok()));
        assert_eq!((runs, name(&engine).await), (10, "Ours".to_owned()));

        let events = engine.number("SELECT COUNT(*) FROM events").await;
        let (result, runs) = overtaken(usize::MAX).await;
        assert!(matches!(result, Err(Error::Contended)));
        assert_eq!((runs, name(&engine).await), (10, "Theirs 10".to_owned()), "nothing of it was written");
        assert_eq!(engine.number("SELECT COUNT(*) FROM events").await, events + 10);
    }
}
