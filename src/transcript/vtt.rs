//! The transcript as WebVTT. The speaker is the voice of the cue.

use super::{Line, cues};

/// Writes the subtitles.
pub fn write(lines: &[Line]) -> String {
    let mut vtt = String::from("WEBVTT\n");
    for cue in cues::of(lines) {
        let text: Vec<String> = cue.lines.iter().map(|line| escaped(line)).collect();
        let (start, end) = (cues::time(cue.start, '.'), cues::time(cue.end, '.'));
        vtt.push_str(&format!("\n{start} --> {end}\n<v {}>{}</v>\n", cue.speaker.title(), text.join("\n")));
    }
    vtt
}

fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
