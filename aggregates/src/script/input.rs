//! What callers send about scripts.

use crate::{
    Refusal,
    id::ProjectId,
    script::{Question, QuestionInput, ScriptContent, ScriptStatus, questions},
    value::{Change, Document, Input, Lines, Reader, Validator, settings, without_nulls},
};

const MAX_PROMPT: usize = 10_000;
const MAX_CHANGELOG: usize = 2_000;

/// The body of `POST /v1/scripts`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewScriptInput {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The project to assign it to.
    pub project_id: Option<String>,
    /// How the interviewer behaves.
    pub system_prompt: String,
    /// What is asked.
    pub questions: Vec<QuestionInput>,
    /// Settings that campaigns inherit.
    pub settings: Option<Document>,
}

/// A new script whose fields keep the rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewScript {
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// What it is for, up to 500 characters.
    pub description: Option<String>,
    /// The project to assign it to; whether it exists is for the caller to find out.
    pub project_id: Option<ProjectId>,
    /// What version 1 says.
    pub content: ScriptContent,
    /// What the author says of version 1.
    pub changelog: Option<String>,
}

impl Input for NewScriptInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            name: fields.required("name"),
            description: fields.optional("description"),
            project_id: fields.optional("projectId"),
            system_prompt: fields.required("systemPrompt"),
            questions: fields.required("questions"),
            settings: fields.settings("settings"),
        }
    }
}

impl NewScriptInput {
    /// Checks the fields.
    ///
    /// # Errors
    /// A validation refusal with every field that breaks a rule.
    pub fn validate(self) -> Result<NewScript, Refusal> {
        let mut validator = Validator::new();
        let script = self.check(&mut validator);
        validator.refuse(script)
    }

    pub(super) fn check(self, validator: &mut Validator) -> NewScript {
        NewScript {
            name: validator.name("name", &self.name),
            description: validator.description("description", self.description.as_deref()),
            project_id: self.project_id.map(|id| validator.id("projectId", &id)),
            content: ScriptContent {
                system_prompt: check_prompt(&self.system_prompt, validator),
                questions: questions::check(self.questions, validator),
                settings: check_settings(&self.settings.unwrap_or_default(), validator),
            },
            changelog: None,
        }
    }
}

fn check_prompt(prompt: &str, validator: &mut Validator) -> String {
    validator.text("systemPrompt", prompt, MAX_PROMPT, Lines::Many)
}

fn check_settings(settings: &Document, validator: &mut Validator) -> Document {
    settings::check(settings, "settings", validator);
    without_nulls(settings)
}

/// The body of `PATCH /v1/scripts/{scriptId}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScriptPatchInput {
    /// The new name.
    pub name: Change<String>,
    /// The new description.
    pub description: Change<String>,
    /// The new project.
    pub project_id: Change<String>,
    /// The new system prompt.
    pub system_prompt: Change<String>,
    /// The new questions; they replace all.
    pub questions: Change<Vec<QuestionInput>>,
    /// A merge-patch of the settings.
    pub settings: Change<Document>,
    /// `archived`, to archive the script.
    pub status: Change<String>,
}

/// A patch of a script whose fields keep the rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScriptPatch {
    /// The new name.
    pub name: Option<String>,
    /// The new description.
    pub description: Change<String>,
    /// The new project; whether it exists is for the caller to find out.
    pub project_id: Change<ProjectId>,
    /// The new system prompt.
    pub system_prompt: Option<String>,
    /// The new questions, all of them.
    pub questions: Option<Vec<Question>>,
    /// A merge-patch of the settings.
    pub settings: Change<Document>,
    /// The status that is asked for; only `archived` can be.
    pub status: Option<ScriptStatus>,
}

impl Input for ScriptPatchInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            name: fields.change("name"),
            description: fields.change("description"),
            project_id: fields.change("projectId"),
            system_prompt: fields.change("systemPrompt"),
            questions: fields.change("questions"),
            settings: fields.settings_change("settings"),
            status: fields.change("status"),
        }
    }
}

impl ScriptPatchInput {
    /// Checks the fields.
    ///
    /// # Errors
    /// A validation refusal with every field that breaks a rule.
    pub fn validate(self) -> Result<ScriptPatch, Refusal> {
        let validator = &mut Validator::new();
        let system_prompt = validator.required_change("systemPrompt", self.system_prompt);
        let new_questions = validator.required_change("questions", self.questions);
        let status = validator.required_change("status", self.status);
        if let Change::Set(patch) = &self.settings {
            settings::check(patch, "settings", validator);
        }
        let patch = ScriptPatch {
            name: validator.name_change("name", self.name),
            description: validator.description_change("description", self.description),
            project_id: self.project_id.map(|id| validator.id("projectId", &id)),
            system_prompt: system_prompt.map(|text| check_prompt(&text, validator)),
            questions: new_questions.map(|list| questions::check(list, validator)),
            settings: self.settings,
            status: status.and_then(|text| validator.one_of("status", &text, &ScriptStatus::NAMES)),
        };
        std::mem::take(validator).refuse(patch)
    }
}

/// The body of `POST /v1/scripts/{scriptId}/versions`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewVersionInput {
    /// What changes with this version.
    pub changelog: Option<String>,
    /// The new questions; they replace all.
    pub questions: Option<Vec<QuestionInput>>,
    /// The new system prompt.
    pub system_prompt: Option<String>,
    /// The new settings; they replace all.
    pub settings: Option<Document>,
}

/// A new version whose fields keep the rules. What is absent is copied from the version before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewVersion {
    /// What changes with this version.
    pub changelog: Option<String>,
    /// The new questions, all of them.
    pub questions: Option<Vec<Question>>,
    /// The new system prompt.
    pub system_prompt: Option<String>,
    /// The new settings, all of them.
    pub settings: Option<Document>,
}

impl Input for NewVersionInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            changelog: fields.optional("changelog"),
            questions: fields.optional("questions"),
            system_prompt: fields.optional("systemPrompt"),
            settings: fields.settings("settings"),
        }
    }
}

impl NewVersionInput {
    /// Checks the fields.
    ///
    /// # Errors
    /// A validation refusal with every field that breaks a rule.
    pub fn validate(self) -> Result<NewVersion, Refusal> {
        let validator = &mut Validator::new();
        let changelog = self.changelog.as_deref();
        let version = NewVersion {
            changelog: validator.optional_text("changelog", changelog, MAX_CHANGELOG, Lines::Many),
            questions: self.questions.map(|list| questions::check(list, validator)),
            system_prompt: self.system_prompt.map(|text| check_prompt(&text, validator)),
            settings: self.settings.map(|settings| check_settings(&settings, validator)),
        };
        std::mem::take(validator).refuse(version)
    }
}
