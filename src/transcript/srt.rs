//! The transcript as SubRip subtitles. The format has no escapes, so what a player would take for a sign of its own is broken
//! up by characters that do not show.

use super::{Line, cues, labelled};

const JOINER: char = '\u{2060}';

/// Writes the subtitles.
pub fn write(lines: &[Line]) -> String {
    let mut srt = String::new();
    for (index, cue) in cues::of(lines).iter().enumerate() {
        let mut text: Vec<String> = cue.lines.iter().map(|line| harmless(line)).collect();
        if let (true, Some(first)) = (cue.first, text.first_mut()) {
            *first = labelled(&format!("{}:", cue.speaker.title()), first);
        }
        let (start, end) = (cues::time(cue.start, ','), cues::time(cue.end, ','));
        srt.push_str(&format!("{}\n{start} --> {end}\n{}\n\n", index + 1, text.join("\n")));
    }
    srt
}

/// A line without arrows, tags and overrides of style.
fn harmless(line: &str) -> String {
    let mut harmless = String::with_capacity(line.len());
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        harmless.push(c);
        let next = characters.peek().copied().unwrap_or_default();
        let sign = match c {
            '<' => next.is_ascii_alphabetic() || next == '/',
            '{' => matches!(next, '\\' | 'y' | 'Y'),
            '-' => matches!(next, '-' | '>'),
            _ => false,
        };
        if sign {
            harmless.push(JOINER);
        }
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn signs_are_broken_up() {
        assert_eq!(harmless("a --> b"), "a -\u{2060}-\u{2060}> b");
        assert_eq!(harmless("<b>x</b> {\\an8} <3 - {}"), "<\u{2060}b>x<\u{2060}/b> {\u{2060}\\an8} <3 - {}");
    }
}
