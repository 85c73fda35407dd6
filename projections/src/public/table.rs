//! The table of public events. Every event of the log stands here or in [`PRIVATE`]; a test fails otherwise.

use super::{
    PublicType, Resource,
    resources::{CAMPAIGN, CONSENT, INVITE, SCRIPT, SESSION},
};

/// A type that has the name of its event in the log.
const fn same(
    name: &'static str,
    resource: &'static Resource,
    summary: &'static str,
    differs: &'static str,
) -> PublicType {
    PublicType { name, source: name, summary, resource, differs }
}

/// How the example of a session that is under way differs.
const UNDER_WAY: &str = r#"{"status": "in_progress"}"#;

static TYPES: &[PublicType] = &[
    same("campaign.created", &CAMPAIGN, "A campaign was created.", "{}"),
    same("campaign.updated", &CAMPAIGN, "Details of a campaign changed.", r#"{"name": "Q2 Customer Feedback"}"#),
    same("campaign.paused", &CAMPAIGN, "A campaign takes no new invites for now.", r#"{"status": "paused"}"#),
    same("campaign.resumed", &CAMPAIGN, "A paused campaign takes invites again.", r#"{"status": "active"}"#),
    same("campaign.archived", &CAMPAIGN, "A campaign is over; its links are refused.", r#"{"status": "archived"}"#),
    same("invite.created", &INVITE, "A participant was invited.", "{}"),
    same(
        "invite.sent",
        &INVITE,
        "The mail of an invite was handed over to a mail server.",
        r#"{"emailStatus": "sent"}"#,
    ),
    same("invite.delivered", &INVITE, "The mail of an invite has arrived.", r#"{"emailStatus": "delivered"}"#),
    same("invite.opened", &INVITE, "The mail of an invite was opened.", r#"{"emailStatus": "opened"}"#),
    same("invite.bounced", &INVITE, "The mail of an invite came back.", r#"{"emailStatus": "bounced"}"#),
    same("invite.started", &INVITE, "The interview of an invite has begun.", r#"{"status": "started"}"#),
    same("invite.completed", &INVITE, "The interview of an invite was completed.", r#"{"status": "completed"}"#),
    same("invite.cancelled", &INVITE, "An invite was withdrawn and its link revoked.", r#"{"status": "cancelled"}"#),
    same("invite.expired", &INVITE, "An invite's time ran out before it was started.", r#"{"status": "expired"}"#),
    same("script.published", &SCRIPT, "A version of a script was published.", "{}"),
    same(
        "session.created",
        &SESSION,
        "A participant has acted on the link of an invite.",
        r#"{"status": "created", "duration": 0, "questionsAnswered": 0, "updatedAt": "2024-01-15T13:59:45Z"}"#,
    ),
    same("session.started", &SESSION, "An interview has begun.", UNDER_WAY),
    same("session.paused", &SESSION, "An interview rests.", r#"{"status": "paused", "pauseReason": "participant"}"#),
    same("session.resumed", &SESSION, "A paused interview goes on.", UNDER_WAY),
    same("session.completed", &SESSION, "An interview was completed.", "{}"),
    same(
        "session.abandoned",
        &SESSION,
        "An interview stopped before its end, or never began.",
        r#"{"status": "abandoned", "endReason": "participant_left"}"#,
    ),
    same(
        "transcript.ready",
        &SESSION,
        "The transcript of an interview is complete and will not change any more; the session is what `data` shows.",
        "{}",
    ),
    same("consent.recorded", &CONSENT, "A participant has given consent, or refused it.", "{}"),
    same("consent.withdrawn", &CONSENT, "A participant has taken consent back.", r#"{"granted": false}"#),
];

/// All types of public events.
pub fn types() -> &'static [PublicType] {
    TYPES
}

/// Events of the log that stay inside, on purpose.
pub const PRIVATE: &[&str] = &[
    // Administration of the organization itself, which is not what subscribers are for; keys are secrets besides.
    "organization.created",
    "organization.updated",
    "member.invited",
    "member.reinvited",
    "member.accepted",
    "member.renamed",
    "member.role_changed",
    "member.removed",
    "api_key.created",
    "api_key.revoked",
    // Projects only group other resources.
    "project.created",
    "project.updated",
    "project.deleted",
    // A script matters to others once it is published.
    "script.created",
    "script.details_changed",
    "script.draft_opened",
    "script.draft_changed",
    "script.archived",
    "script.deleted",
    // Webhooks are how events are sent, not what is sent.
    "webhook.created",
    "webhook.updated",
    "webhook.paused",
    "webhook.resumed",
    "webhook.disabled",
    "webhook.enabled",
    "webhook.secret_rotated",
    "webhook.deleted",
    // That another mail was asked for; that it went out is an event of its own.
    "invite.resent",
    // Not among the types of the contract; the invite shows it as `emailStatus: failed`.
    "invite.send_failed",
    // How mails look is the organization's own affair.
    "email_template.created",
    "email_template.updated",
    "email_template.deleted",
    // What a session's own events say better.
    "invite.session_opened",
    // What is said in an interview is shown in its transcript, to whoever may read that.
    "session.prompted",
    "session.answered",
    "session.skipped",
    // Files belong to a session, a script or the organization, which show them.
    "file.stored",
    "file.media_stored",
    "file.logo_stored",
    "file.deleted",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_event_of_the_log_is_public_or_private() {
        let known: BTreeSet<&str> =
            crate::tables().iter().flat_map(|table| (table.events)()).map(|(name, _)| *name).collect();
        let listed: Vec<&str> = TYPES.iter().map(|public| public.source).chain(PRIVATE.iter().copied()).collect();
        assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>().len(), listed.len(), "an event stands in it twice");
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), known);
    }

    #[test]
    fn names_are_unique_and_every_type_has_a_schema_and_an_example() {
        assert_eq!(TYPES.iter().map(|public| public.name).collect::<BTreeSet<_>>().len(), TYPES.len());
        for public in types() {
            let (schema, example) = (public.schema().expect("a schema"), public.example().expect("an example"));
            assert_eq!(schema["properties"]["type"]["const"], public.name);
            assert_eq!(example["type"], public.name);
            let required = schema["properties"]["data"]["required"].as_array().expect("required members");
            let shown = example["data"].as_object().expect("a resource");
            assert_eq!(required.len(), shown.len(), "{}", public.name);
            assert!(required.iter().all(|name| shown.contains_key(name.as_str().expect("text"))), "{}", public.name);
        }
    }
}
