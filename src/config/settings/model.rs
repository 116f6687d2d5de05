//! What a process is set up with.
//!
//! In: what the readers found. Out: plain data for `app`. It must not hold anything that runs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderName;
use ipnet::IpNet;
use jiff::tz::TimeZone;

use super::cache::CacheShares;
use super::functions::FunctionSettings;
use super::geo::GeoSettings;
use super::profiles::ProfileSettings;
use super::store::StoreSettings;
use crate::acme::Wanted;
use crate::config::read::scalars::Secret;
use crate::config::variables::Environment;
use crate::content::error_page::ErrorPage;
use crate::http::bounds::Bounds;
use crate::http::coding::Effort;
use crate::http::proxy_protocol::ProxyProtocol;
use crate::http::security::{Hsts, HttpsPort, TlsSettings};
use crate::origin::OriginSettings;
use crate::origin::cache::Asserted;
use crate::revision::{Esi, Noting};
use crate::rule::pattern::{Glob, PathPattern};
use crate::telemetry::LogFormat;
use crate::throttle::RateLimitSettings;
use crate::visitor::ConsentPolicy;
use crate::visitor::facts::Expose;
use crate::visitor::keys::KeysFrom;
use crate::visitor::token::TokenPolicy;

/// Everything of `inlay.yaml` and the command line.
#[derive(Clone, Debug)]
pub struct Settings {
    /// At least one.
    pub listeners: Vec<Listener>,
    /// Each name once; every origin that a site or route names is here.
    pub origins: Vec<OriginSettings>,
    /// At least one, in the order of the file.
    pub sites: Vec<SiteSettings>,
    /// Of requests that are no site's.
    pub error_page: Arc<ErrorPage>,
    /// The folders of rules; may be none.
    pub rules: Vec<PathBuf>,
    /// Where profiles live; without it visitors are remembered in memory.
    pub store: Option<StoreSettings>,
    /// How much is remembered of everybody.
    pub profiles: ProfileSettings,
    pub noting: Noting,
    pub admin: Option<Admin>,
    pub visitor: VisitorSettings,
    /// Where clients are.
    pub geo: GeoSettings,
    pub trusted_proxies: Vec<IpNet>,
    /// What each cache may take.
    pub cache: CacheShares,
    /// For what is compressed as it streams.
    pub compression: Effort,
    /// What clients may take.
    pub bounds: Bounds,
    /// What functions may use.
    pub functions: FunctionSettings,
    pub log: LogFormat,
    /// Where variables of the rules come from.
    pub environment: Environment,
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub address: SocketAddr,
    /// None: without TLS.
    pub tls: Option<TlsSettings>,
    /// Certificates that are fetched; each has its file among those of `tls`.
    pub acme: Vec<Wanted>,
    /// In which header the origin is told of a client's certificate; only where clients are asked for one.
    pub client_header: Option<HeaderName>,
    /// Where clients are sent that come without TLS.
    pub redirect: Option<HttpsPort>,
    pub hsts: Option<Hsts>,
    pub proxy_protocol: ProxyProtocol,
}

/// The second port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    pub address: SocketAddr,
    /// What `/api/v1/` asks for; without one it is closed.
    pub token: Option<Secret>,
}

/// How visitors are recognised.
#[derive(Clone, Debug, PartialEq)]
pub struct VisitorSettings {
    pub cookie: Arc<str>,
    /// The first signs, all verify. Empty only where nobody but this machine can connect: then one is to be made up.
    pub secrets: Vec<Secret>,
    pub consent: ConsentPolicy,
    /// By what a login is known.
    pub token: Option<TokenSettings>,
}

/// The token of the site's own login.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenSettings {
    /// Where the key set is.
    pub keys: KeysFrom,
    /// All else; its own keys are empty.
    pub policy: TokenPolicy,
}

/// One site, with what it inherits.
#[derive(Clone, Debug)]
pub struct SiteSettings {
    pub name: Arc<str>,
    /// Empty: every host.
    pub hosts: Vec<Glob>,
    /// The name of its origin.
    pub origin: Arc<str>,
    pub routes: Vec<RouteSettings>,
    pub zone: TimeZone,
    pub languages: Arc<[Arc<str>]>,
    /// `site` in code: `name` and `data`.
    pub facts: Arc<serde_json::Value>,
    pub protect: Vec<PathPattern>,
    /// Those of the top are the same for all sites that have none of their own.
    pub rate_limits: Vec<Arc<RateLimitSettings>>,
    pub expose: Arc<Expose>,
    pub error_page: Arc<ErrorPage>,
}

/// Paths that another origin answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteSettings {
    pub path: PathPattern,
    pub origin: Arc<str>,
    pub asserted: Asserted,
    pub esi: Esi,
}

impl Settings {
    /// Whether `fresh` differs in what only a restart changes: ports, folders, memory, whom to trust.
    pub fn needs_restart(&self, fresh: &Self) -> bool {
        fn fixed(s: &Settings) -> impl PartialEq + '_ {
            let store = (&s.store, s.profiles);
            let memory = (&s.cache, s.compression, s.functions.threads);
            (&s.listeners, &s.admin, &s.rules, store, memory, &s.trusted_proxies, &s.bounds, s.log)
        }
        fixed(self) != fixed(fresh)
    }
}
