//! When a delivery is tried again (contract 44).

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// The longest pause that a receiver can ask for.
pub const MAX_RETRY_AFTER: TimeDelta = TimeDelta::hours(24);
/// By how much each pause is shortened or lengthened at random, in percent, so that what failed together is not tried
/// again together.
const JITTER: i64 = 10;

/// The pauses before each attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule(Vec<TimeDelta>);

impl Schedule {
    /// Reads a list such as `0s,5s,5m,30m`. Its first entry is the first attempt, at once; a list that does not begin with
    /// zero is one of pauses only, and the first attempt is made at once all the same.
    pub fn parse(text: &str) -> Option<Self> {
        const MAX: i64 = 30 * 24 * 3_600 * 1_000;
        let mut pauses = Vec::new();
        for part in text.split(',').map(str::trim) {
            let digits = part.find(|letter: char| !letter.is_ascii_digit())?;
            let number: i64 = part[..digits].parse().ok()?;
            let unit = match &part[digits..] {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return None,
            };
            let pause = number.checked_mul(unit).filter(|pause| *pause <= MAX)?;
            pauses.push(TimeDelta::milliseconds(pause));
        }
        if pauses.first().is_some_and(|first| *first > TimeDelta::zero()) {
            pauses.insert(0, TimeDelta::zero());
        }
        (1..=50).contains(&pauses.len()).then_some(Self(pauses))
    }

    /// When to try again after `attempts` attempts, the last of which ended at `now`; `None` when it is given up. The
    /// receiver's own wish for a pause counts if it is longer, up to a day.
    pub fn next(&self, attempts: i64, now: DateTime<Utc>, retry_after: Option<TimeDelta>) -> Option<DateTime<Utc>> {
        let pause = *self.0.get(usize::try_from(attempts).ok()?)?;
        let jitter: f64 = rand::random_range(-1.0..=1.0);
        let spread = pause.num_milliseconds() * JITTER / 100;
        let pause = pause + TimeDelta::milliseconds((spread as f64 * jitter) as i64);
        let wish = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
        Some(now + pause.max(wish))
    }

    /// Attempts that a delivery has at most.
    pub fn attempts(&self) -> usize {
        self.0.len()
    }
}

/// The pause that `Retry-After` asks for: seconds, or a date.
pub fn retry_after(value: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(TimeDelta::seconds(i64::from(seconds)));
    }
    let date =
        DateTime::parse_from_rfc2822(value).map(|date| date.with_timezone(&Utc)).ok().or_else(|| obsolete(value))?;
    Some((date - now).max(TimeDelta::zero()))
}

/// The two older forms of a date, which recipients must still take (RFC 9110, 5.6.7): `Monday, 15-Jan-24 10:31:00 GMT`
/// and `Mon Jan 15 10:31:00 2024`.
fn obsolete(value: &str) -> Option<DateTime<Utc>> {
    let (_, date) = value.split_once(' ')?;
    let parsed = match value.contains('-') {
        true => NaiveDateTime::parse_from_str(date, "%d-%b-%y %H:%M:%S GMT"),
        false => NaiveDateTime::parse_from_str(date.trim_start(), "%b %e %H:%M:%S %Y"),
    };
    parsed.ok().map(|date| date.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: &str = "0s,5s,5m,30m,2h,5h,10h,14h,20h,24h";

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_705_314_600, 0).expect("in range")
    }

    #[test]
    fn pauses_grow_and_come_to_an_end() {
        let schedule = Schedule::parse(DEFAULT).expect("valid");
        assert_eq!(schedule.attempts(), 10);
        let expected = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        for (attempts, seconds) in (1..).zip(expected) {
            let mut seen = std::collections::HashSet::new();
            for _ in 0..100 {
                let pause = schedule.next(attempts, now(), None).expect("another try") - now();
                let (low, high) = (TimeDelta::milliseconds(seconds * 900), TimeDelta::milliseconds(seconds * 1_100));
                assert!(pause >= low && pause <= high, "{pause} after {attempts}");
                seen.insert(pause);
            }
            assert!(seen.len() > 10, "chance plays no part after {attempts}");
        }
        assert_eq!(schedule.next(10, now(), None), None);
        assert_eq!(schedule.next(10, now(), Some(TimeDelta::seconds(1))), None);
    }

    #[test]
    fn a_receiver_can_ask_for_a_longer_pause_but_not_for_ever() {
        let schedule = Schedule::parse(DEFAULT).expect("valid");
        let next = |seconds| schedule.next(1, now(), Some(TimeDelta::seconds(seconds))).expect("a try") - now();
        assert_eq!(next(3_600), TimeDelta::hours(1));
        assert!(next(1) > TimeDelta::seconds(4), "a shorter one does not count");
        assert_eq!(next(i64::from(u32::MAX)), TimeDelta::hours(24));
        assert_eq!(retry_after("120", now()), Some(TimeDelta::seconds(120)));
        assert_eq!(retry_after("Mon, 15 Jan 2024 10:31:00 GMT", now()), Some(TimeDelta::seconds(60)));
        assert_eq!(retry_after("Mon, 15 Jan 2024 10:29:00 GMT", now()), Some(TimeDelta::zero()));
        assert_eq!(retry_after("Monday, 15-Jan-24 10:31:00 GMT", now()), Some(TimeDelta::seconds(60)));
        assert_eq!(retry_after("Mon Jan 15 10:31:00 2024", now()), Some(TimeDelta::seconds(60)));
        assert_eq!(retry_after("Sun Feb  4 10:30:00 2024", now()), Some(TimeDelta::days(20)));
        for bad in ["", "-1", "soon", "1.5", "99999999999", "Monday, 15-Foo-24 10:31:00 GMT", "Mon Jan"] {
            assert_eq!(retry_after(bad, now()), None, "{bad}");
        }
    }

    #[test]
    fn lists() {
        assert_eq!(Schedule::parse("1s,2s").expect("valid").attempts(), 3, "the first attempt is made at once");
        assert_eq!(Schedule::parse(" 0s , 100ms ,1d").expect("valid").attempts(), 3);
        for bad in ["", "5", "5s,", "x", "-1s", "1w", "31d", "99999999999999999999s"] {
            assert_eq!(Schedule::parse(bad), None, "{bad}");
        }
    }
}
