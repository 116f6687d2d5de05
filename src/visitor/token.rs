//! Who is logged in, by the token of the site's own login (RFC 7519).
//!
//! In: the token in a cookie or field, the keys of whoever issued it. Out: a [`Customer`], or why it tells nothing. It must not fetch
//! keys, nor remember anybody. Signatures are verified by ring, by algorithms that the deployment names: what a token says of its own
//! algorithm only chooses among them.

use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value as Json};
use thiserror::Error;

use super::consent::Told;
use super::facts::RequestFacts;
use super::keys::{KeyRing, Keyed};
use super::signature;
use crate::limits::{CUSTOMER_ID_BYTES, LOGIN_TOKEN_BYTES, TOKEN_TRAITS_BYTES};
use crate::scope::ledger::Fingerprint;
use crate::telemetry::Causes;

/// `visitor.identify` of inlay.yaml as it is used.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenPolicy {
    /// Where the token is; before one in a field `Bearer` may stand.
    pub told: Told,
    pub keys: Arc<KeyRing>,
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

/// What a token says whose signature is good, whatever time it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    customer: Customer,
    /// Seconds since 1970 from and until which it holds.
    from: Option<f64>,
    until: f64,
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
        let (keyed, name) = (self.keys.keyed(), Fingerprint::of(token));
        let said = match keyed.verified.get(&name) {
            Some(said) => said,
            None => {
                let said = Arc::new(self.verified(token, &keyed)?);
                keyed.verified.insert(name, said.clone());
                said
            }
        };
        self.holds(&said, now)
    }

    /// What a token says, if one of the keys signed it.
    fn verified(&self, token: &str, keyed: &Keyed) -> Result<Said, TokenError> {
        signature::install();
        let header = decode_header(token).map_err(TokenError::Invalid)?;
        // Extensions that it says must be understood are not (RFC 7515 section 4.1.11).
        if !self.algorithms.contains(&header.alg) || header.crit.is_some() {
            return Err(TokenError::Invalid(ErrorKind::InvalidAlgorithm.into()));
        }
        let named = |key: &&Jwk| header.kid.is_none() || key.common.key_id == header.kid;
        let keys = keyed.set.keys.iter().filter(|key| signs(key, header.alg)).filter(named);
        let validation = self.validation(header.alg);
        let mut error = TokenError::UnknownKey;
        for key in keys {
            let key = DecodingKey::from_jwk(key).map_err(TokenError::Invalid)?;
            match decode::<Map<String, Json>>(token, &key, &validation) {
                Ok(token) => return self.said(&token.claims),
                Err(refused) => error = TokenError::Invalid(refused),
            }
        }
        if matches!(error, TokenError::UnknownKey) {
            self.keys.miss();
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

    /// Whom a verified token is of, at a moment.
    fn holds(&self, said: &Said, now: Timestamp) -> Result<Customer, TokenError> {
        let (now, leeway) = (now.as_second() as f64, self.leeway.as_secs() as f64);
        if said.until + leeway <= now {
            return Err(TokenError::Expired);
        }
        if said.from.is_some_and(|begin| begin - leeway > now) {
            return Err(TokenError::Early);
        }
        Ok(said.customer.clone())
    }

    /// What the claims of a token come to.
    fn said(&self, claims: &Map<String, Json>) -> Result<Said, TokenError> {
        let moment = |name: &str| claims.get(name).and_then(Json::as_f64);
        // One without an end would hold for ever.
        let until = moment("exp").ok_or(TokenError::Expired)?;
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
        let customer = Customer { id: id.into(), traits: Arc::new(traits) };
        Ok(Said { customer, from: moment("nbf"), until })
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
