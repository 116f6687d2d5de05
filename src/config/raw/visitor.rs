//! `visitor` of inlay.yaml as written: the cookie, its secrets, consent.
//!
//! In: trees. Out: records. It must not fill in defaults, nor judge what belongs together.

use std::borrow::Cow;

use jsonwebtoken::Algorithm;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::config::read::record::record;
use crate::config::read::scalars::{CookieName, Duration, HeaderName, Integer, Secret};
use crate::config::read::shapes::{Named, OneOrMany, choices};
use crate::config::read::{At, Read, Reader};
use crate::config::yaml::{Node, Text, Value};

record! {
    /// How visitors are recognised.
    RawVisitor: "a map with `secret`, `cookie` or `consent`" {
        /// The cookie's name; `inlay_visitor` by default.
        key "cookie" cookie: CookieName,
        /// What signs the cookie: 32 characters or more; of a list the first signs and all are accepted.
        key "secret" secret: Secrets,
        /// `implied`, or a map with `required` or `tcf`.
        key "consent" consent: RawConsent,
        /// How a login is known: by a token of the site's own.
        key "identify" identify: RawIdentify,
        /// Whether `DNT: 1` is a no, as `Sec-GPC: 1` always is; not by default.
        key "do_not_track" do_not_track: bool,
    }
    later ["lifetime"]
}

record! {
    /// How a login is known.
    RawIdentify: "a map with `jwt`" {
        /// The token of the site's own login.
        required "jwt" jwt: RawJwt,
    }
    later ["api"]
}

record! {
    /// The token of the site's own login (JWT).
    RawJwt: "a map with `cookie` or `header`, `keys` and `algorithms`" {
        /// The cookie that holds it.
        key "cookie" cookie: CookieName,
        /// The header that holds it, perhaps after `Bearer`.
        key "header" header: HeaderName,
        /// A file or a URL with the public keys of whoever issues it (JWKS).
        required "keys" keys: Text,
        /// How often keys are fetched from a URL; 1h by default.
        key "refresh" refresh: Duration,
        /// By which it may be signed: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA.
        required "algorithms" algorithms: OneOrMany<RawAlgorithm>,
        /// Who must have issued it (`iss`); anybody with these keys by default.
        key "issuer" issuer: OneOrMany<Text>,
        /// For whom it must be (`aud`); for anybody by default.
        key "audience" audience: OneOrMany<Text>,
        /// By how much clocks may differ; 60s by default.
        key "leeway" leeway: Duration,
        /// The claim that is the customer's id; `sub` by default.
        key "id" id: Text,
        /// Traits, and the claims that they are read from, such as `{ tier: loyalty.tier }`.
        key "traits" traits: Named<Text>,
    }
    later []
}

/// How a token is signed, as RFC 7518 names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAlgorithm(pub Algorithm);

choices!(RawAlgorithm: "an algorithm" {
    "RS256" => RawAlgorithm(Algorithm::RS256),
    "RS384" => RawAlgorithm(Algorithm::RS384),
    "RS512" => RawAlgorithm(Algorithm::RS512),
    "PS256" => RawAlgorithm(Algorithm::PS256),
    "PS384" => RawAlgorithm(Algorithm::PS384),
    "PS512" => RawAlgorithm(Algorithm::PS512),
    "ES256" => RawAlgorithm(Algorithm::ES256),
    "ES384" => RawAlgorithm(Algorithm::ES384),
    "EdDSA" => RawAlgorithm(Algorithm::EdDSA),
});

record! {
    /// Consent that a cookie or a header gives.
    RequiredConsent: "a map with `cookie` or `header`, and `value`" {
        /// The cookie that the site's consent banner sets.
        key "cookie" cookie: CookieName,
        /// The header in which a proxy before Inlay tells the choice.
        key "header" header: HeaderName,
        /// The value that means yes.
        required "value" value: Text,
    }
    later []
}

record! {
    /// Consent as a TCF string (version 2) says.
    RawTcf: "a map with `cookie` or `header`" {
        /// The cookie that holds the string; `euconsent-v2` by default.
        key "cookie" cookie: CookieName,
        /// The header that holds the string.
        key "header" header: HeaderName,
        /// Purposes of the framework that storing needs; `[1]` by default.
        key "store" store: OneOrMany<Integer>,
        /// Purposes of the framework that personalising needs, all of them; `[3, 4, 5]` by default.
        key "personalise" personalise: OneOrMany<Integer>,
        /// Purposes of the framework that measuring needs; `[8]` by default.
        key "measure" measure: OneOrMany<Integer>,
    }
    later ["vendor"]
}

record! {
    /// Consent in its long form.
    ConsentForm: "`implied`, or a map with `required` or `tcf`" {
        /// The cookie or header, and the value that means yes.
        key "required" required: RequiredConsent,
        /// The cookie or header that holds a TCF string, and which of its purposes ours need.
        key "tcf" tcf: RawTcf,
    }
    later ["gpp"]
}

/// The secrets as written; none if they could not be read, which is noted then.
#[derive(Clone, Debug)]
pub struct Secrets(pub Vec<At<Secret>>);

/// How consent is given.
#[derive(Clone, Debug)]
pub enum RawConsent {
    Implied,
    Form(Box<ConsentForm>),
}

impl Read for Secrets {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self(OneOrMany::<Secret>::read(node, reader).map_or_else(Vec::new, |read| read.0)))
    }
}

impl JsonSchema for Secrets {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secrets".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<OneOrMany<Secret>>()
    }
}

impl Read for RawConsent {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Scalar(_) = &node.value else {
            return ConsentForm::read(node, reader).map(|form| Self::Form(Box::new(form)));
        };
        let text = reader.text(node, "`implied`, or a map with `required` or `tcf`")?;
        let remedy = match text.value.as_str() {
            "implied" => return Some(Self::Implied),
            "required" => "say by what: `required: { cookie: NAME, value: VALUE }`",
            "tcf" => "say where the string is: `tcf: { cookie: euconsent-v2 }`",
            _ => "write `implied`, or `required: { cookie: NAME, value: VALUE }`",
        };
        reader.report.error(text.span, format!("`{}` does not say how consent is given", text.value), remedy);
        None
    }
}

impl JsonSchema for RawConsent {
    fn schema_name() -> Cow<'static, str> {
        "Consent".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "implied" }, generator.subschema_for::<ConsentForm>()] })
    }
}
