//! Whole seconds: the precision of every time in a row.

pub(crate) use aggregates::value::whole_second as whole_seconds;
use chrono::{DateTime, Utc};

use crate::Column;

/// A time as a column: microseconds since 1970, always a multiple of 1,000,000.
pub(crate) fn column(at: DateTime<Utc>) -> Column {
    optional_column(Some(at))
}

/// A time that may be missing, as a column.
pub(crate) fn optional_column(at: Option<DateTime<Utc>>) -> Column {
    Column::Int(at.map(|at| whole_seconds(at).timestamp_micros()))
}

/// Writes a time as `2024-01-15T10:30:00Z` and reads it again; for `#[serde(with = "…")]`.
pub(crate) mod seconds {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&at.to_rfc3339_opts(SecondsFormat::Secs, true))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        DateTime::<Utc>::deserialize(deserializer)
    }
}

/// The same for a time that may be missing, which is `null`.
pub(crate) mod optional_seconds {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::seconds::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
        Option::<DateTime<Utc>>::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Times {
        #[serde(with = "seconds")]
        at: DateTime<Utc>,
        #[serde(with = "optional_seconds")]
        end: Option<DateTime<Utc>>,
    }

    #[test]
    fn times_are_whole_seconds_in_utc() {
        let at = DateTime::from_timestamp(1_705_314_600, 999_999_000).expect("in range");
        for (end, text) in [(Some(at), r#""2024-01-15T10:30:00Z""#), (None, "null")] {
            let json = serde_json::to_string(&Times { at, end }).expect("writable");
            assert_eq!(json, format!(r#"{{"at":"2024-01-15T10:30:00Z","end":{text}}}"#));
            let read: Times = serde_json::from_str(&json).expect("readable");
            assert_eq!(read, Times { at: whole_seconds(at), end: end.map(whole_seconds) });
        }
        assert_eq!(column(at), Column::int(1_705_314_600_000_000_i64));
    }
}
