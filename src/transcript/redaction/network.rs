//! Addresses on the network: mail, web, IP.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    ops::Range,
    sync::LazyLock,
};

use regex::Regex;

use super::{is_unspaced, pattern};

/// Endings of domain names that are believed without `www.` or a scheme. Those that are English words (it, is, me, …) are left
/// out: "I fixed.it" is no address. Any ending is believed where a path follows.
const ENDINGS: &str = "com|org|net|edu|gov|info|biz|dev|app|tech|online|shop|cloud|io|ai|eu|uk|de|fr|es|nl|pl|ch|se|dk|fi|pt|ru|cz|gr|ie|lu|hu|ro|bg|hr|sk|jp|cn|kr|br|mx|ar|cl|ca|au|nz|za|sa|ae|eg|ma|il|tr|ua|co\\.uk|com\\.au|com\\.br|co\\.jp|email|example|test|invalid";

const AT: &str = r"(?:\s*@\s*|\s*[(\[{<]\s*(?:at|@|a|arroba|arobase)\s*[)\]}>]\s*|\s+(?:at|arroba|arobase|klammeraffe|chiocciola|собака)\s+)";
const DOT: &str = r"(?:\.|\s+\.\s+|\s*[(\[{<]\s*(?:dot|\.|punkt|point|punto|ponto)\s*[)\]}>]\s*|\s+(?:dot|punkt|point|punto|ponto|точка)\s+)";

/// E-mail addresses, also such as are spelled out: "jane dot doe at example dot com".
pub fn emails(text: &str) -> Vec<Range<usize>> {
    static PLAIN: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"(?:"[^"\s]{1,64}"|[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~\-]+)@(?:\[[0-9a-f:.]+\]|[\p{L}\p{N}](?:[\p{L}\p{N}.\-]*[\p{L}\p{N}])?)"#,
        )
    });
    static SPELLED: LazyLock<Regex> = LazyLock::new(|| {
        let between = format!(r"(?:{DOT}|\s+(?:underscore|dash|hyphen|minus|plus|unterstrich|bindestrich)\s+)");
        let word = r"[\p{L}\p{N}_+\-]+";
        pattern(&format!(r"\b{word}(?:{between}{word})*{AT}{word}(?:{DOT}{word})*{DOT}(?:{ENDINGS})\b"))
    });
    // "@" between spaces, with a domain that has no spaces.
    static SPACED: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"[\p{L}\p{N}._+\-]+\s{0,3}@\s{0,3}[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+"));
    [&PLAIN, &SPELLED, &SPACED].into_iter().flat_map(|regex| regex.find_iter(text).map(|found| found.range())).collect()
}

/// Web addresses, with or without a scheme.
pub fn urls(text: &str) -> Vec<Range<usize>> {
    static SCHEME: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"\b[a-z][a-z0-9+.\-]{1,20}://[^\s<>"\u{2026}]+|\b(?:mailto|tel|sip):[^\s<>"\u{2026}]+|\bwww\.[^\s<>"\u{2026}]+"#,
        )
    });
    static BARE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r#"\b[\p{{L}}\p{{N}}](?:[\p{{L}}\p{{N}}.\-]*[\p{{L}}\p{{N}}])?\.(?:{ENDINGS})\b(?::\d+)?(?:[/?#][^\s<>"\u{{2026}}]*)?|\b[\p{{L}}\p{{N}}](?:[\p{{L}}\p{{N}}.\-]*[\p{{L}}\p{{N}}])?\.\p{{L}}{{2,24}}(?::\d+)?/[^\s<>"\u{{2026}}]+"#
        ))
    });
    // Punctuation at the end belongs to the sentence.
    let trimmed = |range: Range<usize>| {
        let found = text[range.clone()].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '\'']);
        range.start..range.start + found.len()
    };
    let mut found: Vec<Range<usize>> = SCHEME.find_iter(text).map(|found| trimmed(found.range())).collect();
    let whole = found.len();
    for bare in BARE.find_iter(text).map(|found| trimmed(found.range())) {
        if !found[..whole].iter().any(|found| found.start <= bare.start && bare.end <= found.end) {
            found.push(bare);
        }
    }
    found
}

