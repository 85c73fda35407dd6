//! The commit of a batch of submissions: one check, one write, one transaction.

use std::collections::{HashMap, HashSet};

use super::{
    Error,
    connection::Connection,
    dialect::{Assumption, Engine},
    signals,
    submission::{Guard, Outcome, StoredEvent, Submission},
    value::{Kind, Value},
    write::{Mode, TableWrite},
};
use crate::trust::leaf::Leaf;

/// What the database says about everything that the submissions of a batch depend on.
#[derive(Default)]
struct State {
    head: i64,
    /// How many batches have been written.
    batch: i64,
    org_heads: HashMap<String, i64>,
    versions: HashMap<String, i64>,
    counters: HashMap<String, i64>,
    signals: HashMap<String, i64>,
    replies: HashMap<String, Vec<u8>>,
    subjects: HashMap<String, (String, Vec<u8>)>,
    claimed_replies: HashSet<String>,
}

/// Batches for which the head is locked first after another node was faster.
const CONTENDED: u32 = 64;
/// Batches that are checked before they are written after a guess was wrong.
const WARY: u32 = 16;
/// Organizations whose heads are remembered, at most.
const ORGANIZATIONS: usize = 10_000;

/// What the writer on PostgreSQL remembers from one batch to the next. It may be outdated: the write finds out.
#[derive(Default)]
pub struct Memory {
    /// Number and head of the last batch.
    last: Option<(i64, i64)>,
    org_heads: HashMap<String, i64>,
    /// Batches to come for which the head is locked first.
    contended: u32,
    /// Batches to come for which nothing is guessed.
    wary: u32,
}

impl Memory {
    fn learn(&mut self, plan: Plan) -> Vec<Outcome> {
        self.last = Some((plan.batch_before + i64::from(!plan.writes.is_empty()), plan.head_after));
        if self.org_heads.len() > ORGANIZATIONS {
            self.org_heads.clear();
        }
        self.org_heads.extend(plan.org_heads);
        plan.outcomes
    }

    /// What the database would say if nothing stood in the way of the submissions.
    fn guess(&self, wants: &Wants) -> Option<State> {
        let (batch, head) = self.last.filter(|_| self.wary == 0)?;
        let org_head = |id: &String| Some((id.clone(), *self.org_heads.get(id)?));
        Some(State {
            head,
            batch,
            org_heads: wants.organizations.iter().map(org_head).collect::<Option<_>>()?,
            versions: wants.streams.clone(),
            counters: wants.counters.clone(),
            signals: wants.endpoints.clone(),
            ..State::default()
        })
    }
}

/// What the submissions of a batch depend on; where they expect a number, with the one that the first of them expects.
#[derive(Default)]
struct Wants {
    organizations: HashSet<String>,
    streams: HashMap<String, i64>,
    counters: HashMap<String, i64>,
    endpoints: HashMap<String, i64>,
    replies: HashSet<String>,
    lookups: HashSet<String>,
}

impl Wants {
    fn of(submissions: &[Submission]) -> Self {
        let mut wants = Self::default();
        for submission in submissions {
            if !submission.events.is_empty() {
                wants.organizations.insert(submission.organization.clone());
            }
            for guard in &submission.guards {
                let (numbers, name, number) = match guard {
                    Guard::Stream { id, version } => (&mut wants.streams, id, version),
                    Guard::Counter { scope, n } => (&mut wants.counters, scope, n),
                    Guard::Signals { webhook, n } => (&mut wants.endpoints, webhook, n),
                };
                numbers.entry(name.clone()).or_insert(*number);
            }
            wants.replies.extend(submission.reply.iter().map(|reply| reply.lookup.clone()));
            wants.lookups.extend(submission.subjects.iter().map(|subject| subject.lookup.clone()));
        }
        wants
    }

