//! A server with a campaign to invite people to: what all parts over HTTP start from.

use serde_json::{Value, json};

use crate::http::{Api, Result};
use crate::server::Server;
use crate::template::Template;

/// The product's storage engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded.
    Sqlite,
    /// The bench's server.
    Postgres,
}

impl Engine {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// As it stands in the keys of cells.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// The campaign, and who may use it.
#[derive(Clone)]
pub struct Scene {
    /// The API key of the first start.
    pub key: String,
    /// An active campaign.
    pub campaign: String,
}

impl Scene {
    /// Sets it up on a freshly started server.
    pub async fn set(server: &Server) -> Result<Self> {
        Self::with(server, server.key()?, &[question(1)], json!({})).await
    }

    /// The same with another key, other questions, and settings of the campaign.
    pub async fn with(server: &Server, key: String, questions: &[Value], settings: Value) -> Result<Self> {
        let mut api = Api::new(server.address, &key);
        let script = json!({
            "name": "Bench", "systemPrompt": "You are a friendly interviewer.", "questions": questions,
        });
        let script = id(&api.post("/v1/scripts", script).await?)?;
        api.post(&format!("/v1/scripts/{script}/publish"), json!({})).await?;
        let campaign = json!({"name": "Bench", "scriptId": script, "settings": settings});
        let campaign = api.post("/v1/campaigns", campaign).await?;
        Ok(Self { key, campaign: id(&campaign)? })
    }

    /// For calls one by one.
    pub fn api(&self, server: &Server) -> Api {
        Api::new(server.address, &self.key)
    }

    /// The path of the campaign's invites.
    pub fn invites(&self) -> String {
        format!("/v1/campaigns/{}/invites", self.campaign)
    }

    /// One invite per request, to a person of its own. `extra` are further header lines.
    pub fn invite(&self, server: &Server, extra: &str) -> Template {
        let head = self.api(server).head("POST", &self.invites()) + extra;
        Template::new(&head, &person("{{number}}").to_string())
    }

    /// `size` invites per request.
    pub fn bulk(&self, server: &Server, size: usize) -> Template {
        let head = self.api(server).head("POST", &format!("{}/bulk", self.invites()));
        let people: Vec<Value> = (0..size).map(|index| person(&format!("{{{{number}}}}-{index:03}"))).collect();
        Template::new(&head, &json!({"invites": people, "sendEmail": false}).to_string())
    }

    /// A page of the campaign's invites. `{{one}}` in the query is one of `values`.
    pub fn list(&self, server: &Server, query: &str, values: Vec<String>) -> Template {
        let head = self.api(server).head("GET", &format!("{}?{query}", self.invites()));
        Template::with_values(&head, "", values)
    }
}

/// An open question, the same in everything but its number.
pub fn question(number: usize) -> Value {
    json!({"id": format!("q{number}"), "text": format!("How was part {number} of it for you, all in all?"), "type": "open"})
}

/// The body of an invite. No mail: the peer's command has one event too.
pub fn person(who: &str) -> Value {
    json!({
        "email": address(who), "name": "Maria-Luise Mustermann-Beispiel", "sendEmail": false, "expiresIn": "7d",
        "metadata": {"userId": who, "segment": "enterprise, renewal due this quarter"},
    })
}

/// The address in [`person`].
pub fn address(who: &str) -> String {
    format!("participant-{who}@customers.example.com")
}

/// The id of a created resource.
pub fn id(resource: &Value) -> Result<String> {
    resource["id"].as_str().map(str::to_owned).ok_or_else(|| format!("no id in {resource}"))
}
