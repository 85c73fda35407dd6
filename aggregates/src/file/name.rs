//! What a file may be called.
//!
//! A name is shown and handed out with a download; it is never part of a path in the file store. Still it ends up in
//! other people's file systems and mails, so what only serves to deceive is taken out of it.

/// The greatest number of characters of a name.
pub const MAX_NAME: usize = 200;
/// The greatest number of characters of an extension that survives shortening, with its dot.
const MAX_EXTENSION: usize = 16;
/// What a file is called whose name comes to nothing.
const NAMELESS: &str = "file";

/// Makes an acceptable name of whatever a client sent: the last part of a path, on one line, without the characters that
/// reorder or hide text, without dots and spaces at its ends, and not too long.
pub fn clean(sent: &str) -> String {
    let base = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String = base.chars().filter_map(harmless).collect();
    let trimmed = visible.trim_matches(|c: char| c.is_whitespace() || c == '.');
    if trimmed.is_empty() {
        return NAMELESS.to_owned();
    }
    shorten(trimmed)
}

/// The character, if it may stay; forbidden ones in Windows file names become underscores.
fn harmless(c: char) -> Option<char> {
    match c {
        _ if c.is_control() => None,
        // Direction marks, embeddings, overrides and isolates; line and paragraph separators; zero-width characters but
        // the joiners, which some scripts need; the byte order mark; tags.
        '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' => None,
        '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}' => None,
        ':' | '*' | '?' | '"' | '<' | '>' | '|' => Some('_'),
        _ => Some(c),
    }
}

fn shorten(name: &str) -> String {
    if name.chars().count() <= MAX_NAME {
        return name.to_owned();
    }
    let extension = name.rfind('.').map_or("", |dot| &name[dot..]);
    let extension = if extension.chars().count() <= MAX_EXTENSION { extension } else { "" };
    let stem: String = name.chars().take(MAX_NAME - extension.chars().count()).collect();
    format!("{}{extension}", stem.trim_end_matches(|c: char| c.is_whitespace() || c == '.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hostile_names_become_harmless() {
        for (sent, expected) in [
            ("notes.txt", "notes.txt"),
            ("Gespräch mit Zoë – 会話.mp3", "Gespräch mit Zoë – 会話.mp3"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ada\\voice.wav", "voice.wav"),
            ("..", "file"),
            ("", "file"),
            ("a/", "file"),
            (" . .hidden. ", "hidden"),
            ("a\0b\r\nc\u{7f}.txt", "abc.txt"),
            ("invoice\u{202E}fdp.exe", "invoicefdp.exe"),
            ("\u{FEFF}\u{200B}x", "x"),
            ("what?<now>.txt", "what__now_.txt"),
        ] {
            assert_eq!(clean(sent), expected, "{sent:?}");
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        let name = clean(&format!("{}.flac", "ä".repeat(300)));
        assert_eq!(name.chars().count(), MAX_NAME);
        assert!(name.ends_with("ä.flac"));
        assert_eq!(clean(&format!("a.{}", "b".repeat(300))).chars().count(), MAX_NAME);
    }

    proptest! {
        #[test]
        fn whatever_is_sent_a_clean_name_comes_out_and_stays(sent: String) {
            let name = clean(&sent);
            prop_assert!((1..=MAX_NAME).contains(&name.chars().count()));
            let hostile = name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | '\u{202E}'));
            prop_assert!(!hostile && name != "." && name != "..");
            prop_assert_eq!(clean(&name), name);
        }
    }
}
