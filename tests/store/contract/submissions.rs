//! Small submissions for tests.
#![allow(dead_code, reason = "shared by tests that each use a part of it")]

use std::sync::atomic::{AtomicU64, Ordering};

use interview_relay::store::{
    Error, Guard, Kind, Mode, Outcome, Reply, RowChange, RowData, StoredEvent, Submission, TableWrite,
};
use projections::Column;

/// A number that nothing else in this process has.
pub fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The event that takes a stream to a version.
pub fn event(stream: &str, version: i64) -> StoredEvent {
    StoredEvent {
        // The victims of crash tests are processes of their own, whose counters begin anew.
        event_id: format!("evt_{}_{:020}", std::process::id(), unique()),
        stream: stream.to_owned(),
        version,
        name: "project.created",
        schema: 1,
        recorded_at: 1_780_000_000_000_000,
        subject: None,
        meta: r#"{"actor":"key_1"}"#.to_owned(),
        data: r#"{"name":"Ünïcode \u0000 \" ' "}"#.to_owned(),
    }
}

/// Takes one stream from the version before to `version`.
pub fn append(organization: &str, stream: &str, version: i64) -> Submission {
    Submission {
        organization: organization.to_owned(),
        guards: vec![Guard::Stream { id: stream.to_owned(), version: version - 1 }],
        events: vec![event(stream, version)],
        ..Submission::default()
    }
}

/// Begins a stream of its own.
pub fn fresh(organization: &str) -> Submission {
    append(organization, &format!("prj_{:020}", unique()), 1)
}

/// The row of a project.
pub fn project_row(organization: &str, id: &str, version: i64, name: &str, at: i64) -> RowChange {
    let columns = projections::tables().iter().find(|table| table.table == "projects").expect("projects").columns;
    let value = |column: &projections::ColumnDef| match column.name {
        "name" => Column::text(name),
        "name_search" => Column::text(name.to_lowercase()),
        _ => Column::int(at),
    };
    RowChange {
        table: "projects",
        id: id.to_owned(),
        row: Some(RowData {
            organization: organization.to_owned(),
            version,
            document: format!("{{\"id\":\"{id}\",\"name\":\"{name}\"}}"),
            columns: columns.iter().map(value).collect(),
        }),
    }
}

/// An answer to remember until `expires_at`.
pub fn reply(lookup: &str, sealed: &[u8], expires_at: i64) -> Reply {
    Reply { id: format!("rpl_{:020}", unique()), lookup: lookup.to_owned(), expires_at, sealed: sealed.to_vec() }
}

/// A row in a table that has nothing to do with the log: the key of an organization.
pub fn key_write(organization: &str) -> TableWrite {
    let columns = [("org_id", Kind::Text), ("wrapped_key", Kind::Bytes)];
    let mut write = TableWrite::new("organization_keys", Mode::Insert, &columns);
    write.rows.push(vec![organization.into(), vec![1_u8].into()]);
    write
}

/// Whether it was committed.
pub fn committed(result: &Result<Outcome, Error>) -> bool {
    matches!(result, Ok(Outcome::Committed { .. }))
}
