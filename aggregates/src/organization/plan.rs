//! What an organization has subscribed to.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A subscription plan (contract 38).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// `free`
    #[default]
    Free,
    /// `starter`
    Starter,
    /// `professional`
    Professional,
    /// `enterprise`
    Enterprise,
}

/// A text that names no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: free, starter, professional, enterprise")]
pub struct UnknownPlan;

impl Plan {
    /// All plans, the smallest first.
    pub const ALL: [Self; 4] = [Self::Free, Self::Starter, Self::Professional, Self::Enterprise];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Starter => "starter",
            Self::Professional => "professional",
            Self::Enterprise => "enterprise",
        }
    }

    /// Requests per minute and API key (reference, "Rate Limiting").
    pub fn rate_limit(self) -> u32 {
        match self {
            Self::Free => 60,
            Self::Starter => 300,
            Self::Professional => 1_000,
            Self::Enterprise => 10_000,
        }
    }

    /// Credits that are included in a period unless the configuration says otherwise (contract 59), in whole credits.
    pub fn included_credits(self) -> i64 {
        match self {
            Self::Free => 50,
            Self::Starter => 200,
            Self::Professional => 500,
            Self::Enterprise => 5_000,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Plan {
    type Err = UnknownPlan;

    fn from_str(text: &str) -> Result<Self, UnknownPlan> {
        Self::ALL.into_iter().find(|plan| plan.as_str() == text).ok_or(UnknownPlan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_everywhere() {
        for plan in Plan::ALL {
            assert_eq!(plan.to_string().parse(), Ok(plan));
            assert_eq!(serde_json::to_value(plan).expect("writable"), plan.as_str());
        }
        assert_eq!("gold".parse::<Plan>(), Err(UnknownPlan));
    }
}
