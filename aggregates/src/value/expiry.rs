//! Until when: validity periods (contract 18) and instants.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, Utc};

/// The shortest validity period of an invite.
pub const MIN_EXPIRY: Duration = Duration::minutes(5);
/// The longest validity period of an invite.
pub const MAX_EXPIRY: Duration = Duration::days(365);
/// The validity period of an invite where nobody says anything.
pub const DEFAULT_EXPIRY: Duration = Duration::days(7);

/// Nanoseconds in a second; chrono counts a leap second as more of them.
const SECOND: u32 = 1_000_000_000;

/// A text that is no validity period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpiryError {
    /// Not of the form "whole number, unit".
    #[error("must be a whole number followed by m, h, d or w, such as 7d or 24h")]
    Format,
    /// Well-formed, but too short or too long.
    #[error("must be between 5 minutes and 365 days")]
    Range,
}

impl ExpiryError {
    /// The word for a field error.
    pub fn code(self) -> &'static str {
        match self {
            Self::Format => "invalid_format",
            Self::Range => "out_of_range",
        }
    }
}

/// Reads a validity period: a whole number and `m`, `h`, `d` or `w`; 5 minutes to 365 days.
///
/// # Errors
/// See [`ExpiryError`].
pub fn parse_expiry(text: &str) -> Result<Duration, ExpiryError> {
    let unit = text.chars().next_back().ok_or(ExpiryError::Format)?;
    let minutes = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        'w' => 7 * 24 * 60,
        _ => return Err(ExpiryError::Format),
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ExpiryError::Format);
    }
    // Only a number too large for 64 bits fails to parse here.
    let total = digits.parse::<i64>().ok().and_then(|number| number.checked_mul(minutes)).ok_or(ExpiryError::Range)?;
    let period = Duration::try_minutes(total).ok_or(ExpiryError::Range)?;
    if (MIN_EXPIRY..=MAX_EXPIRY).contains(&period) { Ok(period) } else { Err(ExpiryError::Range) }
}

/// Reads an ISO 8601 instant: RFC 3339, or the same without an offset, which then is UTC, or a day, which then begins in UTC.
/// A leap second is the first one of the next minute.
pub fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.to_utc())
        .or_else(|_| text.parse::<NaiveDateTime>().map(|instant| instant.and_utc()))
        .or_else(|_| text.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN).and_utc()))
        .ok()
        .and_then(|instant| {
            let (leap, nanos) = (instant.timestamp_subsec_nanos() / SECOND, instant.timestamp_subsec_nanos() % SECOND);
            DateTime::from_timestamp(instant.timestamp() + i64::from(leap), nanos)
        })
        .filter(|instant| (0..=253_402_300_799).contains(&instant.timestamp()))
}

/// The instant without its fraction of a second. What callers see has none (contract 9), and what they see must hold.
pub fn whole_second(instant: DateTime<Utc>) -> DateTime<Utc> {
    instant.trunc_subsecs(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn periods() {
        for (text, minutes) in
            [("5m", 5), ("24h", 1440), ("7d", 10_080), ("1w", 10_080), ("365d", 525_600), ("52w", 524_160)]
        {
            assert_eq!(parse_expiry(text), Ok(Duration::minutes(minutes)), "{text}");
        }
        for text in ["", "d", "7", "7D", "-7d", "+7d", "7.5d", " 7d", "7d ", "7 d", "7y", "7days", "٧d", "7é", "1w1d"]
        {
            assert_eq!(parse_expiry(text), Err(ExpiryError::Format), "{text}");
        }
        for text in ["0d", "4m", "366d", "53w", "99999999999999999999999999d", "9223372036854775807w"] {
            assert_eq!(parse_expiry(text), Err(ExpiryError::Range), "{text}");
        }
    }

    #[test]
    fn instants() {
        let expected = DateTime::from_timestamp(1_705_314_600, 0);
        for text in
            ["2024-01-15T10:30:00Z", "2024-01-15T12:30:00+02:00", "2024-01-15T10:30:00", "2024-01-15T10:30:00.000Z"]
        {
            assert_eq!(parse_instant(text), expected, "{text}");
        }
        let midnight = DateTime::from_timestamp(1_705_276_800, 0);
        for text in ["2024-01-15", "2024-01-14T23:59:60Z", "2024-01-14T23:59:60"] {
            assert_eq!(parse_instant(text), midnight, "{text}");
        }
        let bad = ["", "tomorrow", "2024-13-01T00:00:00Z", "2024-01", "+262142-01-01T00:00:00", "9999-12-31T23:59:60Z"];
        for text in bad {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = (parse_expiry(&text), parse_instant(&text));
        }
    }
}
