//! `inlay.yaml` as written.
//!
//! In: a tree. Out: [`Deployment`]. It must not fill in defaults: what is missing may stand on the command line.

use super::limits::RawLimits;
use super::listen::RawListener;
use super::origins::RawOrigin;
use super::rate_limits::RawRateLimit;
use super::visitor::RawVisitor;
use crate::config::raw::cache::{RawCache, RawRouteCache};
use crate::config::raw::compression::RawCompression;
use crate::config::raw::functions::RawFunctions;
use crate::config::raw::geo::RawGeo;
use crate::config::raw::profiles::RawProfiles;
use crate::config::read::record::record;
use crate::config::read::scalars::{
    Address, CookieName, HeaderName, Host, Language, Network, Origin, Path, Secret, Zone,
};
use crate::config::read::shapes::{Data, List, Named, OneOrMany, choices};
use crate::config::yaml::Text;
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
        /// Where profiles and events live: a folder; or a Redis, `redis://host:6379`, which several processes share.
        key "store" store: Text,
        /// The second port: health, metrics, API.
        key "admin" admin: RawAdmin,
        /// How visitors are recognised.
        key "visitor" visitor: RawVisitor,
        /// Networks whose `Forwarded` and `X-Forwarded-*` headers are believed.
        key "trusted_proxies" trusted_proxies: OneOrMany<Network>,
        /// Where clients are: `geo` in code.
        key "geo" geo: RawGeo,
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
        /// Whether Edge Side Includes in its pages are honoured: `<esi:include>`, `<esi:remove>`, `<!--esi … -->`. Not by default.
        key "esi" esi: bool,
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

choices!(LogFormat: "a format" { "text" => LogFormat::Text, "json" => LogFormat::Json });
