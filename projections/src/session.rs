//! Sessions.

use aggregates::{
    Personal,
    consent::ConsentType,
    id::{CampaignId, Id, InviteId, OrganizationId, SessionId, SubjectId},
    session::{
        Device, EndReason, PromptKind, Sentiment, SessionStatus,
        event::{ConsentFacts, SessionCreated, SessionEvent, SessionPaused},
    },
    value::{Email, Metadata},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::Error as _};

use crate::{
    Column, ColumnDef, ReadModel, Recorded,
    column::Stored,
    time::{self, optional_seconds, seconds, whole_seconds},
};

/// A session's row.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Who is interviewed, as the log knows the person; stays when the person is erased.
    pub subject: Option<SubjectId>,
    /// What the API shows.
    pub api: SessionDocument,
}

/// What the API shows of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionDocument {
    /// Its id.
    pub id: SessionId,
    /// Its campaign.
    pub campaign_id: CampaignId,
    /// The invite that led to it.
    pub invite_id: InviteId,
    /// Where it stands.
    pub status: SessionStatus,
    /// Who is interviewed.
    pub participant: ParticipantDocument,
    /// When the interview began.
    #[serde(with = "optional_seconds")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it was completed.
    #[serde(with = "optional_seconds")]
    pub completed_at: Option<DateTime<Utc>>,
    /// Seconds of interview, pauses left out, as of the last pause or the end. Not as of each answer: a column that is
    /// sorted by should not move with every one.
    pub duration: i64,
    /// Questions of the script that were answered.
    pub questions_answered: u32,
    /// Questions of the script.
    pub total_questions: u32,
    /// The language of the interview.
    pub language: String,
    /// The mood of what was said; none where it is not known.
    pub sentiment: Option<Sentiment>,
    /// What the participant uses.
    pub device: Option<Device>,
    /// The invite's metadata; empty once the person is erased.
    pub metadata: Metadata,
    /// When it was created.
    #[serde(with = "seconds")]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[serde(with = "seconds")]
    pub updated_at: DateTime<Utc>,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// Why it is paused: in somebody's words, else `participant`, `api` or `heartbeat_lost`.
    pub pause_reason: Option<String>,
    /// What was consented to, as last said.
    pub consent: ConsentDocument,
}

/// Who is interviewed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParticipantDocument {
    /// The address; none once the person is erased.
    pub email: Option<Email>,
    /// The display name; none if it was not given, or once the person is erased.
    pub name: Option<String>,
}

/// What was consented to, as last said; null where nothing was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsentDocument {
    /// To recording.
    pub recording: Option<bool>,
    /// To processing.
    pub data_processing: Option<bool>,
}

impl Session {
    fn created(event: &SessionCreated, recorded: &Recorded) -> Self {
        let at = whole_seconds(recorded.at);
        Self {
            organization_id: event.organization_id,
            subject: recorded.subject,
            api: SessionDocument {
                id: event.session_id,
                campaign_id: event.campaign_id,
                invite_id: event.invite_id,
                status: SessionStatus::Created,
                participant: ParticipantDocument {
                    email: event.email.clear().cloned(),
                    name: event.name.clear().cloned().flatten(),
                },
                started_at: None,
                completed_at: None,
                duration: 0,
                questions_answered: 0,
                total_questions: event.total_questions,
                language: event.terms.language.clone(),
                sentiment: None,
                device: event.device.clear().cloned().flatten(),
                metadata: event.metadata.clear().cloned().unwrap_or_default(),
                created_at: at,
                updated_at: at,
                end_reason: None,
                pause_reason: None,
                consent: ConsentDocument::default(),
            },
        }
    }
}

impl SessionDocument {
    fn consented(&mut self, granted: bool, facts: &ConsentFacts) {
        for kind in facts.kind.types() {
            match kind {
                ConsentType::Recording => self.consent.recording = Some(granted),
                ConsentType::DataProcessing => self.consent.data_processing = Some(granted),
            }
        }
    }

