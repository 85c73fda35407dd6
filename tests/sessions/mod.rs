//! Commands of sessions on both engines: what one unit of work holds, what two at once come to, and what is counted.

use std::sync::Arc;

use aggregates::{
    Code, Refusal,
    id::{CampaignId, InviteId, SessionId},
    session::{ConsentMethod, Overall, PauseCause, ResumeCause, Sentiment},
};
use chrono::TimeDelta;
use interview_relay::command::{
    Answer, Caller, Command, Commands,
    campaigns::{ArchiveCampaign, PauseCampaign},
    invites::CancelInvite,
    sessions::{
        AnswerPrompt, CompleteSession, Due, EndInTime, LeaveSession, OpenSession, PauseSession, RecordConsent,
        RestoreHeartbeat, ResumeSession, StartSession,
    },
};
use serde_json::{Value, json};

use crate::support::{
    engines::{Engine, on_both_engines},
    product::{Product, id},
};

const LONG: &str = "The basket was emptied twice, and I had to search for every product again before I could pay.";

/// A product with a campaign of four questions, and one invite of it.
struct Setting {
    product: Product,
    campaign: CampaignId,
    invite: InviteId,
}

impl Setting {
    async fn new(engine: Engine) -> Self {
        let product = Product::start(engine).await;
        let questions = json!([
            {"id": "q1", "text": "How was it?", "type": "open", "followUp": {"enabled": true}},
            {"id": "q2", "text": "How good?", "type": "rating", "required": false},
            {"id": "q3", "text": "Which?", "type": "multiple_choice", "options": ["Red", "Blue"]},
            {"id": "q4", "text": "Again?", "type": "yes_no"},
        ]);
        let body = json!({"name": "Script", "systemPrompt": "Be kind.", "questions": questions});
        let script = id(&product.post("/v1/scripts", body).await.expect(201));
        product.post(&format!("/v1/scripts/{script}/publish"), json!({})).await.expect(200);
        let body = json!({"name": "Campaign", "scriptId": script, "settings": {"maxDuration": 600}});
        let campaign = id(&product.post("/v1/campaigns", body).await.expect(201));
        let body = json!({"email": "ada@example.com", "name": "Ada", "metadata": {"userId": "7"}});
        let invite = id(&product.post(&format!("/v1/campaigns/{campaign}/invites"), body).await.expect(201));
        Self { product, campaign: campaign.parse().expect("an id"), invite: invite.parse().expect("an id") }
    }

    async fn run<C: Command>(&self, command: C) -> Result<Answer, Refusal> {
        run(&self.product.commands, &caller(&self.product), command).await
    }

    async fn done<C: Command>(&self, command: C) -> Value {
        let answer = self.run(command).await.expect("allowed");
        serde_json::from_str(&answer.body).unwrap_or(Value::Null)
    }

    async fn code<C: Command>(&self, command: C) -> Code {
        self.run(command).await.expect_err("refused").code
    }

    fn open(&self) -> OpenSession {
        open(self.invite)
    }

    /// A session with consent that has begun.
    async fn started(&self) -> SessionId {
        let session = session_of(&self.done(self.open()).await);
        self.done(consent(session, true)).await;
        self.done(StartSession { session }).await;
        session
    }

    async fn document(&self, session: SessionId) -> Value {
        self.product
            .engine
            .store
            .document_of_any("sessions", &session.to_string())
            .await
            .expect("query")
            .map_or(Value::Null, |document| serde_json::from_str(&document.json).expect("JSON"))
    }

    async fn invite_status(&self) -> String {
        let invite = self.product.get(&format!("/v1/invites/{}", self.invite)).await.expect(200);
        invite["status"].as_str().expect("a status").to_owned()
    }

    /// The names of a stream's events.
    async fn events(&self, stream: &str) -> Vec<String> {
        let sql = format!("SELECT type FROM events WHERE stream_id = '{stream}' ORDER BY version");
        self.product.engine.sql(&sql).await.iter().map(|row| row[0].text().to_owned()).collect()
    }

    async fn stats(&self) -> Value {
        self.product.get(&format!("/v1/campaigns/{}", self.campaign)).await.expect(200)["stats"].clone()
    }

    fn wait(&self, seconds: i64) {
        self.product.engine.hands.advance(TimeDelta::seconds(seconds));
    }
}

fn caller(product: &Product) -> Caller {
    Caller { organization: product.organization, actor: "participant".to_owned(), request_id: "test".to_owned() }
}

