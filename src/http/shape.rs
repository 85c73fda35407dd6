//! Whether a JSON body has the types that its schema documents: every missing field and wrong type at once, as 400
//! (contract 2).
//!
//! The check reads the same schema that the OpenAPI document shows, so that the two cannot disagree. Rules about
//! values (lengths, formats, enums, ranges) are the domain's and are left alone here.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use aggregates::FieldError;
use parking_lot::RwLock;
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{AdditionalProperties, ArrayItems, SchemaType, Type},
    },
};

/// A type's schema, reduced to what the shape check needs.
#[derive(Debug)]
pub struct Shape {
    root: Node,
    named: HashMap<String, Node>,
}

#[derive(Debug)]
enum Node {
    Any,
    Named(String),
    Typed { types: Types, object: Option<Box<Members>>, items: Option<Box<Node>> },
    OneOf(Vec<Node>),
    AllOf(Vec<Node>),
}

#[derive(Debug)]
struct Members {
    required: Vec<String>,
    known: HashMap<String, Node>,
    other: Option<Node>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Types {
    null: bool,
    boolean: bool,
    integer: bool,
    number: bool,
    string: bool,
    array: bool,
    object: bool,
}

static SHAPES: LazyLock<RwLock<HashMap<TypeId, Arc<Shape>>>> = LazyLock::new(RwLock::default);

impl Shape {
    /// The shape of `T`, worked out once.
    pub fn of<T: ToSchema + 'static>() -> Arc<Self> {
        let id = TypeId::of::<T>();
        if let Some(shape) = SHAPES.read().get(&id) {
            return Arc::clone(shape);
        }
        let mut schemas = Vec::new();
        T::schemas(&mut schemas);
        let named = schemas.into_iter().map(|(name, schema)| (name, Node::from(&schema))).collect();
        let shape = Arc::new(Self { root: Node::from(&T::schema()), named });
        Arc::clone(SHAPES.write().entry(id).or_insert(shape))
    }

    /// Every field of `value` that is missing or has the wrong type.
    pub fn check(&self, value: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        self.visit(&self.root, value, "", &mut errors);
        errors
    }

