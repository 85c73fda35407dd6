//! The participant's own name and address.

use std::ops::Range;

use regex::Regex;

use super::{folded::fold, is_unspaced, made_pattern};

/// What stands before or behind a name, and is none.
const TITLES: &[&str] =
    &["mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "jr", "sr", "phd", "md", "herr", "frau", "mme"];

/// Parts of names that are words of their own, and tell nothing without the rest; in the middle of a name, that is: people are
/// called Ben, and have the family name Le.
const PARTICLES: &[&str] = &[
    "de", "da", "do", "dos", "das", "del", "della", "di", "du", "la", "le", "les", "von", "vom", "van", "der", "den",
    "zu", "zur", "bin", "ibn", "bint", "al", "el", "and", "und", "et", "y", "e", "the", "of", "ben", "ter", "ten",
    "af", "av",
];

/// Local parts that name an office, not a person.
const OFFICES: &[&str] = &[
    "info",
    "sales",
    "support",
    "contact",
    "team",
    "office",
    "admin",
    "hello",
    "mail",
    "email",
    "test",
    "noreply",
    "no",
    "reply",
    "user",
    "participant",
    "service",
    "help",
    "hr",
    "press",
    "post",
    "kontakt",
    "web",
    "example",
];

/// Korean family names of two syllables.
const PAIRS: &[&str] = &["남궁", "황보", "제갈", "선우", "독고", "사공", "서문", "동방"];

/// Finds a participant's name and address.
#[derive(Debug)]
pub struct Names {
    names: Option<Regex>,
    address: Option<Regex>,
}

impl Names {
    /// For a participant.
    pub fn of(name: Option<&str>, email: &str) -> Self {
        let folded = name.map(fold).unwrap_or_default();
        let all = tokens(&folded);
        let mut alternatives = Vec::new();
        if let Some(whole) = whole(&folded) {
            alternatives.push(whole);
        }
        let email = fold(email.trim());
        let local = email.split('@').next().unwrap_or_default();
        let local = local.split('+').next().unwrap_or_default();
        match all.as_slice() {
            // The only one there is, whatever it is.
            [only] => alternatives.push(part(only).unwrap_or_else(|| single(only))),
            _ => alternatives.extend(telling(&all).filter_map(part)),
        }
        alternatives.extend(addressed(&all));
        let structured = local.contains(|c: char| matches!(c, '.' | '_' | '-') || c.is_ascii_digit());
        if structured {
            let parts = local.split(|c: char| !c.is_alphabetic()).map(str::to_owned);
            let parts: Vec<String> =
                parts.filter(|part| part.chars().count() > 2 && !OFFICES.contains(&part.as_str())).collect();
            alternatives.extend(telling(&parts).filter_map(part));
        }
        alternatives.sort_by_key(|alternative| std::cmp::Reverse(alternative.len()));
        alternatives.dedup();
        let names = (!alternatives.is_empty()).then(|| made_pattern(&alternatives.join("|")));
        // The whole address is found as any address is; its local part alone only by knowing it.
        let mut addresses: Vec<String> = Vec::new();
        if !email.is_empty() {
            addresses.push(regex::escape(&email));
        }
        if structured && local.chars().count() > 3 {
            addresses.push(format!(r"\b{}\b", regex::escape(local)));
        }
        let address = (!addresses.is_empty()).then(|| made_pattern(&addresses.join("|")));
        Self { names, address }
    }

    /// Where the name, or a part of it, stands in a folded text.
    pub fn names(&self, text: &str) -> Vec<Range<usize>> {
        // "_" is a letter to the patterns, and a separator to people. As a space it separates two finds, too.
        let text = text.replace('_', " ");
        self.names.iter().flat_map(|regex| regex.find_iter(&text)).map(|found| found.range()).collect()
    }

    /// Where the address stands in a folded text.
    pub fn addresses(&self, text: &str) -> Vec<Range<usize>> {
        self.address.iter().flat_map(|regex| regex.find_iter(text)).map(|found| found.range()).collect()
    }
}

fn tokens(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .map(|token| token.trim_matches('\'').to_owned())
        .filter(|token| !token.is_empty())
        .collect()
}

/// The parts of a name that say whose it is.
fn telling(tokens: &[String]) -> impl Iterator<Item = &str> {
    let names: Vec<&str> = tokens.iter().map(String::as_str).filter(|token| !TITLES.contains(token)).collect();
    let last = names.len().saturating_sub(1);
    let telling = move |(at, token): &(usize, &str)| *at == 0 || *at == last || !PARTICLES.contains(token);
    names.into_iter().enumerate().filter(telling).map(|(_, token)| token)
}

/// A pattern for the letters of a token, with what is written for umlauts and the sharp s by some and left out by others: the token
/// is folded, so it has none of them any more.
fn spelled(token: &str) -> String {
    let mut pattern = String::with_capacity(2 * token.len());
    let mut letters = token.chars().peekable();
    while let Some(letter) = letters.next() {
        pattern.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
        let (more, optional) = match letter {
            'a' => (&['e', 'a'][..], "[ea]?"),
            'o' | 'u' => (&['e'][..], "e?"),
            's' => (&['s'][..], "s?"),
            _ => continue,
        };
        letters.next_if(|next| more.contains(next));
        pattern.push_str(optional);
    }
    pattern
}

/// A token as a word of its own, however short.
fn single(token: &str) -> String {
    let spelled = spelled(token);
    if token.chars().any(is_unspaced) { spelled } else { format!(r"\b{spelled}\b") }
}

/// Whether a character is a Chinese one, also in Japanese.
fn is_han(c: char) -> bool {
    matches!(c, '\u{3005}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// A family name of one character, which alone is a syllable of countless words, with a form of address.
fn addressed(tokens: &[String]) -> Option<String> {
    let first = tokens.iter().find(|token| !TITLES.contains(&token.as_str()))?;
    let family = first.chars().next().filter(|c| is_han(*c) || matches!(c, '\u{AC00}'..='\u{D7A3}'))?;
    // Alone, it is hidden wherever it stands.
    (first.chars().count() > 1 || tokens.len() > 1).then(|| {
        format!(
            r"{family}\s?(?:先生|女士|小姐|太太|老师|老師|总|總|经理|經理|同学|同學|医生|醫生|教授|主任|さん|さま|様|君|くん|ちゃん|氏|씨|님|선생|과장|부장|대리|팀장|사장)|[姓小老阿]{family}"
        )
    })
}

/// The parts of a name that is written as one word, the longest first. Nobody says where its family name ends: it is one
/// character in nearly all cases in Chinese and Korean; one, two or three in Japanese.
fn unspaced(token: &str) -> String {
    let letters: Vec<char> = token.chars().collect();
    let mut parts = vec![letters.as_slice()];
    if letters.len() > 2 {
        let longest = match &letters[..2] {
            [one, two] if is_han(*one) && is_han(*two) => 3.min(letters.len() - 1),
            pair if PAIRS.contains(&pair.iter().collect::<String>().as_str()) => 2,
            _ => 1,
        };
        parts.extend((1..=longest).map(|family| &letters[family..]));
        parts.extend((2..=longest).map(|family| &letters[..family]));
    }
    parts.retain(|part| part.len() > 1);
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    let parts: Vec<String> = parts.iter().map(|part| spelled(&part.iter().collect::<String>())).collect();
    parts.join("|")
}

/// The whole name, whatever stands between its parts.
fn whole(name: &str) -> Option<String> {
    let parts: Vec<String> = tokens(name).iter().map(|token| spelled(token)).collect();
    if parts.len() < 2 {
        return None;
    }
    let whole = parts.join(r"[\s.,_'\-]*");
    if name.chars().any(is_unspaced) { Some(whole) } else { Some(format!(r"\b{whole}(?:'?s)?\d*\b")) }
}

/// A part of a name, as a word of its own.
fn part(token: &str) -> Option<String> {
    let length = token.chars().count();
    let escaped = spelled(token);
    if token.chars().any(is_unspaced) {
        // A single character is a family name, and a syllable of countless words.
        if length < 2 {
            return None;
        }
        return Some(unspaced(token));
    }
    if length < 2 {
        return None;
    }
    let cyrillic = token.chars().all(|c| matches!(c, '\u{0400}'..='\u{052F}'));
    let arabic = token.chars().any(|c| matches!(c, '\u{0600}'..='\u{06FF}' | '\u{0750}'..='\u{077F}'));
    if cyrillic && length > 3 {
        // Inflected: the last vowel may change, and an ending of up to three letters follow.
        let stem = token.trim_end_matches(['а', 'я', 'о', 'е', 'и', 'ы', 'й', 'ь']);
        return Some(format!(r"\b{}\p{{L}}{{0,3}}\b", regex::escape(stem)));
    }
    if arabic {
        // "And", "for", "with", "by" and the article are written as one word with the name.
        return Some(format!(r"\b[وفبلك]?(?:ال)?{escaped}\b"));
    }
    // The possessive, with and without its apostrophe; and the number that makes a name free.
    Some(format!(r"\b\d*{escaped}(?:s)?\d*\b"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(name: &str, email: &str, text: &str) -> Vec<String> {
        let folded = fold(text);
        let names = Names::of(Some(name), email);
        names.names(&folded).into_iter().map(|range| folded[range].to_owned()).collect()
    }

    #[test]
    fn whole_and_parts() {
        assert_eq!(
            hidden("Jane Doe", "", "I am JANE  DOE, Jane's friends say jane or Doe."),
            ["jane  doe", "jane", "jane", "doe"]
        );
        assert_eq!(hidden("José Núñez", "", "Jose\u{301} NUNEZ und Josés Haus"), ["jose nunez", "joses"]);
        assert_eq!(hidden("Dr. Ludwig van der Berg", "", "the van of Ludwig, der Hund, Berg"), ["ludwig", "berg"]);
        assert!(hidden("Ann Lee", "", "annual planning, leeway, channel").is_empty());
    }

    #[test]
    fn names_that_are_words() {
        assert_eq!(hidden("Ben", "", "I'm Ben, and have been for long"), ["ben"]);
        assert_eq!(hidden("Ben Miller", "", "I'm Ben"), ["ben"]);
        assert_eq!(hidden("Anh Le", "", "Le, like the French article"), ["le"]);
        assert_eq!(hidden("Dr. Al Gore", "", "the doctor, Dr. Al"), ["al"]);
        assert_eq!(hidden("", "ben.miller@example.com", "Ben here"), ["ben"]);
        assert_eq!(hidden("X", "", "X, as in fix"), ["x"]);
        assert_eq!(hidden("李", "", "我姓李"), ["李"]);
        assert_eq!(hidden("Dr", "", "call me Dr"), ["dr"]);
        assert!(hidden("Maria da Silva", "", "a la carte, da capo").is_empty());
    }

    #[test]
    fn names_are_spelled_in_several_ways() {
        for (name, text) in [
            ("Müller", "Mueller"),
            ("Mueller", "Müller"),
            ("Müller", "MULLER"),
            ("Weißmann", "Weissmann"),
            ("Weissmann", "Weißmann"),
            ("Weissmann", "WEISMANN"),
            ("Jörg Schäfer", "Joerg Schaefer"),
            ("Søren Ågård", "Soeren Aagaard"),
            ("Jane Doe", "JaneDoe85"),
            ("Jane Doe", "jane85"),
            ("Jane Doe", "85jane"),
            ("Jane Ann Doe", "jane_doe"),
        ] {
            let folded = fold(text);
            assert_eq!(hidden(name, "", text).concat(), folded.replace('_', ""), "{name}: {text}");
        }
    }

    #[test]
    fn other_scripts() {
        assert_eq!(hidden("李小明", "", "我叫李小明，朋友叫我小明。"), ["李小明", "小明"]);
        assert_eq!(
            hidden("Иван Петров", "", "Я Иван Петров, спросите Ивана или у Петровых"),
            ["иван петров", "ивана", "петровых"]
        );
        assert_eq!(hidden("محمد علي", "", "أنا محمد ومعي علي وعلي"), ["محمد", "علي", "وعلي"]);
        assert_eq!(hidden("김민준", "", "저는 김민준입니다. 민준이라고 불러요"), ["김민준", "민준"]);
        assert_eq!(hidden("남궁민수", "", "남궁입니다, 민수라고"), ["남궁", "민수"]);
    }

    #[test]
    fn family_names_without_spaces() {
        assert_eq!(hidden("田中太郎", "", "田中です。太郎、田中太郎"), ["田中", "太郎", "田中太郎"]);
        assert_eq!(hidden("田中健", "", "田中健です、田中です"), ["田中健", "田中"]);
        assert_eq!(hidden("佐々木健", "", "佐々木と申します"), ["佐々木"]);
        assert_eq!(hidden("田中みなみ", "", "田中です、みなみ"), ["田中", "みなみ"]);
        assert_eq!(hidden("欧阳小明", "", "欧阳先生，小明"), ["欧阳", "小明"]);
        assert_eq!(hidden("李小明", "", "李先生、我姓李，李子"), ["李先生", "姓李"]);
        assert_eq!(hidden("李 小明", "", "叫我老李"), ["老李"]);
        assert_eq!(hidden("김민준", "", "김 팀장님, 김치"), ["김 팀장"]);
        assert!(hidden("이상민", "", "이상한 일이에요").is_empty());
    }

    #[test]
    fn a_name_from_the_address() {
        assert_eq!(hidden("", "jane.doe@example.com", "Jane here, Doe by family name"), ["jane", "doe"]);
        assert!(hidden("", "info@example.com", "more info please").is_empty());
    }
}
