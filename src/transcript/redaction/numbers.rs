//! Numbers that identify: payment cards, bank accounts, telephones.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{is_unspaced, pattern};

/// Payment card numbers: 12 to 19 digits, however they are grouped, with a correct check digit.
pub fn cards(text: &str) -> Vec<Range<usize>> {
    static RUN: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d(?:[\s.\-/_]{0,3}\d){11,}"));
    RUN.find_iter(text).flat_map(|run| cards_in(text, run.range(), is_international(&text[..run.start()]))).collect()
}

/// Whether what follows a text is the country code of a telephone number.
fn is_international(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '(']);
    before.ends_with('+') || before.ends_with("plus")
}

fn cards_in(text: &str, run: Range<usize>, international: bool) -> Vec<Range<usize>> {
    let digits: Vec<(usize, u8)> = text[run.clone()]
        .bytes()
        .enumerate()
        .filter(|(_, b)| b.is_ascii_digit())
        .map(|(i, b)| (run.start + i, b - b'0'))
        .collect();
    let mut found = Vec::new();
    let mut first = 0;
    while first + 12 <= digits.len() {
        // A number begins where a group begins, or anywhere in a run that has no groups.
        let begins = first == 0 || digits[first - 1].0 + 1 < digits[first].0;
        let length = [16, 15, 19, 18, 17, 14, 13, 12].into_iter().find(|length| {
            let Some(candidate) = digits.get(first..first + length) else { return false };
            // A check digit fits one number in ten; no telephone number has more than fifteen digits.
            let telephone = international && first == 0 && *length <= 15;
            let ends = digits.get(first + length).is_none_or(|next| next.0 > candidate[length - 1].0 + 1);
            begins
                && ends
                && !telephone
                && (2..=6).contains(&candidate[0].1)
                && luhn(candidate.iter().map(|(_, digit)| *digit))
        });
        match length {
            Some(length) => {
                found.push(digits[first].0..digits[first + length - 1].0 + 1);
                first += length;
            }
            None => first += 1,
        }
    }
    found
}

fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(index, digit)| match u32::from(digit) {
            digit if index % 2 == 0 => digit,
            digit if digit > 4 => digit * 2 - 9,
            digit => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// International bank account numbers, in groups or not, with correct check digits.
pub fn ibans(text: &str) -> Vec<Range<usize>> {
    static START: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[a-z]{2}[\s-]?\d[\s-]?\d"));
    let mut found: Vec<Range<usize>> = Vec::new();
    for start in START.find_iter(text) {
        if found.last().is_none_or(|last| last.end <= start.start())
            && let Some(end) = iban_end(text, start.start())
        {
            found.push(start.start()..end);
        }
    }
    found
}

/// Where the account number that begins at `start` ends.
fn iban_end(text: &str, start: usize) -> Option<usize> {
    let mut characters = Vec::with_capacity(34);
    let mut gap = 0;
    for (index, byte) in text.bytes().enumerate().skip(start) {
        if byte.is_ascii_alphanumeric() {
            characters.push((index, byte));
            gap = 0;
        } else {
            gap += 1;
            if gap > 2 || !matches!(byte, b' ' | b'-' | b'.' | b'\n' | b'\t') {
                break;
            }
        }
        if characters.len() == 34 {
            break;
        }
    }
    // The longest that checks: a shorter one passes by chance once in a hundred.
    (15..=characters.len()).rev().find_map(|length| {
        let end = characters[length - 1].0 + 1;
        let ends = text.as_bytes().get(end).is_none_or(|next| !next.is_ascii_alphanumeric());
        (ends && mod97(characters[..length].iter().map(|(_, byte)| *byte))).then_some(end)
    })
}

fn mod97(characters: impl Iterator<Item = u8> + Clone) -> bool {
    let moved = characters.clone().skip(4).chain(characters.take(4));
    let rest = moved.fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter.to_ascii_lowercase() - b'a') + 10) % 97,
    });
    rest == 1
}

