//! What an API key may do.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! scopes {
    ($($name:ident = $text:literal,)*) => {
        /// One permission (reference, "Key Permissions"; contract 5).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope {
            $(#[doc = concat!("`", $text, "`")] $name,)*
        }

        impl Scope {
            /// All scopes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in the API.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

scopes! {
    CampaignsRead = "campaigns:read",
    CampaignsWrite = "campaigns:write",
    InvitesRead = "invites:read",
    InvitesWrite = "invites:write",
    SessionsRead = "sessions:read",
    SessionsWrite = "sessions:write",
    ScriptsRead = "scripts:read",
    ScriptsWrite = "scripts:write",
    ProjectsRead = "projects:read",
    ProjectsWrite = "projects:write",
    OrganizationRead = "organization:read",
    OrganizationWrite = "organization:write",
    BillingRead = "billing:read",
    BillingWrite = "billing:write",
    WebhooksRead = "webhooks:read",
    WebhooksWrite = "webhooks:write",
    ApiKeysRead = "api_keys:read",
    ApiKeysWrite = "api_keys:write",
    AuditRead = "audit:read",
    PrivacyWrite = "privacy:write",
}

/// A text that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope {0}")]
pub struct UnknownScope(pub String);

impl Scope {
    /// The scopes any one of which would do in place of this one.
    fn stronger(self) -> &'static [Self] {
        match self {
            Self::CampaignsRead => &[Self::CampaignsWrite],
            Self::InvitesRead => &[Self::InvitesWrite],
            Self::SessionsRead => &[Self::SessionsWrite],
            // The reference names no scope for scripts and projects: keys made with its ten reach them by way of campaigns.
            Self::ScriptsRead => &[Self::ScriptsWrite, Self::CampaignsRead, Self::CampaignsWrite],
            Self::ProjectsRead => &[Self::ProjectsWrite, Self::CampaignsRead, Self::CampaignsWrite],
            Self::ScriptsWrite | Self::ProjectsWrite => &[Self::CampaignsWrite],
            Self::OrganizationRead => &[Self::OrganizationWrite],
            Self::BillingRead => &[Self::BillingWrite],
            Self::WebhooksRead => &[Self::WebhooksWrite],
            Self::ApiKeysRead => &[Self::ApiKeysWrite],
            Self::CampaignsWrite
            | Self::InvitesWrite
            | Self::SessionsWrite
            | Self::OrganizationWrite
            | Self::BillingWrite
            | Self::WebhooksWrite
            | Self::ApiKeysWrite
            | Self::AuditRead
            | Self::PrivacyWrite => &[],
        }
    }
}

/// Whether a key that holds these scopes may do what needs the given one: write implies read, and `campaigns:*` grants
/// `scripts:*` and `projects:*` (contract 5).
pub fn grants(held: &BTreeSet<Scope>, needed: Scope) -> bool {
    held.contains(&needed) || needed.stronger().iter().any(|scope| held.contains(scope))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let found = Self::ALL.iter().find(|scope| scope.as_str() == text);
        found.copied().ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_everywhere() {
        assert_eq!(Scope::ALL.len(), 20);
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse().as_ref(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).expect("writable"), scope.as_str());
        }
        assert_eq!("campaigns".parse::<Scope>(), Err(UnknownScope("campaigns".to_owned())));
    }

    #[test]
    fn what_each_scope_grants() {
        for held in Scope::ALL {
            let (area, verb) = held.as_str().split_once(':').expect("two parts");
            for needed in Scope::ALL {
                let (wanted, wanted_verb) = needed.as_str().split_once(':').expect("two parts");
                let covers = wanted == area || (area == "campaigns" && ["scripts", "projects"].contains(&wanted));
                let expected = covers && (verb == wanted_verb || verb == "write");
                assert_eq!(grants(&BTreeSet::from([*held]), *needed), expected, "{held} for {needed}");
            }
        }
        assert!(!grants(&BTreeSet::new(), Scope::CampaignsRead));
    }
}
