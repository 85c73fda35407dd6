//! The `stats` of a campaign: counters over other streams, which no campaign's document can hold.

use std::collections::HashMap;

/// What has come of a campaign so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    invites: i64,
    completed: i64,
    seconds: i64,
}

impl Stats {
    /// The counters that a campaign's stats are made of.
    pub fn scopes(campaign: &str) -> [String; 3] {
        [
            format!("invites/{campaign}"),
            format!("sessions/{campaign}/completed"),
            format!("sessions/{campaign}/duration"),
        ]
    }

    /// Picks them from counters; one that was never written means 0.
    pub fn of(campaign: &str, counters: &HashMap<String, i64>) -> Self {
        let [invites, completed, seconds] =
            Self::scopes(campaign).map(|scope| counters.get(&scope).copied().unwrap_or(0));
        Self { invites, completed, seconds }
    }

    fn average(&self) -> i64 {
        if self.completed > 0 { self.seconds / self.completed } else { 0 }
    }

    /// The stored document, with the stats as its last member.
    pub fn spliced_into(&self, document: &str) -> String {
        let Self { invites, completed, .. } = self;
        let open = document.trim_end().strip_suffix('}').unwrap_or(document);
        let average = self.average();
        format!(
            "{open},\"stats\":{{\"totalInvites\":{invites},\"completedSessions\":{completed},\
             \"averageDuration\":{average}}}}}"
        )
    }

    /// The version tag of a campaign that shows these stats. `If-Match` looks at the part before the dot only: an invite
    /// that was created meanwhile is no reason to refuse a change of the campaign.
    pub fn tag(&self, version: i64) -> String {
        format!("{version}.{:x}-{:x}-{:x}", self.invites, self.completed, self.average())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn absent_counters_are_zero_and_the_average_is_whole() {
        assert_eq!(Stats::of("cam_x", &HashMap::new()), Stats::default());
        let counters = HashMap::from([
            ("invites/cam_x".to_owned(), 7),
            ("sessions/cam_x/completed".to_owned(), 3),
            ("sessions/cam_x/duration".to_owned(), 1001),
            ("invites/cam_y".to_owned(), 9),
        ]);
        let shown: Value =
            serde_json::from_str(&Stats::of("cam_x", &counters).spliced_into("{\"id\":1}")).expect("JSON");
        let stats = json!({"totalInvites": 7, "completedSessions": 3, "averageDuration": 333});
        assert_eq!(shown, json!({"id": 1, "stats": stats}));
    }

    #[test]
    fn the_tag_changes_with_version_and_stats() {
        let more = Stats { invites: 1, ..Stats::default() };
        assert_eq!(Stats::default().tag(3), "3.0-0-0");
        assert_eq!(more.tag(3), "3.1-0-0");
    }
}
