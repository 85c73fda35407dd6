//! The fonts of the reports. They are part of the binary (`scripts/fonts` makes them), so that a report looks the same on every
//! machine. What none of them covers shows as a box.

use std::{collections::HashSet, sync::LazyLock};

use sha2::{Digest, Sha256};
use typst::{
    foundations::Bytes,
    text::{Font, FontBook, FontWeight},
    utils::LazyHash,
};

const FILES: [&[u8]; 14] = [
    include_bytes!("../../assets/fonts/NotoSans-Regular.ttf"),
    include_bytes!("../../assets/fonts/NotoSans-Bold.ttf"),
    include_bytes!("../../assets/fonts/NotoSans-Italic.ttf"),
    include_bytes!("../../assets/fonts/NotoSansArabic-Regular.ttf"),
    include_bytes!("../../assets/fonts/NotoSansArabic-Bold.ttf"),
    include_bytes!("../../assets/fonts/NotoSansHebrew-Regular.ttf"),
    include_bytes!("../../assets/fonts/NotoSansHebrew-Bold.ttf"),
    include_bytes!("../../assets/fonts/NotoSansCJKsc-Regular.otf"),
    include_bytes!("../../assets/fonts/NotoSansCJKsc-Bold.otf"),
    include_bytes!("../../assets/fonts/NotoSansDevanagari-Regular.ttf"),
    include_bytes!("../../assets/fonts/NotoSansThai-Regular.ttf"),
    include_bytes!("../../assets/fonts/NotoSansMath-Regular.ttf"),
    include_bytes!("../../assets/fonts/NotoSansSymbols2-Regular.ttf"),
    include_bytes!("../../assets/fonts/NotoEmoji-Regular.ttf"),
];

/// The fonts, read once. Their bytes stay where the binary has them.
pub static FONTS: LazyLock<Vec<Font>> =
    LazyLock::new(|| FILES.iter().flat_map(|file| Font::iter(Bytes::new(*file))).collect());

/// Names the fonts: other ones make other documents.
pub static DIGEST: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    FILES.iter().for_each(|file| hash.update(Sha256::digest(file)));
    hash.finalize().into()
});

/// What the fonts cover.
pub static BOOK: LazyLock<LazyHash<FontBook>> = LazyLock::new(|| LazyHash::new(FontBook::from_fonts(FONTS.iter())));

static BOLD: LazyLock<HashSet<u32>> = LazyLock::new(|| {
    let bold = FONTS.iter().map(Font::info).filter(|info| info.variant.weight >= FontWeight::BOLD);
    bold.flat_map(|info| info.coverage.iter()).collect()
});

/// Whether a bold font has a character. Most scripts beyond Latin, Greek, Cyrillic, Arabic and Hebrew have few or none there.
pub fn in_bold(c: char) -> bool {
    c.is_ascii() || BOLD.contains(&u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_font_of_the_template() {
        assert_eq!(FONTS.len(), FILES.len());
        let template = include_str!("../../assets/pdf/report.typ");
        for (family, _) in BOOK.families() {
            assert!(template.contains(&format!("\"{family}\"")), "{family} is not in the template");
        }
    }

    #[test]
    fn scripts_are_covered() {
        let samples = "Ærøskøbing, Łódź, Tiếng Việt, Ωμέγα, Щука, السلام عليكم, שלום, 访谈记录, 中華民國, ひらがな, カタカナ, 한국어, नमस्ते, สวัสดี, €₹✓★ −≥→ 😀🎉🫶";
        for c in samples.chars().filter(|c| !c.is_whitespace()) {
            let covered = FONTS.iter().any(|font| font.info().coverage.contains(c as u32));
            assert!(covered, "{c} U+{:04X}", c as u32);
        }
    }
}
