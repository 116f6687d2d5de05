//! Settings → handles: listeners with their certificates, sites with their origins, the keys of visitors.
//!
//! In: settings as the files gave them. Out: what the servers and the exchange hold. It must not bind or serve.

use std::sync::Arc;

use http::HeaderName;

use crate::acme::{Challenges, Keeper, Wanted};
use crate::clock::Clock;
use crate::config::Settings;
use crate::config::settings::geo::GeoSettings;
use crate::config::settings::{Listener, VisitorSettings};
use crate::exchange::Exchange;
use crate::http::client::TrustError;
use crate::http::headers::Pseudonym;
use crate::http::peer::TrustedProxies;
use crate::http::security::Hsts;
use crate::ids;
use crate::origin::OriginsError;
use crate::revision::{Revision, Sites};
use crate::server::gate::Gate;
use crate::server::tls::{Tls, TlsError};
use crate::server::{ListenerSettings, Terms};
use crate::shutdown::Shutdown;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::visitor::geo::{GeoDatabase, GeoError, GeoPolicy};
use crate::visitor::keys::{KeyRing, KeysError};
use crate::visitor::token::TokenPolicy;
use crate::visitor::{IdentityKeys, VisitorPolicy};

/// Why settings that were read cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("TLS for {address}")]
    Tls {
        address: std::net::SocketAddr,
        /// Boxed, because it is large and rare.
        #[source]
        source: Box<TlsError>,
    },
    #[error("the certificate of an ACME server can't be judged")]
    Authority(#[source] TrustError),
    #[error(transparent)]
    Origins(Box<OriginsError>),
    #[error(transparent)]
    Geo(#[from] GeoError),
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// The listeners of the site's ports.
///
/// # Errors
/// A certificate or key that can't be read.
pub fn listeners(settings: &Settings, challenges: &Challenges) -> Result<Vec<ListenerSettings>, BuildError> {
    let reserved: Arc<[HeaderName]> = settings.listeners.iter().filter_map(|one| one.client_header.clone()).collect();
    settings.listeners.iter().map(|one| listener(one, &reserved, challenges, settings)).collect()
}

fn listener(
    listener: &Listener,
    reserved: &Arc<[HeaderName]>,
    challenges: &Challenges,
    settings: &Settings,
) -> Result<ListenerSettings, BuildError> {
    let address = listener.address;
    let answering = |tls: Tls| if listener.acme.is_empty() { Ok(tls) } else { tls.answering(challenges) };
    let tls = listener.tls.clone().map(|tls| Tls::new(tls).and_then(answering)).transpose();
    let tls = tls.map_err(|source| BuildError::Tls { address, source: Box::new(source) })?;
    let gate = Gate {
        redirect: listener.redirect,
        hsts: listener.hsts.map(Hsts::value),
        client_header: listener.client_header.clone(),
        reserved: reserved.clone(),
        challenges: settings.listeners.iter().any(|one| !one.acme.is_empty()).then(|| challenges.clone()),
        trusted: trusted(settings),
    };
    Ok(ListenerSettings { address, tls, gate, proxy_protocol: listener.proxy_protocol })
}

/// Who keeps the certificates fresh that are fetched: one for each file.
///
/// # Errors
/// Certificate authorities that can't be read.
pub fn keepers(
    settings: &Settings,
    challenges: &Challenges,
    metrics: &Arc<Metrics>,
    clock: &Clock,
) -> Result<Vec<Keeper>, BuildError> {
    let mut wanted: Vec<&Wanted> = Vec::new();
    for one in settings.listeners.iter().flat_map(|listener| &listener.acme) {
        if !wanted.iter().any(|other| other.file() == one.file()) {
            wanted.push(one);
        }
    }
    let keeper = |one: &Wanted| Keeper::new(one.clone(), challenges.clone(), metrics.clone(), clock.clone());
    wanted.into_iter().map(keeper).collect::<Result<_, _>>().map_err(BuildError::Authority)
}

/// What every connection to an origin has from this process.
#[derive(Debug)]
pub struct Connecting {
    /// The name by which this process knows itself in `Via`.
    pub pseudonym: Pseudonym,
    /// Ends the tunnels.
    pub shutdown: Shutdown,
}

impl Connecting {
    /// As a process that has just started, under a name of its own.
    pub fn new(shutdown: Shutdown) -> Self {
        let [a, b, c, d, ..] = ids::random_128();
        Self { pseudonym: Pseudonym::new(u32::from_be_bytes([a, b, c, d])), shutdown }
    }
}

/// The sites. Origins of which nothing has changed since `before` go on with their connections and what is known of their
/// servers, and what clients have used of their rates counts on.
///
/// # Errors
/// Certificate authorities that can't be read.
pub fn sites(
    settings: &Settings,
    connecting: &Connecting,
    before: Option<&Sites>,
    clock: &Clock,
) -> Result<Arc<Sites>, BuildError> {
    let origins = before.map(|sites| sites.origins.clone()).unwrap_or_default();
    let origins = origins.renewed(settings.origins.clone(), &connecting.pseudonym, &connecting.shutdown);
    let origins = origins.map_err(|error| BuildError::Origins(Box::new(error)))?;
    Ok(Arc::new(settings.sites(&origins, before, clock)))
}

/// What answers requests, beginning with `revision`.
/// Without a store it remembers in memory, for its own time.
///
/// # Errors
/// A geo database or keys that can't be read.
pub fn exchange(
    settings: &Settings,
    revision: Revision,
    store: Option<Arc<dyn Store>>,
    clock: &Clock,
) -> Result<Arc<Exchange>, BuildError> {
    let (visitors, trusted) = (visitors(settings, None)?, trusted(settings));
    let (responses, pages) = (settings.cache.responses.clone(), settings.cache.pages);
    let exchange = Exchange::new(Arc::new(revision), visitors, trusted, responses, pages, clock.clone());
    let exchange = exchange.compressing(settings.compression);
    Ok(Arc::new(match store {
        Some(store) => exchange.remembering(store, settings.profiles.keep),
        None => exchange,
    }))
}

/// How visitors are recognised. Without a secret, which only loopback listeners may lack, the keys from `before` stay, or
/// one is made up: visitors are new after a restart, and not after a reload.
///
/// # Errors
/// A geo database that can't be read.
pub fn visitors(settings: &Settings, before: Option<&VisitorPolicy>) -> Result<VisitorPolicy, BuildError> {
    let visitor = &settings.visitor;
    let secrets: Vec<&str> = visitor.secrets.iter().map(|secret| secret.expose()).collect();
    let keys = match (secrets.is_empty(), before) {
        (false, _) => IdentityKeys::new(&visitor.cookie, &secrets),
        (true, Some(before)) => before.keys.renamed(&visitor.cookie),
        (true, None) => {
            tracing::info!("no `visitor.secret`: one was made up, and visitors are new after a restart");
            IdentityKeys::new(&visitor.cookie, &[made_up_secret()])
        }
    };
    Ok(VisitorPolicy {
        keys,
        consent: visitor.consent.clone(),
        geo: geo(&settings.geo, before)?,
        token: token(visitor, before)?,
    })
}

/// Keys in a file are read again each time; those that were fetched stay.
fn token(settings: &VisitorSettings, before: Option<&VisitorPolicy>) -> Result<Option<Arc<TokenPolicy>>, BuildError> {
    let Some(settings) = &settings.token else { return Ok(None) };
    let before = before.and_then(|before| before.token.as_ref()).map(|token| &*token.keys);
    let policy = TokenPolicy { keys: Arc::new(KeyRing::open(&settings.keys, before)?), ..settings.policy.clone() };
    Ok(Some(Arc::new(policy)))
}

/// A database that is open already stays; its file is looked after elsewhere.
fn geo(settings: &GeoSettings, before: Option<&VisitorPolicy>) -> Result<GeoPolicy, BuildError> {
    let open = before.and_then(|before| before.geo.database.as_ref());
    let database = match (&settings.database, open) {
        (None, _) => None,
        (Some(path), Some(open)) if open.path() == path => Some(open.clone()),
        (Some(path), _) => Some(Arc::new(GeoDatabase::open(path)?)),
    };
    Ok(GeoPolicy { database, headers: settings.headers.clone().into() })
}

fn made_up_secret() -> String {
    ids::random_128().map(|byte| format!("{byte:02x}")).concat()
}

/// On which terms the site's clients are served.
pub fn terms(settings: &Settings, metrics: &Arc<Metrics>) -> Terms {
    Terms { bounds: settings.bounds.clone(), trusted: trusted(settings), metrics: Arc::clone(metrics) }
}

/// Whose word counts about clients.
pub fn trusted(settings: &Settings) -> TrustedProxies {
    TrustedProxies::new(settings.trusted_proxies.clone())
}
