//! Scripts as the OpenAPI document describes them.

use aggregates::{script, value::Input};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The example of the reference, word for word.
fn new_script() -> Value {
    json!({
        "name": "Customer Satisfaction Script",
        "systemPrompt": "You are a friendly interviewer conducting a customer satisfaction survey. Be conversational and \
                         follow up on interesting responses.",
        "questions": [
            {
                "id": "q1", "text": "Tell me about your experience using our product.", "type": "open",
                "followUp": {
                    "enabled": true, "maxFollowUps": 2,
                    "prompt": "Ask a follow-up that digs deeper into their specific experience",
                },
            },
            {"id": "q2", "text": "On a scale of 1-10, how likely are you to recommend us?", "type": "rating"},
        ],
        "settings": {"maxFollowUps": 2, "language": "en", "voice": "alloy"},
    })
}

/// What the server makes of it, which the other examples show.
fn read() -> Option<script::NewScript> {
    script::NewScriptInput::from_json(&new_script()).ok()?.validate().ok()
}

fn answered() -> Option<Value> {
    let script::NewScript { name, content, .. } = read()?;
    Some(json!({
        "id": "scr_01hm6x3k5vf8qbw2d9z7c4n0ta", "name": name, "description": null, "projectId": null, "status": "draft",
        "version": 1, "publishedVersion": null, "draftVersion": 1, "systemPrompt": content.system_prompt,
        "questions": content.questions, "settings": content.settings, "changelog": null,
        "createdAt": "2024-01-15T10:30:00Z", "updatedAt": "2024-01-15T10:30:00Z",
    }))
}

/// Has the right checksum, so that it can be imported.
fn exported() -> Option<Value> {
    let script::NewScript { name, content, .. } = read()?;
    let versions = vec![script::Version { number: 1, content, ..script::Version::default() }];
    let script = script::Script { name, versions, ..script::Script::default() };
    serde_json::to_value(script::export(&script, Vec::new()).ok()?).ok()
}

/// The body of a new script.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = new_script)]
pub struct NewScript {
    /// Script name.
    #[schema(max_length = 100)]
    pub name: String,
    /// Script description.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Project to assign the script to.
    pub project_id: Option<String>,
    /// System prompt defining interviewer behavior and persona.
    pub system_prompt: String,
    /// The interview questions, 1 to 100.
    #[schema(min_items = 1, max_items = 100)]
    pub questions: Vec<NewQuestion>,
    /// Settings that campaigns inherit (follow-ups, language, voice, etc.).
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Value>,
}

/// A question as it is sent.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewQuestion {
    /// Unique within the script.
    pub id: String,
    /// The question text.
    pub text: String,
    /// How it is answered.
    #[serde(rename = "type")]
    pub kind: QuestionType,
    /// Whether the question must be answered.
    #[schema(default = true)]
    pub required: Option<bool>,
    /// Follow-up question configuration.
    pub follow_up: Option<NewFollowUp>,
    /// Max response time in seconds for this question.
    pub max_duration: Option<u32>,
    /// Display order (auto-assigned if not provided).
    pub order: Option<u32>,
    /// With `multiple_choice`: what can be chosen.
    #[schema(min_items = 2, max_items = 20)]
    pub options: Option<Vec<String>>,
    /// With `rating`: the numbers, both ends included; 1 to 10 by default.
    pub scale: Option<Scale>,
    /// Ids of the script's media that go with the question.
    #[schema(max_items = 10)]
    pub media: Option<Vec<String>>,
}

/// How a question is answered.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuestionType {
    /// In the participant's own words.
    Open,
    /// With a number on a scale.
    Rating,
    /// With one of several options.
    MultipleChoice,
    /// With yes or no.
    YesNo,
}

/// A follow-up configuration as it is sent.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewFollowUp {
    /// Whether to follow up.
    #[schema(default = true)]
    pub enabled: Option<bool>,
    /// How often at most; the script's settings decide where this is absent.
    pub max_follow_ups: Option<u32>,
    /// What to look for.
    pub prompt: Option<String>,
}

/// The numbers of a rating.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct Scale {
    /// The lowest.
    pub min: i32,
    /// The highest.
    pub max: i32,
}

/// A change of a script: what is absent stays, `null` clears.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"name": "Customer Satisfaction Script, short", "settings": {"voice": null}}))]
pub struct ScriptPatch {
    /// Script name.
    #[schema(max_length = 100)]
    pub name: Option<String>,
    /// Script description.
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Project to assign the script to.
    pub project_id: Option<String>,
    /// System prompt.
    pub system_prompt: Option<String>,
    /// The questions; they replace all.
    #[schema(min_items = 1, max_items = 100)]
    pub questions: Option<Vec<NewQuestion>>,
    /// Changes of the settings, which are merged into them.
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Value>,
    /// `archived` archives the script.
    pub status: Option<ScriptStatus>,
}