    fn paused(&mut self, event: &SessionPaused) {
        self.status = SessionStatus::Paused;
        let reason = event.reason.as_ref().and_then(Personal::clear).cloned();
        self.pause_reason = Some(reason.unwrap_or_else(|| event.cause.as_str().to_owned()));
        self.duration = in_seconds(event.elapsed);
    }

    fn ended(&mut self, status: SessionStatus, reason: EndReason, elapsed: u64) {
        self.status = status;
        self.end_reason = Some(reason);
        self.pause_reason = None;
        self.duration = in_seconds(elapsed);
    }
}

fn in_seconds(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds / 1_000).unwrap_or(i64::MAX)
}

impl ReadModel for Session {
    type Event = SessionEvent;
    const PREFIX: &'static str = SessionId::PREFIX;
    const TABLE: &'static str = "sessions";
    const COLUMNS: &'static [ColumnDef] = &[
        ColumnDef::text("campaign_id"),
        ColumnDef::text("invite_id"),
        ColumnDef::text("status"),
        ColumnDef::text("subject"),
        // 0 where it was not completed, so that both engines sort such sessions alike, and pages can begin after one.
        ColumnDef::int("completed_at"),
        ColumnDef::int("duration"),
        ColumnDef::int("created_at"),
        ColumnDef::int("updated_at"),
    ];

    fn fold(row: Option<Self>, event: &Self::Event, recorded: &Recorded) -> Option<Self> {
        let mut row = match event {
            SessionEvent::Created(created) => return Some(Self::created(created, recorded)),
            _ => row?,
        };
        let api = &mut row.api;
        match event {
            SessionEvent::Created(_) | SessionEvent::Prompted(_) | SessionEvent::Skipped(_) => {}
            SessionEvent::ConsentRecorded(event) => api.consented(event.granted, &event.facts),
            SessionEvent::ConsentWithdrawn(event) => api.consented(false, &event.facts),
            SessionEvent::Started(event) => {
                api.status = SessionStatus::InProgress;
                api.started_at = Some(whole_seconds(event.at));
            }
            SessionEvent::Answered(event) => {
                api.questions_answered =
                    api.questions_answered.saturating_add(u32::from(event.kind == PromptKind::Question));
            }
            SessionEvent::Paused(event) => api.paused(event),
            SessionEvent::Resumed(_) => {
                api.status = SessionStatus::InProgress;
                api.pause_reason = None;
            }
            SessionEvent::Completed(event) => {
                api.ended(SessionStatus::Completed, event.reason, event.elapsed);
                api.completed_at = Some(whole_seconds(event.at));
            }
            SessionEvent::Abandoned(event) => api.ended(SessionStatus::Abandoned, event.reason, event.elapsed),
            SessionEvent::TranscriptReady(event) => {
                api.sentiment = event.sentiment.as_ref().and_then(Personal::clear).copied();
            }
        }
        api.updated_at = whole_seconds(recorded.at);
        Some(row)
    }

    fn id(&self) -> String {
        self.api.id.to_string()
    }

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn document(&self) -> serde_json::Result<String> {
        serde_json::to_string(&self.api)
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            Column::id(Some(self.api.campaign_id)),
            Column::id(Some(self.api.invite_id)),
            Column::text(self.api.status.as_str()),
            Column::id(self.subject),
            time::column(self.api.completed_at.unwrap_or_default()),
            Column::int(self.api.duration),
            time::column(self.api.created_at),
            time::column(self.api.updated_at),
        ]
    }

    fn groups(&self) -> Vec<(String, i64)> {
        let (campaign, status) = (self.api.campaign_id, self.api.status.as_str());
        let mut groups = vec![(format!("sessions/{campaign}"), 1), (format!("sessions/{campaign}/{status}"), 1)];
        if self.api.status == SessionStatus::Completed {
            groups.push((format!("sessions/{campaign}/duration"), self.api.duration));
        }
        groups
    }

    fn restore(organization: OrganizationId, document: &str, columns: &[Column]) -> serde_json::Result<Self> {
        let stored = Stored::new(Self::COLUMNS, columns);
        Ok(Self {
            organization_id: organization,
            subject: stored.text("subject")?.map(str::parse).transpose().map_err(serde_json::Error::custom)?,
            api: serde_json::from_str(document)?,
        })
    }
}
