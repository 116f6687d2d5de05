//! Who we are to other proxies, so that a request which comes back is recognised (RFC 9110 section 7.6.3, RFC 8586).
//!
//! In: a seed, a message's headers. Out: the same with our name on them; whether it was there. It must not refuse anything.

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Version};

use super::tokens;

/// RFC 8586.
pub const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// The name by which this process is known in `Via`, so that a request which comes back is recognised. Of a token's
/// characters, and different for each process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pseudonym(String);

impl Pseudonym {
    /// `inlay-` and the eight hexadecimal digits of `seed`.
    pub fn new(seed: u32) -> Self {
        Self(format!("inlay-{seed:08x}"))
    }

    /// As it stands in `Via`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends ourselves to `Via`: `version` is that in which the message was received (RFC 9110 section 7.6.3).
    pub fn append_via(&self, headers: &mut HeaderMap, version: Version) {
        let version = match version {
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            Version::HTTP_3 => "3",
            _ => "1.1",
        };
        if let Ok(value) = HeaderValue::try_from(format!("{version} {}", self.0)) {
            headers.append(header::VIA, value);
        }
    }

    /// Appends ourselves to `CDN-Loop` (RFC 8586), which others must not take out as they may `Via`.
    pub fn append_cdn_loop(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::try_from(self.as_str()) {
            headers.append(CDN_LOOP, value);
        }
    }

    /// Whether a request with these headers has passed here before: `Via` or `CDN-Loop` names us.
    pub fn has_passed(&self, headers: &HeaderMap) -> bool {
        let in_via =
            tokens(headers, &header::VIA).any(|hop| hop.split_ascii_whitespace().nth(1) == Some(self.as_str()));
        let id = |member: &str| member.split(';').next().map(str::trim) == Some(self.as_str());
        in_via || tokens(headers, &CDN_LOOP).any(id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::headers;
    use super::*;

    #[test]
    fn only_our_own_pseudonym_is_a_loop() {
        let (us, other) = (Pseudonym::new(1), Pseudonym::new(2));
        let mut headers = headers(&[("via", "1.0 fred, 1.1 p.example.net (Apache/1.1)")]);
        other.append_via(&mut headers, Version::HTTP_2);
        assert!(!us.has_passed(&headers));
        us.append_via(&mut headers, Version::HTTP_11);
        assert!(us.has_passed(&headers));
        let looped = |value: &'static str| us.has_passed(&super::super::tests::headers(&[("cdn-loop", value)]));
        assert!(looped("a.example, inlay-00000001;v=1") && !looped("inlay-000000012") && !looped("a;inlay-00000001"));
        assert_eq!(headers.get_all("via").iter().next_back().unwrap(), "1.1 inlay-00000001");
    }
}
