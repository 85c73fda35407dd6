//! Places in the pipeline at which tests let a node die. In production nothing ever happens there.

/// Every step between two effects of the pipeline, in the order in which a delivery passes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultPoint {
    /// Endpoints were claimed, and nobody has looked at them yet.
    Claimed,
    /// Events were read and rendered.
    Rendered,
    /// An attempt is about to be made.
    Sending,
    /// The attempt was answered, and the answer read.
    Answered,
    /// Results are about to be written.
    BeforeWrite,
    /// The transaction has moved the endpoint's place, and breaks off.
    InWrite,
    /// Results and places are durable, and nobody here knows yet.
    Written,
    /// An endpoint was given back.
    Released,
    /// An endpoint that is gone, or has failed for too long, is about to be disabled.
    Disabling,
    /// That it is disabled is durable, and nobody here knows yet.
    Disabled,
}

impl FaultPoint {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Claimed,
        Self::Rendered,
        Self::Sending,
        Self::Answered,
        Self::BeforeWrite,
        Self::InWrite,
        Self::Written,
        Self::Released,
        Self::Disabling,
        Self::Disabled,
    ];
}

/// Decides whether a node dies at a point.
pub trait Faults: Send + Sync {
    /// Whether the node that reaches the point dies there.
    fn strikes(&self, point: FaultPoint) -> bool;
}

/// Nothing ever goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn strikes(&self, _: FaultPoint) -> bool {
        false
    }
}
