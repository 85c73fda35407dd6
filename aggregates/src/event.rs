//! How events are named, versioned, written and read again (design, guarantee 11).

use std::fmt;

use cqrs_es::DomainEvent;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::Sealable;

/// A stored event that this version of the program cannot read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The event's name belongs to no known type of this aggregate.
    #[error("unknown event type {0}")]
    UnknownType(String),
    /// The event was written by a newer version, or by one whose upcaster is missing.
    #[error("{name} has no reader for schema {schema}")]
    UnknownSchema {
        /// The event's name.
        name: &'static str,
        /// The schema version that it was written with.
        schema: u16,
    },
    /// The stored payload is not what its schema says.
    #[error("{name}: {}", what_is_wrong(.source))]
    Payload {
        /// The event's name.
        name: &'static str,
        /// What serde found.
        source: serde_json::Error,
    },
}

/// What is wrong with a JSON document, and where, without a word of what it says: that may be somebody's name.
pub fn what_is_wrong(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "unexpected data",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "no JSON",
        serde_json::error::Category::Eof => "cut off",
    };
    format!("{kind} at line {} column {}", error.line(), error.column())
}

/// What one event type carries.
pub trait Payload: Serialize + DeserializeOwned + Clone + PartialEq + fmt::Debug + Send + Sync {
    /// The name in the log, never changed: `invite.created`.
    const NAME: &'static str;
    /// The schema version that is written today. A change of shape needs a new one, an upcaster and a golden file.
    const SCHEMA: u16 = 1;

    /// Brings a payload of an older schema to the shape of [`Self::SCHEMA`].
    ///
    /// # Errors
    /// [`DecodeError::UnknownSchema`] for a schema without an upcaster.
    fn upcast(schema: u16, _payload: Value) -> Result<Value, DecodeError> {
        Err(DecodeError::UnknownSchema { name: Self::NAME, schema })
    }

    /// The personal fields with the label that binds each ciphertext to its place.
    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)> {
        Vec::new()
    }

    /// The normalized e-mail address of the person that this event introduces, while it is readable.
    fn subject(&self) -> Option<&str> {
        None
    }
}

/// An aggregate's event: one of several payloads.
pub trait Event: DomainEvent {
    /// The name in the log.
    fn name(&self) -> &'static str;

    /// The schema version that the payload is written with.
    fn schema(&self) -> u16;

    /// The payload as JSON text.
    ///
    /// # Errors
    /// When a personal field has not been sealed.
    fn encode(&self) -> serde_json::Result<String>;

    /// Reads a payload of any schema version ever written.
    ///
    /// # Errors
    /// See [`DecodeError`].
    fn decode(name: &str, schema: u16, payload: &str) -> Result<Self, DecodeError>;

    /// See [`Payload::personal`].
    fn personal(&mut self) -> Vec<(&'static str, &mut dyn Sealable)>;

    /// See [`Payload::subject`].
    fn subject(&self) -> Option<&str>;

    /// Name and current schema of every event type of the aggregate.
    fn types() -> &'static [(&'static str, u16)];
}

/// Reads one payload, through its upcaster when it is old.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode_payload<P: Payload>(schema: u16, payload: &str) -> Result<P, DecodeError> {
    let failed = |source| DecodeError::Payload { name: P::NAME, source };
    if schema == P::SCHEMA {
        return serde_json::from_str(payload).map_err(failed);
    }
    let old = serde_json::from_str(payload).map_err(failed)?;
    serde_json::from_value(P::upcast(schema, old)?).map_err(failed)
}

/// Declares an aggregate's event enum from its payload structs.
macro_rules! events {
    ($(#[$doc:meta])* $enum:ident { $($(#[$variant_doc:meta])* $variant:ident($payload:ty),)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[allow(clippy::large_enum_variant, reason = "there are a few events at a time, and boxes would be in every pattern")]
        pub enum $enum {
            $($(#[$variant_doc])* $variant($payload),)*
        }

        impl cqrs_es::DomainEvent for $enum {
            fn event_type(&self) -> String {
                $crate::Event::name(self).to_owned()
            }

            fn event_version(&self) -> String {
                $crate::Event::schema(self).to_string()
            }
        }

        impl $crate::Event for $enum {
            fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => <$payload as $crate::Payload>::NAME,)* }
            }

            fn schema(&self) -> u16 {
                match self { $(Self::$variant(_) => <$payload as $crate::Payload>::SCHEMA,)* }
            }

            fn encode(&self) -> serde_json::Result<String> {
                match self { $(Self::$variant(payload) => serde_json::to_string(payload),)* }
            }

            fn decode(name: &str, schema: u16, payload: &str) -> Result<Self, $crate::DecodeError> {
                $(if name == <$payload as $crate::Payload>::NAME {
                    return $crate::event::decode_payload(schema, payload).map(Self::$variant);
                })*
                Err($crate::DecodeError::UnknownType(name.to_owned()))
            }

            fn personal(&mut self) -> Vec<(&'static str, &mut dyn $crate::Sealable)> {
                match self { $(Self::$variant(payload) => $crate::Payload::personal(payload),)* }
            }

            fn subject(&self) -> Option<&str> {
                match self { $(Self::$variant(payload) => $crate::Payload::subject(payload),)* }
            }

            fn types() -> &'static [(&'static str, u16)] {
                &[$((<$payload as $crate::Payload>::NAME, <$payload as $crate::Payload>::SCHEMA),)*]
            }
        }
    };
}
pub(crate) use events;
