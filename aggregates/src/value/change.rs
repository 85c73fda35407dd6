//! One field of a merge-patch.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a merge-patch says of one field (contract 1): absent keeps it, `null` clears it, a value sets it.
///
/// In a struct it needs `#[serde(default, skip_serializing_if = "Change::is_keep")]`, because absence is something
/// that only the surrounding object can express.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// The field was absent: it stays as it is.
    #[default]
    Keep,
    /// The field was `null`: it is emptied.
    Clear,
    /// The field had a value: it is replaced.
    Set(T),
}

impl<T> Change<T> {
    /// Whether the field stays as it is.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// Borrows the value.
    pub fn as_ref(&self) -> Change<&T> {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(value),
        }
    }

    /// Changes the value's type.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(f(value)),
        }
    }

    /// The value, if one is to be set.
    pub fn set(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Carries the change out on an optional field.
    pub fn apply_to(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }
}

impl<T: PartialEq> Change<T> {
    /// The same change, or [`Change::Keep`] when it would leave the field as it is.
    #[must_use]
    pub fn against(self, current: Option<&T>) -> Self {
        let same = match &self {
            Self::Keep => true,
            Self::Clear => current.is_none(),
            Self::Set(value) => current == Some(value),
        };
        if same { Self::Keep } else { self }
    }
}

impl<T> From<Option<T>> for Change<T> {
    /// An optional value as the whole truth about the field: `None` clears it.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Clear, Self::Set)
    }
}

impl<T: Serialize> Serialize for Change<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Clear => serializer.serialize_none(),
            Self::Set(value) => serializer.serialize_some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Patch {
        #[serde(default, skip_serializing_if = "Change::is_keep")]
        field: Change<u32>,
    }

    #[test]
    fn absent_null_and_value_are_three_things() {
        for (text, field) in
            [("{}", Change::Keep), (r#"{"field":null}"#, Change::Clear), (r#"{"field":7}"#, Change::Set(7))]
        {
            let patch = Patch { field };
            assert_eq!(serde_json::from_str::<Patch>(text).expect("readable"), patch);
            assert_eq!(serde_json::to_string(&patch).expect("writable"), text);
        }
    }

    proptest! {
        #[test]
        fn a_change_against_the_present_value_has_the_same_effect(
            current: Option<u8>,
            change in prop_oneof![Just(Change::Keep), Just(Change::Clear), any::<u8>().prop_map(Change::Set)],
        ) {
            let reduced = change.clone().against(current.as_ref());
            let (mut a, mut b) = (current, current);
            change.apply_to(&mut a);
            prop_assert_eq!(reduced.is_keep(), a == current);
            reduced.apply_to(&mut b);
            prop_assert_eq!(a, b);
        }
    }
}
