use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aggregates::{
    Code, Entity, Personal,
    value::{Change, Email},
    webhook::{
        DisabledReason, NewWebhook, NewWebhookInput, Rules, SealedHeaders, Webhook, WebhookCommand, WebhookCreated,
        WebhookDeleted, WebhookDisabled, WebhookEnabled, WebhookError, WebhookEvent, WebhookPatchInput, WebhookPaused,
        WebhookResumed, WebhookSecretRotated, WebhookStatus, WebhookUpdated,
        address::{V4, V6, forbidden, forbidden_in},
        check_url, is_subscribed,
    },
};
use serde_json::{Value, json};

use crate::common::{at, fields, given, id, invalid, malformed, object, read, refusal};

const TYPES: &[&str] = &["session.completed", "session.created", "invite.created", "credits.low"];
pub const RULES: Rules<'static> = Rules { event_types: TYPES, development: false };

fn email() -> Email {
    Email::parse("ops@example.com").expect("good")
}

fn create() -> WebhookCommand {
    WebhookCommand::Create {
        webhook_id: id(7),
        organization_id: id(1),
        webhook: NewWebhook {
            url: "https://example.com/hook".into(),
            event_types: vec!["session.*".into()],
            notify_email: Some(email()),
            ..NewWebhook::default()
        },
        sealed_secret: "first".into(),
        headers: None,
    }
}

fn created() -> WebhookEvent {
    WebhookEvent::Created(WebhookCreated {
        webhook_id: id(7),
        organization_id: id(1),
        url: "https://example.com/hook".into(),
        description: None,
        event_types: vec!["session.*".into()],
        campaign_id: None,
        project_id: None,
        ordered: false,
        notify_email: Some(Personal::Clear(email())),
        headers: None,
        sealed_secret: "first".into(),
    })
}

fn update(body: Value) -> WebhookCommand {
    let (patch, _) = read::<WebhookPatchInput>(body).validate(&object(json!({})), RULES).expect("good");
    WebhookCommand::Update { patch, headers: Change::Keep }
}

fn disable(reason: DisabledReason) -> WebhookCommand {
    WebhookCommand::Disable { reason }
}

fn disabled(reason: DisabledReason) -> WebhookEvent {
    WebhookEvent::Disabled(WebhookDisabled { reason })
}

fn paused() -> WebhookEvent {
    WebhookEvent::Paused(WebhookPaused {})
}

#[test]
fn it_is_created_once_and_nothing_comes_after_deletion() {
    let deleted = || WebhookEvent::Deleted(WebhookDeleted {});
    given::<Webhook>(&[]).when(create()).then_expect_events(vec![created()]);
    given::<Webhook>(&[created()]).when(create()).then_expect_error(WebhookError::AlreadyExists);
    given::<Webhook>(&[created()]).when(WebhookCommand::Delete).then_expect_events(vec![deleted()]);
    for command in [WebhookCommand::Delete, update(json!({})), disable(DisabledReason::Gone)] {
        given::<Webhook>(&[]).when(command.clone()).then_expect_error(WebhookError::NotFound);
        assert_eq!(refusal::<Webhook>(&[created(), deleted()], command).code, Code::NotFound);
    }
    assert_eq!(refusal::<Webhook>(&[created(), deleted()], create()).code, Code::Conflict);
    assert_eq!(Webhook::replay([created()]).organization_id(), Some(id(1)));
    assert_eq!(Webhook::replay([created(), deleted()]).organization_id(), None);
}

