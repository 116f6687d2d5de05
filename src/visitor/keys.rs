//! The public keys of whoever issues logins' tokens, and what tokens were found to say that they signed.
//!
//! In: key sets (RFC 7517), from a file or as they were fetched. Out: keys; whether it is time to fetch them again. A token that was
//! verified is not verified again while the keys stay the same. It must not fetch, nor judge tokens.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, fs, io};

use arc_swap::ArcSwap;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet};
use moka::sync::Cache;
use thiserror::Error;
use url::Url;

use super::token::Said;
use crate::limits::{JWKS_AGAIN, JWKS_BYTES, TOKENS_VERIFIED};
use crate::scope::ledger::Fingerprint;

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysFrom {
    File(PathBuf),
    /// Fetched, and again after this long; sooner, where a token names a key that is not there.
    Url {
        url: Url,
        refresh: Duration,
    },
}

/// Why keys can't be used.
#[derive(Debug, Error)]
pub enum KeysError {
    #[error("the keys {} can't be read", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{from} is no key set (JWKS, RFC 7517)")]
    Format {
        from: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("the keys {0} have more than {JWKS_BYTES} bytes")]
    Large(String),
}

/// Keys at work. Until some were fetched there are none, and no token is believed.
pub struct KeyRing {
    from: Option<KeysFrom>,
    current: ArcSwap<Keyed>,
    /// When fetching was begun last.
    tried: Mutex<Option<Instant>>,
    /// A token named a key that is not there.
    wanted: AtomicBool,
}

/// One key set.
pub struct Keyed {
    pub set: JwkSet,
    /// What verified tokens say, by the token.
    pub verified: Cache<Fingerprint, Arc<Said>>,
}

impl Keyed {
    fn new(set: JwkSet) -> Arc<Self> {
        Arc::new(Self { set, verified: Cache::new(TOKENS_VERIFIED) })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("from", &self.from).field("keys", &self.keyed().set.keys.len()).finish()
    }
}

/// The same if they come from the same place; which keys that gives now is no part of it.
impl PartialEq for KeyRing {
    fn eq(&self, other: &Self) -> bool {
        self.from == other.from
    }
}

impl KeyRing {
    /// No keys.
    pub fn empty() -> Self {
        Self::of(None, JwkSet { keys: Vec::new() })
    }

    /// Keys from there: a file is read now. Those that are fetched begin with what is known `before` from the same place.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn open(from: &KeysFrom, before: Option<&KeyRing>) -> Result<Self, KeysError> {
        let set = match (from, before) {
            (KeysFrom::File(path), _) => read_file(path)?,
            (KeysFrom::Url { url, .. }, Some(before)) if before.url() == Some(url) => before.keyed().set.clone(),
            (KeysFrom::Url { .. }, _) => JwkSet { keys: Vec::new() },
        };
        Ok(Self::of(Some(from.clone()), set))
    }

    fn of(from: Option<KeysFrom>, set: JwkSet) -> Self {
        let current = ArcSwap::new(Keyed::new(set));
        Self { from, current, tried: Mutex::default(), wanted: AtomicBool::new(false) }
    }

    /// The keys as they are now.
    pub fn keyed(&self) -> Arc<Keyed> {
        self.current.load_full()
    }

    /// Where they are fetched, if they are.
    pub fn url(&self) -> Option<&Url> {
        match &self.from {
            Some(KeysFrom::Url { url, .. }) => Some(url),
            _ => None,
        }
    }

    /// Notes that a token names a key that is not there.
    pub fn miss(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Where to fetch keys now, if it is time; whoever asks is to do it. Attempts are apart, however many tokens ask for them.
    pub fn due(&self, now: Instant) -> Option<&Url> {
        let Some(KeysFrom::Url { url, refresh }) = &self.from else { return None };
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let lacks = self.wanted.load(Ordering::Relaxed) || self.keyed().set.keys.is_empty();
        let pause = if lacks { JWKS_AGAIN.min(*refresh) } else { *refresh };
        if tried.is_some_and(|tried| now.duration_since(tried) < pause) {
            return None;
        }
        *tried = Some(now);
        self.wanted.store(false, Ordering::Relaxed);
        Some(url)
    }

    /// Takes what was fetched. A set that can't be read, or has no public key, changes nothing: the last good one stays.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn take(&self, text: &[u8]) -> Result<(), KeysError> {
        let from = self.url().map(Url::to_string).unwrap_or_default();
        let set: JwkSet = serde_json::from_slice(text).map_err(|source| KeysError::Format { from, source })?;
        if !set.keys.iter().any(is_public) || set == self.keyed().set {
            return Ok(());
        }
        self.current.store(Keyed::new(set));
        Ok(())
    }
}

fn is_public(key: &Jwk) -> bool {
    use AlgorithmParameters::{EllipticCurve, OctetKeyPair, RSA};
    matches!(key.algorithm, RSA(_) | EllipticCurve(_) | OctetKeyPair(_))
}

fn read_file(path: &Path) -> Result<JwkSet, KeysError> {
    let read = |source| KeysError::Read { path: path.to_owned(), source };
    let from = || path.display().to_string();
    if fs::metadata(path).map_err(read)?.len() > JWKS_BYTES as u64 {
        return Err(KeysError::Large(from()));
    }
    let text = fs::read(path).map_err(read)?;
    serde_json::from_slice(&text).map_err(|source| KeysError::Format { from: from(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> KeyRing {
        let url = Url::parse("https://login.example/jwks.json").expect("a URL");
        let from = KeysFrom::Url { url, refresh: Duration::from_secs(3_600) };
        KeyRing::open(&from, None).expect("a ring")
    }

    const KEY: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    #[test]
    fn keys_are_fetched_at_their_time_and_when_one_is_missed() {
        let (ring, now) = (ring(), Instant::now());
        let at = |seconds: u64| ring.due(now + Duration::from_secs(seconds)).is_some();
        assert!(at(0), "there are none yet");
        assert!(!at(1), "attempts are apart");
        assert!(at(JWKS_AGAIN.as_secs()), "there still are none");
        ring.take(KEY.as_bytes()).expect("keys");
        assert!(!at(JWKS_AGAIN.as_secs() * 2));
        ring.miss();
        assert!(at(JWKS_AGAIN.as_secs() * 2));
        ring.miss();
        assert!(!at(JWKS_AGAIN.as_secs() * 2 + 1), "a flood of unknown keys fetches no more often");
        assert!(at(JWKS_AGAIN.as_secs() * 3));
        assert!(!at(JWKS_AGAIN.as_secs() * 4));
        assert!(at(JWKS_AGAIN.as_secs() * 3 + 3_600));
    }

    #[test]
    fn the_last_good_keys_stay() {
        let ring = ring();
        ring.take(KEY.as_bytes()).expect("keys");
        let before = ring.keyed();
        for bad in ["", "{}", "<html>", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"?"}]}"#] {
            let _ = ring.take(bad.as_bytes());
            assert_eq!(ring.keyed().set, before.set, "{bad}");
        }
        ring.take(KEY.as_bytes()).expect("keys");
        assert!(Arc::ptr_eq(&ring.keyed(), &before), "what was verified by the same keys stays verified");
        let from = ring.from.clone().expect("a place");
        assert_eq!(KeyRing::open(&from, Some(&ring)).expect("a ring").keyed().set, before.set, "also over a reload");
    }
}