/// IP addresses of both versions.
pub fn ips(text: &str) -> Vec<Range<usize>> {
    static V4: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d{1,3}(?:\.\d{1,3}){3}"));
    static V6: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:.]*(?:%[a-z0-9]+)?"));
    let v4 = V4.find_iter(text).filter(|found| {
        let alone =
            begins_word(&text[..found.start()]) && !text[found.end()..].starts_with(|c: char| c.is_ascii_digit());
        // Leading zeros are no valid spelling, and still an address to a reader.
        let octets = found.as_str().split('.').all(|octet| octet.parse::<u32>().is_ok_and(|octet| octet < 256));
        alone && (octets || found.as_str().parse::<Ipv4Addr>().is_ok())
    });
    let v6 = V6.find_iter(text).filter_map(|found| {
        let shown = found.as_str().trim_end_matches('.');
        let shown = if shown.ends_with(':') && !shown.ends_with("::") { &shown[..shown.len() - 1] } else { shown };
        let address = shown.split('%').next().unwrap_or_default();
        let alone = begins_word(&text[..found.start()]);
        (alone && address.len() > 2 && address.parse::<Ipv6Addr>().is_ok())
            .then(|| found.start()..found.start() + shown.len())
    });
    v4.map(|found| found.range()).chain(v6).collect()
}

/// Whether what follows a text is no end of a word, as the numbers of "v1.2.3.4" are. "IP" is a word that some forget the space
/// behind.
fn begins_word(before: &str) -> bool {
    let word = before.rsplit(|c: char| !c.is_alphanumeric() || is_unspaced(c)).next().unwrap_or_default();
    word.is_empty() || word == "ip"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, find: fn(&str) -> Vec<Range<usize>>) -> Vec<&str> {
        find(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn mail_addresses() {
        for address in [
            "jane.doe+x@example.com",
            "jane@mail.example.co.uk",
            "jane @ example.com",
            "jane (at) example (dot) com",
            "jane [at] example [dot] com",
            "jane dot doe at example dot com",
            "jane at example.com",
            "jane punkt doe at beispiel punkt de",
            "jane_doe at mail dot example dot org",
            "jane@localhost",
        ] {
            let text = format!("write to: {address} please");
            let found = parts(&text, emails);
            assert!(found.iter().any(|part| part.contains(address)), "{address}: {found:?}");
        }
    }

    #[test]
    fn ordinary_sentences_are_no_addresses() {
        for text in [
            "i work at polka dot designs",
            "we met at the office. it was nice",
            "look at this point of view",
            "at 5 p.m. at the station",
            "she looked at me",
            "meet @ noon",
        ] {
            assert!(emails(text).is_empty(), "{text}: {:?}", parts(text, emails));
        }
    }

    #[test]
    fn web_addresses() {
        for (text, url) in [
            ("see https://example.com/a?b=c#d.", "https://example.com/a?b=c#d"),
            ("see (http://user:pass@host:8080/x)", "http://user:pass@host:8080/x"),
            ("at www.example.museum, ok", "www.example.museum"),
            ("on example.com/pricing today", "example.com/pricing"),
            ("on shop.example.io", "shop.example.io"),
            ("it is bit.ly/3xYz", "bit.ly/3xYz"),
            ("or t.co/x.", "t.co/x"),
            ("or it.is/me, too", "it.is/me"),
        ] {
            assert_eq!(parts(text, urls), [url]);
        }
        assert!(urls("it broke.it was late. e.g. this, i.e. that, 3.5 stars").is_empty());
        assert!(urls("9.5/10, i.e./e.g., and/or, at 5 p.m./6 p.m.").is_empty());
    }

    #[test]
    fn ip_addresses() {
        assert_eq!(parts("from 192.168.0.1, or 10.0.0.255.", ips), ["192.168.0.1", "10.0.0.255"]);
        assert_eq!(parts("from 2001:db8::ff00:42:8329.", ips), ["2001:db8::ff00:42:8329"]);
        assert_eq!(parts("from [::1]:80 and fe80::1%eth0", ips), ["::1", "fe80::1%eth0"]);
        assert_eq!(parts("my ip10.0.0.1 or ip2001:db8::1", ips), ["10.0.0.1", "2001:db8::1"]);
        assert!(ips("release v1.2.3.4 of ios17.1.2.3").is_empty());
        assert!(ips("at 12:30:45, version 1.2.3, ratio 300.1.1.1, std::vector").is_empty());
    }
}
