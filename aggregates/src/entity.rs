//! What every aggregate of this crate offers, beyond [`cqrs_es::Aggregate`].

use cqrs_es::Aggregate;

use crate::{
    Event, Refusal,
    id::{Id, OrganizationId},
};

/// An aggregate of this crate, for code that is generic over them.
///
/// The rules stand in [`Entity::decide`], which is synchronous and changes nothing; [`Aggregate::handle`] writes what
/// was decided, event by event. So "given these events, when this command, then those events" is all there is to a rule.
pub trait Entity: Aggregate<Services = (), Command: Send, Event: Event, Error: Into<Refusal>> + Clone {
    /// The identifier of one of them.
    type Id: Id;

    /// The organization that it belongs to, as long as it is there: not before it is created, and not after it is deleted.
    fn organization_id(&self) -> Option<OrganizationId>;

    /// The normalized address of the person whom the stream is about, as long as it is readable. Personal data of events
    /// that do not introduce the person themselves ([`crate::Payload::subject`]) is sealed under this person's key.
    fn subject(&self) -> Option<&str> {
        None
    }

    /// Bytes that its state takes in memory beyond what every one does, roughly: for those that grow with what people send.
    fn weight(&self) -> usize {
        0
    }

    /// What a command does to the present state.
    ///
    /// # Errors
    /// When a rule forbids it.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// The state after these events.
    fn replay(events: impl IntoIterator<Item = Self::Event>) -> Self {
        let mut entity = Self::default();
        for event in events {
            entity.apply(event);
        }
        entity
    }
}
