//! How an invite is shown: the stored document, with what is derived from it and the present instant.

use aggregates::{id::InviteId, invite::InviteStatus};
use chrono::{DateTime, Utc};
use projections::invite::overdue;

use crate::{command::Commands, store::Document, trust::token};

/// How `status` begins the stored document's only members that the rendering changes. Text inside of strings cannot
/// look like this, since its quotes are escaped, and `metadata` comes later.
const PENDING: &str = "\"status\":\"pending\",\"emailStatus\":";
const EXPIRED: &str = "\"status\":\"expired\",\"emailStatus\":";

impl Commands {
    /// The API's representation of an invite. The token is derived and never stored (contract 7), and an invite whose
    /// time is over is shown as expired from that very second (contract 17). Its link begins with `base` (see
    /// [`Commands::link_base`]).
    pub fn render_invite(
        &self,
        model: &projections::Invite,
        base: &str,
        now: DateTime<Utc>,
    ) -> serde_json::Result<String> {
        let document = projections::ReadModel::document(model)?;
        let token = token::derive(&self.keys, model.api.id, model.token_generation);
        Ok(finish(&document, &token, &Self::invite_url(base, &token), model.overdue(now)))
    }

    /// The same, from the stored row.
    pub fn render_stored_invite(&self, document: &Document, base: &str, now: DateTime<Utc>) -> String {
        let Ok(id) = document.id.parse::<InviteId>() else { return document.json.clone() };
        let generation = u32::try_from(document.column("token_generation").int()).unwrap_or(0);
        let pending = document.column("status").text() == InviteStatus::Pending.as_str();
        let expires_at = DateTime::from_timestamp_micros(document.column("expires_at").int()).unwrap_or_default();
        let overdue = pending && overdue(InviteStatus::Pending, expires_at, now);
        let token = token::derive(&self.keys, id, generation);
        finish(&document.json, &token, &Self::invite_url(base, &token), overdue)
    }
}

fn finish(document: &str, token: &str, url: &str, overdue: bool) -> String {
    let open = document.strip_suffix('}').unwrap_or(document);
    let mut shown = if overdue { open.replacen(PENDING, EXPIRED, 1) } else { open.to_owned() };
    shown.reserve(token.len() + url.len() + 32);
    shown.push_str(",\"token\":");
    shown.push_str(&quoted(token));
    shown.push_str(",\"inviteUrl\":");
    shown.push_str(&quoted(url));
    shown.push('}');
    shown
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn token_and_url_are_added_and_only_the_status_of_an_overdue_invite_changes() {
        let trap = "\"status\":\"pending\",\"emailStatus\":";
        let document = format!(
            "{{\"name\":{},\"status\":\"pending\",\"emailStatus\":\"sent\",\"metadata\":{{\"status\":\"pending\",\
             \"emailStatus\":\"x\"}}}}",
            quoted(trap)
        );
        for (overdue, status) in [(false, "pending"), (true, "expired")] {
            let shown: Value =
                serde_json::from_str(&finish(&document, "inv_t", "http://x/inv_t", overdue)).expect("JSON");
            assert_eq!(
                shown,
                json!({
                    "name": trap, "status": status, "emailStatus": "sent",
                    "metadata": {"status": "pending", "emailStatus": "x"},
                    "token": "inv_t", "inviteUrl": "http://x/inv_t",
                })
            );
        }
    }
}
