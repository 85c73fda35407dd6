//! Utterances as subtitles: short enough to be read, one after the other.

use unicode_segmentation::UnicodeSegmentation;

use super::{Line, Speaker, on_one_line};

/// The length of a line of subtitles, in columns; letters of Chinese, Japanese and Korean take two.
const COLUMNS: usize = 42;
/// Lines at a time.
const LINES: usize = 2;
/// Columns that are read in a second, for utterances whose end is not known.
const PACE: u64 = 17;
/// The shortest time that anything is shown, where there is room.
const LEAST: u64 = 1_000;

/// What is shown at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// From when, in milliseconds.
    pub start: u64,
    /// Until when; later than the start.
    pub end: u64,
    /// Who speaks.
    pub speaker: Speaker,
    /// Whether the utterance begins here.
    pub first: bool,
    /// One or two lines, never empty.
    pub lines: Vec<String>,
}

/// The cues of a transcript. Their times never overlap and never run backwards, whatever the utterances' times say.
pub fn of(lines: &[Line]) -> Vec<Cue> {
    let mut cues = Vec::new();
    let mut free_from = 0;
    for (index, line) in lines.iter().enumerate() {
        let said = &line.utterance;
        let wrapped = wrapped(&on_one_line(&said.text));
        if wrapped.is_empty() {
            continue;
        }
        let pages: Vec<&[String]> = wrapped.chunks(LINES).collect();
        let weights: Vec<u64> =
            pages.iter().map(|page| page.iter().map(|line| columns(line) as u64).sum::<u64>().max(1)).collect();
        let total: u64 = weights.iter().sum();
        let start = said.start.max(free_from);
        let next = lines.get(index + 1).map(|next| next.utterance.start).filter(|next| *next > start);
        let mut end = said.end;
        if end <= start {
            end = start + (total * 1000 / PACE).max(LEAST);
        }
        // Nothing is shown into the next one's time, as long as every page gets a millisecond.
        end = end.min(next.unwrap_or(u64::MAX)).max(start + pages.len() as u64);
        let span = end - start;
        let mut passed = 0;
        let mut from = start;
        for (number, (page, weight)) in pages.iter().zip(weights).enumerate() {
            passed += weight;
            let left = (pages.len() - number - 1) as u64;
            let to = (start + (u128::from(span) * u128::from(passed) / u128::from(total)) as u64)
                .clamp(from + 1, (end - left).max(from + 1));
            cues.push(Cue { start: from, end: to, speaker: said.speaker, first: number == 0, lines: page.to_vec() });
            from = to;
        }
        free_from = from;
    }
    cues
}

/// A time as `00:00:12,345`, with the separator of the format.
pub fn time(milliseconds: u64, separator: char) -> String {
    format!("{}{separator}{:03}", super::clock(milliseconds), milliseconds % 1000)
}

/// A text in lines. They break at spaces, and where there is none (Chinese, overlong words), between any two characters.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut width) = (String::new(), 0);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let length = columns(word);
        if width > 0 && width + 1 + length <= COLUMNS {
            line.push(' ');
            line.push_str(word);
            width += 1 + length;
            continue;
        }
        if width > 0 && (length <= COLUMNS || width + 4 > COLUMNS) {
            lines.push(std::mem::take(&mut line));
            width = 0;
        } else if width > 0 {
            line.push(' ');
            width += 1;
        }
        for character in word.graphemes(true) {
            let length = columns(character);
            if width > 0 && width + length > COLUMNS {
                lines.push(std::mem::take(&mut line));
                width = 0;
            }
            line.push_str(character);
            width += length;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// How much room a text takes.
fn columns(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '\u{0300}'..='\u{036F}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' => 0,
            '\u{1100}'..='\u{115F}'
            | '\u{2E80}'..='\u{A4CF}'
            | '\u{AC00}'..='\u{D7A3}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{FE30}'..='\u{FE4F}'
            | '\u{FF00}'..='\u{FF60}'
            | '\u{1F300}'..='\u{1FAFF}'
            | '\u{20000}'..='\u{3FFFD}' => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transcript::Utterance;

    fn line(text: &str, start: u64, end: u64) -> Line {
        let utterance = Utterance { text: text.to_owned(), start, end, ..Utterance::default() };
        Line { utterance, sentiment: None, keywords: None }
    }

    #[test]
    fn long_utterances_are_spread_over_their_time() {
        let text = "I liked the onboarding, but the price is too high for a team of our size, and nobody answered my mails about it for two weeks.";
        let cues = of(&[line(text, 1_000, 9_000)]);
        assert_eq!(cues.len(), 2);
        assert_eq!((cues[0].start, cues[1].end), (1_000, 9_000));
        assert_eq!(cues[0].end, cues[1].start);
        assert_eq!(cues.iter().flat_map(|cue| &cue.lines).cloned().collect::<Vec<_>>().join(" "), text);
        assert!(cues[0].first && !cues[1].first);
    }

    #[test]
    fn chinese_breaks_anywhere() {
        let text = "我对产品非常满意不过价格有点高希望你们可以考虑一下小团队的需要因为我们只有五个人而且预算有限";
        let cues = of(&[line(text, 0, 5_000)]);
        assert!(cues.iter().flat_map(|cue| &cue.lines).all(|line| columns(line) <= COLUMNS));
        assert_eq!(
            cues.iter().flat_map(|cue| cue.lines.concat().chars().collect::<Vec<_>>()).collect::<String>(),
            text
        );
    }

    #[test]
    fn a_missing_end_is_guessed_and_ends_before_the_next() {
        let cues = of(&[line("Hello there", 0, 0), line("Hi", 400, 400), line("   ", 500, 600)]);
        assert_eq!(cues.iter().map(|cue| (cue.start, cue.end)).collect::<Vec<_>>(), [(0, 400), (400, 500)]);
    }

    proptest! {
        #[test]
        fn cues_never_overlap_and_never_lose_a_word(
            texts in prop::collection::vec(("(\\PC{0,30} ?){0,12}", 0_u64..20_000, 0_u64..20_000), 0..8)
        ) {
            let lines: Vec<Line> = texts.iter().map(|(text, start, end)| line(text, *start, *end)).collect();
            let cues = of(&lines);
            let mut last = 0;
            for cue in &cues {
                prop_assert!(cue.start >= last && cue.end > cue.start);
                prop_assert!((1..=LINES).contains(&cue.lines.len()));
                prop_assert!(cue.lines.iter().all(|line| !line.trim().is_empty()));
                last = cue.end;
            }
            let said: String = texts.iter().map(|(text, ..)| on_one_line(text)).collect();
            let shown: String = cues.iter().flat_map(|cue| cue.lines.clone()).collect();
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&said), letters(&shown));
        }
    }
}
