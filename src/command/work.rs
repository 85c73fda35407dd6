//! The unit of work of one command.

use std::{any::Any, collections::HashMap, sync::Arc};

use aggregates::{
    Event,
    entity::Entity,
    id::{EventId, Id, OrganizationId, SubjectId},
};
use chrono::{DateTime, Utc};
use projections::{ErasedModel, ReadModel, Recorded, group_changes};

use super::{Caller, Commands, Stop, not_found};
use crate::{
    http::IfMatch,
    store::{
        self, Guard, NewSubject, Opened, Reply, RowChange, RowData, StoredEvent, SubjectKey, Submission, TableWrite,
    },
    trust::{keys::random_key, seal},
};

/// Streams whose state stays in memory, about.
const CACHED_STREAMS: usize = 5_000;
/// Bytes that they may take, about.
const CACHED_BYTES: u64 = 64 << 20;
/// Bytes that any of them takes, besides [`Entity::weight`].
const STREAM: usize = 4 << 10;

/// An aggregate together with the read model that is folded from its events.
pub trait Root: Entity + 'static {
    /// The read model.
    type Model: ReadModel<Event = Self::Event>;
}

macro_rules! roots {
    ($($module:ident::$name:ident),* $(,)?) => {
        $(impl Root for aggregates::$module::$name { type Model = projections::$name; })*
    };
}

roots!(
    organization::Organization,
    api_key::ApiKey,
    project::Project,
    script::Script,
    campaign::Campaign,
    invite::Invite,
    member::Member,
    email_template::EmailTemplate,
    session::Session,
    file::File,
    webhook::Webhook,
);

/// The state of a stream at a version, with its read-model row.
pub struct Snapshot<A: Root> {
    /// The version of the stream.
    pub version: i64,
    /// The aggregate.
    pub state: A,
    /// The read-model row; `None` when it is deleted.
    pub row: Option<A::Model>,
    /// The data subjects whose personal fields could be read.
    subjects: Vec<SubjectId>,
}

impl<A: Root> Default for Snapshot<A> {
    fn default() -> Self {
        Self { version: 0, state: A::default(), row: None, subjects: Vec::new() }
    }
}

impl<A: Root> Snapshot<A> {
    fn apply(&mut self, event: A::Event, recorded: &Recorded, readable: bool) {
        self.version = i64::try_from(recorded.version).unwrap_or(i64::MAX);
        self.row = A::Model::fold(self.row.take(), &event, recorded);
        self.state.apply(event);
        if let Some(subject) = recorded.subject.filter(|subject| readable && !self.subjects.contains(subject)) {
            self.subjects.push(subject);
        }
    }
}

impl Commands {
    /// An aggregate as the log has it now, for queries that its read model cannot answer; `None` when the organization
    /// has none of that id. What is cached is believed if the stream has not grown since and nobody in it was erased.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn snapshot<A: Root>(
        &self,
        id: A::Id,
        organization: OrganizationId,
    ) -> Result<Option<Arc<Snapshot<A>>>, store::Error> {
        let key = id.to_string();
        let snapshot = match self.cached::<A>(&key) {
            Some(snapshot) if self.store.is_current(&key, snapshot.version, &snapshot.subjects).await? => snapshot,
            _ => {
                let snapshot = Arc::new(replay::<A>(&self.store.stream(&key).await?)?);
                if snapshot.version > 0 {
                    self.cache.insert(key, Cached::of(&snapshot));
                }
                snapshot
            }
        };
        Ok(Some(snapshot).filter(|snapshot| snapshot.state.organization_id() == Some(organization)))
    }
}

impl<A: Root> Clone for Snapshot<A> {
    fn clone(&self) -> Self {
        let Self { version, state, row, subjects } = self;
        Self { version: *version, state: state.clone(), row: row.clone(), subjects: subjects.clone() }
    }
}

/// A [`Snapshot`] of some aggregate, and what it weighs.
#[derive(Clone)]
pub(super) struct Cached {
    snapshot: Arc<dyn Any + Send + Sync>,
    bytes: usize,
}

impl Cached {
    fn of<A: Root>(snapshot: &Arc<Snapshot<A>>) -> Self {
        Self { snapshot: snapshot.clone(), bytes: STREAM + snapshot.state.weight() }
    }
}

/// Weighs snapshots, so that a few talkative participants do not fill the memory.
#[derive(Clone)]
pub(super) struct Bytes;

impl quick_cache::Weighter<String, Cached> for Bytes {
    fn weight(&self, _: &String, cached: &Cached) -> u64 {
        cached.bytes as u64
    }
}

pub(super) type Cache = quick_cache::sync::Cache<String, Cached, Bytes>;

