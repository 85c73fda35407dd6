//! Personal data in events (design, guarantee 9).

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, ser};

/// A value about a person, which may only be stored as ciphertext.
///
/// A command produces it [`Personal::Clear`]; the store seals it under the subject's own key before the event is
/// written and opens it after the event is read. Serializing a clear value is an error, so an event that forgets to
/// name one of its personal fields cannot be written at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Personal<T> {
    /// Readable, in memory only.
    Clear(T),
    /// Ciphertext in base 64, as it stands in the log.
    Sealed(String),
    /// The subject's key has been destroyed: nobody can read this any more.
    Erased,
}

impl<T> Personal<T> {
    /// The value, unless it is sealed or erased.
    pub fn clear(&self) -> Option<&T> {
        match self {
            Self::Clear(value) => Some(value),
            Self::Sealed(_) | Self::Erased => None,
        }
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Self::Clear(value)
    }
}

impl<T> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Sealed(text) => serializer.serialize_str(text),
            Self::Clear(_) => Err(ser::Error::custom("personal data must be sealed before it is written")),
            Self::Erased => Err(ser::Error::custom("erased personal data cannot be written again")),
        }
    }
}

impl<'de, T> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::Sealed)
    }
}

/// A personal value whose type has been forgotten, as the sealing code sees it.
pub trait Sealable {
    /// Replaces a clear value by `seal(its JSON bytes)`; leaves anything else as it is.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    fn seal(&mut self, seal: &mut dyn FnMut(&[u8]) -> String) -> serde_json::Result<()>;

    /// Replaces ciphertext by the value that `open` finds in it, or by [`Personal::Erased`] when it finds none.
    ///
    /// # Errors
    /// When the opened bytes are not JSON of the expected type.
    fn open(&mut self, open: &mut dyn FnMut(&str) -> Option<Vec<u8>>) -> serde_json::Result<()>;
}

impl<T: Serialize + DeserializeOwned> Sealable for Personal<T> {
    fn seal(&mut self, seal: &mut dyn FnMut(&[u8]) -> String) -> serde_json::Result<()> {
        if let Self::Clear(value) = self {
            *self = Self::Sealed(seal(&serde_json::to_vec(value)?));
        }
        Ok(())
    }

    fn open(&mut self, open: &mut dyn FnMut(&str) -> Option<Vec<u8>>) -> serde_json::Result<()> {
        if let Self::Sealed(text) = self {
            *self = match open(text) {
                Some(bytes) => Self::Clear(serde_json::from_slice(&bytes)?),
                None => Self::Erased,
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_values_cannot_be_written() {
        let error = serde_json::to_string(&Personal::Clear("ada@example.com")).expect_err("refused");
        assert!(error.to_string().contains("must be sealed"));
    }
}
