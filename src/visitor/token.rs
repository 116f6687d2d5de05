//! Who is logged in, by the token of the site's own login (RFC 7519).
//!
//! In: the token in a cookie or field, the keys of whoever issued it. Out: a [`Customer`], or why it tells nothing. It must not fetch
//! keys, nor remember anybody. Signatures are verified by ring, by algorithms that the deployment names: what a token says of its own
//! algorithm only chooses among them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::{fs, io};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value as Json};
use thiserror::Error;

use super::consent::Told;
use super::facts::RequestFacts;
use super::signature;
use crate::limits::{CUSTOMER_ID_BYTES, LOGIN_TOKEN_BYTES, TOKEN_TRAITS_BYTES};
use crate::telemetry::Causes;

/// `visitor.identify` of inlay.yaml as it is used.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenPolicy {
    /// Where the token is; before one in a field `Bearer` may stand.
    pub told: Told,
    pub keys: Arc<JwkSet>,
    /// At least one.
    pub algorithms: Vec<Algorithm>,
    /// One of these must have issued it; empty: anybody whose key it is.
    pub issuers: Vec<String>,
    /// It must be for one of these; empty: for anybody.
    pub audiences: Vec<String>,
    /// By how much clocks may differ.
    pub leeway: SignedDuration,
    /// The claim that is the customer's id.
    pub id: Arc<str>,
    /// The names of traits, and the claim that each is read from.
    pub traits: Vec<(Arc<str>, Arc<str>)>,
}

/// Somebody who is logged in.
#[derive(Clone, Debug, PartialEq)]
pub struct Customer {
    pub id: Arc<str>,
    /// What the token tells of them.
    pub traits: Arc<Json>,
}

/// The token that a request brought; it is looked into when somebody asks.
#[derive(Debug)]
pub struct Login {
    policy: Arc<TokenPolicy>,
    token: String,
    at: Timestamp,
    customer: OnceLock<Option<Customer>>,
}

impl Login {
    /// Of a request, if it brought one.
    pub fn of(policy: &Arc<TokenPolicy>, request: &RequestFacts, at: Timestamp) -> Option<Self> {
        let token = policy.find(request)?;
        Some(Self { policy: policy.clone(), token, at, customer: OnceLock::new() })
    }

    /// Who it is, if it can be believed.
    pub fn customer(&self) -> Option<&Customer> {
        let customer = self.customer.get_or_init(|| match self.policy.customer(&self.token, self.at) {
            Ok(customer) => Some(customer),
            Err(error) => {
                tracing::debug!(error = %Causes(&error), "a login's token tells nothing");
                None
            }
        });
        customer.as_ref()
    }
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
    #[error("{} is no key set (JWKS, RFC 7517)", .path.display())]
    Format {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

/// Reads a key set from a file.
///
/// # Errors
/// [`KeysError`].
pub fn read_keys(path: &Path) -> Result<JwkSet, KeysError> {
    let text = fs::read_to_string(path).map_err(|source| KeysError::Read { path: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|source| KeysError::Format { path: path.to_owned(), source })
}

/// Why a token tells nothing.
#[derive(Debug, Error)]
pub enum TokenError {
    #[error("the token has more than {LOGIN_TOKEN_BYTES} bytes")]
    Long,
    #[error("the token is not signed by a key that is known")]
    UnknownKey,
    #[error("the token can't be believed")]
    Invalid(#[source] jsonwebtoken::errors::Error),
    #[error("the token has run out")]
    Expired,
    #[error("the token does not hold yet")]
    Early,
    #[error("the token does not say who it is for in `{0}`")]
    Nobody(Arc<str>),
    #[error("the token's traits have more than {TOKEN_TRAITS_BYTES} bytes")]
    LargeTraits,
}

impl TokenPolicy {
    /// The token of a request.
    pub fn find(&self, request: &RequestFacts) -> Option<String> {
        let told = self.told.find(request)?;
        let bearer = told.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "));
        let token = told[bearer.map_or(0, str::len)..].trim();
        (!token.is_empty()).then(|| token.to_owned())
    }

    /// Who a token is of.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn customer(&self, token: &str, now: Timestamp) -> Result<Customer, TokenError> {
        if token.len() > LOGIN_TOKEN_BYTES {
            return Err(TokenError::Long);
        }
        signature::install();
        let header = decode_header(token).map_err(TokenError::Invalid)?;
        // Extensions that it says must be understood are not (RFC 7515 section 4.1.11).
        if !self.algorithms.contains(&header.alg) || header.crit.is_some() {
            return Err(TokenError::Invalid(ErrorKind::InvalidAlgorithm.into()));
        }
        let named = |key: &&Jwk| header.kid.is_none() || key.common.key_id == header.kid;
        let keys = self.keys.keys.iter().filter(|key| signs(key, header.alg)).filter(named);
        let validation = self.validation(header.alg);
        let mut error = TokenError::UnknownKey;
        for key in keys {
            let key = DecodingKey::from_jwk(key).map_err(TokenError::Invalid)?;
            match decode::<Map<String, Json>>(token, &key, &validation) {
                Ok(token) => return self.believed(token.claims, now),
                Err(refused) => error = TokenError::Invalid(refused),
            }
        }
        Err(error)
    }

    /// The library's own checks, but for those that ask the clock.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        validation.validate_aud = !self.audiences.is_empty();
        let mut required = vec!["exp"];
        if !self.audiences.is_empty() {
            validation.set_audience(&self.audiences);
            required.push("aud");
        }
        if !self.issuers.is_empty() {
            validation.set_issuer(&self.issuers);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        validation
    }

    /// What a token says whose signature is good, at a moment.
    fn believed(&self, claims: Map<String, Json>, now: Timestamp) -> Result<Customer, TokenError> {
        let moment = |name: &str| claims.get(name).and_then(Json::as_f64);
        let (now, leeway) = (now.as_second() as f64, self.leeway.as_secs() as f64);
        if moment("exp").is_none_or(|end| end + leeway <= now) {
            return Err(TokenError::Expired);
        }
        if moment("nbf").is_some_and(|begin| begin - leeway > now) {
            return Err(TokenError::Early);
        }
        let id = match claims.get(&*self.id) {
            Some(Json::String(text)) => text.trim().to_owned(),
            Some(Json::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        if id.is_empty() || id.len() > CUSTOMER_ID_BYTES || id.contains(char::is_control) {
            return Err(TokenError::Nobody(self.id.clone()));
        }
        let told = |claim: &str| {
            claim.split('.').try_fold(None, |at: Option<&Json>, part| match at {
                None => claims.get(part).map(Some),
                Some(value) => value.get(part).map(Some),
            })
        };
        let traits = self.traits.iter().filter_map(|(name, claim)| Some((name.to_string(), told(claim)??.clone())));
        let traits = Json::Object(traits.collect());
        if traits.to_string().len() > TOKEN_TRAITS_BYTES {
            return Err(TokenError::LargeTraits);
        }
        Ok(Customer { id: id.into(), traits: Arc::new(traits) })
    }
}

/// Whether a key is one for signatures by this algorithm.
fn signs(key: &Jwk, algorithm: Algorithm) -> bool {
    let for_signatures = !matches!(&key.common.public_key_use, Some(usage) if *usage != PublicKeyUse::Signature);
    let fits = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), algorithm) => algorithm.family() == jsonwebtoken::AlgorithmFamily::Rsa,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES384) => key.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    let same = key.common.key_algorithm.is_none_or(|named| named.to_string() == format!("{algorithm:?}"));
    for_signatures && fits && same
}
