//! What participants are asked to agree to, word for word (contract 27).
//!
//! A consent record keeps version and hash of the text that was shown. So a text that has been shown is never changed: a
//! new wording is a new version.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a text asks consent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentType {
    /// That the conversation is recorded.
    Recording,
    /// That what was said is processed.
    DataProcessing,
}

/// One text in one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsentText {
    /// What it asks consent to.
    pub kind: ConsentType,
    /// Counts up with every new wording.
    pub version: u32,
    /// Its language.
    pub locale: &'static str,
    /// The exact words.
    pub text: &'static str,
}

impl ConsentText {
    /// The SHA-256 of the exact words in UTF-8, in hexadecimal.
    pub fn sha256(&self) -> String {
        sha256(self.text)
    }
}

/// What was shown where one or both types are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The version of the text; of two, the later.
    pub version: u32,
    /// The SHA-256 of the text; of two, that of both with an empty line between them.
    pub sha256: String,
    /// The language.
    pub locale: String,
}

/// What is shown in an interview in this language to who is asked for these types.
pub fn shown(language: &str, types: &[ConsentType]) -> Shown {
    let texts: Vec<_> = texts(language).into_iter().filter(|text| types.contains(&text.kind)).collect();
    let words: Vec<_> = texts.iter().map(|text| text.text).collect();
    Shown {
        version: texts.iter().map(|text| text.version).max().unwrap_or(1),
        sha256: sha256(&words.join("\n\n")),
        locale: texts.first().map_or(FALLBACK, |text| text.locale).to_owned(),
    }
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The language of the texts where there are none in the language of the interview.
pub const FALLBACK: &str = "en";

/// All texts in force.
pub const TEXTS: [ConsentText; 12] = [
    ConsentText {
        kind: ConsentType::Recording,
        version: 1,
        locale: "en",
        text: "I agree that this interview is recorded and that a written transcript of it is made. The interview is \
               conducted by an artificial intelligence, not by a human being. I can stop at any time; recording then \
               stops at once.",
    },
    ConsentText {
        kind: ConsentType::DataProcessing,
        version: 1,
        locale: "en",
        text: "I agree that the organization that invited me stores and processes my answers, including by automated \
               analysis, for the purpose of this interview. Taking part is voluntary. I can withdraw my consent at any \
               time with effect for the future, and ask the organization for access to my data or for its deletion.",
    },
    ConsentText {
        kind: ConsentType::Recording,
        version: 1,
        locale: "de",
        text: "Ich bin damit einverstanden, dass dieses Interview aufgezeichnet und verschriftlicht wird. Das Interview \
               wird von einer künstlichen Intelligenz geführt, nicht von einem Menschen. Ich kann jederzeit abbrechen; \
               die Aufzeichnung endet dann sofort.",
    },
    ConsentText {
        kind: ConsentType::DataProcessing,
        version: 1,
        locale: "de",
        text: "Ich bin damit einverstanden, dass die Organisation, die mich eingeladen hat, meine Antworten für die \
               Zwecke dieses Interviews speichert und verarbeitet, auch durch automatisierte Auswertung. Die Teilnahme \
               ist freiwillig. Ich kann meine Einwilligung jederzeit mit Wirkung für die Zukunft widerrufen und von der \
               Organisation Auskunft über meine Daten oder deren Löschung verlangen.",
    },
    ConsentText {
        kind: ConsentType::Recording,
        version: 1,
        locale: "fr",
        text: "J’accepte que cet entretien soit enregistré et transcrit. L’entretien est mené par une intelligence \
               artificielle, et non par un être humain. Je peux l’arrêter à tout moment ; l’enregistrement cesse alors \
               immédiatement.",
    },
    ConsentText {
        kind: ConsentType::DataProcessing,
        version: 1,
        locale: "fr",
        text: "J’accepte que l’organisation qui m’a adressé cette invitation conserve et traite mes réponses, y compris \
               par analyse automatisée, aux fins de cet entretien. La participation est volontaire. Je peux retirer mon \
               consentement à tout moment pour l’avenir, et demander à l’organisation l’accès à mes données ou leur \
               effacement.",
    },
    ConsentText {
        kind: ConsentType::Recording,
        version: 1,
        locale: "es",
        text: "Acepto que esta entrevista se grabe y se transcriba. La entrevista la realiza una inteligencia artificial, \
               no una persona. Puedo detenerla en cualquier momento; en ese caso, la grabación se interrumpe de \
               inmediato.",
    },
    ConsentText {
        kind: ConsentType::DataProcessing,
        version: 1,
        locale: "es",
        text: "Acepto que la organización que me ha invitado conserve y trate mis respuestas, también mediante análisis \
               automatizado, para los fines de esta entrevista. La participación es voluntaria. Puedo retirar mi \
               consentimiento en cualquier momento con efecto para el futuro, y solicitar a la organización el acceso a \
               mis datos o su supresión.",
    },
    ConsentText {
        kind: ConsentType::Recording,
        version: 1,
        locale: "ar",
        text: "أوافق على تسجيل هذه المقابلة وعلى إعداد نص مكتوب لها. يُجري المقابلةَ ذكاءٌ اصطناعي وليس إنسانًا. يمكنني التوقف في \
               أي وقت، وعندئذٍ يتوقف التسجيل على الفور.",
    },
    ConsentText {
        kind: ConsentType::DataProcessing,
        version: 1,
        locale: "ar",
        text: "أوافق على أن تقوم الجهة التي دعتني بحفظ إجاباتي ومعالجتها، بما في ذلك تحليلها آليًا، لغرض هذه المقابلة. المشاركة \
               طوعية. يمكنني سحب موافقتي في أي وقت بأثر مستقبلي، وأن أطلب من هذه الجهة الاطلاع على بياناتي أو حذفها.",
    },
    ConsentText {
        kind: ConsentType::Recording,
        version: 1,
        locale: "zh",
        text: "我同意对本次访谈进行录音，并整理成文字记录。访谈由人工智能主持，而非真人。我可以随时停止，录音将立即终止。",
    },
    ConsentText {
        kind: ConsentType::DataProcessing,
        version: 1,
        locale: "zh",
        text: "我同意邀请我的机构为本次访谈之目的保存和处理我的回答，包括进行自动化分析。参与完全出于自愿。我可以随时撤回同意，\
               撤回自此后生效；我也可以要求该机构让我查阅我的数据或将其删除。",
    },
];

/// The texts to show in an interview in this language, which may name a region too (`de-AT`).
pub fn texts(language: &str) -> Vec<ConsentText> {
    let language = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let known = TEXTS.iter().any(|text| text.locale == language);
    let locale = if known { language.as_str() } else { FALLBACK };
    TEXTS.iter().filter(|text| text.locale == locale).copied().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_language_has_each_type_once() {
        let locales: BTreeSet<_> = TEXTS.iter().map(|text| text.locale).collect();
        for locale in locales {
            let kinds: Vec<_> = texts(locale).iter().map(|text| text.kind).collect();
            assert_eq!(kinds, [ConsentType::Recording, ConsentType::DataProcessing], "{locale}");
        }
    }

    #[test]
    fn regions_share_a_text_and_unknown_languages_fall_back() {
        assert_eq!(texts("de-AT"), texts("de"));
        assert_eq!(texts("FR_ca"), texts("fr"));
        assert_eq!(texts("nl"), texts("en"));
        assert_eq!(texts(""), texts("en"));
    }

    #[test]
    fn a_text_that_was_shown_never_changes() {
        let hashes: Vec<_> = texts("en").iter().map(ConsentText::sha256).collect();
        assert_eq!(
            hashes,
            [
                "470a1bb4b0fdbfccc8cac8e33252881d66604b933d739284149d391fda7c23f9",
                "da0e2ad89bfeef413bda7b55f2673727a50106264076b28ebb8e47dcdbf0a683",
            ]
        );
        let others = TEXTS.iter().filter(|text| text.locale != "en").map(ConsentText::sha256);
        let hashes = [
            "53b09affb194c870bc61418abefb1cc7b1612eb637089fd54f497c6716d0bfbe",
            "1cca2cb65e0aec0ff44e4fa44b85aa9a02e9b181299890996e2e894d28c37373",
            "36f878fe002fe5099db7a37b3414e46f618f9087a9ba70083d73bcc035e7f8e7",
            "83e8239a1b102c5b624495fbc174b89183eb6fa871e0cc4feb711d98b04aa9aa",
            "93a4f9bf9f0f6be78bbbb4beb17edbb89222bcf727c642f5ae7ace1445a30c1e",
            "3068810e7686af3d542fcba9ab036395ff04b39725cd3a7fb5050cba6cc1ab22",
            "d4dcb8f2147ebddc8b09434cba5c29899897f3e9f868e0e14ea163756a91ded7",
            "405dfc08d5e7669c0054bd04e02a96826c77b538ece2de03868c72033810783c",
            "867153006b615f4630c767581bdbfed8a45b86fb442219cf1ce3db3e83301a56",
            "367c059161b920aabf1420ef18ff38acb4249b1352e8a8ede4217189a4fce5d6",
        ];
        assert_eq!(others.collect::<Vec<_>>(), hashes);
        assert!(TEXTS.iter().all(|text| !text.text.contains("  ") && text.version == 1));
    }
}
