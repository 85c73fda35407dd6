//! Requests rendered once, with places of fixed width that change from request to request: making a request costs a copy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Width of a number's place.
const NUMBER_WIDTH: usize = 12;
/// Width of a random place: 128 bits.
const RANDOM_WIDTH: usize = 32;

/// Numbers that no two requests of this process share.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

/// A request with places that change, named in its text:
///
/// - `{{number}}`: the request's own number, the same wherever it stands;
/// - `{{random}}`: random hexadecimal digits, as a client would choose an idempotency key;
/// - `{{one}}`: one of the values given to [`Template::with_values`].
#[derive(Clone, Default)]
pub struct Template {
    bytes: Vec<u8>,
    places: Vec<(usize, Place)>,
    values: Arc<Vec<String>>,
}

#[derive(Clone, Copy)]
enum Place {
    Number,
    Random,
    One,
}

impl Template {
    /// A request of a head (request line and header lines, without `Content-Length`) and a body.
    pub fn new(head: &str, body: &str) -> Self {
        Self::with_values(head, body, Vec::new())
    }

    /// The same, with the values of `{{one}}`, which must all have the same length.
    pub fn with_values(head: &str, body: &str, values: Vec<String>) -> Self {
        let width = values.first().map_or(0, String::len);
        assert!(values.iter().all(|value| value.len() == width), "the values have one length");
        let values = Arc::new(values);
        let mut measured = Self { values: Arc::clone(&values), ..Self::default() };
        measured.push(body);
        let mut template = Self { values, ..Self::default() };
        template.push(head);
        if head.starts_with("POST") {
            template.push(&format!("Content-Length: {}\r\n", measured.bytes.len()));
        }
        template.push("\r\n");
        template.push(body);
        template
    }

    fn push(&mut self, text: &str) {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").expect("a place has an end");
            self.bytes.extend(before.as_bytes());
            let (place, width) = match name {
                "number" => (Place::Number, NUMBER_WIDTH),
                "random" => (Place::Random, RANDOM_WIDTH),
                "one" => (Place::One, self.values[0].len()),
                other => panic!("no such place: {other}"),
            };
            self.places.push((self.bytes.len(), place));
            self.bytes.resize(self.bytes.len() + width, b'0');
            rest = after;
        }
        self.bytes.extend(rest.as_bytes());
    }

    /// The next request, for whoever has time to copy it.
    pub fn text(&self) -> String {
        let mut copy = self.clone();
        String::from_utf8_lossy(copy.render(&mut SmallRng::seed_from_u64(rand::random()))).into_owned()
    }

    /// The next request.
    pub fn render(&mut self, random: &mut SmallRng) -> &[u8] {
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        for (at, place) in &self.places {
            match place {
                Place::Number => {
                    let mut left = number;
                    for digit in self.bytes[*at..at + NUMBER_WIDTH].iter_mut().rev() {
                        *digit = b'0' + (left % 10) as u8;
                        left /= 10;
                    }
                }
                Place::Random => {
                    let mut left: u128 = random.random();
                    for digit in &mut self.bytes[*at..at + RANDOM_WIDTH] {
                        *digit = b"0123456789abcdef"[(left & 15) as usize];
                        left >>= 4;
                    }
                }
                Place::One => {
                    let value = &self.values[random.random_range(0..self.values.len())];
                    self.bytes[*at..at + value.len()].copy_from_slice(value.as_bytes());
                }
            }
        }
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_change_and_the_length_of_the_body_is_right() {
        let mut template = Template::with_values(
            "POST /x HTTP/1.1\r\nIdempotency-Key: {{random}}\r\n",
            r#"{"a":"{{number}}","b":"{{number}}","c":"{{one}}"}"#,
            vec!["uno".into(), "due".into()],
        );
        let mut random = SmallRng::seed_from_u64(1);
        let mut render = || String::from_utf8(template.render(&mut random).to_vec()).unwrap();
        let (first, second) = (render(), render());
        assert_ne!(first, second);
        let (head, body) = first.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["a"], body["b"]);
        assert!(body["c"] == "uno" || body["c"] == "due");
    }
}
