//! What a file is, told by its bytes. What the client says about it counts for nothing.

/// How many bytes it takes to tell.
pub const HEAD: usize = 8 << 10;

/// The media types that may be stored: the name that the detection gives, and the registered one.
const ALLOWED: &[(&str, &str)] = &[
    ("audio/aac", "audio/aac"),
    ("audio/m4a", "audio/mp4"),
    ("audio/mpeg", "audio/mpeg"),
    ("audio/ogg", "audio/ogg"),
    ("audio/opus", "audio/ogg"),
    ("audio/x-flac", "audio/flac"),
    ("audio/x-wav", "audio/wav"),
    ("image/avif", "image/avif"),
    ("image/gif", "image/gif"),
    ("image/heif", "image/heif"),
    ("image/jpeg", "image/jpeg"),
    ("image/png", "image/png"),
    ("image/webp", "image/webp"),
    ("video/mp4", "video/mp4"),
    ("video/quicktime", "video/quicktime"),
    ("video/webm", "video/webm"),
    ("video/x-m4v", "video/mp4"),
    ("video/x-matroska", "video/matroska"),
    ("application/pdf", "application/pdf"),
];

/// Types that two or three letters pass for, with which a sentence may begin as well.
const SHORT_MAGIC: [&str; 2] = ["audio/mpeg", "image/gif"];
/// Documents that are written in letters.
const WRITTEN: [&str; 2] = ["application/rtf", "application/postscript"];

/// The media type of a file that begins like this, if it is one that may be stored.
///
/// Text is taken as plain text, unless it is markup or a script: no browser shall ever be tempted to run an upload.
pub fn detect(head: &[u8]) -> Option<&'static str> {
    let found = infer::get(head).map(|kind| kind.mime_type());
    let allowed = ALLOWED.iter().find(|(name, _)| Some(*name) == found).map(|(_, registered)| *registered);
    match (found, allowed) {
        (Some(found), Some(allowed)) if !SHORT_MAGIC.contains(&found) => Some(allowed),
        (Some(found), None) if WRITTEN.contains(&found) => None,
        // "BMW", "MZ" or "PK" begin many a text.
        _ if is_plain_text(head) => Some("text/plain"),
        _ => allowed,
    }
}

/// UTF-8 without control characters, that does not begin like markup or a script.
fn is_plain_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The head may end in the middle of a character.
        Err(error) if head.len() >= HEAD && error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let begin = text.trim_start_matches('\u{FEFF}').trim_start();
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    !begin.is_empty() && !begin.starts_with('<') && !begin.starts_with("#!") && !text.contains(control)
}

/// Whether a script may have it among its media.
pub fn is_media(content_type: &str) -> bool {
    content_type.starts_with("image/") || content_type.starts_with("audio/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_tell_what_they_are() {
        for (head, expected) in [
            (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", Some("image/jpeg")),
            (b"GIF89a\x01\0\x01\0", Some("image/gif")),
            (b"ID3\x04\0\0\0\0\0\0", Some("audio/mpeg")),
            (b"RIFF\x24\0\0\0WAVEfmt ", Some("audio/wav")),
            (b"OggS\0\x02\0\0\0\0\0\0\0\0", Some("audio/ogg")),
            (b"fLaC\0\0\0\x22", Some("audio/flac")),
            (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", Some("video/mp4")),
            (b"%PDF-1.7\n", Some("application/pdf")),
            ("Grüße, 世界\n".as_bytes(), Some("text/plain")),
            (b"{\"a\": 1}", Some("text/plain")),
            (b"BMW called back", Some("text/plain")),
            (b"MZ is what I call her", Some("text/plain")),
            (b"ID3 was the name of the car", Some("text/plain")),
            (b"GIF or JPEG?", Some("text/plain")),
            (b"PK, we said", Some("text/plain")),
            (b"{\\rtf1\\ansi a document}", None),
            (b"%!PS-Adobe-3.0", None),
            (b"BM\x36\0\0\0\0\0\0\0", None),
            (b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0", None),
            (b"\x7fELF\x02\x01\x01\0", None),
            (b"PK\x03\x04\x14\0\0\0\x08\0", None),
            (b"<!DOCTYPE html><script>alert(1)</script>", None),
            (b"\xef\xbb\xbf  <svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", None),
            (b"<?xml version='1.0'?>", None),
            (b"#!/bin/sh\nrm -rf /\n", None),
            (b"\xff\xfe<\0h\0t\0m\0l\0", None),
            (b"text with a \0 in it", None),
            (b"   \n", None),
            (b"", None),
        ] {
            assert_eq!(detect(head), expected, "{:?}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn a_character_may_be_cut_by_the_end_of_the_head_but_not_of_the_file() {
        let mut head = vec![b'a'; HEAD - 1];
        head.push("é".as_bytes()[0]);
        assert_eq!(detect(&head), Some("text/plain"));
        assert_eq!(detect(&head[1..]), None);
    }
}
