use aggregates::{
    Code, Entity, Personal,
    file::{
        Content, File, FileCommand, FileDeleted, FileError, FileEvent, FileKind, FileOwner, FileStored, LogoStored,
        MediaStored, admit,
    },
    session::{Participant, Session, SessionStatus},
    value::Email,
};

use crate::common::{given, id, refusal};

fn content() -> Content {
    Content { content_type: "audio/mpeg".into(), size: 12, sha256: "ab".repeat(32), storage_key: "org/file".into() }
}

fn participant() -> Email {
    Email::parse("Ada@example.com").expect("good")
}

fn store() -> FileCommand {
    FileCommand::Store {
        file_id: id(5),
        organization_id: id(1),
        session_id: id(6),
        participant: participant(),
        kind: FileKind::Recording,
        name: "ada.mp3".into(),
        content: content(),
    }
}

fn stored() -> FileEvent {
    FileEvent::Stored(FileStored {
        file_id: id(5),
        organization_id: id(1),
        session_id: id(6),
        participant: participant().into(),
        kind: FileKind::Recording,
        name: Personal::Clear("ada.mp3".into()),
        content_type: "audio/mpeg".into(),
        size: 12,
        sha256: "ab".repeat(32),
        storage_key: "org/file".into(),
    })
}

fn store_media() -> FileCommand {
    FileCommand::StoreMedia {
        file_id: id(5),
        organization_id: id(1),
        script_id: id(2),
        name: "logo.png".into(),
        content: content(),
    }
}

fn media_stored() -> FileEvent {
    FileEvent::MediaStored(MediaStored {
        file_id: id(5),
        organization_id: id(1),
        script_id: id(2),
        name: "logo.png".into(),
        content_type: "audio/mpeg".into(),
        size: 12,
        sha256: "ab".repeat(32),
        storage_key: "org/file".into(),
    })
}

fn store_logo() -> FileCommand {
    FileCommand::StoreLogo { file_id: id(5), organization_id: id(1), name: "logo.png".into(), content: content() }
}

fn logo_stored() -> FileEvent {
    FileEvent::LogoStored(LogoStored {
        file_id: id(5),
        organization_id: id(1),
        name: "logo.png".into(),
        content_type: "audio/mpeg".into(),
        size: 12,
        sha256: "ab".repeat(32),
        storage_key: "org/file".into(),
    })
}

#[test]
fn it_is_stored_once() {
    given::<File>(&[]).when(store()).then_expect_events(vec![stored()]);
    given::<File>(&[]).when(store_media()).then_expect_events(vec![media_stored()]);
    given::<File>(&[]).when(store_logo()).then_expect_events(vec![logo_stored()]);
    for before in [stored(), media_stored(), logo_stored(), FileEvent::Deleted(FileDeleted {})] {
        let before = match before {
            FileEvent::Deleted(_) => vec![stored(), before],
            _ => vec![before],
        };
        for again in [store(), store_media(), store_logo()] {
            given::<File>(&before).when(again).then_expect_error(FileError::AlreadyExists);
        }
    }
}

#[test]
fn its_name_is_sealed_under_the_participant() {
    use aggregates::Event;
    assert_eq!(stored().subject(), Some("ada@example.com"));
    let labels: Vec<_> = stored().personal().into_iter().map(|(label, _)| label).collect();
    assert_eq!(labels, ["participant", "name"]);
    assert!(stored().encode().is_err(), "in the clear it cannot be written at all");
    assert_eq!(media_stored().subject(), None);
    assert!(media_stored().encode().is_ok());
}

#[test]
fn it_is_deleted_once_and_keeps_its_storage_key() {
    for before in [stored(), media_stored(), logo_stored()] {
        let deleted = FileEvent::Deleted(FileDeleted {});
        given::<File>(std::slice::from_ref(&before))
            .when(FileCommand::Delete)
            .then_expect_events(vec![deleted.clone()]);
        assert_eq!(refusal::<File>(&[before.clone(), deleted.clone()], FileCommand::Delete).code, Code::NotFound);
        let file = File::replay([before.clone(), deleted]);
        assert_eq!((file.organization_id(), file.content()), (None, content()));
        assert_eq!(File::replay([before]).organization_id(), Some(id(1)));
    }
    given::<File>(&[]).when(FileCommand::Delete).then_expect_error(FileError::NotFound);
    assert_eq!(File::replay([stored()]).owner, Some(FileOwner::Session(id(6))));
    assert_eq!(File::replay([media_stored()]).owner, Some(FileOwner::Script(id(2))));
    assert_eq!(File::replay([logo_stored()]).owner, Some(FileOwner::Organization));
}

#[test]
fn a_session_takes_files_as_far_as_consent_goes() {
    let kinds = FileKind::OF_SESSIONS.map(|(_, kind)| kind);
    let of_type = |session: &Session, content_type: &str| {
        kinds.map(|kind| admit(session, kind, content_type).map_err(|refusal| refusal.code))
    };
    let (yes, no) = (|| Ok(participant()), || Err(Code::ConsentRequired));
    let session = |require_consent, recording| {
        let mut session = Session::default();
        session.participant = Some(Participant { email: participant(), name: None });
        (session.terms.require_consent, session.recording) = (require_consent, recording);
        session
    };
    for (require_consent, recording, may) in [
        (true, None, false),
        (true, Some(true), true),
        (true, Some(false), false),
        (false, None, true),
        (false, Some(true), true),
        (false, Some(false), false),
    ] {
        let session = session(require_consent, recording);
        let media = || if may { yes() } else { no() };
        assert_eq!(of_type(&session, "text/plain"), [media(), media(), yes()], "{require_consent} {recording:?}");
        for content_type in ["audio/mpeg", "video/mp4"] {
            let taken = of_type(&session, content_type);
            assert_eq!(taken, [media(), media(), media()], "a sound is a sound, whatever it is called");
        }
    }
    let mut late = session(true, Some(true));
    late.status = SessionStatus::Completed;
    assert_eq!(of_type(&late, "audio/mpeg"), [yes(), yes(), yes()], "recordings are often uploaded after the end");
    late.withdrawn = true;
    assert_eq!(of_type(&late, "text/plain"), [no(), no(), no()]);
    late.participant = None;
    assert_eq!(of_type(&late, "text/plain"), kinds.map(|_| Err(Code::Erased)));
}
