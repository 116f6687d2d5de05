//! The visitor's signed first-party cookie.
//!
//! In: the cookie's value and the keys. Out: an [`Identity`], and the cookie to set. The cookie holds a random id, the day on which it was
//! issued and an HMAC-SHA-256 over both; nothing about the person. It must not be readable by code, nor reach the origin.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use jiff::Timestamp;
use sha2::Sha256;

use crate::http::cookies::{self, Transport};
use crate::ids;
use crate::limits::{VISITOR_COOKIE_AGE, VISITOR_COOKIE_RENEWAL};

/// Bytes of the signature that are kept: 128 bits, as much as the id has.
const SIGNATURE_BYTES: usize = 16;
const SECONDS_PER_DAY: i64 = 86_400;

/// An anonymous visitor's id: 128 random bits, written as base64url.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VisitorId(Arc<str>);

impl VisitorId {
    /// A new one from the operating system's randomness.
    pub fn random() -> Self {
        Self(URL_SAFE_NO_PAD.encode(ids::random_128()).into())
    }

    /// The id as text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Who asks, as far as the cookie tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Not to be recognised: no consent.
    Nobody,
    /// Not to be recognised any more: brought a cookie of ours, and no consent. What is known under this id is to be forgotten.
    Withdrawn(VisitorId),
    /// Brought no cookie of ours.
    New(VisitorId),
    /// Brought one that we did not sign, or a damaged one; it is replaced.
    Replaced(VisitorId),
    /// Recognised.
    Known(VisitorId),
    /// Recognised, but by an old key or an ageing cookie, which is issued anew.
    Renewed(VisitorId),
}

impl Identity {
    /// The id, if there is one.
    pub fn id(&self) -> Option<&VisitorId> {
        match self {
            Identity::Nobody | Identity::Withdrawn(_) => None,
            Identity::New(id) | Identity::Replaced(id) | Identity::Known(id) | Identity::Renewed(id) => Some(id),
        }
    }

    /// Who withdrew consent.
    pub fn withdrawn(&self) -> Option<&VisitorId> {
        match self {
            Identity::Withdrawn(id) => Some(id),
            _ => None,
        }
    }

    /// Whether the visitor was here before.
    pub fn returning(&self) -> bool {
        matches!(self, Identity::Known(_) | Identity::Renewed(_))
    }

    /// The id for which a cookie is to be set.
    pub fn owes_cookie(&self) -> Option<&VisitorId> {
        match self {
            Identity::Nobody | Identity::Withdrawn(_) | Identity::Known(_) => None,
            Identity::New(id) | Identity::Replaced(id) | Identity::Renewed(id) => Some(id),
        }
    }
}

/// The cookie's name and the keys that sign it: the first signs, all verify.
#[derive(Clone)]
pub struct IdentityKeys {
    cookie: Arc<str>,
    keys: Arc<[Hmac<Sha256>]>,
}

impl std::fmt::Debug for IdentityKeys {
    /// Never shows a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityKeys").field("cookie", &self.cookie).field("keys", &self.keys.len()).finish()
    }
}

impl IdentityKeys {
    /// Keys from secrets (at least one), for a cookie of this name.
    ///
    /// # Panics
    /// Never for a non-empty list: HMAC takes keys of any length.
    pub fn new(cookie: &str, secrets: &[impl AsRef<str>]) -> Self {
        let key = |secret: &str| {
            Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("invariant: HMAC takes keys of any length")
        };
        Self { cookie: cookie.into(), keys: secrets.iter().map(|secret| key(secret.as_ref())).collect() }
    }

    /// The same keys for a cookie of another name.
    pub fn renamed(&self, cookie: &str) -> Self {
        Self { cookie: cookie.into(), keys: Arc::clone(&self.keys) }
    }

    /// The cookie's name.
    pub fn cookie_name(&self) -> &str {
        &self.cookie
    }

    /// Recognises the bearer of a cookie value, or makes a new id.
    pub fn identify(&self, cookie: Option<&str>, now: Timestamp) -> Identity {
        let Some(value) = cookie else {
            return Identity::New(VisitorId::random());
        };
        match self.verify(value) {
            None => Identity::Replaced(VisitorId::random()),
            Some(Verified { id, issued, current_key }) => {
                let age = today(now).saturating_sub(issued) * SECONDS_PER_DAY;
                let ageing = age >= VISITOR_COOKIE_RENEWAL.as_secs() as i64;
                if ageing || !current_key { Identity::Renewed(id) } else { Identity::Known(id) }
            }
        }
    }

    /// Who was recognised by this cookie before consent was withdrawn.
    pub fn withdrawn(&self, cookie: Option<&str>) -> Identity {
        let verified = cookie.and_then(|value| self.verify(value));
        verified.map_or(Identity::Nobody, |verified| Identity::Withdrawn(verified.id))
    }