#[test]
fn an_update_records_what_changes_and_nothing_else() {
    let same = json!({
        "url": " https://EXAMPLE.com/hook", "eventTypes": ["session.*", "session.*"], "description": " ",
        "campaignId": null, "ordered": false, "notifyEmail": "ops@example.com", "status": "enabled", "id": 1,
    });
    for nothing in [json!({}), same] {
        given::<Webhook>(&[created()]).when(update(nothing)).then_expect_events(vec![]);
    }
    let updated = WebhookUpdated {
        url: Some("https://example.com/other".into()),
        event_types: Some(vec!["*".into(), "credits.low".into()]),
        ordered: Some(true),
        notify_email: Change::Set(Personal::Clear(Email::parse("you@example.com").expect("good"))),
        ..WebhookUpdated::default()
    };
    let patch = json!({
        "url": "https://example.com/other", "eventTypes": ["*", "credits.low"], "ordered": true,
        "notifyEmail": "you@example.com", "status": "paused",
    });
    given::<Webhook>(&[created()])
        .when(update(patch))
        .then_expect_events(vec![WebhookEvent::Updated(updated.clone()), paused()]);
    let state = Webhook::replay([created(), WebhookEvent::Updated(updated)]);
    assert_eq!(state.notify_email.as_ref().map(Email::as_str), Some("you@example.com"));
    assert_eq!((state.ordered, state.url.as_str()), (true, "https://example.com/other"));
    let headers = SealedHeaders { names: vec!["x".into()], sealed: "s".into() };
    let (patch, _) = read::<WebhookPatchInput>(json!({})).validate(&object(json!({})), RULES).expect("good");
    given::<Webhook>(&[created()])
        .when(WebhookCommand::Update { patch, headers: Change::Set(headers.clone()) })
        .then_expect_events(vec![WebhookEvent::Updated(WebhookUpdated {
            headers: Change::Set(headers),
            ..WebhookUpdated::default()
        })]);
}

#[test]
fn status_moves() {
    let resumed = || WebhookEvent::Resumed(WebhookResumed {});
    let enabled = || WebhookEvent::Enabled(WebhookEnabled {});
    let to = |status: &str| update(json!({ "status": status }));
    let failing = || disabled(DisabledReason::Failing);
    for (history, command, expected) in [
        (vec![], to("paused"), vec![paused()]),
        (vec![paused()], to("paused"), vec![]),
        (vec![paused()], to("enabled"), vec![resumed()]),
        (vec![failing()], to("enabled"), vec![enabled()]),
        (vec![failing()], to("paused"), vec![paused()]),
        (vec![failing()], to("disabled"), vec![]),
        (vec![], to("disabled"), vec![disabled(DisabledReason::Requested)]),
        (vec![], disable(DisabledReason::Gone), vec![disabled(DisabledReason::Gone)]),
        (vec![paused()], disable(DisabledReason::Gone), vec![]),
        (vec![failing()], disable(DisabledReason::Gone), vec![]),
        (vec![failing(), enabled()], disable(DisabledReason::Gone), vec![disabled(DisabledReason::Gone)]),
    ] {
        let history: Vec<_> = std::iter::once(created()).chain(history).collect();
        given::<Webhook>(&history).when(command).then_expect_events(expected);
    }
    let state = Webhook::replay([created(), failing()]);
    assert_eq!((state.status, state.disabled_reason), (WebhookStatus::Disabled, Some(DisabledReason::Failing)));
    assert_eq!(Webhook::replay([created(), failing(), enabled()]).disabled_reason, None);
}

#[test]
fn a_rotation_keeps_former_secrets_for_their_time() {
    let rotate = |n: i64| WebhookCommand::RotateSecret { sealed_secret: n.to_string(), previous_valid_until: at(n) };
    let rotated = |n: i64| {
        WebhookEvent::SecretRotated(WebhookSecretRotated { sealed_secret: n.to_string(), previous_valid_until: at(n) })
    };
    given::<Webhook>(&[created()]).when(rotate(1)).then_expect_events(vec![rotated(1)]);
    let state = Webhook::replay(std::iter::once(created()).chain((1..=6).map(rotated)));
    assert_eq!(state.secret, "6");
    let former: Vec<_> = state.former_secrets.iter().map(|former| former.sealed.as_str()).collect();
    assert_eq!(former, ["5", "4", "3", "2"], "bounded, and the latest stay");
    assert_eq!(state.former_secrets[0].valid_until, at(6));
}