    /// What a guess rests on.
    fn assumptions(&self, now: i64) -> Vec<Assumption> {
        let numbers = |map: &HashMap<String, i64>| map.iter().map(|(name, n)| (name.clone(), *n)).unzip();
        let texts = |set: &HashSet<String>| set.iter().cloned().collect();
        let mut assumptions = Vec::new();
        for (make, map) in [
            (Assumption::Versions as fn(_, _) -> _, &self.streams),
            (Assumption::Counters, &self.counters),
            (Assumption::Signals, &self.endpoints),
        ] {
            if !map.is_empty() {
                let (names, values) = numbers(map);
                assumptions.push(make(names, values));
            }
        }
        if !self.lookups.is_empty() {
            assumptions.push(Assumption::NewSubjects(texts(&self.lookups)));
        }
        if !self.replies.is_empty() {
            assumptions.push(Assumption::Unanswered(texts(&self.replies), now));
        }
        assumptions
    }
}

/// Decides and writes a batch; the outcomes stand in the order of the submissions.
///
/// On PostgreSQL the write is one statement that takes effect only if no other batch was written since this node's last. It
/// also checks that nothing stands in the way of the submissions, which is the rule: one round trip in all. Otherwise a check
/// comes first, which sees one snapshot, and the write holds if no other batch was written since: two round trips. When
/// another node was faster, or lately has been, the head is locked first. SQLite's write transaction excludes other writers
/// anyway.
///
/// # Errors
/// [`Error::Database`]: then nothing was written, unless the connection was lost while the engine committed.
pub async fn commit(
    connection: &mut Connection,
    submissions: &[Submission],
    now: i64,
    memory: &mut Memory,
) -> Result<Vec<Outcome>, Error> {
    let wants = Wants::of(submissions);
    if connection.engine() == Engine::Postgres && memory.contended == 0 {
        if let Some(state) = memory.guess(&wants) {
            let plan = Plan::new(state, submissions);
            // A plan that writes nothing would go unchecked.
            if !plan.is_empty() && write(connection, &plan, &wants.assumptions(now)).await? {
                return Ok(memory.learn(plan));
            }
            memory.wary = WARY;
        }
        memory.wary = memory.wary.saturating_sub(1);
        let plan = Plan::new(check(connection, wants, now).await?, submissions);
        if plan.is_empty() || write(connection, &plan, &[]).await? {
            return Ok(memory.learn(plan));
        }
        memory.contended = CONTENDED;
        return commit_in_transaction(connection, submissions, now, memory).await;
    }
    memory.contended = memory.contended.saturating_sub(1);
    commit_in_transaction(connection, submissions, now, memory).await
}

/// Writes a batch again whose first try was lost with its connection, without knowing what became of it: the guess of that
/// try, which holds only if no batch was written since, the lost one included. So of the two at most one takes effect. `None`
/// when nothing was written now; then it is still not known. SQLite's connection is not lost, and its errors are no chance.
///
/// # Errors
/// As [`commit`].
pub async fn repeat(
    connection: &mut Connection,
    submissions: &[Submission],
    now: i64,
    memory: &mut Memory,
) -> Result<Option<Vec<Outcome>>, Error> {
    if connection.engine() == Engine::Sqlite {
        return Ok(None);
    }
    let wants = Wants::of(submissions);
    let Some(state) = memory.guess(&wants) else { return Ok(None) };
    let plan = Plan::new(state, submissions);
    let written = !plan.is_empty() && write(connection, &plan, &wants.assumptions(now)).await?;
    Ok(written.then(|| memory.learn(plan)))
}

async fn write(connection: &mut Connection, plan: &Plan, assumptions: &[Assumption]) -> Result<bool, Error> {
    connection.write_after_batch(plan.batch_before, plan.head_after, assumptions, &plan.writes).await
}

async fn commit_in_transaction(
    connection: &mut Connection,
    submissions: &[Submission],
    now: i64,
    memory: &mut Memory,
) -> Result<Vec<Outcome>, Error> {
    let work = async |connection: &mut Connection| commit_on_head(connection, submissions, now).await;
    Ok(memory.learn(connection.transaction_on_head(work).await?))
}

