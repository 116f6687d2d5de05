//! What an authority finds when it looks whether a domain is ours.
//!
//! In: what it is to find. Out: the answer to its request over HTTP, or the certificate for its TLS handshake, as long as
//! the order runs. It must not talk to the authority.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use instant_acme::KeyAuthorization;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::ring::sign::any_ecdsa_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Where an authority looks for the answer to its token (RFC 8555 section 8.3).
pub const CHALLENGE_PATH: &str = "/.well-known/acme-challenge/";
/// The protocol by which it asks for the certificate (RFC 8737 section 6.2).
pub const ALPN: &[u8] = b"acme-tls/1";

/// The challenges that are under way in this process. Clones share them.
#[derive(Clone, Default)]
pub struct Challenges(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    /// By token.
    answers: HashMap<String, String>,
    /// By domain.
    certificates: HashMap<String, Arc<CertifiedKey>>,
}

/// A challenge that is answered until this is dropped.
#[derive(Debug)]
pub struct Expected {
    challenges: Challenges,
    key: Key,
}

#[derive(Debug)]
enum Key {
    Token(String),
    Domain(String),
}

/// Why no certificate could be made for a challenge.
#[derive(Debug, thiserror::Error)]
pub enum ChallengeError {
    #[error("the certificate that answers the challenge can't be made")]
    Make(#[from] rcgen::Error),
    #[error("its key can't be used")]
    Key(#[from] rustls::Error),
}

impl Challenges {
    /// Answers `token` with what proves that the account is ours.
    pub fn expect_http(&self, token: &str, authorization: &KeyAuthorization) -> Expected {
        self.table().answers.insert(token.to_owned(), authorization.as_str().to_owned());
        Expected { challenges: self.clone(), key: Key::Token(token.to_owned()) }
    }

    /// Shows a certificate for `domain` that holds the same (RFC 8737 section 3).
    ///
    /// # Errors
    /// It can't be made.
    pub fn expect_tls(&self, domain: &str, authorization: &KeyAuthorization) -> Result<Expected, ChallengeError> {
        let key = KeyPair::generate()?;
        let mut parameters = CertificateParams::new(vec![domain.to_owned()])?;
        parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(authorization.digest().as_ref())];
        let certificate = parameters.self_signed(&key)?;
        let private =
            PrivateKeyDer::try_from(key.serialize_der()).map_err(|text| rustls::Error::General(text.into()))?;
        let certified = CertifiedKey::new(vec![certificate.der().clone()], any_ecdsa_type(&private)?);
        self.table().certificates.insert(domain.to_owned(), Arc::new(certified));
        Ok(Expected { challenges: self.clone(), key: Key::Domain(domain.to_owned()) })
    }

    /// The answer to a request for `path`, if it is that of a challenge under way.
    pub fn answer(&self, path: &str) -> Option<String> {
        let token = path.strip_prefix(CHALLENGE_PATH)?;
        self.table().answers.get(token).cloned()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        let mut table = self.challenges.table();
        match &self.key {
            Key::Token(token) => drop(table.answers.remove(token)),
            Key::Domain(domain) => drop(table.certificates.remove(domain)),
        }
    }
}

/// For handshakes that speak [`ALPN`] alone.
impl ResolvesServerCert for Challenges {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.table().certificates.get(&hello.server_name()?.to_ascii_lowercase()).cloned()
    }
}

impl fmt::Debug for Challenges {
    /// Shows how many there are, not what proves them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table();
        f.debug_struct("Challenges")
            .field("answers", &table.answers.len())
            .field("certificates", &table.certificates.len())
            .finish()
    }
}
