//! The files of the interview page, in the binary.

use std::{collections::BTreeMap, sync::LazyLock};

use sha2::{Digest, Sha256};

/// A file of the page.
pub struct File {
    /// Its name below the version.
    pub name: &'static str,
    /// Its `Content-Type`.
    pub kind: &'static str,
    /// What it holds.
    pub text: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const WORDS: &str = "application/json";
const PICTURE: &str = "image/svg+xml";

macro_rules! file {
    ($name:literal, $kind:expr) => {
        file!($name, $kind, $name)
    };
    ($name:literal, $kind:expr, $path:literal) => {
        File { name: $name, kind: $kind, text: include_str!(concat!("../../../assets/interview/", $path)) }
    };
}

/// The page itself, with `{{version}}`, `{{origins}}` and `{{preload}}` to be filled in.
pub const PAGE: &str = include_str!("../../../assets/interview/page.html");
/// What other sites load to mount the page.
pub const EMBED: &str = include_str!("../../../assets/interview/embed.js");

/// All files that the page loads. Scripts come in the order in which they are needed.
pub const FILES: &[File] = &[
    file!("main.js", SCRIPT),
    file!("api.js", SCRIPT),
    file!("conversation.js", SCRIPT),
    file!("dom.js", SCRIPT),
    file!("host.js", SCRIPT),
    file!("i18n.js", SCRIPT),
    file!("inputs.js", SCRIPT),
    file!("media.js", SCRIPT),
    file!("microphone.js", SCRIPT),
    file!("notice.js", SCRIPT),
    file!("recordings.js", SCRIPT),
    file!("screens.js", SCRIPT),
    file!("speech.js", SCRIPT),
    file!("store.js", SCRIPT),
    file!("style.css", STYLE),
    file!("icon.svg", PICTURE),
    file!("i18n-en.json", WORDS, "i18n/en.json"),
    file!("i18n-de.json", WORDS, "i18n/de.json"),
    file!("i18n-fr.json", WORDS, "i18n/fr.json"),
    file!("i18n-es.json", WORDS, "i18n/es.json"),
    file!("i18n-ar.json", WORDS, "i18n/ar.json"),
    file!("i18n-zh.json", WORDS, "i18n/zh.json"),
];

/// The languages that the page speaks, the fallback first.
const LANGUAGES: [&str; 6] = ["en", "de", "fr", "es", "ar", "zh"];

/// Names this state of the files: another one has another name, so that each may be cached for ever.
pub static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for file in FILES {
        for part in [file.name, file.text] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize().iter().take(10).map(|byte| format!("{byte:02x}")).collect()
});

/// A file by its name.
pub fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

/// The scripts that the page's first one imports: announced in the page, they are loaded side by side.
pub fn imported() -> impl Iterator<Item = &'static str> {
    FILES.iter().filter(|file| file.kind == SCRIPT && file.name != "main.js").map(|file| file.name)
}

type Words = BTreeMap<String, String>;

static DICTIONARIES: LazyLock<Vec<(&'static str, Words)>> = LazyLock::new(|| {
    let words = |language: &str| {
        let file = find(&format!("i18n-{language}.json"));
        file.and_then(|file| serde_json::from_str(file.text).ok()).unwrap_or_default()
    };
    LANGUAGES.iter().map(|language| (*language, words(language))).collect()
});

/// The language, of those that the page speaks, that an `Accept-Language` names first, and its words. Browsers name the
/// languages in the order of preference.
pub fn words(accepted: &str) -> (&'static str, &'static Words) {
    let primary = |range: &str| range.split([';', '-']).next().unwrap_or_default().trim().to_ascii_lowercase();
    let find = |language: &str| DICTIONARIES.iter().find(|(known, _)| *known == language);
    let (language, words) = accepted.split(',').find_map(|range| find(&primary(range))).unwrap_or(&DICTIONARIES[0]);
    (language, words)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;

    fn on_disk(folder: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/interview").join(folder);
        let entries = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry"));
        entries
            .filter(|entry| entry.file_type().expect("a type").is_file())
            .map(|entry| entry.file_name().into_string().expect("a name"))
            .collect()
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let mut served: BTreeSet<_> = FILES.iter().map(|file| file.name.to_owned()).collect();
        served.extend(["page.html".to_owned(), "embed.js".to_owned()]);
        let mut there = on_disk("");
        there.extend(on_disk("i18n").into_iter().map(|name| format!("i18n-{name}")));
        assert_eq!(served, there);
    }

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
    }

    #[test]
    fn every_language_says_everything_with_the_same_placeholders() {
        let files: BTreeSet<_> = LANGUAGES.iter().map(|language| format!("{language}.json")).collect();
        assert_eq!(on_disk("i18n"), files);
        let (_, english) = &DICTIONARIES[0];
        assert!(english.len() > 80, "{}", english.len());
        for (language, words) in DICTIONARIES.iter() {
            let keys = |words: &Words| words.keys().cloned().collect::<BTreeSet<_>>();
            assert_eq!(keys(words), keys(english), "{language}");
            for (key, text) in words {
                assert_eq!(placeholders(text), placeholders(&english[key]), "{language}: {key}");
                assert!(!text.trim().is_empty() && text.trim() == text, "{language}: {key}");
                // A forgotten translation; what is the same in several languages on purpose is short.
                assert!(*language == "en" || text.len() < 35 || *text != english[key], "{language}: {key}");
            }
        }
    }

    #[test]
    fn every_key_that_the_scripts_name_exists() {
        let (_, english) = &DICTIONARIES[0];
        let scripts: String = FILES.iter().filter(|file| file.kind == SCRIPT).map(|file| file.text).collect();
        let mut named = BTreeSet::new();
        for start in ["t('", "error: '"] {
            for (at, _) in scripts.match_indices(start) {
                // The end of a longer name, such as `emit('…')`, is no lookup.
                let longer = scripts[..at].chars().next_back().is_some_and(char::is_alphanumeric);
                if !longer && let Some((key, _)) = scripts[at + start.len()..].split_once('\'') {
                    named.insert(key);
                }
            }
        }
        assert!(named.len() > 50, "{named:?}");
        for key in named {
            assert!(english.contains_key(key), "{key}");
        }
    }

    #[test]
    fn the_first_language_that_the_page_speaks_is_taken() {
        let language = |accepted: &str| words(accepted).0;
        assert_eq!(language("de-AT,de;q=0.9,en;q=0.8"), "de");
        assert_eq!(language("nl, AR-eg;q=0.5"), "ar");
        assert_eq!(language("nl"), "en");
        assert_eq!(language(""), "en");
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for text in FILES.iter().map(|file| file.text).chain([PAGE]) {
            let known = text.replace("http://www.w3.org/2000/svg", "");
            for elsewhere in ["http://", "https://", "url(", "@import", "innerHTML", "eval("] {
                assert!(!known.contains(elsewhere), "{elsewhere}");
            }
        }
    }
}