async fn run<C: Command>(commands: &Commands, caller: &Caller, command: C) -> Result<Answer, Refusal> {
    commands.run(caller, None, &command).await.expect("run").result
}

fn open(invite: InviteId) -> OpenSession {
    OpenSession { invite, link: "inv_link".to_owned(), body: json!({"device": {"type": "desktop"}}).into() }
}

#[track_caller]
fn session_of(body: &Value) -> SessionId {
    id(&body["session"]).parse().expect("an id")
}

fn consent(session: SessionId, granted: bool) -> RecordConsent {
    RecordConsent {
        session,
        body: json!({"granted": granted, "type": "all"}).into(),
        method: ConsentMethod::Web,
        ip: Some("192.0.2.7".to_owned()),
        user_agent: Some("Mozilla/5.0".to_owned()),
    }
}

fn answer(session: SessionId, prompt: &str, seq: u64, given: Value) -> AnswerPrompt {
    let mut body = json!({"promptId": prompt, "seq": seq});
    body.as_object_mut().expect("an object").extend(given.as_object().cloned().expect("an object"));
    AnswerPrompt { session, body: body.into(), spoken: None, produced: None }
}

fn due(session: SessionId, due: Due) -> EndInTime {
    EndInTime { due: vec![(session, due)] }
}

