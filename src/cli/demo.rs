//! `demo`: an organization with scripts, campaigns, invites and finished interviews, for a newcomer to look at.
//!
//! The interviews go through the same commands as real ones, on a clock of their own: it starts some days ago, so that
//! they have the durations of conversations, and never passes the present. No mail is sent.

use aggregates::{
    consent,
    id::{CampaignId, Id, OrganizationId, ScriptId, SessionId},
    organization::Plan,
    session::{ConsentKind, ConsentMethod},
};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    installation::Installation,
    org::{administrator, describe},
};
use crate::{
    app::PARTICIPANT,
    clock::{Clock, ManualClock},
    command::{
        Caller, Command, Commands,
        campaigns::CreateCampaign,
        invites::CreateInvite,
        organizations::{CreateOrganization, UpdateOrganization},
        scripts::{CreateScript, PublishScript},
        sessions::{AnswerPrompt, CompleteSession, LeaveSession, OpenSession, RecordConsent, StartSession},
    },
    http::IfMatch,
    trust::secret_key,
};

/// The demo organization's colour, for documents in its own branding.
const BRAND: &str = "#0b6e4f";
const INTERVIEWS: &str = include_str!("../../assets/demo/interviews.json");
/// How long ago the first of them began.
const SINCE: TimeDelta = TimeDelta::days(3);
/// Milliseconds that a person takes for one letter of an answer.
const PER_LETTER: i64 = 220;
/// Milliseconds that a person takes before the first.
const THINKING: i64 = 12_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scene {
    language: String,
    script: String,
    campaign: String,
    system_prompt: String,
    questions: Value,
    participants: Vec<Participant>,
    waiting: Vec<Invited>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Participant {
    #[serde(flatten)]
    invited: Invited,
    answers: Map<String, Value>,
    follow_up: String,
    leaves: bool,
}

#[derive(Deserialize)]
struct Invited {
    name: String,
    email: String,
}

/// `demo`.
///
/// # Errors
/// When the store fails, or a command is refused; the message says which and why.
pub async fn run(installation: &Installation, public_url: &str) -> Result<(), String> {
    let (clock, hands) = Clock::manual(installation.clock.now() - SINCE);
    let keys = installation.commands.keys.clone();
    let commands = Commands::new(installation.store.clone(), clock, keys, public_url.to_owned());
    let stage = Stage { organization: commands.new_id(), commands, hands };
    let key = stage.open().await?;
    let scenes: Vec<Scene> = serde_json::from_str(INTERVIEWS).map_err(|error| error.to_string())?;
    let mut open = Vec::new();
    let mut finished = Vec::new();
    for scene in &scenes {
        let campaign = stage.campaign(scene).await?;
        for participant in &scene.participants {
            let session = stage.interview(campaign, &scene.language, participant).await?;
            finished.push((session, &participant.invited.name, &scene.language));
        }
        for invited in &scene.waiting {
            let invite = stage.invite(campaign, invited).await?;
            open.push((text(&invite, "inviteUrl")?, &invited.name, &scene.language));
        }
    }
    say!("Demo organization {} with {} interviews.", stage.organization, finished.len());
    say!("\nIts API key, which is shown only now:\n\n  {key}\n");
    say!("Interviews to take part in:\n");
    for (url, name, language) in open {
        say!("  {url}   ({name}, {language})");
    }
    say!("\nInterviews to read:\n");
    for (session, name, language) in finished {
        let url = format!("{public_url}/v1/sessions/{session}");
        say!("  {name} ({language})\n    curl \"{url}/transcript?format=text\" -H \"Authorization: Bearer {key}\"");
        say!("    curl {url}/pdf -o {session}.pdf -H \"Authorization: Bearer {key}\"");
    }
    say!("\nIf no server is running, start one with the same settings first.");
    Ok(())
}

/// The demo organization, its commands and the hands of its clock.
struct Stage {
    organization: OrganizationId,
    commands: Commands,
    hands: ManualClock,
}

impl Stage {
    async fn run(&self, command: &impl Command) -> Result<Value, String> {
        self.run_as(administrator(self.organization), command).await
    }

    /// As the participants do it, so that consent reads as theirs.
    async fn take_part(&self, command: &impl Command) -> Result<Value, String> {
        self.run_as(Caller { actor: PARTICIPANT.to_owned(), ..administrator(self.organization) }, command).await
    }

    async fn run_as(&self, caller: Caller, command: &impl Command) -> Result<Value, String> {
        let outcomes = self.commands.run(&caller, None, command).await.map_err(|error| error.to_string())?;
        let answer = outcomes.result.map_err(|refusal| describe(&refusal))?;
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&answer.body).map_err(|error| error.to_string())
    }

    /// Makes the organization; answers its key.
    async fn open(&self) -> Result<String, String> {
        let key = secret_key::generate().to_string();
        let create = CreateOrganization {
            id: self.organization,
            name: "Riverside Bikes".to_owned(),
            plan: Plan::Professional,
            credits: Plan::Professional.included_credits() * 100,
            key: Some((self.commands.new_id(), key.clone())),
            only_first: false,
        };
        self.run(&create).await?;
        let body = json!({"brandColor": BRAND}).into();
        self.run(&UpdateOrganization { if_match: IfMatch(None), body }).await.map(|_| key)
    }

    async fn campaign(&self, scene: &Scene) -> Result<CampaignId, String> {
        let script = json!({
            "name": scene.script, "systemPrompt": scene.system_prompt, "questions": scene.questions,
            "settings": {"language": scene.language},
        });
        let script: ScriptId = id(&self.run(&CreateScript { body: script.into() }).await?)?;
        self.run(&PublishScript { id: script }).await?;
        let campaign = json!({
            "name": scene.campaign, "scriptId": script, "settings": {"language": scene.language},
            "inviteDefaults": {"expiresIn": "30d"},
        });
        id(&self.run(&CreateCampaign { body: campaign.into() }).await?)
    }

    async fn invite(&self, campaign: CampaignId, invited: &Invited) -> Result<Value, String> {
        self.hands.advance(TimeDelta::minutes(7));
        let body = json!({"email": invited.email, "name": invited.name, "sendEmail": false}).into();
        self.run(&CreateInvite { campaign, body }).await
    }

    /// Invites somebody and leads the interview to its end; answers the session's id.
    async fn interview(
        &self,
        campaign: CampaignId,
        language: &str,
        participant: &Participant,
    ) -> Result<SessionId, String> {
        let invite = self.invite(campaign, &participant.invited).await?;
        self.hands.advance(TimeDelta::minutes(41));
        let device = json!({"device": {"browser": "Firefox 133", "os": "Android 15", "type": "mobile"}}).into();
        let open = OpenSession { invite: id(&invite)?, link: text(&invite, "token")?, body: device };
        let session: SessionId = id(&self.take_part(&open).await?["session"])?;
        self.hands.advance(TimeDelta::seconds(25));
        let hash = consent::shown(language, ConsentKind::All.types()).sha256;
        let body = json!({"granted": true, "type": "all", "textSha256": hash}).into();
        let consent = RecordConsent { session, body, method: ConsentMethod::Web, ip: None, user_agent: None };
        self.take_part(&consent).await?;
        let mut turn = self.take_part(&StartSession { session }).await?;
        for seq in 1.. {
            let prompt = &turn["prompt"];
            if prompt.is_null() {
                break;
            }
            let body = participant.reply(prompt, seq);
            let letters = body["text"].as_str().map_or(1, |text| text.chars().count());
            let pause = THINKING + PER_LETTER * i64::try_from(letters).unwrap_or(0);
            self.hands.advance(TimeDelta::milliseconds(pause));
            if participant.leaves && prompt["questionId"] == "again" {
                self.take_part(&LeaveSession { session }).await?;
                return Ok(session);
            }
            turn = self.take_part(&AnswerPrompt { session, body: body.into(), spoken: None, produced: None }).await?;
        }
        self.hands.advance(TimeDelta::seconds(3));
        self.take_part(&CompleteSession { session }).await?;
        Ok(session)
    }
}

impl Participant {
    fn reply(&self, prompt: &Value, seq: u64) -> Value {
        let mut body = json!({"promptId": prompt["id"], "seq": seq});
        let answer = prompt["questionId"].as_str().and_then(|question| self.answers.get(question));
        match (prompt["kind"].as_str(), answer) {
            (Some("follow_up"), _) if !self.follow_up.is_empty() => body["text"] = json!(self.follow_up),
            (Some("question"), Some(Value::String(text))) if prompt["type"] == "open" && !text.is_empty() => {
                body["text"] = json!(text);
            }
            (Some("question"), Some(value)) if prompt["type"] != "open" => body["value"] = value.clone(),
            _ => body["skip"] = json!(true),
        }
        body
    }
}

fn id<I: Id + std::str::FromStr>(document: &Value) -> Result<I, String> {
    text(document, "id")?.parse().map_err(|_| format!("not an id of the form {}_…", I::PREFIX))
}

fn text(document: &Value, member: &str) -> Result<String, String> {
    document[member].as_str().map(str::to_owned).ok_or_else(|| format!("an answer lacks {member}"))
}
