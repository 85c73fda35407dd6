//! Folding a page of the log forward, and rendering what its events made of their resources.

use std::collections::{BTreeMap, HashMap, HashSet};

use aggregates::{
    DecodeError,
    id::{CampaignId, ProjectId},
};
use bytes::Bytes;
use projections::{
    ErasedModel,
    public::{self, Envelope, PublicType, Source},
};

use super::{PublicEvent, Unreadable};
use crate::store::{Error, Opened, Store, StoredRecord};

/// How much is folded at once, in versions of streams, which count more the larger their events are.
const PORTION: i64 = 4_000;

/// What has been rendered so far.
#[derive(Default)]
pub struct Rendered {
    pub events: Vec<PublicEvent>,
    pub unreadable: Vec<Unreadable>,
    pub bytes: usize,
    /// How many of the events have been through [`Rendered::keep`].
    kept: usize,
}

impl Rendered {
    /// Drops those of the new events that nobody wants.
    pub fn keep(&mut self, wanted: impl Fn(&PublicEvent) -> bool) {
        let new = self.events.split_off(self.kept);
        self.events.extend(new.into_iter().filter(|event| wanted(event)));
        self.kept = self.events.len();
        self.bytes = self.events.iter().map(|event| event.body.len()).sum();
    }

    /// Tells the operator of what could not be rendered.
    pub fn report(&self) {
        for Unreadable { position, error } in &self.unreadable {
            metrics::counter!("events_unreadable_total").increment(1);
            tracing::error!(position, error, "an event cannot be rendered and is left out");
        }
    }
}

/// Renders the first few of `records`, as many as fit into memory with the streams that they belong to, and answers the
/// others.
///
/// # Errors
/// When the store fails.
pub async fn portion<'a>(
    store: &Store,
    opened: &Opened,
    records: &'a [StoredRecord],
    with_projects: bool,
    rendered: &mut Rendered,
) -> Result<&'a [StoredRecord], Error> {
    let (now, later) = records.split_at(fitting(records));
    let begun = now.iter().filter(|record| record.version == 1).map(|record| record.stream.as_str());
    let mut known: HashMap<&str, i64> = begun.map(|stream| (stream, 0)).collect();
    let mut needed: HashSet<&str> = HashSet::new();
    for record in now {
        match known.get_mut(record.stream.as_str()) {
            // The next version of a stream that begins here.
            Some(version) if *version + 1 == record.version => *version += 1,
            _ => _ = needed.insert(&record.stream),
        }
    }
    let mut fold = Fold::new(now);
    for record in now.iter().filter(|record| !needed.contains(record.stream.as_str())) {
        fold.step(opened, record);
    }
    if let (Some(last), false) = (now.last(), needed.is_empty()) {
        let ids = needed.into_iter().map(str::to_owned).collect();
        let streams = store.streams(ids, last.position).await?;
        for record in &streams.records {
            fold.step(&streams, record);
        }
    }
    let first = rendered.events.len();
    fold.finish(rendered);
    if with_projects {
        add_projects(store, &mut rendered.events[first..]).await?;
    }
    Ok(later)
}

/// How many of the records are folded at once: at least one.
fn fitting(records: &[StoredRecord]) -> usize {
    let mut versions: HashMap<&str, i64> = HashMap::new();
    let mut sum = 0;
    for (n, record) in records.iter().enumerate() {
        let weight = PublicType::of(&record.name).map_or(1, |public| public.resource.weight);
        let seen = versions.entry(&record.stream).or_default();
        sum += (record.version - *seen).max(0) * weight;
        *seen = record.version;
        if sum > PORTION && n > 0 {
            return n;
        }
    }
    records.len()
}

/// A stream's row, as far as it is folded; `Err` once one of its events could not be read.
type Row = Result<Option<Box<dyn ErasedModel>>, String>;

struct Fold {
    wanted: HashSet<i64>,
    rows: HashMap<String, Row>,
    events: BTreeMap<i64, Result<PublicEvent, String>>,
}

impl Fold {
    fn new(wanted: &[StoredRecord]) -> Self {
        let wanted = wanted.iter().map(|record| record.position).collect();
        Self { wanted, rows: HashMap::new(), events: BTreeMap::new() }
    }