    fn visit(&self, node: &Node, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
        match node {
            Node::Any => {}
            Node::Named(name) => {
                if let Some(node) = self.named.get(name) {
                    self.visit(node, value, path, errors);
                }
            }
            Node::AllOf(parts) => parts.iter().for_each(|part| self.visit(part, value, path, errors)),
            Node::OneOf(choices) => self.visit_choices(choices, value, path, errors),
            Node::Typed { types, object, items } => {
                if !types.accept(value) {
                    return errors.push(FieldError::new(
                        if path.is_empty() { "body" } else { path },
                        "invalid_type",
                        format!("Must be {types}."),
                    ));
                }
                match (value, object, items) {
                    (Value::Object(members), Some(shape), _) => {
                        for name in shape.required.iter().filter(|name| !members.contains_key(*name)) {
                            errors.push(FieldError::new(join(path, name), "required", "This field is required."));
                        }
                        for (name, value) in members {
                            if let Some(node) = shape.known.get(name).or(shape.other.as_ref()) {
                                self.visit(node, value, &join(path, name), errors);
                            }
                        }
                    }
                    (Value::Array(values), _, Some(node)) => {
                        for (index, value) in values.iter().enumerate() {
                            self.visit(node, value, &format!("{path}[{index}]"), errors);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// Reports the errors of the choice that comes closest: the one whose own type fits.
    fn visit_choices(&self, choices: &[Node], value: &Value, path: &str, errors: &mut Vec<FieldError>) {
        let mut closest: Option<Vec<FieldError>> = None;
        for choice in choices {
            let mut found = Vec::new();
            self.visit(choice, value, path, &mut found);
            if found.is_empty() {
                return;
            }
            let fits = self.types(choice).is_none_or(|types| types.accept(value));
            if fits || closest.is_none() {
                closest = Some(found);
            }
        }
        if choices.iter().any(|choice| self.types(choice).is_none_or(|types| types.accept(value))) {
            errors.extend(closest.unwrap_or_default());
        } else {
            let types = choices.iter().filter_map(|choice| self.types(choice)).fold(Types::default(), Types::or);
            let field = if path.is_empty() { "body" } else { path };
            errors.push(FieldError::new(field, "invalid_type", format!("Must be {types}.")));
        }
    }

    /// The types that a node accepts at its own level; `None` for any.
    fn types(&self, node: &Node) -> Option<Types> {
        match node {
            Node::Any => None,
            Node::Named(name) => self.named.get(name).and_then(|node| self.types(node)),
            Node::Typed { types, .. } => Some(*types),
            Node::OneOf(choices) => {
                choices.iter().try_fold(Types::default(), |all, node| Some(all.or(self.types(node)?)))
            }
            Node::AllOf(parts) => parts.iter().find_map(|node| self.types(node)),
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

impl From<&RefOr<Schema>> for Node {
    fn from(schema: &RefOr<Schema>) -> Self {
        match schema {
            RefOr::Ref(reference) => {
                let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
                Self::Named(name.to_owned())
            }
            RefOr::T(schema) => Self::from(schema),
        }
    }
}

impl From<&Schema> for Node {
    fn from(schema: &Schema) -> Self {
        match schema {
            Schema::Array(array) => Self::Typed {
                types: Types::from(&array.schema_type),
                object: None,
                items: match &array.items {
                    ArrayItems::RefOrSchema(items) => Some(Box::new(Self::from(items.as_ref()))),
                    ArrayItems::False => None,
                },
            },
            Schema::Object(object) if object.schema_type.is_any_value() => Self::Any,
            Schema::Object(object) => Self::Typed {
                types: Types::from(&object.schema_type),
                object: Some(Box::new(Members {
                    required: object.required.clone(),
                    known: object.properties.iter().map(|(name, schema)| (name.clone(), Self::from(schema))).collect(),
                    other: match object.additional_properties.as_deref() {
                        Some(AdditionalProperties::RefOr(schema)) => Some(Self::from(schema)),
                        _ => None,
                    },
                })),
                items: None,
            },
            Schema::OneOf(one) => Self::OneOf(one.items.iter().map(Self::from).collect()),
            Schema::AnyOf(any) => Self::OneOf(any.items.iter().map(Self::from).collect()),
            Schema::AllOf(all) => Self::AllOf(all.items.iter().map(Self::from).collect()),
            _ => Self::Any,
        }
    }
}

impl Types {
    fn accept(self, value: &Value) -> bool {
        match value {
            Value::Null => self.null,
            Value::Bool(_) => self.boolean,
            Value::Number(number) => self.number || (self.integer && !number.is_f64()),
            Value::String(_) => self.string,
            Value::Array(_) => self.array,
            Value::Object(_) => self.object,
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            null: self.null || other.null,
            boolean: self.boolean || other.boolean,
            integer: self.integer || other.integer,
            number: self.number || other.number,
            string: self.string || other.string,
            array: self.array || other.array,
            object: self.object || other.object,
        }
    }

    fn with(mut self, kind: &Type) -> Self {
        match kind {
            Type::Object => self.object = true,
            Type::String => self.string = true,
            Type::Integer => self.integer = true,
            Type::Number => self.number = true,
            Type::Boolean => self.boolean = true,
            Type::Array => self.array = true,
            Type::Null => self.null = true,
        }
        self
    }
}

impl From<&SchemaType> for Types {
    fn from(schema: &SchemaType) -> Self {
        match schema {
            SchemaType::Type(kind) => Self::default().with(kind),
            SchemaType::Array(kinds) => kinds.iter().fold(Self::default(), Self::with),
            SchemaType::AnyValue => {
                Self { null: true, boolean: true, integer: true, number: true, string: true, array: true, object: true }
            }
        }
    }
}

impl std::fmt::Display for Types {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = [
            (self.string, "a string"),
            (self.integer, "a whole number"),
            (self.number, "a number"),
            (self.boolean, "true or false"),
            (self.object, "an object"),
            (self.array, "an array"),
            (self.null, "null"),
        ];
        let names: Vec<_> = names.iter().filter(|(accepted, _)| *accepted).map(|(_, name)| *name).collect();
        f.write_str(&names.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(ToSchema)]
    #[allow(dead_code)]
    struct Script {
        name: String,
        description: Option<String>,
        questions: Vec<Question>,
        settings: Option<Settings>,
        weight: Option<f64>,
        metadata: Option<HashMap<String, Value>>,
        scores: Option<HashMap<String, i64>>,
    }

    #[derive(ToSchema)]
    #[allow(dead_code)]
    struct Question {
        id: String,
        required: Option<bool>,
        order: Option<i64>,
        follow: Option<Box<Settings>>,
    }

    #[derive(ToSchema)]
    #[allow(dead_code)]
    struct Settings {
        enabled: bool,
        next: Option<Vec<String>>,
    }

    fn errors(value: Value) -> Vec<(String, String)> {
        let mut errors: Vec<_> =
            Shape::of::<Script>().check(&value).into_iter().map(|error| (error.field, error.code)).collect();
        errors.sort();
        errors
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect()
    }

    #[test]
    fn all_wrong_fields_are_found_at_once() {
        let found = errors(json!({
            "description": 1,
            "questions": [{"id": "q"}, {"order": 1.5, "required": "yes", "follow": {"next": ["a", 2]}}, 7],
            "settings": [],
            "weight": "heavy",
            "metadata": {"anything": [1]},
            "scores": {"a": 1, "b": "c"},
        }));
        assert_eq!(
            found,
            pairs(&[
                ("description", "invalid_type"),
                ("name", "required"),
                ("questions[1].follow.enabled", "required"),
                ("questions[1].follow.next[1]", "invalid_type"),
                ("questions[1].id", "required"),
                ("questions[1].order", "invalid_type"),
                ("questions[1].required", "invalid_type"),
                ("questions[2]", "invalid_type"),
                ("scores.b", "invalid_type"),
                ("settings", "invalid_type"),
                ("weight", "invalid_type"),
            ])
        );
    }

    #[test]
    fn null_is_fine_where_the_schema_says_so() {
        assert_eq!(errors(json!({"name": "n", "questions": [], "description": null, "settings": null})), []);
        assert_eq!(errors(json!({"name": null, "questions": []})), pairs(&[("name", "invalid_type")]));
        assert_eq!(errors(json!({"name": "n", "questions": [], "weight": 1, "unknown": 5})), []);
    }

    #[test]
    fn a_body_that_is_no_object_is_named_body() {
        assert_eq!(errors(json!([])), pairs(&[("body", "invalid_type")]));
    }

    #[test]
    fn choices_report_the_one_that_comes_closest() {
        let message = &Shape::of::<Script>().check(&json!({"name": "n", "questions": [], "settings": "x"}))[0].message;
        assert_eq!(message, "Must be an object or null.");
    }
}
