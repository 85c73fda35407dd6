//! Campaigns and invites from the HTTP request to the database and back.

use std::sync::Arc;

use aggregates::{
    api_key::Scope,
    id::{ApiKeyId, OrganizationId, ScriptId},
    organization::{Organization, OrganizationCommand, Plan},
    script::{NewScriptInput, Script, ScriptCommand},
    value::Input,
};
use axum::{Router, body::Body, http::Request};
use chrono::{DateTime, TimeDelta};
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

use crate::{
    app::App,
    clock::{Clock, ManualClock},
    command::{Answer, Caller, Command, Commands, Stop, Work},
    files::{Files, Objects, Place, Sizes},
    http::{
        ApiError, Authenticated, Authenticator, Limits, Platform, events::Streams, health::Readiness,
        interview::page::InterviewPage, operation, rate_limit::InProcess, routes,
    },
    interview::Interviews,
    mail::{
        MailSettings,
        reports::{Desk, ses::Network},
    },
    processors::Processors,
    store::{Location, Store},
    trust::keys::{Keys, random_key},
    webhooks::{self, Webhooks, guard::SystemResolver},
};

struct Everything(OrganizationId);

impl Authenticator for Everything {
    fn authenticate<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Authenticated>, ApiError>> {
        let scopes = Scope::ALL.iter().copied().collect();
        let caller = Authenticated { organization: self.0, key_id: ApiKeyId::default(), scopes, rate_limit: 1_000 };
        Box::pin(async { Ok(Some(caller)) })
    }
}