#[test]
fn fields_are_checked_all_at_once() {
    let body = json!({
        "url": "http://example.com", "eventTypes": ["session.*", "nothing.*", "session", "ses*"],
        "description": "x".repeat(501), "campaignId": "cam_1", "projectId": "x", "notifyEmail": "nobody",
        "headers": {"Host": "x", "X Y": "v", "x-a": 1, "x-b": "a\nb", "Content-Type": "x", "webhook-id": "x",
            "X-InterviewRelay-Signature": "x", "Connection": "x", "proxy-authorization": "x", "x-c": "é"},
    });
    let refusal = invalid(read::<NewWebhookInput>(body).validate(RULES));
    let mut found = fields(&refusal);
    found.sort_unstable();
    let expected = [
        ("campaignId", "not_found"),
        ("description", "too_long"),
        ("eventTypes[1]", "unknown_event_type"),
        ("eventTypes[2]", "unknown_event_type"),
        ("eventTypes[3]", "unknown_event_type"),
        ("headers.Connection", "reserved"),
        ("headers.Content-Type", "reserved"),
        ("headers.Host", "reserved"),
        ("headers.X Y", "invalid_format"),
        ("headers.X-InterviewRelay-Signature", "reserved"),
        ("headers.proxy-authorization", "reserved"),
        ("headers.webhook-id", "reserved"),
        ("headers.x-a", "invalid_type"),
        ("headers.x-b", "invalid_format"),
        ("headers.x-c", "invalid_format"),
        ("notifyEmail", "invalid_format"),
        ("projectId", "not_found"),
        ("url", "invalid_scheme"),
    ];
    assert_eq!(found, expected);
    let missing = malformed::<NewWebhookInput>(json!({"ordered": 1, "headers": []}));
    let expected =
        [("url", "required"), ("eventTypes", "required"), ("headers", "invalid_type"), ("ordered", "invalid_type")];
    assert_eq!(fields(&missing), expected);
    let empty = invalid(read::<NewWebhookInput>(json!({"url": "https://e.com", "eventTypes": []})).validate(RULES));
    assert_eq!(fields(&empty), [("eventTypes", "too_few")]);
    let patch = json!({"url": null, "eventTypes": null, "ordered": null, "status": "asleep"});
    let refusal = invalid(read::<WebhookPatchInput>(patch).validate(&object(json!({})), RULES));
    let mut found = fields(&refusal);
    found.sort_unstable();
    let expected =
        [("eventTypes", "required"), ("ordered", "required"), ("status", "invalid_enum"), ("url", "required")];
    assert_eq!(found, expected);
    let body = json!({"url": "https://e.com", "eventTypes": ["*"], "headers": {"X-Key": " v ", "x-gone": null}});
    let (_, headers) = read::<NewWebhookInput>(body).validate(RULES).expect("good");
    assert_eq!(headers.into_iter().collect::<Vec<_>>(), [("x-key".to_owned(), "v".to_owned())]);
}

#[test]
fn patterns() {
    let subscribed = |pattern: &str, event: &str| is_subscribed(&[pattern.to_owned()], event);
    assert!(subscribed("*", "session.completed"));
    assert!(subscribed("session.*", "session.completed"));
    assert!(subscribed("session.completed", "session.completed"));
    assert!(!subscribed("session.*", "sessions.completed"));
    assert!(!subscribed("session.created", "session.completed"));
    assert!(!subscribed("ses*", "session.completed"));
    assert!(!is_subscribed(&[], "session.completed"));
}

fn v4(bits: u32) -> IpAddr {
    Ipv4Addr::from(bits).into()
}

fn v6(bits: u128) -> IpAddr {
    Ipv6Addr::from(bits).into()
}

/// The first and the last address of every range are refused; their neighbours outside are not, unless they belong to
/// another range.
#[test]
fn every_range_ends_where_the_registry_says() {
    let listed_v4 = |bits: u32| V4.iter().any(|range| range.contains(Ipv4Addr::from(bits)));
    for range in V4 {
        let first = u32::from(range.network);
        let last = first | u32::MAX.checked_shr(range.prefix).unwrap_or(0);
        for inside in [first, last, first + (last - first) / 2] {
            assert!(forbidden(v4(inside)).is_some(), "{}", v4(inside));
        }
        for outside in [first.checked_sub(1), last.checked_add(1)].into_iter().flatten() {
            assert!(!range.contains(Ipv4Addr::from(outside)), "{}", v4(outside));
            assert_eq!(forbidden(v4(outside)).is_some(), listed_v4(outside), "{}", v4(outside));
        }
    }
    for range in V6 {
        let first = u128::from(range.network);
        let last = first | u128::MAX.checked_shr(range.prefix).unwrap_or(0);
        for inside in [first, last, first + (last - first) / 2] {
            assert!(forbidden(v6(inside)).is_some(), "{}", v6(inside));
        }
        for outside in [first.checked_sub(1), last.checked_add(1)].into_iter().flatten() {
            assert!(!range.contains(Ipv6Addr::from(outside)), "{}", v6(outside));
        }
    }
}

