//! An organization's own mail templates (`tpl_…`): subject, text and HTML, as minijinja source.

mod aggregate;
mod command;
mod error;
pub mod event;
mod input;
pub mod render;
mod variables;

pub use aggregate::EmailTemplate;
pub use command::EmailTemplateCommand;
pub use error::EmailTemplateError;
pub use event::*;
pub use input::{
    EmailTemplatePatch, EmailTemplatePatchInput, MAX_HTML, MAX_SUBJECT, MAX_TEXT, NewEmailTemplate,
    NewEmailTemplateInput,
};
pub use variables::{Variables, VariablesInput};

/// The name under which the built-in template is asked for.
pub const BUILT_IN: &str = "default";