async fn commit_on_head(connection: &mut Connection, submissions: &[Submission], now: i64) -> Result<Plan, Error> {
    let plan = Plan::new(check(connection, Wants::of(submissions), now).await?, submissions);
    if plan.is_empty() {
        return Ok(plan);
    }
    if connection.engine() == Engine::Postgres {
        // Nobody else can have written, so this only saves a statement.
        let written = write(connection, &plan, &[]).await?;
        return if written { Ok(plan) } else { Err(Error::Database("the head moved under its lock".to_owned())) };
    }
    connection.write(&plan.writes).await?;
    connection.execute("UPDATE log_head SET position = $1, batch = batch + 1", vec![plan.head_after.into()]).await?;
    Ok(plan)
}

async fn check(connection: &mut Connection, wants: Wants, now: i64) -> Result<State, Error> {
    let engine = connection.engine();
    let (no_text, no_bytes) = (engine.null(Kind::Text), engine.null(Kind::Bytes));
    let batch = "CAST(batch AS TEXT)";
    let mut sql = format!("SELECT 0 AS part, '' AS name, position AS n, {batch} AS t, {no_bytes} AS b FROM log_head");
    let mut parameters = Vec::new();
    let mut part = |texts: Vec<String>, select: &dyn Fn(usize) -> String| {
        if !texts.is_empty() {
            parameters.push(Value::Texts(texts));
            sql.push_str(" UNION ALL ");
            sql.push_str(&select(parameters.len()));
        }
    };
    part(wants.organizations.into_iter().collect(), &|n| {
        format!("SELECT 1, org_id, seq, {no_text}, {no_bytes} FROM org_heads WHERE {}", engine.any("org_id", n))
    });
    part(wants.streams.into_keys().collect(), &|n| {
        let any = engine.any("stream_id", n);
        format!("SELECT 2, stream_id, MAX(version), {no_text}, {no_bytes} FROM events WHERE {any} GROUP BY stream_id")
    });
    part(wants.counters.into_keys().collect(), &|n| {
        format!("SELECT 3, scope, n, {no_text}, {no_bytes} FROM counters WHERE {}", engine.any("scope", n))
    });
    part(wants.endpoints.into_keys().collect(), &|n| {
        let any = engine.any("webhook_id", n);
        format!("SELECT 6, webhook_id, signals, {no_text}, {no_bytes} FROM webhook_endpoints WHERE {any}")
    });
    part(wants.lookups.into_iter().collect(), &|n| {
        format!("SELECT 4, lookup, 0, id, wrapped_key FROM subjects WHERE {}", engine.any("lookup", n))
    });
    part(wants.replies.into_iter().collect(), &|n| {
        let any = engine.any("lookup", n);
        format!("SELECT 5, lookup, expires_at, {no_text}, reply FROM idempotency WHERE {any}")
    });

    let mut state = State::default();
    for row in connection.query(&sql, parameters).await? {
        let [part, name, number, text, bytes] =
            <[Value; 5]>::try_from(row).map_err(|_| Error::Corrupt("the check's answer".into()))?;
        let name = name.into_text().unwrap_or_default();
        match part.int() {
            0 => (state.head, state.batch) = (number.int(), text.text().parse().unwrap_or_default()),
            1 => _ = state.org_heads.insert(name, number.int()),
            2 => _ = state.versions.insert(name, number.int()),
            3 => _ = state.counters.insert(name, number.int()),
            4 => {
                let subject = (text.into_text().unwrap_or_default(), bytes.into_bytes().unwrap_or_default());
                state.subjects.insert(name, subject);
            }
            6 => _ = state.signals.insert(name, number.int()),
            // An expired reply is as good as none; it stays until the sweep.
            _ if number.int() > now => _ = state.replies.insert(name, bytes.into_bytes().unwrap_or_default()),
            _ => {}
        }
    }
    Ok(state)
}

/// What is going to be written, and what each submission will be told.
struct Plan {
    batch_before: i64,
    head_after: i64,
    org_heads: HashMap<String, i64>,
    writes: Vec<TableWrite>,
    outcomes: Vec<Outcome>,
}

