//! What callers send about members.

use crate::{
    Refusal,
    member::MemberRole,
    value::{Change, Email, Input, Lines, Reader, Validator},
};

/// The body of `POST /v1/organization/members`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewMemberInput {
    /// Whom to invite.
    pub email: String,
    /// What the person is called.
    pub name: Option<String>,
    /// As what; `member`, unless told otherwise.
    pub role: Option<String>,
}

/// A person to invite, whose fields keep the rules.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMember {
    /// The address.
    pub email: Email,
    /// The name, up to 100 characters.
    pub name: Option<String>,
    /// The role.
    pub role: MemberRole,
}

impl Input for NewMemberInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self { email: fields.required("email"), name: fields.optional("name"), role: fields.optional("role") }
    }
}

impl NewMemberInput {
    /// Checks the fields.
    ///
    /// # Errors
    /// A validation refusal with every field that breaks a rule.
    pub fn validate(self) -> Result<NewMember, Refusal> {
        let mut validator = Validator::new();
        let email = Email::parse(&self.email);
        if let Err(error) = &email {
            validator.error("email", "invalid_format", error.to_string());
        }
        let name = validator.optional_text("name", self.name.as_deref(), Validator::MAX_NAME, Lines::One);
        let role = self.role.and_then(|role| validator.one_of("role", &role, &MemberRole::NAMES)).unwrap_or_default();
        match email {
            Ok(email) => validator.refuse(NewMember { email, name, role }),
            Err(_) => Err(Refusal::validation(validator.into_errors())),
        }
    }
}

/// The body of `PATCH /v1/organization/members/{memberId}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberPatchInput {
    /// The new name.
    pub name: Change<String>,
    /// The new role.
    pub role: Change<String>,
}

/// A patch of a member whose fields keep the rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberPatch {
    /// The new name.
    pub name: Change<String>,
    /// The new role.
    pub role: Option<MemberRole>,
}

impl Input for MemberPatchInput {
    fn read(fields: &mut Reader<'_>) -> Self {
        Self { name: fields.change("name"), role: fields.change("role") }
    }
}

impl MemberPatchInput {
    /// Checks the fields.
    ///
    /// # Errors
    /// A validation refusal with every field that breaks a rule.
    pub fn validate(self) -> Result<MemberPatch, Refusal> {
        let mut validator = Validator::new();
        let role = validator.required_change("role", self.role);
        let patch = MemberPatch {
            name: validator.text_change("name", self.name, Validator::MAX_NAME, Lines::One),
            role: role.and_then(|role| validator.one_of("role", &role, &MemberRole::NAMES)),
        };
        validator.refuse(patch)
    }
}