    /// Goes one event on, and renders it if it is wanted.
    fn step(&mut self, opened: &Opened, record: &StoredRecord) {
        let row = self.rows.remove(&record.stream).unwrap_or(Ok(None)).and_then(|row| next(opened, record, row));
        if self.wanted.contains(&record.position) {
            match (PublicType::of(&record.name), &row) {
                (Some(public), Ok(Some(row))) => {
                    let event = render(public, opened, record, row.as_ref()).map_err(|error| error.to_string());
                    self.events.insert(record.position, event);
                }
                (_, Err(error)) => _ = self.events.insert(record.position, Err(error.clone())),
                // Not public, or its resource is gone with it.
                _ => {}
            }
        }
        self.rows.insert(record.stream.clone(), row);
    }

    fn finish(self, rendered: &mut Rendered) {
        for (position, event) in self.events {
            match event {
                Ok(event) => {
                    rendered.bytes += event.body.len();
                    rendered.events.push(event);
                }
                Err(error) => rendered.unreadable.push(Unreadable { position, error }),
            }
        }
    }
}

fn next(opened: &Opened, record: &StoredRecord, row: Option<Box<dyn ErasedModel>>) -> Row {
    let prefix = record.stream.split('_').next().unwrap_or_default();
    let (name, schema, data) = (record.name.as_str(), record.schema, record.data.as_str());
    let mut open = |label: &'static str, sealed: &str| opened.open(record, label, sealed);
    projections::fold_stored(prefix, row, name, schema, data, &mut open, &record.recorded())
        .map_err(|error| error.to_string())
}

fn render(
    public: &PublicType,
    opened: &Opened,
    record: &StoredRecord,
    row: &dyn ErasedModel,
) -> Result<PublicEvent, DecodeError> {
    let source = Source { name: &record.name, schema: record.schema, payload: &record.data };
    let mut open = |label: &'static str, sealed: &str| opened.open(record, label, sealed);
    let (data, place) = public::shown(public, row, source, &mut open)?;
    let at = record.recorded().at;
    let envelope = Envelope {
        id: &record.event_id,
        name: public.name,
        at,
        organization: &record.organization,
        sequence: record.org_seq,
    };
    let (body, start) = envelope.around(&data);
    let data = start..start + data.len();
    Ok(PublicEvent {
        position: record.position,
        id: record.event_id.clone(),
        name: public.name,
        at,
        organization: record.organization.clone(),
        sequence: record.org_seq,
        resource: record.stream.clone(),
        campaign: place.campaign,
        project: place.project,
        body: Bytes::from(body),
        data,
    })
}

/// Looks up which project each event's campaign was in when the event happened.
async fn add_projects(store: &Store, events: &mut [PublicEvent]) -> Result<(), Error> {
    let without = |event: &&PublicEvent| event.project.is_none() && event.resource_is_in_a_campaign();
    let campaigns: HashSet<CampaignId> = events.iter().filter(without).filter_map(|event| event.campaign).collect();
    let Some(last) = events.last().map(|event| event.position) else { return Ok(()) };
    if campaigns.is_empty() {
        return Ok(());
    }
    let ids = campaigns.iter().map(CampaignId::to_string).collect();
    let streams = store.streams(ids, last).await?;
    let mut history: HashMap<CampaignId, Vec<(i64, Option<ProjectId>)>> = HashMap::new();
    let mut row: Option<Box<dyn ErasedModel>> = None;
    for record in &streams.records {
        row = match next(&streams, record, row.take().filter(|_| record.version > 1)) {
            Ok(row) => row,
            Err(error) => return Err(Error::Corrupt(error)),
        };
        let campaign = row.as_ref().and_then(|row| row.as_any().downcast_ref::<projections::Campaign>());
        if let Some(campaign) = campaign {
            history.entry(campaign.api.id).or_default().push((record.position, campaign.api.project_id));
        }
    }
    for event in events.iter_mut().filter(|event| event.project.is_none() && event.resource_is_in_a_campaign()) {
        let history = event.campaign.and_then(|campaign| history.get(&campaign));
        event.project = history.and_then(|history| {
            let before = history.partition_point(|(position, _)| *position <= event.position);
            before.checked_sub(1).and_then(|last| history[last].1)
        });
    }
    Ok(())
}

impl PublicEvent {
    /// Whether it happened to something within a campaign, not to the campaign itself.
    fn resource_is_in_a_campaign(&self) -> bool {
        self.campaign.is_some_and(|campaign| campaign.to_string() != self.resource)
    }
}
