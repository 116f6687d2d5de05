//! The nonces of a response's content security policies (CSP Level 3, section 2.3.1), and their exchange.
//!
//! In: a response's headers. Out: the nonces that they name, or the same headers with another one. It must not look into bodies.

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};

use crate::ids;

/// Where policies stand: those that are enforced, and those that only report.
const POLICIES: [HeaderName; 2] = [header::CONTENT_SECURITY_POLICY, header::CONTENT_SECURITY_POLICY_REPORT_ONLY];
const PREFIX: &str = "'nonce-";

/// The nonces that the policies name, enforced or only reporting, each once.
pub fn nonces(headers: &HeaderMap) -> Vec<&str> {
    let mut found = Vec::new();
    for line in POLICIES.iter().flat_map(|name| headers.get_all(name)).filter_map(|line| line.to_str().ok()) {
        for (_, nonce) in places(line) {
            if !found.contains(&nonce) {
                found.push(nonce);
            }
        }
    }
    found
}

/// Puts `new` in the place of `old` in all policies.
pub fn exchange_nonce(headers: &mut HeaderMap, old: &str, new: &str) {
    for name in &POLICIES {
        let lines: Vec<HeaderValue> = headers.get_all(name).iter().map(|line| exchanged(line, old, new)).collect();
        headers.remove(name);
        for line in lines {
            headers.append(name, line);
        }
    }
}

/// A nonce that nobody had before: 128 random bits, in characters that stand for themselves everywhere.
pub fn fresh_nonce() -> String {
    ids::random_128().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn exchanged(line: &HeaderValue, old: &str, new: &str) -> HeaderValue {
    let Ok(text) = line.to_str() else { return line.clone() };
    let mut made = String::with_capacity(text.len() + new.len());
    let mut copied = 0;
    for (at, _) in places(text).filter(|(_, nonce)| *nonce == old) {
        made.push_str(&text[copied..at]);
        made.push_str(new);
        copied = at + old.len();
    }
    made.push_str(&text[copied..]);
    HeaderValue::try_from(made).unwrap_or_else(|_| line.clone())
}

/// The nonces of a line, with their places.
fn places(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + line[from..].find('\'')?;
            from = start + 1;
            let is_nonce =
                line.get(start..start + PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX));
            if is_nonce {
                let at = start + PREFIX.len();
                let end = at + line[at..].find('\'')?;
                from = end + 1;
                return Some((at, &line[at..end]));
            }
        }
    })
}

/// The nonce of a page's content security policy: the first of `script-src-elem`, `script-src`, `style-src-elem`,
/// `style-src`, `default-src` that has one, policies that are enforced before those that only report.
pub fn csp_nonce(headers: &HeaderMap) -> Option<&str> {
    if !POLICIES.iter().any(|name| headers.contains_key(name)) {
        return None;
    }
    const DIRECTIVES: [&str; 5] = ["script-src-elem", "script-src", "style-src-elem", "style-src", "default-src"];
    let policies = || {
        POLICIES
            .iter()
            .flat_map(|name| headers.get_all(name))
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split([';', ',']))
    };
    DIRECTIVES.into_iter().find_map(|wanted| {
        policies().find_map(|directive| {
            let mut words = directive.split_ascii_whitespace();
            words.next().filter(|name| name.eq_ignore_ascii_case(wanted))?;
            words.find_map(nonce_source)
        })
    })
}

/// `'nonce-…'` of base64 or base64url characters; any other could not be laid into an attribute unescaped.
fn nonce_source(word: &str) -> Option<&str> {
    let inner = word.strip_prefix('\'')?.strip_suffix('\'')?;
    let (prefix, nonce) = inner.split_at_checked("nonce-".len())?;
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
    (prefix.eq_ignore_ascii_case("nonce-") && !nonce.is_empty() && nonce.bytes().all(is_base64)).then_some(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_are_found_and_exchanged_wherever_they_stand() {
        let mut headers = HeaderMap::new();
        let policies = [
            ("content-security-policy", "script-src 'self' 'nonce-abc' 'strict-dynamic'; style-src 'NONCE-abc'"),
            ("content-security-policy", "script-src 'nonce-other', img-src 'nonce-abcd'"),
            ("content-security-policy-report-only", "default-src 'nonce-abc"),
            ("content-security-policy-report-only", "default-src 'nonce-abc'"),
        ];
        for (name, value) in policies {
            headers.append(name, HeaderValue::from_static(value));
        }
        assert_eq!(nonces(&headers), ["abc", "other", "abcd"]);
        exchange_nonce(&mut headers, "abc", "n");
        let lines: Vec<_> = POLICIES.iter().flat_map(|name| headers.get_all(name)).collect();
        assert_eq!(
            lines,
            [
                "script-src 'self' 'nonce-n' 'strict-dynamic'; style-src 'NONCE-n'",
                "script-src 'nonce-other', img-src 'nonce-abcd'",
                "default-src 'nonce-abc",
                "default-src 'nonce-n'",
            ]
        );
        assert_ne!(fresh_nonce(), fresh_nonce());
    }

    #[test]
    fn the_nonce_of_scripts_counts_before_that_of_the_rest() {
        let policy = |value| with(&[("content-security-policy", value)]);
        assert_eq!(csp_nonce(&policy("default-src 'self' 'nonce-d'; script-src 'nonce-Ab+/-_9='")), Some("Ab+/-_9="));
        assert_eq!(csp_nonce(&policy("style-src 'NONCE-s', default-src 'nonce-d'")), Some("s"));
        assert_eq!(csp_nonce(&policy("script-src 'nonce-\"><b>'; img-src 'nonce-i'")), None);
        assert_eq!(csp_nonce(&policy("script-src 'nonce-' nonce-x 'é")), None);
        let reported = with(&[("content-security-policy-report-only", "script-src 'nonce-r'")]);
        assert_eq!(csp_nonce(&reported), Some("r"));
    }

    fn with(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        lines.iter().map(line).collect()
    }
}
