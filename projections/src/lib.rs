//! The read models of InterviewRelay: structs, folds over events, and the columns and counters they are listed by.
//!
//! The crate is pure and depends on the domain only. A row of a read model is a function of **one** event stream, so
//! the write transaction reads no other documents and a rebuild from the log gives the same bytes as live folding.
//! Every number that spans streams is a counter instead: each row names the scopes it counts in ([`ReadModel::groups`]),
//! and the store adds the difference between the row before and after an event ([`group_changes`]).
//!
//! **Times** are whole seconds everywhere in a row: the fold cuts an event's time down to the second before it keeps
//! it, documents show `2024-01-15T10:30:00Z`, and columns hold microseconds since 1970 that are multiples of
//! 1,000,000. A row that was read back from its table therefore equals the row that was folded, and folds on alike.

pub mod api_key;
pub mod campaign;
mod change;
mod column;
pub mod email_template;
pub mod file;
pub mod invite;
pub mod member;
pub mod organization;
pub mod project;
pub mod public;
pub mod registry;
pub mod script;
pub mod session;
mod time;
pub mod webhook;

use std::{collections::BTreeMap, fmt};

use aggregates::{
    Event,
    id::{OrganizationId, SubjectId},
};
use chrono::{DateTime, Utc};

pub use api_key::ApiKey;
pub use campaign::Campaign;
pub use column::{Column, ColumnDef, ColumnKind};
pub use email_template::EmailTemplate;
pub use file::File;
pub use invite::Invite;
pub use member::Member;
pub use organization::Organization;
pub use project::Project;
pub use registry::{ErasedModel, Open, Row, TableInfo, fold_stored, open_personal, restore, table, tables};
pub use script::Script;
pub use session::Session;
pub use webhook::Webhook;

/// What the log says about an event beside its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// When it was recorded, to the microsecond.
    pub at: DateTime<Utc>,
    /// The version of the stream after this event.
    pub version: u64,
    /// The data subject that the event introduces, if it introduces one.
    pub subject: Option<SubjectId>,
}

/// A read model: one row per stream.
pub trait ReadModel: Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// The events of the streams that it is folded from.
    type Event: Event;
    /// The prefix of the streams' ids: `inv`.
    const PREFIX: &'static str;
    /// The table that holds the rows.
    const TABLE: &'static str;
    /// The columns after the implicit `id`, `org_id`, `version` and `doc`, in the order of [`Self::columns`].
    const COLUMNS: &'static [ColumnDef];

    /// The row after an event; `None` is no row: not created yet, or deleted.
    ///
    /// Personal fields must have been opened before. What is still sealed counts as erased.
    fn fold(row: Option<Self>, event: &Self::Event, recorded: &Recorded) -> Option<Self>;

    /// The stream's id, prefix included, which is the row's key.
    fn id(&self) -> String;

    /// The organization that the row belongs to.
    fn organization(&self) -> OrganizationId;

    /// The stored document: what the API shows, less what is derived at render time.
    ///
    /// # Errors
    /// When a value cannot be written as JSON, which no value that came out of an event should cause.
    fn document(&self) -> serde_json::Result<String>;

    /// The values of [`Self::COLUMNS`]: what rows are filtered and sorted by, and state that the document does not show.
    fn columns(&self) -> Vec<Column>;

    /// The counter scopes that the row counts in, each with its weight: `("invites/cam_x", 1)`.
    fn groups(&self) -> Vec<(String, i64)>;

    /// Reads a stored row back, so that a fold can go on from it: the inverse of [`Self::document`] and
    /// [`Self::columns`].
    ///
    /// # Errors
    /// When the row was not written by this version's [`Self::document`] and [`Self::columns`].
    fn restore(organization: OrganizationId, document: &str, columns: &[Column]) -> serde_json::Result<Self>;
}

/// What has to be added to which counter when a row that counted in `before` counts in `after`.
///
/// Sorted by scope, so that every writer touches counters in the same order; scopes whose number stays are left out.
pub fn group_changes(before: &[(String, i64)], after: &[(String, i64)]) -> Vec<(String, i64)> {
    let mut changes: BTreeMap<&str, i64> = BTreeMap::new();
    for (scope, weight) in before {
        *changes.entry(scope).or_default() -= weight;
    }
    for (scope, weight) in after {
        *changes.entry(scope).or_default() += weight;
    }
    changes.into_iter().filter(|(_, change)| *change != 0).map(|(scope, change)| (scope.to_owned(), change)).collect()
}

/// What the unit tests of the read models share.
#[cfg(test)]
mod testing {
    use aggregates::id::Id;
    use chrono::{DateTime, Utc};
    use uuid::Uuid;

    use crate::{ReadModel, Recorded};

    /// 2024-01-15T10:30:00Z, and then some.
    pub(crate) const HALF_PAST_TEN: i64 = 1_705_314_600;

    pub(crate) fn id<I: Id>(n: u128) -> I {
        I::from_uuid(Uuid::from_u128(n))
    }

    /// A time, with a fraction of a second that no row may show.
    pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 678_901_000).expect("in range")
    }

    /// Folds events that were recorded ten seconds apart from [`HALF_PAST_TEN`] on.
    pub(crate) fn folded<M: ReadModel>(events: &[M::Event]) -> Option<M> {
        events.iter().zip(0..).fold(None, |row, (event, n)| {
            let version = u64::try_from(n).expect("small") + 1;
            M::fold(row, event, &Recorded { at: at(HALF_PAST_TEN + 10 * n), version, subject: Some(id(99)) })
        })
    }

    /// The document as JSON.
    pub(crate) fn shown(row: &impl ReadModel) -> serde_json::Value {
        serde_json::from_str(&row.document().expect("writable")).expect("JSON")
    }

    /// The scopes that the row counts in, once each.
    pub(crate) fn scopes(row: &impl ReadModel) -> Vec<String> {
        let groups = row.groups();
        assert!(groups.iter().all(|(_, weight)| *weight == 1));
        groups.into_iter().map(|(scope, _)| scope).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn groups(weights: &[(&str, i64)]) -> Vec<(String, i64)> {
        weights.iter().map(|(scope, weight)| ((*scope).to_owned(), *weight)).collect()
    }

    #[test]
    fn group_changes_are_sorted_and_leave_out_what_stays() {
        let (before, after) = (groups(&[("c", 1), ("all", 1), ("x", 2)]), groups(&[("a", 1), ("all", 1), ("x", 5)]));
        assert_eq!(group_changes(&before, &after), groups(&[("a", 1), ("c", -1), ("x", 3)]));
        assert_eq!(group_changes(&after, &after), []);
    }

    #[test]
    fn every_read_model_has_a_table_a_prefix_and_columns_of_its_own() {
        assert_eq!(tables().len(), 11);
        assert_eq!(tables().iter().map(|info| info.table).collect::<BTreeSet<_>>().len(), 11);
        for info in tables() {
            assert!(table(info.prefix).is_some_and(|found| found.table == info.table));
            let names: BTreeSet<_> = info.columns.iter().map(|column| column.name).collect();
            assert_eq!(names.len(), info.columns.len(), "{}", info.table);
            assert!(["id", "org_id", "version", "doc"].iter().all(|implicit| !names.contains(implicit)));
        }
    }
}
