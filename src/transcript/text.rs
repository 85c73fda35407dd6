//! The transcript as plain text: `[00:00:12] AI: …`, one line for each utterance.

use super::{Line, clock, labelled, on_one_line};

/// Writes the lines.
pub fn write(lines: &[Line]) -> String {
    let mut text = String::new();
    for Line { utterance, .. } in lines {
        let label = format!("[{}] {}:", clock(utterance.start), utterance.speaker.title());
        text.push_str(&labelled(&label, &on_one_line(&utterance.text)));
        text.push('\n');
    }
    text
}
