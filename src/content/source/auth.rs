//! How a request proves who sends it: by a secret in a field, by a token, by a signature.
//!
//! In: secrets, and a request that is otherwise ready. Out: the request with its proof. It must not show a secret.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{self, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::Value as Json;
use sha2::{Digest, Sha256, Sha512};
use url::Url;

use super::ask::Arguments;
use super::failure::RequestError;
use super::phrase::Phrase;
use super::request::Wire;
use crate::scope::language::Escape;

/// A secret; it never shows in messages or logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Keeps `text` out of sight.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for where it is used.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How a source knows us.
#[derive(Clone, Debug, PartialEq)]
pub enum Auth {
    Basic {
        user: Arc<str>,
        password: Secret,
    },
    Bearer(Secret),
    /// A key in a field of its own.
    Header {
        name: HeaderName,
        value: Secret,
    },
    /// A token for our credentials (RFC 6749 section 4.4).
    Token(Credentials),
    Signature(Signature),
}

/// What a token is asked for with.
#[derive(Clone, Debug, PartialEq)]
pub struct Credentials {
    pub url: Url,
    pub client: Arc<str>,
    pub secret: Secret,
    pub scope: Option<Arc<str>>,
    pub audience: Option<Arc<str>>,
    pub place: Place,
}

/// Where a client's credentials stand in the request for a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In `Authorization`, as RFC 6749 section 2.3.1 prefers.
    #[default]
    Header,
    /// In the form.
    Body,
}

/// An HMAC over parts of the request.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    pub secret: Secret,
    pub hash: Hash,
    pub encoding: Encoding,
    /// Where it stands.
    pub header: HeaderName,
    /// What stands before it there.
    pub prefix: Arc<str>,
    /// Where the moment of signing stands, in Unix seconds.
    pub timestamp: Option<HeaderName>,
    /// What is signed: a phrase over [`SIGNED_NAMES`].
    pub over: Phrase,
}

/// What a signature may be over.
pub const SIGNED_NAMES: [&str; 6] = ["method", "host", "path", "timestamp", "body", "body_sha256"];

/// What it is over unless the author says otherwise.
pub const SIGNED: &str = "{{ method }}\n{{ path }}\n{{ timestamp }}\n{{ body_sha256 }}";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hash {
    #[default]
    Sha256,
    Sha512,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    #[default]
    Hex,
    Base64,
}

/// Adds the proof to a request; a token is one that the source was given for it.
///
/// # Errors
/// [`RequestError`] if it can't be said.
pub(super) fn admit(wire: &mut Wire, auth: &Auth, token: Option<&Secret>, now: Timestamp) -> Result<(), RequestError> {
    let (name, value) = match auth {
        Auth::Basic { user, password } => (header::AUTHORIZATION, basic(user, password)),
        Auth::Bearer(token) => (header::AUTHORIZATION, format!("Bearer {}", token.expose())),
        Auth::Header { name, value } => (name.clone(), value.expose().to_owned()),
        Auth::Token(_) => match token {
            Some(token) => (header::AUTHORIZATION, format!("Bearer {}", token.expose())),
            None => return Ok(()),
        },
        Auth::Signature(signature) => return signature.sign(wire, now),
    };
    wire.set(name, &value, Sight::Secret)
}

/// Whether a field's value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    Open,
    Secret,
}

/// The credentials of RFC 7617.
pub(super) fn basic(user: &str, password: &Secret) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose())))
}

impl Signature {
    fn sign(&self, wire: &mut Wire, now: Timestamp) -> Result<(), RequestError> {
        let timestamp = now.as_second().to_string();
        let over = self.over.say(&self.signed(wire, &timestamp), Escape::Field)?;
        let signed = match self.hash {
            Hash::Sha256 => mac::<Hmac<Sha256>>(&self.secret, &over),
            Hash::Sha512 => mac::<Hmac<Sha512>>(&self.secret, &over),
        };
        let text = match self.encoding {
            Encoding::Hex => hex(&signed),
            Encoding::Base64 => STANDARD.encode(&signed),
        };
        if let Some(name) = &self.timestamp {
            wire.set(name.clone(), &timestamp, Sight::Open)?;
        }
        wire.set(self.header.clone(), &format!("{}{text}", self.prefix), Sight::Secret)
    }

    fn signed(&self, wire: &Wire, timestamp: &str) -> Arguments {
        let path = match wire.url.query() {
            Some(query) => format!("{}?{query}", wire.url.path()),
            None => wire.url.path().to_owned(),
        };
        let values = [
            wire.method.to_string(),
            wire.url.host_str().unwrap_or_default().to_owned(),
            path,
            timestamp.to_owned(),
            String::from_utf8_lossy(&wire.body).into_owned(),
            hex(&Sha256::digest(&wire.body)),
        ];
        SIGNED_NAMES.iter().map(|name| (*name).to_owned()).zip(values.map(Json::String)).collect()
    }
}

fn mac<M: Mac + KeyInit>(secret: &Secret, over: &str) -> Vec<u8> {
    let mut mac =
        <M as KeyInit>::new_from_slice(secret.expose().as_bytes()).expect("invariant: HMAC takes keys of any length");
    mac.update(over.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A value of a field, kept out of sight where it is secret.
pub(super) fn value_of(text: &str, sight: Sight) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
    value.set_sensitive(sight == Sight::Secret);
    Some(value)
}
