use std::collections::BTreeSet;

use aggregates::{
    Entity,
    api_key::{
        ApiKey, ApiKeyCommand, ApiKeyCreated, ApiKeyError, ApiKeyEvent, ApiKeyRevoked, NewApiKey, NewApiKeyInput, Scope,
    },
};
use serde_json::json;

use crate::common::{at, fields, given, id, invalid, malformed, read, t0};

fn create() -> ApiKeyCommand {
    ApiKeyCommand::Create {
        key_id: id(2),
        organization_id: id(1),
        key: NewApiKey { name: "CI".into(), scopes: BTreeSet::from([Scope::CampaignsWrite]), expires_at: Some(at(60)) },
        secret_hash: "ab".repeat(32),
        last_four: "x1y2".into(),
    }
}

fn created() -> ApiKeyEvent {
    ApiKeyEvent::Created(ApiKeyCreated {
        key_id: id(2),
        organization_id: id(1),
        name: "CI".into(),
        scopes: BTreeSet::from([Scope::CampaignsWrite]),
        secret_hash: "ab".repeat(32),
        last_four: "x1y2".into(),
        expires_at: Some(at(60)),
    })
}

#[test]
fn it_is_issued_once_and_revoked_for_ever() {
    let revoked = || ApiKeyEvent::Revoked(ApiKeyRevoked {});
    given::<ApiKey>(&[]).when(create()).then_expect_events(vec![created()]);
    given::<ApiKey>(&[created()]).when(create()).then_expect_error(ApiKeyError::AlreadyExists);
    given::<ApiKey>(&[created()]).when(ApiKeyCommand::Revoke).then_expect_events(vec![revoked()]);
    given::<ApiKey>(&[created(), revoked()]).when(ApiKeyCommand::Revoke).then_expect_events(vec![]);
    given::<ApiKey>(&[]).when(ApiKeyCommand::Revoke).then_expect_error(ApiKeyError::NotFound);

    let key = ApiKey::replay([created()]);
    assert!(key.is_usable(at(59)) && !key.is_usable(at(60)));
    assert!(key.grants(Scope::ScriptsRead) && !key.grants(Scope::InvitesRead));
    assert!(!ApiKey::replay([created(), revoked()]).is_usable(t0()));
    assert!(!ApiKey::default().is_usable(t0()));
}

#[test]
fn fields_are_checked() {
    let input = |body| read::<NewApiKeyInput>(body).validate(t0());
    let good =
        input(json!({"name": "CI", "scopes": ["audit:read", "audit:read"], "expiresAt": "2024-01-15T10:30:01Z"}));
    assert_eq!(good.expect("good").scopes, BTreeSet::from([Scope::AuditRead]));
    let bad = invalid(input(json!({"name": "", "scopes": ["x", "audit:read"], "expiresAt": "2024-01-15T10:30:00Z"})));
    assert_eq!(fields(&bad), [("name", "too_short"), ("scopes[0]", "invalid_enum"), ("expiresAt", "in_the_past")]);
    let bad = invalid(input(json!({"name": "x".repeat(101), "scopes": [], "expiresAt": "soon"})));
    assert_eq!(fields(&bad), [("name", "too_long"), ("scopes", "too_few"), ("expiresAt", "invalid_format")]);
    let bad = malformed::<NewApiKeyInput>(json!({"scopes": [1], "expiresAt": 5}));
    assert_eq!(fields(&bad), [("name", "required"), ("scopes[0]", "invalid_type"), ("expiresAt", "invalid_type")]);
}