pub(super) fn cache() -> Cache {
    quick_cache::sync::Cache::with_weighter(CACHED_STREAMS, CACHED_BYTES, Bytes)
}

/// What one command has seen and wants to change.
pub struct Work<'a> {
    commands: &'a Commands,
    caller: &'a Caller,
    now: DateTime<Utc>,
    may_use_cache: bool,
    used_cache: bool,
    seen: HashMap<String, Seen>,
    submission: Submission,
    new_subjects: HashMap<String, SubjectKey>,
}

struct Seen {
    /// The version that must still be the stream's when the work commits.
    version: i64,
    /// The [`Snapshot`] as it is after the work's own events.
    cached: Cached,
    changed: bool,
}

impl<'a> Work<'a> {
    pub(super) fn new(commands: &'a Commands, caller: &'a Caller, may_use_cache: bool) -> Self {
        Self {
            commands,
            caller,
            now: commands.clock.now(),
            may_use_cache,
            used_cache: false,
            seen: HashMap::new(),
            submission: Submission { organization: caller.organization.to_string(), ..Submission::default() },
            new_subjects: HashMap::new(),
        }
    }

    /// Who asks.
    pub fn caller(&self) -> &'a Caller {
        self.caller
    }

    /// The instant at which everything in this work happens.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Everything that commands are run with.
    pub fn commands(&self) -> &'a Commands {
        self.commands
    }

    /// The store, for queries.
    pub fn store(&self) -> &'a store::Store {
        &self.commands.store
    }

    /// A new identifier.
    pub fn new_id<I: Id>(&self) -> I {
        self.commands.ids.next()
    }

    /// The aggregate, which must exist and belong to the caller's organization. That it has not changed meanwhile is
    /// checked when the work commits.
    ///
    /// # Errors
    /// "Not found" when there is none, or none for this caller.
    pub async fn load<A: Root>(&mut self, id: A::Id) -> Result<A, Stop> {
        let key = id.to_string();
        if !self.seen.contains_key(&key) {
            let snapshot = self.snapshot::<A>(&key).await?;
            self.seen
                .insert(key.clone(), Seen { version: snapshot.version, cached: Cached::of(&snapshot), changed: false });
        }
        let state = self.peek::<A>(&key).map(|snapshot| &snapshot.state);
        match state {
            Some(state) if state.organization_id() == Some(self.caller.organization) => Ok(state.clone()),
            _ => Err(not_found().into()),
        }
    }

    /// The same, if it is at a version that the client is willing to change.
    ///
    /// # Errors
    /// As [`Self::load`], and 412.
    pub async fn load_expected<A: Root>(&mut self, id: A::Id, expected: &IfMatch) -> Result<A, Stop> {
        let state = self.load(id).await?;
        expected.check(self.version::<A>(id).unsigned_abs())?;
        Ok(state)
    }

    /// Lets an aggregate decide a command; it must have been loaded, or be new.
    ///
    /// # Errors
    /// The aggregate's refusal.
    pub fn execute<A: Root>(&mut self, id: A::Id, command: A::Command) -> Result<(), Stop> {
        let key = id.to_string();
        let mut snapshot = match self.peek::<A>(&key) {
            Some(snapshot) => snapshot.clone(),
            None => Snapshot::default(),
        };
        let guarded = self.seen.get(&key).map_or(0, |seen| seen.version);
        let before = snapshot.row.as_ref().map(ReadModel::groups).unwrap_or_default();
        let events = snapshot.state.decide(command).map_err(Into::into)?;
        let changed = !events.is_empty();
        for event in events {
            self.append(&key, &mut snapshot, event)?;
        }
        if changed {
            let after = snapshot.row.as_ref().map(ReadModel::groups).unwrap_or_default();
            self.submission.counters.extend(group_changes(&before, &after));
        }
        let changed = changed || self.seen.get(&key).is_some_and(|seen| seen.changed);
        self.seen.insert(key, Seen { version: guarded, cached: Cached::of(&Arc::new(snapshot)), changed });
        Ok(())
    }

    /// The read-model row of an aggregate after this work's events; `None` when it is deleted or was not touched.
    pub fn row<A: Root>(&self, id: A::Id) -> Option<&A::Model> {
        self.peek::<A>(&id.to_string()).and_then(|snapshot| snapshot.row.as_ref())
    }

    /// The API's representation of an aggregate after this work's events.
    ///
    /// # Errors
    /// "Not found" when it has none.
    pub fn document<A: Root>(&self, id: A::Id) -> Result<String, Stop> {
        let row = self.row::<A>(id).ok_or_else(not_found)?;
        row.document().map_err(|error| Stop::Failed(error.into()))
    }

    /// The version of an aggregate's stream after this work's events.
    pub fn version<A: Root>(&self, id: A::Id) -> i64 {
        self.peek::<A>(&id.to_string()).map_or(0, |snapshot| snapshot.version)
    }

    /// Reads a counter; that it has not changed meanwhile is checked when the work commits.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn counter(&mut self, scope: String) -> Result<i64, Stop> {
        let n = self.store().counters(vec![scope.clone()]).await?.remove(&scope).unwrap_or(0);
        self.submission.guards.push(Guard::Counter { scope, n });
        Ok(n)
    }

    /// Reads counters at once; that none has changed meanwhile is checked when the work commits. All are in the result.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn counters(&mut self, scopes: Vec<String>) -> Result<HashMap<String, i64>, Stop> {
        let mut found = self.store().counters(scopes.clone()).await?;
        for scope in scopes {
            let n = *found.entry(scope.clone()).or_insert(0);
            self.submission.guards.push(Guard::Counter { scope, n });
        }
        Ok(found)
    }

    /// Demands that a webhook endpoint has had no more signals when the work commits than it has had now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn guard_signals(&mut self, webhook: &str) -> Result<(), Stop> {
        let n = self.store().signals(webhook).await?;
        self.submission.guards.push(Guard::Signals { webhook: webhook.to_owned(), n });
        Ok(())
    }

    /// Demands that a counter has a value when the work commits; if it has another one, the command runs again.
    pub fn expect_counter(&mut self, scope: String, n: i64) {
        self.submission.guards.push(Guard::Counter { scope, n });
    }

    /// Adds rows for tables of other mechanisms.
    pub fn write(&mut self, write: TableWrite) {
        self.submission.writes.push(write);
    }

    /// Lookup and id of the data subject with a normalized address, whether it exists yet or not: an unknown one is
    /// taken for new, and the commit finds out if that was wrong.
    pub fn subject(&mut self, normalized_email: &str) -> (String, SubjectKey) {
        let lookup = self.commands.keys.subject_lookup(&self.submission.organization, normalized_email);
        let known = self.store().cached_subject(&lookup).or_else(|| self.new_subjects.get(&lookup).cloned());
        let subject = known.unwrap_or_else(|| {
            let subject = SubjectKey { id: self.new_id::<SubjectId>().to_string(), key: random_key() };
            self.new_subjects.insert(lookup.clone(), subject.clone());
            subject
        });
        (lookup, subject)
    }

    fn peek<A: Root>(&self, key: &str) -> Option<&Snapshot<A>> {
        self.seen.get(key).and_then(|seen| seen.cached.snapshot.downcast_ref())
    }

    async fn snapshot<A: Root>(&mut self, key: &str) -> Result<Arc<Snapshot<A>>, Stop> {
        if let Some(snapshot) = self.commands.cached::<A>(key).filter(|_| self.may_use_cache) {
            self.used_cache = true;
            return Ok(snapshot);
        }
        let opened = self.store().stream(key).await?;
        if opened.records.is_empty() {
            return Err(not_found().into());
        }
        let snapshot = Arc::new(replay::<A>(&opened)?);
        self.commands.cache.insert(key.to_owned(), Cached::of(&snapshot));
        Ok(snapshot)
    }

    fn append<A: Root>(&mut self, key: &str, snapshot: &mut Snapshot<A>, mut event: A::Event) -> Result<(), Stop> {
        let introduced = event.subject().map(str::to_owned);
        let address = introduced.or_else(|| {
            let concerned = !event.personal().is_empty();
            snapshot.state.subject().filter(|_| concerned).map(str::to_owned)
        });
        let subject = address.map(|address| self.subject(&address).1);
        let subject_id = subject.as_ref().and_then(|subject| subject.id.parse().ok());
        let recorded = Recorded { at: self.now, version: snapshot.version.unsigned_abs() + 1, subject: subject_id };
        snapshot.apply(event.clone(), &recorded, true);
        let event_id = self.new_id::<EventId>().to_string();
        if let Some(subject) = &subject {
            for (label, field) in event.personal() {
                field
                    .seal(&mut |plain| seal::seal_field(&subject.key, &event_id, label, plain))
                    .map_err(store::Error::from)?;
            }
        }
        self.submission.events.push(StoredEvent {
            stream: key.to_owned(),
            version: snapshot.version,
            name: event.name(),
            schema: i64::from(event.schema()),
            recorded_at: self.now.timestamp_micros(),
            subject: subject.map(|subject| subject.id),
            meta: serde_json::to_string(self.caller).map_err(store::Error::from)?,
            data: event.encode().map_err(store::Error::from)?,
            event_id,
        });
        self.submission.rows.push(row_change::<A>(key, snapshot)?);
        Ok(())
    }

    /// Whether no event came of it, as when a resource already is what it was asked to become.
    pub(super) fn changes_nothing(&self) -> bool {
        self.submission.events.is_empty()
    }

    /// Whether what was decided may rest on cached state that is no longer true.
    pub(super) async fn is_stale(&self) -> Result<bool, store::Error> {
        if !self.used_cache {
            return Ok(false);
        }
        let versions = self.store().versions(self.seen.keys().cloned().collect()).await?;
        Ok(self.seen.iter().any(|(key, seen)| versions.get(key).copied().unwrap_or(0) != seen.version))
    }

    /// After a refusal: nothing of what was worked on is to be written.
    pub(super) fn abandon(&mut self) {
        let organization = std::mem::take(&mut self.submission.organization);
        self.submission = Submission { organization, ..Submission::default() };
        self.seen.clear();
        self.new_subjects.clear();
    }

    /// Makes the submission: everything that was seen becomes a guard.
    pub(super) async fn prepare(mut self, reply: Option<Reply>) -> Result<Prepared, store::Error> {
        if !self.new_subjects.is_empty() {
            let organization = &self.submission.organization;
            let outer = self.commands.store.organization_key(organization).await?;
            for (lookup, subject) in &self.new_subjects {
                self.submission.subjects.push(NewSubject {
                    id: subject.id.clone(),
                    lookup: lookup.clone(),
                    wrapped_key: seal::wrap(&outer, &subject.id, &subject.key),
                });
            }
        }
        if !self.submission.events.is_empty() || !self.submission.writes.is_empty() {
            let guards = self.seen.iter().map(|(id, seen)| Guard::Stream { id: id.clone(), version: seen.version });
            self.submission.guards.extend(guards);
        }
        self.submission.reply = reply;
        let changed = self.seen.into_iter().filter(|(_, seen)| seen.changed && seen.version > 0);
        Ok(Prepared {
            submission: self.submission,
            changed: changed.map(|(key, seen)| (key, seen.cached)).collect(),
            subjects: self.new_subjects,
        })
    }
}