/// What the ranges are, written down a second time and in another form.
#[test]
fn special_purpose_addresses_are_refused_and_others_are_not() {
    for text in [
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.255",
        "192.31.196.0",
        "192.52.193.255",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "192.175.48.1",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::1",
        "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
        "100::1",
        "100:0:0:1::1",
        "2001::1",
        "2001:0:ffff::1",
        "2001:2::1",
        "2001:10::1",
        "2001:2f:ffff::1",
        "2001:1ff:ffff::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:ffff::1",
        "2620:4f:8000::1",
        "3fff::1",
        "3fff:fff:ffff::1",
        "5f00::1",
        "fc00::1",
        "fdff:ffff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "feff::1",
        "ff02::1",
        "ffff::1",
        "4000::1",
        "1::1",
        "fe00::1",
    ] {
        assert!(forbidden(text.parse().expect(text)).is_some(), "{text}");
    }
    for text in [
        "1.0.0.0",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2000::",
        "2001:200::1",
        "2001:db7::1",
        "2001:db9::1",
        "2003::1",
        "2606:4700::1111",
        "2620:4f:7fff::1",
        "2620:4f:8001::1",
        "2a00:1450::1",
        "3ffe::1",
        "3fff:1000::1",
    ] {
        assert_eq!(forbidden(text.parse().expect(text)), None, "{text}");
    }
    for (text, allowed) in [("127.0.0.1", true), ("::1", true), ("10.0.0.1", false), ("::ffff:127.0.0.1", false)] {
        assert_eq!(forbidden_in(true, text.parse().expect(text)).is_none(), allowed, "{text}");
    }
}

#[test]
fn urls() {
    let code = |text: &str, development| check_url(text, development).err().map(|error| error.code());
    for good in
        ["https://example.com", "https://example.com:8443/hook?a=b", "https://8.8.8.8/", "https://[2606:4700::1111]/"]
    {
        assert_eq!(code(good, false), None, "{good}");
    }
    // Every notation of an address that a resolver or a browser understands.
    for loopback in [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://017700000001/",
        "https://127.0.0.1.:443/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::127.0.0.1]/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://a.localhost/",
        "https://１２７.0.0.1/",
        "https://127.0.0.1%2f@8.8.8.8/",
    ] {
        let found = code(loopback, false);
        assert!(matches!(found, Some("blocked_address" | "credentials" | "invalid_format")), "{loopback}: {found:?}");
    }
    for blocked in [
        "https://10.0.0.1/",
        "https://0xa9fea9fe/",
        "https://169.254.169.254/latest",
        "https://3232235777/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://0/",
        "https://[fd00:ec2::254]/",
    ] {
        assert_eq!(code(blocked, false), Some("blocked_address"), "{blocked}");
        assert_eq!(code(blocked, true), Some("blocked_address"), "{blocked}");
    }
    for (text, expected) in [
        ("http://example.com/", "invalid_scheme"),
        ("http://127.0.0.1/", "invalid_scheme"),
        ("ftp://example.com/", "invalid_scheme"),
        ("file:///etc/passwd", "invalid_format"),
        ("example.com", "invalid_format"),
        ("https://", "invalid_format"),
        ("", "invalid_format"),
        ("https://user@example.com/", "credentials"),
        ("https://:secret@example.com/", "credentials"),
        ("https://example.com/#x", "fragment"),
    ] {
        assert_eq!(code(text, false), Some(expected), "{text}");
    }
    assert_eq!(code(&format!("https://example.com/{}", "x".repeat(2_048)), false), Some("too_long"));
    for good in ["http://127.0.0.1:8080/", "http://localhost/", "http://[::1]:1/", "https://127.0.0.1/"] {
        assert_eq!(code(good, true), None, "{good}");
    }
    for bad in ["http://example.com/", "http://8.8.8.8/"] {
        assert_eq!(code(bad, true), Some("invalid_scheme"), "{bad}");
    }
}
