//! Rendering, within bounds. Templates are written by customers and filled with what participants and customers said, so
//! nothing here can read files, run long, grow large, or put markup where a name belongs.

use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use crate::{
    FieldError,
    email_template::variables::{NAMES, Variables},
};

/// What one rendering may cost: instructions, and bytes that it makes (the engine counts both). The largest template
/// that can be written, rendered once over, takes a small part of it.
const FUEL: u64 = 50_000;
/// Bytes that a rendered part may have.
const MAX_OUTPUT: usize = 512 * 1024;
/// Characters that a rendered subject may have.
const MAX_SUBJECT: usize = 400;

/// A part of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The subject line.
    Subject,
    /// The text part.
    Text,
    /// The HTML part, in which every value is escaped.
    Html,
}

impl Part {
    /// The field of a template that holds the part's source.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Text => "text",
            Self::Html => "html",
        }
    }
}

/// Renders one part with data.
///
/// # Errors
/// What is wrong with it, and in which line.
pub fn render(part: Part, source: &str, context: Value) -> Result<String, FieldError> {
    let environment = environment(part);
    if let Some(line) = turns_escaping_off(source) {
        return Err(fault(part, "syntax_error", Some(line), "the tag autoescape is not available"));
    }
    let template =
        environment.template_from_named_str(part.field(), source).map_err(|error| described(part, &error))?;
    let output = template.render(context).map_err(|error| described(part, &error))?;
    match part {
        Part::Subject => subject(&output),
        Part::Text | Part::Html if output.len() > MAX_OUTPUT => {
            Err(fault(part, "too_long", None, format!("renders to more than {MAX_OUTPUT} bytes")))
        }
        Part::Text | Part::Html => Ok(output),
    }
}

/// Everything that is wrong with a part's source, as far as can be told without the data of a real mail: syntax, unknown
/// variables, and whatever comes up with sample data.
pub fn check(part: Part, source: &str) -> Vec<FieldError> {
    let environment = environment(part);
    let unknown = match environment.template_from_named_str(part.field(), source) {
        Ok(template) => template.undeclared_variables(true),
        Err(error) => return vec![described(part, &error)],
    };
    let mut unknown: Vec<String> = unknown.into_iter().filter(|name| !is_known(name)).collect();
    if unknown.is_empty() {
        return render(part, source, Variables::sample().context()).err().into_iter().collect();
    }
    unknown.sort_unstable();
    let named = |name: String| {
        let line = line_of(source, &name);
        fault(part, "unknown_variable", line, format!("there is no variable {name}"))
    };
    unknown.into_iter().map(named).collect()
}

fn environment<'a>(part: Part) -> Environment<'a> {
    // Nothing but what is added here: no `safe`, no functions, no loader.
    let mut environment = Environment::empty();
    let escape = if part == Part::Html { AutoEscape::Html } else { AutoEscape::None };
    environment.set_auto_escape_callback(move |_| escape.clone());
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("upper", minijinja::filters::upper);
    environment.add_filter("lower", minijinja::filters::lower);
    environment.add_filter("title", minijinja::filters::title);
    environment.add_filter("capitalize", minijinja::filters::capitalize);
    environment.add_filter("trim", minijinja::filters::trim);
    environment.add_filter("default", minijinja::filters::default);
    environment.add_filter("length", minijinja::filters::length);
    environment
}

fn is_known(name: &str) -> bool {
    NAMES.contains(&name) || name == "metadata" || name.starts_with("metadata.")
}

/// The line of the first tag that would switch escaping off. It also looks into comments and raw blocks, where the word
/// would do no harm and is of no use either.
fn turns_escaping_off(source: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = source[at..].find("{%") {
        at += found + 2;
        let tag = source[at..].trim_start_matches(['-', '+']).trim_start();
        if tag.starts_with("autoescape") {
            return Some(line_at(source, at));
        }
    }
    None
}

fn subject(output: &str) -> Result<String, FieldError> {
    let subject = output.trim();
    let wrong = |code, message: &str| Err(fault(Part::Subject, code, None, message));
    if subject.is_empty() {
        return wrong("too_short", "renders to nothing");
    }
    if subject.chars().count() > MAX_SUBJECT {
        return wrong("too_long", &format!("renders to more than {MAX_SUBJECT} characters"));
    }
    // A line break here would begin another header.
    if subject.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return wrong("invalid_format", "renders to more than one line");
    }
    Ok(subject.to_owned())
}

fn line_of(source: &str, name: &str) -> Option<usize> {
    let root = name.split('.').next().unwrap_or(name);
    let at = source.find(name).or_else(|| source.find(root))?;
    Some(line_at(source, at))
}

fn line_at(source: &str, at: usize) -> usize {
    source[..at].matches('\n').count() + 1
}

fn described(part: Part, error: &Error) -> FieldError {
    let (code, what) = match error.kind() {
        ErrorKind::SyntaxError => ("syntax_error", "is not a valid template"),
        ErrorKind::UndefinedError => ("unknown_variable", "uses a value that is not there"),
        ErrorKind::OutOfFuel => ("too_complex", "takes too long to render"),
        _ => ("render_error", "cannot be rendered"),
    };
    let message = error.detail().map_or_else(|| what.to_owned(), |detail| format!("{what}: {detail}"));
    fault(part, code, error.line(), message)
}

fn fault(part: Part, code: &str, line: Option<usize>, message: impl Into<String>) -> FieldError {
    let message = message.into();
    let message = line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"));
    FieldError::new(part.field(), code, message)
}