/// Telephone numbers: with a country code, with a leading zero, in the North American form, or long enough to be one.
pub fn phones(text: &str) -> Vec<Range<usize>> {
    // Of any length: numbers that follow each other make one run, and what would be cut off would be too short to be found.
    static RUN: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?:\+[\s(]{0,2}|\bplus\s+|\()?\d(?:[\s.\-/()]{0,3}\d){4,}(?:\s*(?:ext|extension|durchwahl|x)\.?\s*\d{1,6}\b)?",
        )
    });
    static CUE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?:phone|tel|telefon|telefono|telephone|mobile|mobil|handy|cell|whatsapp|fax|call|ring|text|reach|number|nummer|numero|rufnummer|هاتف|جوال|رقم|电话|手机)\W{0,3}(?:\w+\W+){0,4}$",
        )
    });
    // Without spaces there are no words to count. Folded as the text is, the Thai one has lost its marks.
    static UNSPACED_CUE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?:电话|電話|手机|手機|号码|號碼|携帯|番号|微信|전화|번호|휴대폰|핸드폰|연락처|โทร|เบอร|มอถอ)[\p{L}\s:,]{0,6}$",
        )
    });
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(run) = RUN.find_at(text, at) {
        let before = &text[..run.start()];
        // The end of a word with digits in it, or of an amount, is no telephone number; what stands behind it may be one.
        if is_end_of_word(before, run.as_str()) || ends_in_thousands(before, run.as_str()) {
            at = run.start() + run.as_str().find(char::is_whitespace).unwrap_or(run.len());
            continue;
        }
        at = run.end();
        let from = before.char_indices().rev().nth(39).map_or(0, |(index, _)| index);
        let announced = CUE.is_match(&before[from..]) || UNSPACED_CUE.is_match(&before[from..]);
        if is_phone(run.as_str(), announced) {
            found.push(run.range());
        }
    }
    found
}

/// Whether a run belongs to the word or the amount before it, as in "abc123-456-7890" and "$12000000". A word with seven digits or
/// more behind it is one that lacks its space if it announces a number ("tel171..."), or if the digits begin as a telephone number
/// does or have no groups.
fn is_end_of_word(before: &str, run: &str) -> bool {
    static ANNOUNCES: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(?:tele?|tele?phone?|telefono?|phone|mobile?|mobil|handy|cell|whatsapp|fax|call|number|nummer|numero|тел|телефон)$",
        )
    });
    let Some(last) = before.chars().next_back() else { return false };
    if is_unspaced(last) {
        return false;
    }
    if matches!(last, '$' | '€' | '£') {
        return true;
    }
    let many = run.bytes().filter(u8::is_ascii_digit).count() >= 7;
    if !last.is_alphanumeric() || (many && run.starts_with('+')) {
        return false;
    }
    let word = before.rsplit(|c: char| !c.is_alphanumeric() || is_unspaced(c)).next().unwrap_or_default();
    let begins = run.starts_with(['0', '(']) || run.bytes().all(|b| b.is_ascii_digit()) || ANNOUNCES.is_match(word);
    !(many && begins && word.chars().all(char::is_alphabetic))
}

/// Whether a run begins with the last three digits of an amount, behind the comma that separates thousands.
fn ends_in_thousands(before: &str, run: &str) -> bool {
    let separated = before.strip_suffix(',').is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_digit()));
    separated && run.bytes().take_while(u8::is_ascii_digit).count() == 3
}