impl Readiness for Everything {
    fn ready(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

struct Prepare(OrganizationId, ScriptId);

impl Command for Prepare {
    async fn execute(&self, work: &mut Work<'_>) -> Result<Answer, Stop> {
        let key = work.store().new_organization_key(&self.0.to_string());
        work.write(key);
        let (name, plan) = ("Acme".to_owned(), Plan::Free);
        let create = OrganizationCommand::Create { organization_id: self.0, name, plan, opening_credits: 100 };
        work.execute::<Organization>(self.0, create)?;
        let body =
            json!({"name": "S", "systemPrompt": "Ask.", "questions": [{"id": "q", "text": "?", "type": "open"}]});
        let script = NewScriptInput::from_json(&body)?.validate()?;
        work.execute::<Script>(self.1, ScriptCommand::Create { script_id: self.1, organization_id: self.0, script })?;
        work.execute::<Script>(self.1, ScriptCommand::Publish)?;
        Ok(Answer::no_content())
    }
}

struct Site {
    router: Router,
    hands: ManualClock,
    script: ScriptId,
    _directory: tempfile::TempDir,
}

impl Site {
    async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (clock, hands) = Clock::manual(DateTime::from_timestamp(1_705_312_780, 0).expect("time"));
        let keys = Arc::new(Keys::new(random_key()));
        let place = Location::Sqlite(directory.path().join("relay.db"));
        let store = Store::open(place, keys.clone(), clock.clone(), 2).await.expect("a store");
        let commands = Commands::new(store.clone(), clock.clone(), keys.clone(), "http://relay".to_owned());
        let (organization, script) = (commands.ids.next(), commands.ids.next());
        let caller = Caller { organization, actor: "test".into(), request_id: "test".into() };
        let done = commands.run(&caller, None, &Prepare(organization, script)).await.expect("prepared");
        done.result.expect("accepted");
        let everything = Arc::new(Everything(organization));
        let deadlines = webhooks::Deadlines::default();
        let client = webhooks::Client::new(Arc::new(SystemResolver), false, clock.clone(), deadlines, Vec::new());
        let schedule = webhooks::Schedule::parse("0s").expect("a schedule");
        let webhooks = Webhooks::new(client.expect("a client"), schedule, false);
        let platform = Arc::new(Platform {
            clock,
            authenticator: everything.clone(),
            limiter: Arc::new(InProcess::default()),
            readiness: everything,
            limits: Limits::default(),
        });
        let mail = Arc::new(MailSettings::to_folder(directory.path().join("mail")));
        let mail = Arc::new(Desk::new(mail, keys, Arc::new(Network::new().expect("a client"))));
        let objects = Objects::open(&Place::Local(directory.path().join("files")), []).expect("a folder");
        let files = Arc::new(Files::new(objects, Sizes::default()));
        let streams = Streams::new(watch::channel(false).1);
        let (commands, interviews) = (Arc::new(commands), Interviews::default());
        let interview_page = InterviewPage::default();
        let processors = Processors::default();
        let app =
            Arc::new(App { commands, store, files, streams, interviews, interview_page, webhooks, mail, processors });
        let router = operation::router(&platform, routes::operations(), app);
        Self { router, hands, script, _directory: directory }
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).header("authorization", "Bearer x");
        let request = match body {
            Value::Null => request.body(Body::empty()),
            body => request.header("content-type", "application/json").body(Body::from(body.to_string())),
        };
        let response = self.router.clone().oneshot(request.expect("a request")).await.expect("an answer");
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn totals(&self, campaign: &str) -> Vec<(u64, usize)> {
        let mut totals = Vec::new();
        for query in ["", "?status=pending", "?status=expired", "?email=ADA@example.com", "?email=no@example.com"] {
            let (status, page) =
                self.send("GET", &format!("/v1/campaigns/{campaign}/invites{query}"), Value::Null).await;
            assert_eq!(status, 200, "{query}: {page}");
            let shown = page["data"].as_array().expect("a list").len();
            totals.push((page["pagination"]["total"].as_u64().expect("a total"), shown));
        }
        totals
    }
}

#[tokio::test]
async fn an_invite_from_its_creation_to_its_expiry() {
    let site = Site::start().await;
    let body = json!({"name": "Q1", "scriptId": site.script, "settings": {"uniqueEmail": true}});
    let (status, campaign) = site.send("POST", "/v1/campaigns", body).await;
    assert_eq!((status, &campaign["stats"]["totalInvites"]), (201, &json!(0)), "{campaign}");
    let id = campaign["id"].as_str().expect("an id");
    let invites = format!("/v1/campaigns/{id}/invites");
    let ada = json!({"email": "ada@example.com", "expiresIn": "5m"});
    let (status, invite) = site.send("POST", &invites, ada.clone()).await;
    assert_eq!(status, 201, "{invite}");
    let (status, refused) = site.send("POST", &invites, ada.clone()).await;
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("CONFLICT")));
    let many = json!({"invites": [{"email": "Ada@example.com"}, {"email": "bob@example.com"}, {}]});
    let (status, bulk) = site.send("POST", &format!("{invites}/bulk"), many).await;
    assert_eq!((status, &bulk["summary"]), (201, &json!({"requested": 3, "created": 1, "failed": 2})), "{bulk}");
    assert_eq!(site.totals(id).await, [(2, 2), (2, 2), (0, 0), (1, 1), (0, 0)]);
    let resend = format!("/v1/invites/{}/resend", invite["id"].as_str().expect("an id"));
    assert_eq!(site.send("POST", &resend, Value::Null).await.0, 200);
    assert_eq!(site.send("POST", &resend, Value::Null).await.0, 429);
    let interview = format!("/v1/interview/{}", invite["token"].as_str().expect("a token"));
    let (status, shown) = site.send("GET", &interview, Value::Null).await;
    assert_eq!((status, &shown["totalQuestions"]), (200, &json!(1)), "{shown}");

    site.hands.advance(TimeDelta::minutes(5));
    assert_eq!(site.totals(id).await, [(2, 2), (1, 1), (1, 1), (1, 1), (0, 0)], "before the expiry is recorded");
    assert_eq!(site.send("GET", &interview, Value::Null).await.0, 409);
    assert_eq!(site.send("POST", &invites, ada).await.0, 201, "an expired invite frees its address");
    assert_eq!(site.totals(id).await, [(3, 3), (2, 2), (1, 1), (2, 2), (0, 0)]);
    let (_, list) = site.send("GET", "/v1/campaigns?status=active&search=q1", Value::Null).await;
    assert_eq!((&list["pagination"]["total"], &list["data"][0]["stats"]["totalInvites"]), (&json!(1), &json!(3)));
    assert_eq!(site.send("PATCH", &format!("/v1/campaigns/{id}"), json!({"name": "Q2"})).await.0, 200);
    assert_eq!(site.send("POST", &format!("/v1/campaigns/{id}/archive"), Value::Null).await.0, 200);
    assert_eq!(site.send("POST", &invites, json!({"email": "c@example.com"})).await.0, 409);
}