    /// The `Set-Cookie` value that makes a browser forget our cookie.
    pub fn expire_cookie(&self, transport: Transport) -> Option<HeaderValue> {
        cookies::set_cookie(&self.cookie, "", Duration::ZERO, transport)
    }

    /// The `Set-Cookie` value for `id`; `None` if the cookie's name is none that a header can hold.
    pub fn set_cookie(&self, id: &VisitorId, transport: Transport, now: Timestamp) -> Option<HeaderValue> {
        let signed = format!("{}.{}", id.text(), today(now));
        let mac = self.sign(&self.keys[0], &signed);
        cookies::set_cookie(&self.cookie, &format!("{signed}.{mac}"), VISITOR_COOKIE_AGE, transport)
    }

    /// Signs another text than a cookie's, which begins as none does. 256 bits.
    pub fn sign_text(&self, text: &str) -> Vec<u8> {
        self.keys[0].clone().chain_update(text).finalize().into_bytes().to_vec()
    }

    /// Whether one of the keys signed a text so.
    pub fn signed_text(&self, text: &str, signature: &[u8]) -> bool {
        self.keys.iter().any(|key| key.clone().chain_update(text).verify_slice(signature).is_ok())
    }

    fn sign(&self, key: &Hmac<Sha256>, signed: &str) -> String {
        let bytes = key.clone().chain_update(signed).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode(&bytes[..SIGNATURE_BYTES])
    }

    fn verify(&self, value: &str) -> Option<Verified> {
        let (signed, mac) = value.rsplit_once('.')?;
        let (id, issued) = signed.split_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok().filter(|mac| mac.len() == SIGNATURE_BYTES)?;
        let signer =
            self.keys.iter().position(|key| key.clone().chain_update(signed).verify_truncated_left(&mac).is_ok())?;
        Some(Verified { id: VisitorId(id.into()), issued: issued.parse().ok()?, current_key: signer == 0 })
    }
}

/// What a cookie with a good signature says.
struct Verified {
    id: VisitorId,
    /// Days since 1970.
    issued: i64,
    current_key: bool,
}

fn today(now: Timestamp) -> i64 {
    now.as_second().div_euclid(SECONDS_PER_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "an old secret of thirty-two letters";
    const NEW: &str = "a new secret of thirty-two letters!";

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().expect("timestamp")
    }

    fn issued_by(keys: &IdentityKeys, id: &VisitorId, at: Timestamp) -> String {
        let header = keys.set_cookie(id, Transport::Any, at).expect("a cookie");
        let (_, rest) = header.to_str().expect("ASCII").split_once('=').expect("a cookie");
        rest.split(';').next().expect("a value").to_owned()
    }

    #[test]
    fn a_cookie_of_ours_is_recognised_and_any_other_replaced() {
        let keys = IdentityKeys::new("v", &[NEW]);
        let id = VisitorId::random();
        let cookie = issued_by(&keys, &id, now());
        assert_eq!(keys.identify(Some(&cookie), now()), Identity::Known(id));
        for at in 0..cookie.len() {
            let mut forged = cookie.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("ascii");
            // The last letter of the signature carries spare bits: changing only those is refused by the decoder.
            assert!(matches!(keys.identify(Some(&forged), now()), Identity::Replaced(_)), "{forged}");
        }
        assert!(matches!(keys.identify(Some(""), now()), Identity::Replaced(_)));
        assert!(matches!(keys.identify(None, now()), Identity::New(_)));
    }

    #[test]
    fn rotated_keys_are_accepted_and_renewed() {
        let id = VisitorId::random();
        let cookie = issued_by(&IdentityKeys::new("v", &[OLD]), &id, now());
        let rotated = IdentityKeys::new("v", &[NEW, OLD]);
        assert_eq!(rotated.identify(Some(&cookie), now()), Identity::Renewed(id));
        assert!(matches!(IdentityKeys::new("v", &[NEW]).identify(Some(&cookie), now()), Identity::Replaced(_)));
    }

    #[test]
    fn an_ageing_cookie_is_renewed() {
        let keys = IdentityKeys::new("v", &[NEW]);
        let id = VisitorId::random();
        let cookie = issued_by(&keys, &id, now());
        let later = now() + jiff::SignedDuration::from_secs(VISITOR_COOKIE_RENEWAL.as_secs() as i64);
        assert_eq!(keys.identify(Some(&cookie), later), Identity::Renewed(id));
    }

    #[test]
    fn the_cookie_is_ours_alone() {
        let header = IdentityKeys::new("v", &[NEW]).set_cookie(&VisitorId::random(), Transport::Secure, now());
        let header = header.as_ref().and_then(|header| header.to_str().ok()).expect("a cookie");
        for attribute in ["Path=/", "HttpOnly", "SameSite=Lax", "Secure", "Max-Age="] {
            assert!(header.contains(attribute), "{attribute} in {header}");
        }
    }
}
