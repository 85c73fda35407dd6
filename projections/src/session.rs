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
            SessionEvent::ConsentWithdrawn(event) => {
                api.consented(false, &event.facts);
                // What is withdrawn is not analysed any more, and what came of it is not shown.
                api.sentiment = None;
            }
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

#[cfg(test)]
mod tests {
    use aggregates::{
        id::ConsentId,
        session::{
            ConsentKind, ConsentMethod, Given, Overall, PauseCause, ResumeCause, Terms,
            event::{
                ConsentRecorded, ConsentWithdrawn, SessionAbandoned, SessionAnswered, SessionCompleted, SessionResumed,
                SessionStarted, TranscriptReady,
            },
        },
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{HALF_PAST_TEN, at, folded, id, shown};

    fn created() -> SessionCreated {
        let metadata = json!({"userId": "12345", "segment": "enterprise"});
        SessionCreated {
            session_id: id(7),
            organization_id: id(1),
            campaign_id: id(5),
            invite_id: id(6),
            script_id: id(4),
            script_version: 1,
            total_questions: 10,
            terms: Terms::default(),
            email: Email::parse("participant@example.com").expect("an address").into(),
            name: Some("Jane Doe".to_owned()).into(),
            metadata: serde_json::from_value::<Metadata>(metadata).expect("an object").into(),
            device: Some(Device {
                browser: Some("Chrome 120".to_owned()),
                os: Some("macOS 14.2".to_owned()),
                kind: Some("desktop".to_owned()),
            })
            .into(),
            start_by: at(HALF_PAST_TEN + 604_800),
            at: at(HALF_PAST_TEN),
        }
    }

    fn facts(kind: ConsentKind) -> ConsentFacts {
        ConsentFacts {
            consent_id: id::<ConsentId>(8),
            kind,
            text_version: None,
            text_sha256: None,
            locale: None,
            method: ConsentMethod::Web,
            actor: "participant".to_owned(),
            ip: None,
            user_agent: None,
            at: at(HALF_PAST_TEN),
        }
    }

    fn answered(kind: PromptKind) -> SessionEvent {
        SessionEvent::Answered(SessionAnswered {
            prompt: 1,
            kind,
            question_id: "q1".to_owned(),
            seq: 1,
            given: Given::YesNo(true).into(),
            spoken: None,
            elapsed: 30_000,
            at: at(HALF_PAST_TEN + 45),
        })
    }

    fn history() -> Vec<SessionEvent> {
        let (started, reason) = (at(HALF_PAST_TEN + 15), Some("Phone".to_owned().into()));
        let mood = Sentiment { overall: Overall::Positive, score: 0.72 };
        vec![
            SessionEvent::Created(created()),
            SessionEvent::ConsentRecorded(ConsentRecorded { granted: true, facts: facts(ConsentKind::All) }),
            SessionEvent::Started(SessionStarted { at: started }),
            answered(PromptKind::Question),
            answered(PromptKind::FollowUp),
            SessionEvent::Paused(SessionPaused { cause: PauseCause::Api, reason, elapsed: 59_999, at: started }),
            SessionEvent::Resumed(SessionResumed { cause: ResumeCause::Api, at: started }),
            SessionEvent::Completed(SessionCompleted {
                reason: EndReason::Finished,
                elapsed: 750_999,
                at: at(HALF_PAST_TEN + 765),
            }),
            SessionEvent::TranscriptReady(TranscriptReady {
                partial: false,
                utterances: 9,
                sentiment: Some(mood.into()),
                at: started,
            }),
        ]
    }

    #[test]
    fn a_completed_session_looks_as_in_the_reference() {
        let row: Session = folded(&history()).expect("a row");
        assert_eq!(
            shown(&row),
            json!({
                "id": row.id(), "campaignId": row.api.campaign_id, "inviteId": row.api.invite_id, "status": "completed",
                "participant": {"email": "participant@example.com", "name": "Jane Doe"},
                "startedAt": "2024-01-15T10:30:15Z", "completedAt": "2024-01-15T10:42:45Z", "duration": 750,
                "questionsAnswered": 1, "totalQuestions": 10, "language": "en",
                "sentiment": {"overall": "positive", "score": 0.72},
                "device": {"browser": "Chrome 120", "os": "macOS 14.2", "type": "desktop"},
                "metadata": {"userId": "12345", "segment": "enterprise"}, "createdAt": "2024-01-15T10:30:00Z",
                "updatedAt": "2024-01-15T10:31:20Z", "endReason": "finished", "pauseReason": null,
                "consent": {"recording": true, "dataProcessing": true},
            })
        );
    }

    #[test]
    fn everything_is_there_from_the_beginning() {
        let event = SessionCreated { name: None.into(), device: None.into(), ..created() };
        let document = shown(&folded::<Session>(&[SessionEvent::Created(event)]).expect("a row"));
        for field in ["startedAt", "completedAt", "sentiment", "device", "endReason", "pauseReason"] {
            assert_eq!(document[field], Value::Null, "{field}");
        }
        assert_eq!((&document["status"], &document["duration"]), (&json!("created"), &json!(0)));
        assert_eq!(document["participant"], json!({"email": "participant@example.com", "name": null}));
        assert_eq!(document["consent"], json!({"recording": null, "dataProcessing": null}));
    }

    #[test]
    fn a_pause_says_why() {
        let seen = |n: usize| shown(&folded::<Session>(&history()[..n]).expect("a row"));
        assert_eq!((&seen(6)["pauseReason"], &seen(6)["duration"]), (&json!("Phone"), &json!(59)));
        assert_eq!((&seen(7)["pauseReason"], &seen(7)["status"]), (&Value::Null, &json!("in_progress")));
        let (cause, started) = (PauseCause::HeartbeatLost, at(HALF_PAST_TEN));
        let lost = SessionEvent::Paused(SessionPaused { cause, reason: None, elapsed: 1_000, at: started });
        let row: Session = folded(&[SessionEvent::Created(created()), lost]).expect("a row");
        assert_eq!(row.api.pause_reason.as_deref(), Some("heartbeat_lost"));
    }

    #[test]
    fn a_withdrawal_is_seen_for_its_type_alone() {
        let mut events = history()[..4].to_vec();
        let facts = facts(ConsentKind::Recording);
        events.push(SessionEvent::ConsentWithdrawn(ConsentWithdrawn { facts }));
        let (reason, elapsed) = (EndReason::ConsentWithdrawn, 31_000);
        let abandoned = SessionAbandoned { reason, elapsed, at: at(HALF_PAST_TEN + 60) };
        events.push(SessionEvent::Abandoned(abandoned));
        let document = shown(&folded::<Session>(&events).expect("a row"));
        assert_eq!(document["consent"], json!({"recording": false, "dataProcessing": true}));
        assert_eq!((&document["status"], &document["endReason"]), (&json!("abandoned"), &json!("consent_withdrawn")));
        assert_eq!((&document["completedAt"], &document["duration"]), (&Value::Null, &json!(31)));
    }

    #[test]
    fn what_was_withdrawn_has_no_mood() {
        let mut events = history();
        events.push(SessionEvent::ConsentWithdrawn(ConsentWithdrawn { facts: facts(ConsentKind::DataProcessing) }));
        events.push(SessionEvent::ConsentRecorded(ConsentRecorded { granted: true, facts: facts(ConsentKind::All) }));
        let document = shown(&folded::<Session>(&events).expect("a row"));
        assert_eq!((&document["sentiment"], &document["status"]), (&Value::Null, &json!("completed")));
    }

    #[test]
    fn a_session_counts_by_status_and_a_completed_one_by_its_length() {
        let campaign = id::<CampaignId>(5);
        let (all, of) = (format!("sessions/{campaign}"), |status: &str| format!("sessions/{campaign}/{status}"));
        let groups = |n: usize| folded::<Session>(&history()[..n]).expect("a row").groups();
        for (n, status) in [(1, "created"), (3, "in_progress"), (6, "paused"), (7, "in_progress")] {
            assert_eq!(groups(n), [(all.clone(), 1), (of(status), 1)]);
        }
        assert_eq!(groups(9), [(all, 1), (of("completed"), 1), (of("duration"), 750)]);
    }
}
