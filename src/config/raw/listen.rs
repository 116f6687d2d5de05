//! `listen` as written: addresses, TLS, and what a listener says by itself.
//!
//! In: nodes. Out: one record for each form. It must not look at files nor fill in defaults.

use std::borrow::Cow;
use std::num::NonZeroU16;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::acme::Challenge;
use crate::config::read::record::record;
use crate::config::read::scalars::{Address, Duration, HeaderName, Written};
use crate::config::read::shapes::{OneOrMany, choices};
use crate::config::read::{Read, Reader};
use crate::config::yaml::{Node, Text, Value};
use crate::http::security::Ask;

record! {
    /// An address to listen on, with or without TLS.
    ListenerParts: "an address, or a map with `address`" {
        /// The address and port: `0.0.0.0:8080`.
        required "address" address: Address,
        /// Certificates and what else there is to TLS; a list is chosen from by the name that the client asks for (SNI).
        key "tls" tls: RawTls,
        /// Sends clients that come without TLS to the same URL with it: `true`, or the port where they find it if not 443.
        key "redirect_https" redirect_https: RawRedirect,
        /// Tells browsers to come with TLS only, from now on (HSTS); for a listener with TLS.
        key "hsts" hsts: RawHsts,
        /// Whether every connection begins with a header that tells whose it is (PROXY protocol, version 1 or 2), as balancers of
        /// TCP send it; only `trusted_proxies` may connect then.
        key "proxy_protocol" proxy_protocol: bool,
    }
    later []
}

record! {
    /// A certificate with its key.
    RawCertificate: "a map with `certificate` and `private_key`" {
        /// A PEM file with the certificate and its chain.
        required "certificate" certificate: Text,
        /// A PEM file with the private key.
        required "private_key" private_key: Text,
        /// A file with an OCSP response in DER, to be stapled.
        key "ocsp" ocsp: Text,
    }
    later []
}

record! {
    /// TLS of a listener.
    TlsParts: "a map with `certificate` and `private_key`, or a list of such" {
        /// A PEM file with the certificate and its chain.
        key "certificate" certificate: Text,
        /// A PEM file with the private key.
        key "private_key" private_key: Text,
        /// A file with an OCSP response in DER, to be stapled.
        key "ocsp" ocsp: Text,
        /// More certificates, chosen by the name that the client asks for (SNI).
        key "certificates" certificates: OneOrMany<RawCertificate>,
        /// Certificates that are fetched from an authority by themselves, and renewed (ACME).
        key "acme" acme: OneOrMany<RawAcme>,
        /// A PEM file with the authorities that sign the certificates of clients (mTLS).
        key "client_ca" client_ca: Text,
        /// Whether clients must show a certificate: `required` (the default where `client_ca` is given) or `optional`.
        key "client" client: Ask,
        /// The header in which the origin is told of a client's certificate; `Client-Cert` by default (RFC 9440).
        key "client_header" client_header: HeaderName,
    }
    later []
}

record! {
    /// A certificate that is fetched and renewed by itself.
    RawAcme: "a map with `domains` and `storage`" {
        /// The names that the certificate is for; one certificate for all of them.
        required "domains" domains: OneOrMany<Text>,
        /// The folder for the account and the certificates; several processes may share it.
        required "storage" storage: Text,
        /// Where the authority can reach somebody: `mailto:you@example.com`.
        key "contact" contact: Text,
        /// The authority: `letsencrypt` (the default), `staging` (its test one), or the URL of a directory.
        key "directory" directory: Text,
        /// A PEM file with who signed a private authority's own certificate.
        key "ca" ca: Text,
        /// How a domain is shown to be ours: `tls-alpn-01` (the default; on port 443) or `http-01` (on port 80).
        key "challenge" challenge: Challenge,
    }
    later []
}

record! {
    /// What browsers are told about coming with TLS only (RFC 6797).
    RawHsts: "a map with `max_age`" {
        /// For how long browsers keep to it: `365d`.
        required "max_age" max_age: Duration,
        /// Whether it holds for all subdomains too.
        key "include_subdomains" include_subdomains: bool,
        /// Whether it may be built into browsers; that is hard to take back.
        key "preload" preload: bool,
    }
    later []
}

/// A listener: an address alone, or with more.
#[derive(Clone, Debug)]
pub enum RawListener {
    Plain(Address),
    Parts(Box<ListenerParts>),
}

/// TLS: a list of certificates, or all that can be said.
#[derive(Clone, Debug)]
pub enum RawTls {
    Certificates(OneOrMany<RawCertificate>),
    Parts(Box<TlsParts>),
}

/// Whether, and to which port, clients are sent to HTTPS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawRedirect {
    No,
    /// `None`: the port that URLs don't name.
    To(Option<NonZeroU16>),
}

choices!(Ask: "an answer to whether clients must show a certificate" { "required" => Ask::Required, "optional" => Ask::Optional });

choices!(Challenge: "a challenge" { "http-01" => Challenge::Http01, "tls-alpn-01" => Challenge::TlsAlpn01 });

impl Read for RawListener {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Scalar(_) => Address::read(node, reader).map(Self::Plain),
            _ => ListenerParts::read(node, reader).map(|parts| Self::Parts(Box::new(parts))),
        }
    }
}

impl Read for RawTls {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::List(_) => OneOrMany::read(node, reader).map(Self::Certificates),
            _ => TlsParts::read(node, reader).map(|parts| Self::Parts(Box::new(parts))),
        }
    }
}

impl Written for RawRedirect {
    const WHAT: &'static str = "`true`, `false` or a port such as `8443`";
    const PATTERN: Option<&'static str> = Some(r"^(true|false|\d+)$");

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "true" => Ok(Self::To(None)),
            "false" => Ok(Self::No),
            port => port.parse().map(|port| Self::To(Some(port))).map_err(|_| String::new()),
        }
    }
}

impl Read for RawRedirect {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        crate::config::read::scalars::scalar(node, reader)
    }
}

impl JsonSchema for RawListener {
    fn schema_name() -> Cow<'static, str> {
        "Listener".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (address, parts) = (generator.subschema_for::<Address>(), generator.subschema_for::<ListenerParts>());
        json_schema!({ "anyOf": [address, parts] })
    }
}

impl JsonSchema for RawTls {
    fn schema_name() -> Cow<'static, str> {
        "Tls".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let parts = generator.subschema_for::<TlsParts>();
        let list = generator.subschema_for::<RawCertificate>();
        json_schema!({ "anyOf": [parts, { "type": "array", "items": list }] })
    }
}

impl JsonSchema for RawRedirect {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "RawRedirect".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "boolean" }, { "type": "integer", "minimum": 1, "maximum": 65535 }, { "type": "string", "pattern": r"\$\{" }] })
    }
}