impl Plan {
    fn new(mut state: State, submissions: &[Submission]) -> Self {
        let batch_before = state.batch;
        let mut tables = Tables::default();
        let outcomes = submissions.iter().map(|submission| state.decide(submission, &mut tables)).collect::<Vec<_>>();
        tables.org_heads(&state);
        let (head_after, writes) = (state.head, tables.into_writes());
        Self { batch_before, head_after, org_heads: state.org_heads, writes, outcomes }
    }

    fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

impl State {
    /// Judges one submission against the database and the submissions before it, and adds what it writes.
    fn decide(&mut self, submission: &Submission, tables: &mut Tables) -> Outcome {
        if let Some(reply) = &submission.reply {
            if let Some(stored) = self.replies.get(&reply.lookup) {
                return Outcome::AlreadyAnswered(stored.clone());
            }
            if self.claimed_replies.contains(&reply.lookup) {
                return Outcome::InProgress;
            }
        }
        let stale: Vec<String> = submission
            .guards
            .iter()
            .filter_map(|guard| match guard {
                Guard::Stream { id, version } => {
                    (self.versions.get(id).copied().unwrap_or(0) != *version).then(|| id.clone())
                }
                Guard::Counter { scope, n } => {
                    (self.counters.get(scope).copied().unwrap_or(0) != *n).then(|| scope.clone())
                }
                Guard::Signals { webhook, n } => {
                    (self.signals.get(webhook).copied().unwrap_or(0) != *n).then(|| webhook.clone())
                }
            })
            .collect();
        if !stale.is_empty() {
            return Outcome::Stale(stale);
        }
        let taken: Vec<_> = submission
            .subjects
            .iter()
            .filter_map(|subject| {
                let (id, key) = self.subjects.get(&subject.lookup)?;
                Some((subject.lookup.clone(), id.clone(), key.clone()))
            })
            .collect();
        if !taken.is_empty() {
            return Outcome::SubjectsExist(taken);
        }

        for subject in &submission.subjects {
            self.subjects.insert(subject.lookup.clone(), (subject.id.clone(), subject.wrapped_key.clone()));
            tables.subjects.rows.push(vec![
                subject.id.as_str().into(),
                submission.organization.as_str().into(),
                subject.lookup.as_str().into(),
                subject.wrapped_key.clone().into(),
            ]);
        }
        for event in &submission.events {
            self.append(&submission.organization, event, tables);
        }
        for (scope, delta) in &submission.counters {
            *self.counters.entry(scope.clone()).or_insert(0) += delta;
            *tables.counters.entry(scope.clone()).or_insert(0) += delta;
        }
        for row in &submission.rows {
            tables.rows.insert((row.table, row.id.clone()), row.clone());
        }
        for write in &submission.writes {
            if write.table == signals::TABLE && write.mode == Mode::Increase {
                for row in &write.rows {
                    *self.signals.entry(row[0].text().to_owned()).or_insert(0) += row[1].int();
                }
            }
            tables.others.push(write.clone());
        }
        if let Some(reply) = &submission.reply {
            self.claimed_replies.insert(reply.lookup.clone());
            tables.replies.rows.push(vec![
                reply.id.as_str().into(),
                reply.lookup.as_str().into(),
                reply.expires_at.into(),
                reply.sealed.clone().into(),
            ]);
        }
        Outcome::Committed { head: self.head }
    }