on_both_engines! {
    async fn a_whole_interview(engine: Engine) {
        let setting = Setting::new(engine).await;
        let opened = setting.run(setting.open()).await.expect("allowed");
        assert_eq!(opened.status, 201);
        let opened: Value = serde_json::from_str(&opened.body).expect("JSON");
        let session = session_of(&opened);
        assert!(opened["sessionToken"].is_string() && opened["expiresAt"].is_string());
        assert_eq!(opened["session"]["status"], "created");
        assert!(opened["session"].get("metadata").is_none(), "the customer's metadata are not the participant's to see");
        assert_eq!(setting.invite_status().await, "pending");
        assert_eq!(setting.run(setting.open()).await.expect("allowed").status, 200, "coming back");
        assert_eq!(setting.code(StartSession { session }).await, Code::ConsentRequired);
        let record = setting.done(consent(session, true)).await;
        assert!(record["id"].as_str().is_some_and(|id| id.starts_with("con_")));
        let started = setting.done(StartSession { session }).await;
        assert_eq!((&started["session"]["status"], &started["prompt"]["id"]), (&json!("in_progress"), &json!("p1")));
        assert_eq!(setting.invite_status().await, "started");
        setting.wait(30);
        let next = setting.run(answer(session, "p1", 1, json!({"text": LONG}))).await.expect("allowed");
        assert_eq!(next.status, 201);
        let again = setting.run(answer(session, "p1", 1, json!({"text": LONG}))).await.expect("allowed");
        assert_eq!(again, next);
        setting.done(answer(session, "p2", 2, json!({"skip": true}))).await;
        setting.done(answer(session, "p3", 3, json!({"value": "Blue"}))).await;
        let last = setting.done(answer(session, "p4", 4, json!({"value": true}))).await;
        assert_eq!((&last["done"], &last["prompt"], &last["progress"]["answered"]), (&json!(true), &Value::Null, &json!(3)));
        setting.wait(15);
        let completed = setting.done(CompleteSession { session }).await;
        assert_eq!((&completed["session"]["status"], &completed["session"]["duration"]), (&json!("completed"), &json!(45)));
        assert_eq!(setting.code(CompleteSession { session }).await, Code::SessionNotActive);

        let document = setting.document(session).await;
        assert_eq!(document["participant"], json!({"email": "ada@example.com", "name": "Ada"}));
        assert_eq!((&document["metadata"], &document["device"]["type"]), (&json!({"userId": "7"}), &json!("desktop")));
        assert_eq!((&document["questionsAnswered"], &document["totalQuestions"]), (&json!(3), &json!(4)));
        assert_eq!(
            setting.events(&session.to_string()).await,
            [
                "session.created", "consent.recorded", "session.started", "session.prompted", "session.answered",
                "session.prompted", "session.skipped", "session.prompted", "session.answered", "session.prompted",
                "session.answered", "session.prompted", "session.completed", "transcript.ready",
            ]
        );
        assert_eq!(
            setting.events(&setting.invite.to_string()).await,
            ["invite.created", "invite.session_opened", "invite.started", "invite.completed"]
        );
        let stats = json!({"totalInvites": 1, "completedSessions": 1, "averageDuration": 45});
        assert_eq!(setting.stats().await, stats);
        let rows = setting.product.engine.sql("SELECT data FROM events").await;
        assert!(rows.iter().all(|row| !row[0].text().contains("basket") && !row[0].text().contains("ada@")));
        assert_eq!(setting.product.engine.store.verify_projections().await.expect("verify").differences, []);
        setting.product.stop().await;
    }

    async fn two_tabs_at_once_count_once(engine: Engine) {
        let setting = Setting::new(engine).await;
        let caller = caller(&setting.product);
        // Another node, so that nothing rests on one process's memory.
        let other = Commands::new(
            setting.product.engine.node().await,
            setting.product.engine.clock.clone(),
            setting.product.engine.keys.clone(),
            "http://other".to_owned(),
        );
        let one = setting.product.commands.clone();
        let nodes = [one.clone(), Arc::new(other), one.clone(), one];
        let opened = at_once(&nodes, &caller, |_| setting.open()).await;
        let body = |answer: &Result<Answer, Refusal>| -> Value {
            serde_json::from_str(&answer.as_ref().expect("allowed").body).expect("JSON")
        };
        let session = session_of(&body(&opened[0]));
        assert!(opened.iter().all(|answer| session_of(&body(answer)) == session), "one live session");
        setting.done(consent(session, true)).await;
        setting.done(StartSession { session }).await;

        // The same answer from all of them is one; of different ones, one is taken and the others are told.
        let same = at_once(&nodes, &caller, |_| answer(session, "p1", 1, json!({"text": LONG}))).await;
        assert!(same.iter().all(|answer| answer.is_ok() && *answer == same[0]));
        let rival = at_once(&nodes, &caller, |n| answer(session, "p2", 2 + n, json!({"value": n + 1}))).await;
        assert_eq!(rival.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert!(rival.iter().flat_map(|answer| answer.as_ref().err()).all(|refusal| refusal.code == Code::Conflict));
        assert_eq!(setting.document(session).await["questionsAnswered"], 2);
        let answered = setting.events(&session.to_string()).await;
        assert_eq!(answered.iter().filter(|name| *name == "session.answered").count(), 2);
        setting.product.stop().await;
    }

    async fn a_withdrawal_ends_the_interview_in_the_same_command(engine: Engine) {
        let setting = Setting::new(engine).await;
        let session = setting.started().await;
        setting.done(answer(session, "p1", 1, json!({"text": LONG}))).await;
        let record = setting.done(consent(session, false)).await;
        assert_eq!(record["granted"], false);
        let events = setting.events(&session.to_string()).await;
        assert_eq!(events[events.len() - 3..], ["consent.withdrawn", "session.abandoned", "transcript.ready"]);
        assert_eq!(setting.code(answer(session, "p2", 2, json!({"value": 3}))).await, Code::SessionNotActive);
        let document = setting.document(session).await;
        assert_eq!((&document["status"], &document["endReason"]), (&json!("abandoned"), &json!("consent_withdrawn")));
        let consents = setting.product.commands.consents(session, setting.product.organization).await.expect("query");
        let granted: Vec<bool> = consents.expect("a session").iter().map(|record| record.granted).collect();
        assert_eq!(granted, [true, false]);
        let elsewhere = setting.product.commands.new_id();
        assert_eq!(setting.product.commands.consents(session, elsewhere).await.expect("query"), None);
        setting.product.stop().await;
    }

    async fn a_link_leads_to_a_session_as_long_as_it_may(engine: Engine) {
        let setting = Setting::new(engine).await;
        setting.done(PauseCampaign { id: setting.campaign }).await;
        let first = session_of(&setting.done(setting.open()).await);
        // Who leaves before the start may come again, and gets a new session.
        setting.done(LeaveSession { session: first }).await;
        let session = session_of(&setting.done(setting.open()).await);
        assert_ne!(first, session);
        setting.done(consent(session, true)).await;
        setting.done(StartSession { session }).await;
        setting.done(ArchiveCampaign { id: setting.campaign }).await;
        assert_eq!(setting.code(setting.open()).await, Code::CampaignNotActive);
        setting.done(answer(session, "p1", 1, json!({"text": LONG}))).await;
        setting.done(LeaveSession { session }).await;
        // What is over can be come back to, so that consent can be withdrawn; it stays over.
        let over = setting.done(setting.open()).await;
        assert_eq!((session_of(&over), &over["session"]["status"]), (session, &json!("abandoned")));
        assert_eq!(setting.code(StartSession { session }).await, Code::SessionNotActive);
        assert_eq!(setting.stats().await["completedSessions"], 0);

        let unknown = open(setting.product.commands.new_id());
        assert_eq!(setting.code(unknown).await, Code::NotFound);
        let bad = OpenSession { body: json!({"device": {"os": 1}}).into(), ..setting.open() };
        assert_eq!(setting.code(bad).await, Code::InvalidRequest);
        setting.product.stop().await;
    }

    async fn an_invite_that_is_cancelled_or_has_expired_starts_nothing(engine: Engine) {
        let setting = Setting::new(engine).await;
        let waiting = session_of(&setting.done(setting.open()).await);
        setting.done(consent(waiting, true)).await;
        let body = json!({"email": "bob@example.com"});
        let other = setting.product.post(&format!("/v1/campaigns/{}/invites", setting.campaign), body).await.expect(201);
        let other: InviteId = id(&other).parse().expect("an id");
        let begun = session_of(&setting.done(open(other)).await);
        setting.done(consent(begun, true)).await;
        setting.done(StartSession { session: begun }).await;
        setting.wait(7 * 86_400);
        assert_eq!(setting.code(StartSession { session: waiting }).await, Code::InviteExpired);
        assert_eq!(setting.code(setting.open()).await, Code::InviteExpired);
        setting.done(due(waiting, Due::NeverStarted)).await;
        assert_eq!(setting.document(waiting).await["endReason"], "never_started");
        assert_eq!(setting.events(&waiting.to_string()).await, ["session.created", "consent.recorded", "session.abandoned"]);
        // A running interview is not touched by the invite's expiry.
        setting.done(due(begun, Due::NeverStarted)).await;
        assert_eq!(session_of(&setting.done(open(other)).await), begun);
        assert_eq!(setting.document(begun).await["status"], "in_progress");

        let setting = Setting { invite: another(&setting).await, ..setting };
        let session = session_of(&setting.done(setting.open()).await);
        setting.done(consent(session, true)).await;
        setting.done(CancelInvite { id: setting.invite }).await;
        assert_eq!(setting.code(StartSession { session }).await, Code::InviteCancelled);
        assert_eq!(setting.code(setting.open()).await, Code::InviteCancelled);
        setting.product.stop().await;
    }

    async fn the_clock_pauses_resumes_and_ends(engine: Engine) {
        let setting = Setting::new(engine).await;
        let session = setting.started().await;
        setting.wait(150);
        let last_seen = setting.product.commands.now() - TimeDelta::seconds(120);
        setting.done(due(session, Due::HeartbeatLost { last_seen })).await;
        let document = setting.document(session).await;
        assert_eq!((&document["pauseReason"], &document["duration"]), (&json!("heartbeat_lost"), &json!(30)));
        setting.done(RestoreHeartbeat { session }).await;
        assert_eq!(setting.document(session).await["status"], "in_progress");
        let body = json!({"reason": "Technical issue"});
        let paused = setting.done(PauseSession { session, cause: PauseCause::Api, body: body.into() }).await;
        assert_eq!((&paused["status"], &paused["pauseReason"]), (&json!("paused"), &json!("Technical issue")));
        setting.done(RestoreHeartbeat { session }).await;
        assert_eq!(setting.document(session).await["status"], "paused", "only silence is ended by a heartbeat");
        let resumed = setting.done(ResumeSession { session, cause: ResumeCause::Participant }).await;
        assert_eq!(resumed["session"]["status"], "in_progress");

        setting.wait(570 + 119);
        setting.done(due(session, Due::TimeLimit { grace: TimeDelta::seconds(120) })).await;
        assert_eq!(setting.document(session).await["status"], "in_progress", "the current answer may finish");
        setting.done(answer(session, "p1", 1, json!({"text": "Good."}))).await;
        let document = setting.document(session).await;
        assert_eq!((&document["status"], &document["endReason"]), (&json!("completed"), &json!("time_limit")));
        assert_eq!(setting.invite_status().await, "completed");
        assert_eq!(setting.stats().await["averageDuration"], 719);

        let setting = Setting { invite: another(&setting).await, ..setting };
        let session = setting.started().await;
        setting.done(PauseSession { session, cause: PauseCause::Participant, body: json!({}).into() }).await;
        let timeout = Due::PauseTimeout(TimeDelta::hours(24));
        setting.wait(86_399);
        setting.done(due(session, timeout)).await;
        assert_eq!(setting.document(session).await["status"], "paused");
        setting.wait(1);
        setting.done(due(session, timeout)).await;
        assert_eq!(setting.document(session).await["endReason"], "pause_timeout");
        assert_eq!(setting.invite_status().await, "started");
        setting.product.stop().await;
    }

    async fn the_mood_is_found_in_the_unit_of_work_that_ends(engine: Engine) {
        let setting = Setting::new(engine).await;
        let engine = &setting.product.engine;
        let (store, clock, keys) = (engine.node().await, engine.clock.clone(), engine.keys.clone());
        let mood = |session: &aggregates::session::Session| {
            let said = session.utterances().iter().any(|line| line.text.as_deref() == Some(LONG));
            said.then_some(Sentiment { overall: Overall::Positive, score: 0.72 })
        };
        let commands = Commands::new(store, clock, keys, "http://other".to_owned()).analysed_by(mood);
        let session = setting.started().await;
        let caller = caller(&setting.product);
        run(&commands, &caller, answer(session, "p1", 1, json!({"text": LONG}))).await.expect("allowed");
        run(&commands, &caller, LeaveSession { session }).await.expect("allowed");
        assert_eq!(setting.document(session).await["sentiment"], json!({"overall": "positive", "score": 0.72}));
        assert_eq!(setting.product.engine.store.verify_projections().await.expect("verify").differences, []);
        setting.product.stop().await;
    }

    async fn what_a_model_worded_is_used_for_its_step_only(engine: Engine) {
        use aggregates::session::{AnswerInput, Line, Produced, Step};
        use aggregates::value::Input;
        let setting = Setting::new(engine).await;
        let session = setting.started().await;
        let body = json!({"promptId": "p1", "seq": 1, "text": "Good."});
        let found = setting.product.commands.session(session, setting.product.organization).await.expect("query");
        let (snapshot, content) = found.expect("a session");
        let input = AnswerInput::from_json(&body).and_then(AnswerInput::validate).expect("good");
        let step = snapshot.state.next_step(&input, &content, setting.product.commands.now()).expect("allowed");
        assert!(matches!(step, Some(Step::FollowUp { asked: 0, guidance: None, .. })));
        let line = Line::model("You said “good”. What was?", "model-x", 2);
        let produced = Produced { prompt_id: "p1".to_owned(), transition: None, follow_up: Some(line) };
        let spoken = None;
        let next = setting.done(AnswerPrompt { session, body: body.into(), spoken, produced: Some(produced.clone()) }).await;
        assert_eq!((&next["prompt"]["text"], &next["prompt"]["kind"]), (&json!("You said “good”. What was?"), &json!("follow_up")));
        // A line that comes too late, for a prompt that has been answered, is thrown away.
        let late = AnswerPrompt { produced: Some(produced), ..answer(session, "p2", 2, json!({"text": "Hm."})) };
        let next = setting.done(late).await;
        assert_eq!((&next["prompt"]["questionId"], &next["prompt"]["text"]), (&json!("q2"), &json!("How good?")));
        let turn = setting.product.commands.latest_turn(session, setting.product.organization).await.expect("query");
        let turn = serde_json::to_value(turn.expect("a session").expect("begun")).expect("JSON");
        assert_eq!(turn, next);
        setting.product.stop().await;
    }
}

/// Runs one command per node, all at once.
async fn at_once<C: Command + 'static>(
    nodes: &[Arc<Commands>],
    caller: &Caller,
    make: impl Fn(u64) -> C,
) -> Vec<Result<Answer, Refusal>> {
    let tabs = nodes.iter().zip(0..).map(|(commands, n)| {
        let (commands, caller, command) = (commands.clone(), caller.clone(), make(n));
        tokio::spawn(async move { run(&commands, &caller, command).await })
    });
    let tabs = futures_util::future::join_all(tabs.collect::<Vec<_>>()).await;
    tabs.into_iter().map(|tab| tab.expect("a tab")).collect()
}

/// Another invite of the campaign.
async fn another(setting: &Setting) -> InviteId {
    let body = json!({"email": "eve@example.com"});
    let invite = setting.product.post(&format!("/v1/campaigns/{}/invites", setting.campaign), body).await.expect(201);
    id(&invite).parse().expect("an id")
}
