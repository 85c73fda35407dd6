//! The one source of time, so that tests decide what time it is (contract 24).

use std::time::SystemTime;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::sync::watch;

/// Tells the time and wakes sleepers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(watch::Receiver<DateTime<Utc>>),
}

/// The hands of a manual [`Clock`].
#[derive(Debug)]
pub struct ManualClock(watch::Sender<DateTime<Utc>>);

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until its hands are moved.
    pub fn manual(start: DateTime<Utc>) -> (Self, ManualClock) {
        let (sender, receiver) = watch::channel(start.trunc_subsecs(6));
        (Self(Source::Manual(receiver)), ManualClock(sender))
    }

    /// The current time in whole microseconds, which is what the store keeps.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => DateTime::<Utc>::from(SystemTime::now()).trunc_subsecs(6),
            Source::Manual(time) => *time.borrow(),
        }
    }

    /// Returns once the clock shows `time` or later.
    pub async fn sleep_until(&self, time: DateTime<Utc>) {
        match &self.0 {
            // Long sleeps wake now and then, because the machine's clock may be set in the meantime.
            Source::System => loop {
                let left = time - self.now();
                if left <= TimeDelta::zero() {
                    return;
                }
                tokio::time::sleep(left.min(TimeDelta::seconds(30)).to_std().unwrap_or_default()).await;
            },
            Source::Manual(now) => {
                if now.clone().wait_for(|now| *now >= time).await.is_err() {
                    // Nobody can move the hands any more, so the time will never come.
                    std::future::pending().await
                }
            }
        }
    }

    /// Returns after `duration`.
    pub async fn sleep(&self, duration: TimeDelta) {
        self.sleep_until(self.now() + duration).await;
    }
}

impl ManualClock {
    /// Moves the hands forward and wakes who has slept enough.
    pub fn advance(&self, duration: TimeDelta) {
        self.0.send_modify(|now| *now += duration);
    }

    /// Moves the hands to `time`.
    pub fn set(&self, time: DateTime<Utc>) {
        self.0.send_replace(time.trunc_subsecs(6));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_its_sleepers() {
        let start = DateTime::UNIX_EPOCH;
        let (clock, hands) = Clock::manual(start);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep(TimeDelta::hours(24)).await;
                clock.now()
            }
        });
        tokio::task::yield_now().await;
        hands.advance(TimeDelta::hours(23));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        hands.advance(TimeDelta::hours(1));
        assert_eq!(sleeper.await.expect("slept"), start + TimeDelta::hours(24));
    }

    #[test]
    fn the_system_clock_tells_microseconds() {
        assert_eq!(Clock::system().now().timestamp_subsec_nanos() % 1_000, 0);
    }
}