    fn append(&mut self, organization: &str, event: &StoredEvent, tables: &mut Tables) {
        self.head += 1;
        let org_seq = self.org_heads.entry(organization.to_owned()).or_insert(0);
        *org_seq += 1;
        self.versions.insert(event.stream.clone(), event.version);
        tables.organizations.insert(organization.to_owned());
        let leaf = Leaf {
            organization,
            org_seq: *org_seq,
            event_id: &event.event_id,
            stream: &event.stream,
            version: event.version,
            name: event.name,
            schema: event.schema,
            recorded_at: event.recorded_at,
            subject: event.subject.as_deref(),
            meta: &event.meta,
            data: &event.data,
        };
        tables.events.rows.push(vec![
            self.head.into(),
            event.event_id.as_str().into(),
            organization.into(),
            (*org_seq).into(),
            event.stream.as_str().into(),
            event.version.into(),
            event.name.into(),
            event.schema.into(),
            event.recorded_at.into(),
            event.subject.as_deref().into(),
            event.meta.as_str().into(),
            event.data.as_str().into(),
            leaf.hash().to_vec().into(),
        ]);
    }
}

/// The rows of a batch, by table.
struct Tables {
    events: TableWrite,
    subjects: TableWrite,
    replies: TableWrite,
    organizations: HashSet<String>,
    org_heads: TableWrite,
    counters: HashMap<String, i64>,
    /// The last row wins where several submissions changed the same one.
    rows: HashMap<(&'static str, String), super::submission::RowChange>,
    others: Vec<TableWrite>,
}

impl Default for Tables {
    fn default() -> Self {
        use Kind::{Bytes, Int, Text};
        let events = [
            ("position", Int),
            ("event_id", Text),
            ("org_id", Text),
            ("org_seq", Int),
            ("stream_id", Text),
            ("version", Int),
            ("type", Text),
            ("schema", Int),
            ("recorded_at", Int),
            ("subject_id", Text),
            ("meta", Text),
            ("data", Text),
            ("leaf_hash", Bytes),
        ];
        let subjects = [("id", Text), ("org_id", Text), ("lookup", Text), ("wrapped_key", Bytes)];
        let replies = [("id", Text), ("lookup", Text), ("expires_at", Int), ("reply", Bytes)];
        Self {
            events: TableWrite::new("events", Mode::Insert, &events),
            subjects: TableWrite::new("subjects", Mode::Insert, &subjects),
            replies: TableWrite::new("idempotency", Mode::Insert, &replies),
            organizations: HashSet::new(),
            org_heads: TableWrite::new("org_heads", Mode::Upsert, &[("org_id", Text), ("seq", Int)]),
            counters: HashMap::new(),
            rows: HashMap::new(),
            others: Vec::new(),
        }
    }
}

impl Tables {
    fn org_heads(&mut self, state: &State) {
        for organization in &self.organizations {
            let seq = state.org_heads.get(organization).copied().unwrap_or(0);
            self.org_heads.rows.push(vec![organization.as_str().into(), seq.into()]);
        }
    }

    fn into_writes(self) -> Vec<TableWrite> {
        let mut changed: Vec<_> = self.rows.into_values().collect();
        // In the order of their ids, which is the order of their time: new rows go to the right edge of each index.
        changed.sort_unstable_by(|a, b| (a.table, &a.id).cmp(&(b.table, &b.id)));
        let mut writes = vec![self.events, self.subjects, self.org_heads, self.replies];
        writes.extend(super::rows::writes("", changed));
        writes.extend(super::rows::counter_write("counters", self.counters));
        writes.extend(merged(self.others));
        writes.retain(|write| !write.rows.is_empty());
        writes
    }
}

/// Brings what several submissions add to the same row together, and leaves out what they add to one that another deletes:
/// PostgreSQL changes a row only once in a statement.
fn merged(writes: Vec<TableWrite>) -> Vec<TableWrite> {
    let deleted: HashSet<(String, String)> = writes
        .iter()
        .filter(|write| write.mode == Mode::Delete)
        .flat_map(|write| write.rows.iter().map(|row| (write.table.clone(), row[0].text().to_owned())))
        .collect();
    let mut kept: Vec<TableWrite> = Vec::with_capacity(writes.len());
    for mut write in writes {
        if write.mode != Mode::Increase {
            kept.push(write);
            continue;
        }
        write.rows.retain(|row| !deleted.contains(&(write.table.clone(), row[0].text().to_owned())));
        let same = |other: &&mut TableWrite| {
            (other.mode, &other.table, &other.columns) == (write.mode, &write.table, &write.columns)
        };
        let Some(before) = kept.iter_mut().find(same) else {
            kept.push(write);
            continue;
        };
        for row in write.rows {
            match before.rows.iter_mut().find(|other| other[0] == row[0]) {
                Some(other) => other[1] = (other[1].int() + row[1].int()).into(),
                None => before.rows.push(row),
            }
        }
    }
    kept
}