impl Commands {
    /// The state of an aggregate, whoever it belongs to, for queries that its row does not answer. What is remembered
    /// of it may be behind what another node has written; it is read anew unless it is `enough`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn state<A: Root>(&self, id: A::Id, enough: impl Fn(&A) -> bool) -> Result<Option<A>, store::Error> {
        let key = id.to_string();
        if let Some(snapshot) = self.cached::<A>(&key).filter(|snapshot| enough(&snapshot.state)) {
            return Ok(Some(snapshot.state.clone()));
        }
        let opened = self.store.stream(&key).await?;
        if opened.records.is_empty() {
            return Ok(None);
        }
        let snapshot = Arc::new(replay::<A>(&opened)?);
        self.cache.insert(key, Cached::of(&snapshot));
        Ok(Some(snapshot.state.clone()))
    }

    /// What this node knows of a stream, which may be behind the log.
    fn cached<A: Root>(&self, key: &str) -> Option<Arc<Snapshot<A>>> {
        self.cache.get(key)?.snapshot.downcast().ok()
    }
}

/// A submission together with what is worth remembering once it is committed.
pub(super) struct Prepared {
    pub submission: Submission,
    changed: Vec<(String, Cached)>,
    subjects: HashMap<String, SubjectKey>,
}

impl Prepared {
    pub fn remember(self, commands: &Commands) {
        for (key, cached) in self.changed {
            commands.cache.insert(key, cached);
        }
        for (lookup, subject) in self.subjects {
            commands.store.remember_new_subject(lookup, subject);
        }
    }
}

fn replay<A: Root>(opened: &Opened) -> Result<Snapshot<A>, store::Error> {
    let mut snapshot = Snapshot::default();
    for record in &opened.records {
        let mut event = A::Event::decode(&record.name, record.schema, &record.data)?;
        projections::registry::open_personal(&mut event, &mut |label, sealed| opened.open(record, label, sealed))?;
        snapshot.apply(event, &record.recorded(), opened.has_key(record));
    }
    Ok(snapshot)
}

fn row_change<A: Root>(key: &str, snapshot: &Snapshot<A>) -> Result<RowChange, store::Error> {
    let row = match &snapshot.row {
        Some(model) => Some(RowData::of(model, snapshot.version)?),
        None => None,
    };
    Ok(RowChange { table: A::Model::TABLE, id: key.to_owned(), row })
}

impl RowData {
    /// What is stored of a read model.
    ///
    /// # Errors
    /// When the document cannot be written as JSON.
    pub fn of(model: &dyn ErasedModel, version: i64) -> Result<Self, store::Error> {
        let row = model.row(version.unsigned_abs())?;
        Ok(Self { organization: row.organization.to_string(), version, document: row.document, columns: row.columns })
    }
}
