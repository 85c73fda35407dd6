//! What a cell of the bench has measured, and how it sums many latencies up.

use std::time::Duration;

use crate::usage::Usage;

/// The result of one cell.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Commands, requests or rows per second; for a [`Measured::value`] the value itself.
    pub per_second: f64,
    /// Median latency in milliseconds; zero where latencies say nothing.
    pub p50_ms: f64,
    /// 99th percentile in milliseconds.
    pub p99_ms: f64,
    /// How many answers the figures are made of.
    pub count: usize,
    /// Who spent the time, where that was watched.
    pub usage: Option<Usage>,
    /// What else there is to say.
    pub note: String,
}

impl Measured {
    /// From the latencies (in nanoseconds) of what was answered within `took`.
    pub fn from_latencies(mut latencies: Vec<u64>, took: Duration) -> Self {
        latencies.sort_unstable();
        let at = |share: f64| match latencies.len() {
            0 => 0.0,
            count => latencies[((count - 1) as f64 * share) as usize] as f64 / 1e6,
        };
        Self {
            per_second: latencies.len() as f64 / took.as_secs_f64(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            count: latencies.len(),
            ..Self::default()
        }
    }

    /// `count` things in `took`, without latencies.
    pub fn from_count(count: usize, took: Duration) -> Self {
        Self { per_second: count as f64 / took.as_secs_f64(), count, ..Self::default() }
    }

    /// A figure that is no rate: seconds, megabytes.
    pub fn value(value: f64) -> Self {
        Self { per_second: value, count: 1, ..Self::default() }
    }

    /// With a remark.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}
