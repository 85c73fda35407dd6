//! The three brandings.

use serde::Serialize;
use typst::{
    foundations::Bytes,
    visualize::{ExchangeFormat, RasterImage},
};

/// Which one is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Branding {
    /// The product's colours, with the organization's name.
    #[default]
    Default,
    /// Black on white, without any name but those in the interview.
    Minimal,
    /// The organization's colour and logo, where its settings have them; its name alone elsewhere.
    Custom,
}

impl Branding {
    /// The names that the query parameter takes.
    pub const NAMES: [&'static str; 3] = ["default", "minimal", "custom"];

    /// The branding of a name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "default" => Some(Self::Default),
            "minimal" => Some(Self::Minimal),
            "custom" => Some(Self::Custom),
            _ => None,
        }
    }
}

/// How an organization wants to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brand {
    /// Its colour, as `#rrggbb`.
    pub colour: Option<String>,
    /// Its logo: the bytes of a PNG or JPEG picture.
    pub logo: Option<Vec<u8>>,
}

/// What the template makes of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Theme {
    /// The colour of headings and lines.
    pub accent: String,
    /// Its faintest shade.
    pub tint: String,
    /// The width of the line below the head, in points.
    pub stroke: f64,
    /// Whether the head names the organization.
    pub organization: bool,
    /// The logo's path in the template's world.
    pub logo: Option<&'static str>,
}

/// A logo is small; a picture beyond these bounds would cost more than the report. Bytes that it has at most.
pub const MAX_LOGO: usize = 1 << 20;
/// Its greatest width and height.
pub const MAX_PIXELS: u32 = 4_000;

type Colour = [u8; 3];
const PRODUCT: Colour = [0x2b, 0x4c, 0x9b];
const INK: Colour = [0x1b, 0x1f, 0x27];

impl Theme {
    /// The theme of a branding.
    pub fn of(branding: Branding, brand: &Brand) -> Self {
        let accent = match branding {
            Branding::Default => PRODUCT,
            Branding::Minimal => INK,
            Branding::Custom => legible(brand.colour.as_deref().and_then(parsed).unwrap_or(INK)),
        };
        let logo = branding == Branding::Custom && brand.logo.as_deref().is_some_and(is_usable);
        Self {
            accent: hex(accent),
            tint: hex(mixed(accent, [255; 3], 0.93)),
            stroke: if branding == Branding::Minimal { 0.5 } else { 1.6 },
            organization: branding != Branding::Minimal,
            logo: logo.then_some("/logo"),
        }
    }
}

/// Whether a logo is a picture of a kind and size that we show, and whole.
pub fn is_usable(logo: &[u8]) -> bool {
    let bounds = 1..=MAX_PIXELS;
    let fits = |(width, height)| bounds.contains(&width) && bounds.contains(&height);
    logo.len() <= MAX_LOGO
        && dimensions(logo).is_some_and(fits)
        && ExchangeFormat::detect(logo)
            .is_some_and(|format| RasterImage::plain(Bytes::new(logo.to_vec()), format).is_ok())
}

/// The size of a PNG or JPEG picture, from its head.
fn dimensions(picture: &[u8]) -> Option<(u32, u32)> {
    let word = |at: usize| picture.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    let half = |at: usize| picture.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes);
    if picture.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some((word(16)?, word(20)?));
    }
    if !picture.starts_with(&[0xFF, 0xD8]) {
        return None;
    }
    let mut at = 2;
    loop {
        let (marker, length) = (half(at)?, usize::from(half(at + 2)?));
        if matches!(marker, 0xFFC0..=0xFFCF) && !matches!(marker, 0xFFC4 | 0xFFC8 | 0xFFCC) {
            return Some((half(at + 7)?.into(), half(at + 5)?.into()));
        }
        if marker < 0xFF00 || length < 2 {
            return None;
        }
        at += 2 + length;
    }
}

fn parsed(colour: &str) -> Option<Colour> {
    let digits = colour.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some([part(0)?, part(2)?, part(4)?])
}

fn hex([r, g, b]: Colour) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// `share` of the other colour mixed in.
fn mixed(colour: Colour, other: Colour, share: f64) -> Colour {
    std::array::from_fn(|at| (f64::from(colour[at]) * (1.0 - share) + f64::from(other[at]) * share).round() as u8)
}

/// The colour, darkened until text in it can be read on white: a contrast of 4.5 to 1, as WCAG demands.
fn legible(colour: Colour) -> Colour {
    (0..=20)
        .map(|step| mixed(colour, [0; 3], f64::from(step) * 0.05))
        .find(|colour| contrast(*colour) >= 4.5)
        .unwrap_or(INK)
}

fn contrast(colour: Colour) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = 0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2]);
    1.05 / (luminance + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pale_colours_are_darkened_and_nonsense_is_ignored() {
        let theme = |colour: &str| {
            let brand = Brand { colour: Some(colour.to_owned()), logo: None };
            Theme::of(Branding::Custom, &brand).accent
        };
        assert_eq!(theme("#aa0000"), "#aa0000");
        let pale = parsed(&theme("#ffe04d")).expect("a colour");
        assert!(contrast(pale) >= 4.5);
        for nonsense in ["red", "#12", "#ggggggg", "#é12345", "\") panic(\""] {
            assert_eq!(theme(nonsense), hex(INK));
        }
    }

    #[test]
    fn only_whole_pictures_of_some_size_are_logos() {
        let logo = include_bytes!("../../tests/data/logo.png");
        assert_eq!(dimensions(logo), Some((360, 110)));
        assert!(is_usable(logo));
        assert!(!is_usable(&logo[..logo.len() / 2]));
        let mut huge = logo.to_vec();
        huge[16..20].copy_from_slice(&30_000_u32.to_be_bytes());
        assert!(!is_usable(&huge));
        assert!(!is_usable(b"<svg xmlns='http://www.w3.org/2000/svg'/>"));
        assert!(!is_usable(&[0xFF, 0xD8, 0xFF]));
    }
}
