//! What callers send about projects.

use crate::{
    Refusal,
    value::{Change, Input, Reader, Validator},
};

/// The body of `POST /v1/projects`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewProjectInput {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// `#RRGGBB`.
    pub color: Option<String>,
}

/// A new project whose fields keep the rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewProject {
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// What it is for, up to 500 characters.
    pub description: Option<String>,
    /// `#RRGGBB`.
    pub color: Option<String>,
}

impl Input for NewProjectInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self {
            name: fields.required("name"),
            description: fields.optional("description"),
            color: fields.optional("color"),
        }
    }
}

impl NewProjectInput {
    /// Checks the fields.
    ///
    /// # Errors
    /// A validation refusal with every field that breaks a rule.
    pub fn validate(self) -> Result<NewProject, Refusal> {
        let mut validator = Validator::new();
        let project = NewProject {
            name: validator.name("name", &self.name),
            description: validator.description("description", self.description.as_deref()),
            color: self.color.map(|color| validator.color("color", &color)),
        };
        validator.refuse(project)
    }
}

/// The body of `PATCH /v1/projects/{projectId}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectPatchInput {
    /// The new name.
    pub name: Change<String>,
    /// The new description.
    pub description: Change<String>,
    /// The new colour.
    pub color: Change<String>,
}

/// A patch of a project whose fields keep the rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectPatch {
    /// The new name.
    pub name: Option<String>,
    /// The new description.
    pub description: Change<String>,
    /// The new colour.
    pub color: Change<String>,
}

impl Input for ProjectPatchInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self { name: fields.change("name"), description: fields.change("description"), color: fields.change("color") }
    }
}

impl ProjectPatchInput {
    /// Checks the fields.
    ///
    /// # Errors
    /// A validation refusal with every field that breaks a rule.
    pub fn validate(self) -> Result<ProjectPatch, Refusal> {
        let mut validator = Validator::new();
        let patch = ProjectPatch {
            name: validator.name_change("name", self.name),
            description: validator.description_change("description", self.description),
            color: self.color.map(|color| validator.color("color", &color)),
        };
        validator.refuse(patch)
    }
}