/// The body of a new version; what is absent is copied from the version before.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"changelog": "Asks less"}))]
pub struct NewScriptVersion {
    /// Description of changes in this version.
    pub changelog: Option<String>,
    /// Updated questions (replaces all questions).
    #[schema(min_items = 1, max_items = 100)]
    pub questions: Option<Vec<NewQuestion>>,
    /// Updated system prompt.
    pub system_prompt: Option<String>,
    /// Updated settings (replaces all settings).
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Value>,
}

/// Where a script stands.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScriptStatus {
    /// No version has been published.
    Draft,
    /// Campaigns can use it.
    Published,
    /// Kept for the record.
    Archived,
}

/// A script.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = answered)]
pub struct Script {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[schema(required)]
    pub description: Option<String>,
    /// The project that it belongs to.
    #[schema(required)]
    pub project_id: Option<String>,
    /// Where it stands.
    pub status: ScriptStatus,
    /// The version whose content is shown.
    pub version: u32,
    /// The newest published version.
    #[schema(required)]
    pub published_version: Option<u32>,
    /// The version that can be edited.
    #[schema(required)]
    pub draft_version: Option<u32>,
    /// How the interviewer behaves.
    pub system_prompt: String,
    /// What is asked.
    pub questions: Vec<Question>,
    /// Settings that campaigns inherit.
    #[schema(value_type = Object)]
    pub settings: Value,
    /// What the author says of the version.
    #[schema(required)]
    pub changelog: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A question.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// Unique within the script.
    pub id: String,
    /// The question text.
    pub text: String,
    /// How it is answered.
    #[serde(rename = "type")]
    pub kind: QuestionType,
    /// Whether it must be answered.
    pub required: bool,
    /// How the interviewer follows up; the script's settings decide where this is null.
    #[schema(required)]
    pub follow_up: Option<FollowUp>,
    /// Max response time in seconds.
    #[schema(required)]
    pub max_duration: Option<u32>,
    /// Display order.
    pub order: u32,
    /// What can be chosen; only with `multiple_choice`.
    #[schema(required)]
    pub options: Option<Vec<String>>,
    /// What can be rated; only with `rating`.
    #[schema(required)]
    pub scale: Option<Scale>,
    /// Ids of the script's media that go with the question.
    pub media: Vec<String>,
}

/// How the interviewer follows up.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FollowUp {
    /// Whether at all.
    pub enabled: bool,
    /// How often at most; the script's settings decide where this is null.
    #[schema(required)]
    pub max_follow_ups: Option<u32>,
    /// What to look for.
    #[schema(required)]
    pub prompt: Option<String>,
}

/// A script as a file.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = exported)]
pub struct ScriptExport {
    /// What the file says it is.
    #[schema(example = "interviewrelay.script")]
    pub format: String,
    /// The version of the file's form.
    #[schema(example = 1)]
    pub format_version: u32,
    /// The script with the content that an import takes over.
    pub script: ExportedScript,
    /// All versions, the oldest first.
    pub versions: Vec<ExportedVersion>,
    /// The media of the script, without their bytes.
    pub media: Vec<ExportedMedia>,
    /// `sha256:` and the hex SHA-256 of everything else, in canonical JSON.
    pub checksum: String,
}

/// A media file of a script within a file.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportedMedia {
    /// Its id, by which the questions of the file refer to it.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// The number of bytes.
    pub size: u64,
    /// The SHA-256 of its bytes in lower-case hex.
    pub sha256: String,
}

/// A script within a file.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportedScript {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[schema(required)]
    pub description: Option<String>,
    /// Where it stood.
    pub status: ScriptStatus,
    /// The version whose content this is.
    pub version: u32,
    /// How the interviewer behaves.
    pub system_prompt: String,
    /// What is asked.
    pub questions: Vec<Question>,
    /// Settings that campaigns inherit.
    #[schema(value_type = Object)]
    pub settings: Value,
}

/// A version within a file.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportedVersion {
    /// Its number.
    pub version: u32,
    /// Whether it is frozen.
    pub published: bool,
    /// What its author says of it.
    #[schema(required)]
    pub changelog: Option<String>,
    /// How the interviewer behaves.
    pub system_prompt: String,
    /// What is asked.
    pub questions: Vec<Question>,
    /// Settings that campaigns inherit.
    #[schema(value_type = Object)]
    pub settings: Value,
}
