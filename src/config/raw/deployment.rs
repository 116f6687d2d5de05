//! `inlay.yaml` as written.
//!
//! In: a tree. Out: [`Deployment`]. It must not fill in defaults: what is missing may stand on the command line.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::limits::RawLimits;
use super::listen::RawListener;
use super::origins::RawOrigin;
use super::rate_limits::RawRateLimit;
use crate::config::raw::cache::{RawCache, RawRouteCache};
use crate::config::raw::compression::RawCompression;
use crate::config::raw::functions::RawFunctions;
use crate::config::raw::profiles::RawProfiles;
use crate::config::read::record::record;
use crate::config::read::scalars::{
    Address, CookieName, HeaderName, Host, Language, Network, Origin, Path, Secret, Zone,
};
use crate::config::read::shapes::{Data, List, Named, OneOrMany, choices};
use crate::config::read::{At, Read, Reader};
use crate::config::yaml::{Node, Text, Value};
use crate::telemetry::LogFormat;

record! {
    /// One deployment of Inlay.
    Deployment: "a map with `listen` and `origin`" {
        [site: SiteParts]
        /// Where clients connect; `127.0.0.1:8080` by default.
        key "listen" listen: OneOrMany<RawListener>,
        /// Origins by name, where one URL does not say it all.
        key "origins" origins: Named<RawOrigin>,
        /// Several sites, by name; each may have what a single site has here at the top level.
        key "sites" sites: Named<RawSite>,
        /// The folder of rules; every YAML file below it counts, but not those in `tests/`.
        key "rules" rules: OneOrMany<Text>,
        /// The folder where profiles and events will live.
        key "store" store: Text,
        /// The second port: health, metrics, API.
        key "admin" admin: RawAdmin,
        /// How visitors are recognised.
        key "visitor" visitor: RawVisitor,
        /// Networks whose `Forwarded` and `X-Forwarded-*` headers are believed.
        key "trusted_proxies" trusted_proxies: OneOrMany<Network>,
        /// What is kept in memory.
        key "cache" cache: RawCache,
        /// How pages are compressed that can't be compressed beforehand.
        key "compression" compression: RawCompression,
        /// What clients may take: sizes, counts and times, each with a default.
        key "limits" limits: RawLimits,
        /// How much is remembered of everybody, and for how long.
        key "profiles" profiles: RawProfiles,
        /// What functions may use.
        key "functions" functions: RawFunctions,
        /// How the log is written.
        key "log" log: RawLog,
    }
    later ["collect", "channels", "journeys", "sources", "experiments", "telemetry"]
}

record! {
    /// What one site has; at the top level it is what all sites have unless they say otherwise.
    SiteParts: "a site" {
        /// The website behind: a URL, or the name of one of `origins`.
        key "origin" origin: Origin,
        /// Paths that another origin answers; the first that matches decides.
        key "routes" routes: List<RawRoute>,
        /// The time zone of schedules and of `now`; `UTC` by default.
        key "time_zone" time_zone: Zone,
        /// The site's languages, the default first.
        key "languages" languages: OneOrMany<Language>,
        /// What code reads as `site.data`.
        key "data" data: Data,
        /// Paths that are passed on untouched: never rewritten, no body read, no events.
        key "protect" protect: OneOrMany<Path>,
        /// How often one client, header or cookie may ask, by the limit's name; all that match must let a request pass.
        key "rate_limits" rate_limits: Named<RawRateLimit>,
        /// Which cookies and headers code may read; all but credentials by default.
        key "expose" expose: RawExpose,
        /// The template of the page that people get where the site's own can't be had; Inlay has a plain one.
        key "error_page" error_page: Text,
    }
    later []
}

record! {
    /// One of several sites.
    RawSite: "a site: a map with `hosts` and `origin`" {
        [parts: SiteParts]
        /// The hosts it answers to, with `*` for any text.
        required "hosts" hosts: OneOrMany<Host>,
    }
    later []
}

record! {
    /// Paths that another origin answers.
    RawRoute: "a route: a map with `path` and `origin`" {
        /// The paths.
        required "path" path: OneOrMany<Path>,
        /// The origin: a name of `origins`, or a URL.
        required "origin" origin: Origin,
        /// The cookies that these pages depend on; asserting it lets other cookies not matter.
        key "cookies" cookies: OneOrMany<CookieName>,
        /// What may be done with its answers that they do not say themselves.
        key "cache" cache: RawRouteCache,
    }
    later ["redirect", "headers", "serve"]
}

record! {
    /// The second port.
    RawAdmin: "a map with `address`" {
        /// The address and port: `127.0.0.1:9900`.
        required "address" address: Address,
        /// The bearer token that `/api/v1/` asks for.
        key "token" token: Secret,
    }
    later ["tls", "console"]
}

record! {
    /// How visitors are recognised.
    RawVisitor: "a map with `secret`, `cookie` or `consent`" {
        /// The cookie's name; `inlay_visitor` by default.
        key "cookie" cookie: CookieName,
        /// What signs the cookie: 32 characters or more; of a list the first signs and all are accepted.
        key "secret" secret: Secrets,
        /// `implied`, or `required: { cookie: NAME, value: VALUE }`.
        key "consent" consent: RawConsent,
    }
    later ["identify", "lifetime"]
}

record! {
    /// Consent that a cookie gives.
    RequiredConsent: "a map with `cookie` and `value`" {
        /// The cookie that the site's consent banner sets.
        required "cookie" cookie: CookieName,
        /// The value that means yes.
        required "value" value: Text,
    }
    later []
}

record! {
    /// Consent in its long form.
    ConsentForm: "`implied`, or a map with `required`" {
        /// The cookie and the value that mean yes.
        required "required" required: RequiredConsent,
    }
    later []
}

record! {
    /// Which parts of a request code may read.
    RawExpose: "a map with `cookies` or `headers`" {
        /// Cookies that code may read; all but Inlay's own by default.
        key "cookies" cookies: OneOrMany<CookieName>,
        /// Headers that code may read; all but credentials by default.
        key "headers" headers: OneOrMany<HeaderName>,
    }
    later []
}

record! {
    /// How the log is written.
    RawLog: "a map with `format`" {
        /// `text` (the default) or `json`.
        key "format" format: LogFormat,
    }
    later ["level", "file"]
}

/// The secrets as written; none if they could not be read, which is noted then.
#[derive(Clone, Debug)]
pub struct Secrets(pub Vec<At<Secret>>);

/// How consent is given.
#[derive(Clone, Debug)]
pub enum RawConsent {
    Implied,
    Required(Box<ConsentForm>),
}

choices!(LogFormat: "a format" { "text" => LogFormat::Text, "json" => LogFormat::Json });

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
            return ConsentForm::read(node, reader).map(|form| Self::Required(Box::new(form)));
        };
        let text = reader.text(node, "`implied`, or a map with `required`")?;
        let remedy = match text.value.as_str() {
            "implied" => return Some(Self::Implied),
            "required" => "say by what: `required: { cookie: NAME, value: VALUE }`",
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