fn is_phone(run: &str, announced: bool) -> bool {
    static DATE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(?:\d{1,2}[./\-]\s?\d{1,2}[./\-]\s?(?:\d{2}|\d{4})|\d{4}[./\-]\d{1,2}[./\-]\d{1,2})(?:\s\d{1,2}[.:]?\d{0,2})?$",
        )
    });
    static YEARS: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:19|20)\d\d\s?[-/]\s?(?:19|20)\d\d$"));
    static THOUSANDS: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\d{1,3}(?:[\s.]\d{3})+$"));
    static LOCAL: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\(?\d{3}\)?[\s.\-]*\d{3}[\s.\-]*\d{4}$|^\d{3}-\d{4}$"));
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    let run = run.trim();
    if run.starts_with('+') || run.starts_with("plus") {
        return digits >= 6;
    }
    if DATE.is_match(run) || YEARS.is_match(run) {
        return false;
    }
    let groups = run.bytes().any(|b| !b.is_ascii_digit());
    (announced && digits >= 5)
        || (run.trim_start_matches('(').starts_with('0') && digits >= 7)
        || LOCAL.is_match(run)
        || (THOUSANDS.is_match(run) && digits >= 13)
        || (!THOUSANDS.is_match(run) && digits >= if groups { 9 } else { 10 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, find: fn(&str) -> Vec<Range<usize>>) -> Vec<&str> {
        find(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn cards_by_their_check_digit() {
        assert_eq!(parts("4111 1111 1111 1111", cards), ["4111 1111 1111 1111"]);
        assert_eq!(parts("it is 4111-1111-1111-1111, valid 12/27", cards), ["4111-1111-1111-1111"]);
        assert_eq!(parts("5500005555555559 and 378282246310005", cards), ["5500005555555559", "378282246310005"]);
        assert_eq!(parts("41 11 11 11 11 11 11 11 12 27 123", cards), ["41 11 11 11 11 11 11 11"]);
        assert!(cards("+49171/2345678 or + 49 171 2345678 or plus 49171-2345678").is_empty(), "they pass the check");
        assert_eq!(parts("+4111 1111 1111 1111", cards), ["4111 1111 1111 1111"], "too long for a telephone");
        assert!(cards("4111 1111 1111 1112").is_empty());
        assert!(cards("1234567890123456").is_empty());
    }

    #[test]
    fn ibans_by_their_check_digits() {
        assert_eq!(parts("de89 3704 0044 0532 0130 00 bitte", ibans), ["de89 3704 0044 0532 0130 00"]);
        assert_eq!(parts("gb29nwbk60161331926819.", ibans), ["gb29nwbk60161331926819"]);
        assert!(ibans("de88 3704 0044 0532 0130 00").is_empty());
        assert!(ibans("in 2023 we had 17 meetings with 25 customers and 14 prospects").is_empty());
    }

    #[test]
    fn telephone_numbers() {
        for phone in [
            "+49 (0)30 1234567",
            "+1 (555) 123-4567",
            "0049-30-123456",
            "030/1234567",
            "(555) 123-4567",
            "555-1234",
            "5551234567",
            "+44 20 7946 0958",
            "0171 2345678",
            "plus 49 30 1234567",
            "06 12 34 56 78",
        ] {
            assert_eq!(parts(&format!("it is {phone} thanks"), phones), [phone]);
        }
        assert_eq!(parts("my number is 12345, ok", phones), ["12345"]);
        assert_eq!(parts("#0301234567", phones), ["0301234567"]);
        assert_eq!(parts("plan b2 0171 2345678", phones), ["0171 2345678"]);
        assert_eq!(parts("for $12 0171 2345678 or 1,500 0171 2345679", phones), ["0171 2345678", "0171 2345679"]);
        for text in ["tel0171234567", "handy171-2345678", "тел+49171234567", "x+49 171 2345678", "a5551234567"] {
            assert_eq!(phones(text).len(), 1, "{text}");
        }
        assert_eq!(parts("0171 2345678+49 30 1234567", phones), ["0171 2345678", "+49 30 1234567"]);
        assert_eq!(parts("电话是12345", phones), ["12345"]);
        assert_eq!(parts("전화번호는 12345", phones), ["12345"]);
        assert_eq!(parts("+1 555 123 4567 ext. 12", phones), ["+1 555 123 4567 ext. 12"]);
    }

    #[test]
    fn numbers_behind_each_other_leave_nothing() {
        for text in [
            "0171 2345678\n0171 9876543",
            "00491712345678 00491719876543",
            "0171 2345678,0171 9876543",
            "0171 2345678, 0171 9876543",
            "0171 2345678 0171 9876543 0171 5555555 0171 4444444",
        ] {
            let rest = phones(text).into_iter().rev().fold(text.to_owned(), |mut rest, range| {
                rest.replace_range(range, "");
                rest
            });
            assert!(!rest.contains(|c: char| c.is_ascii_digit()), "{text:?} leaves {rest:?}");
        }
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "2024-01-15",
            "15.01.2024",
            "from 2019-2020",
            "1 000 000 customers",
            "1.250.000",
            "a 9 of 10",
            "$12000000",
            "1,200,500.50 euros",
            "abc123-456-7890",
            "build 3fa0171234567",
            "我们有12345个客户",
            "在2024-01-15开会",
            "从2019-2020年",
            "價格1.250.000元",
            "in 1999",
            "42",
            "version 3.14.15",
            "100 200",
            "12/27",
        ] {
            assert!(phones(text).is_empty(), "{text}");
        }
    }
}
