//! Rows that were read back from their tables fold on like rows that never left memory, and counters kept by
//! differences agree with the rows.

mod histories;

use std::collections::BTreeMap;

use aggregates::{
    Event,
    id::{OrganizationId, ProjectId},
    project::{ProjectCreated, ProjectEvent},
};
use chrono::DateTime;
use projections::{
    ApiKey, Campaign, Column, EmailTemplate, ErasedModel, File, Invite, Member, Organization, Project, ReadModel,
    Recorded, Row, Script, Session, Webhook, fold_stored, group_changes, registry::open_personal, restore, table,
};
use proptest::prelude::*;

type History<E> = Vec<(E, Recorded)>;

/// What a row is made of as far as its table can tell.
fn stored<M: ReadModel>(row: &M) -> (String, Vec<Column>) {
    (row.document().expect("writable"), row.columns())
}

fn read_back<M: ReadModel>(row: &M) -> M {
    let (document, columns) = stored(row);
    M::restore(row.organization(), &document, &columns).expect("readable")
}

fn apply(counters: &mut BTreeMap<String, i64>, changes: Vec<(String, i64)>) {
    for (scope, change) in changes {
        let n = counters.entry(scope.clone()).or_default();
        *n += change;
        if *n == 0 {
            counters.remove(&scope);
        }
    }
}

fn total(groups: Vec<(String, i64)>) -> BTreeMap<String, i64> {
    let mut counters = BTreeMap::new();
    apply(&mut counters, groups);
    counters
}

/// A toy cipher: the store's is not part of this crate.
fn seal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unseal(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex")).collect()
}

/// The event as the log keeps it.
fn logged<E: Event>(event: &E) -> String {
    let mut event = event.clone();
    for (_, field) in event.personal() {
        field.seal(&mut seal).expect("sealable");
    }
    event.encode().expect("writable")
}

/// The event as a fold sees it after the person was erased.
fn after_erasure<E: Event>(event: &E) -> E {
    let mut event = E::decode(event.name(), event.schema(), &logged(event)).expect("decodable");
    open_personal(&mut event, &mut |_, _| None).expect("nothing to open");
    event
}

/// Folds a history in memory, with a stop at the cut, and from the log, and checks that every way gives the same row
/// and the same counters.
fn check<M: ReadModel>(
    history: History<M::Event>,
    erased: bool,
    cut: prop::sample::Index,
) -> Result<(), TestCaseError> {
    let cut = cut.index(history.len());
    let (mut live, mut stopped): (Option<M>, Option<M>) = (None, None);
    let mut counters = BTreeMap::new();
    for (at, (event, recorded)) in history.iter().enumerate() {
        let event = if erased { after_erasure(event) } else { event.clone() };
        if at == cut {
            stopped = live.as_ref().map(read_back);
            prop_assert_eq!(&stopped, &live);
        }
        let before = live.as_ref().map(ReadModel::groups).unwrap_or_default();
        live = M::fold(live, &event, recorded);
        if at >= cut {
            stopped = M::fold(stopped, &event, recorded);
        }
        let after = live.as_ref().map(ReadModel::groups).unwrap_or_default();
        apply(&mut counters, group_changes(&before, &after));
    }
    prop_assert_eq!(stopped.as_ref().map(stored), live.as_ref().map(stored));
    prop_assert_eq!(&stopped, &live);
    prop_assert_eq!(counters, total(live.as_ref().map(ReadModel::groups).unwrap_or_default()));
    if let Some(row) = &live {
        prop_assert_eq!(&read_back(row), row);
        let kinds: Vec<_> = row.columns().iter().map(Column::kind).collect();
        prop_assert_eq!(kinds, M::COLUMNS.iter().map(|column| column.kind).collect::<Vec<_>>());
        let id = row.id();
        prop_assert_eq!(id.split_once('_').map(|(prefix, _)| prefix), Some(M::PREFIX));
    }
    let version = history.len() as u64;
    let live = live.map(|row| row.row(version).expect("writable"));
    prop_assert_eq!(rebuilt::<M>(&history, erased, cut), live);
    Ok(())
}

/// The row that a rebuild gets from the log when it stops at the cut.
fn rebuilt<M: ReadModel>(history: &History<M::Event>, erased: bool, cut: usize) -> Option<Row> {
    let mut row: Option<Box<dyn ErasedModel>> = None;
    let mut open = |_: &'static str, text: &str| (!erased).then(|| unseal(text));
    for (at, (event, recorded)) in history.iter().enumerate() {
        if at == cut {
            let parked = row.map(|row| row.row(recorded.version).expect("writable"));
            row =
                parked.map(|row| restore(M::PREFIX, row.organization, &row.document, &row.columns).expect("readable"));
        }
        let payload = logged(event);
        row = fold_stored(M::PREFIX, row, event.name(), event.schema(), &payload, &mut open, recorded)
            .expect("decodable");
    }
    row.map(|row| row.row(history.len() as u64).expect("writable"))
}

macro_rules! replay_equals_live {
    ($($test:ident: $model:ty, $history:expr;)*) => {
        proptest! {
            $(#[test]
            fn $test(history in $history, erased: bool, cut: prop::sample::Index) {
                check::<$model>(history, erased, cut)?;
            })*
        }
    };
}

replay_equals_live! {
    organizations: Organization, histories::organization();
    api_keys: ApiKey, histories::api_key();
    projects: Project, histories::project();
    scripts: Script, histories::script();
    campaigns: Campaign, histories::campaign();
    invites: Invite, histories::invite();
    members: Member, histories::member();
    email_templates: EmailTemplate, histories::email_template();
    sessions: Session, histories::session();
    files: File, histories::file();
    webhooks: Webhook, histories::webhook();
}

fn some_project() -> (ProjectEvent, Recorded) {
    let created = ProjectCreated {
        project_id: ProjectId::default(),
        organization_id: OrganizationId::default(),
        name: "Research".to_owned(),
        description: None,
        color: None,
    };
    (ProjectEvent::Created(created), Recorded { at: DateTime::UNIX_EPOCH, version: 1, subject: None })
}

#[test]
fn a_row_of_another_aggregate_is_refused() {
    let (event, recorded) = some_project();
    let payload = event.encode().expect("writable");
    let mut open = |_: &'static str, _: &str| None;
    let row = fold_stored("prj", None, event.name(), 1, &payload, &mut open, &recorded).expect("decodable");
    assert!(fold_stored("cam", row, "campaign.paused", 1, "{}", &mut open, &recorded).is_err());
    assert!(fold_stored("prj", None, "campaign.paused", 1, "{}", &mut open, &recorded).is_err());
    assert!(fold_stored("xyz", None, "anything", 1, "{}", &mut open, &recorded).is_ok_and(|row| row.is_none()));
    assert!(table("prj").is_some() && table("xyz").is_none());
}
