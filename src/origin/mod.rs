//! The site behind: one request to it, one response from it.
//!
//! In: the client's request and who the client is. Out: the origin's response, both stripped of what concerns one
//! connection only. It must not know pages, content or rules.

mod balance;
pub mod cache;
mod failure;
pub mod for_us;
mod health;
mod incoming;
mod observed;
mod outgoing;
pub mod policy;
mod probe;
mod retry;
mod server;
mod settings;
mod trying;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use futures_util::future::BoxFuture;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use rustls::RootCertStore;
use tokio::task::JoinSet;

use crate::http::activity::InUse;
use crate::http::client::{Needs, Occupied};
use crate::http::headers::{self, Pseudonym};
use crate::http::peer::{Peer, TrueClient};
use crate::http::{Body, trust, tunnel};
use crate::shutdown::Shutdown;
use crate::telemetry::ServerFigures;
use incoming::Own;
use probe::Probe;
use retry::Budget;
use server::{InFlight, Server};

pub use failure::{OriginError, OriginsError};
pub use settings::{Balance, Cause, Ejection, HashKey, HealthCheck, HostPolicy, OriginSettings, Retry, ServerUrl};

/// Who asks, and what for, as far as the next hop is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    pub peer: &'a Peer,
    pub client: &'a TrueClient,
    pub codings: WantedCodings,
}

/// The codings that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedCodings {
    /// Those that the client asked for, whatever they are.
    AsReceived,
    /// Those that we decode and the client accepts, so that any response can be rewritten or passed on.
    DecodableByBoth,
    /// Those that we decode; the caller decodes where the client does not accept them.
    Decodable,
}

/// All origins, by name.
#[derive(Clone, Debug, Default)]
pub struct Origins(BTreeMap<Arc<str>, Arc<Origin>>);

impl Origins {
    /// Must be called within the runtime. `shutdown` ends the tunnels (WebSocket) and the health checks.
    ///
    /// # Errors
    /// [`OriginsError`], the first that is found.
    pub fn new(
        settings: Vec<OriginSettings>,
        pseudonym: &Pseudonym,
        shutdown: &Shutdown,
    ) -> Result<Self, OriginsError> {
        Self::default().renewed(settings, pseudonym, shutdown)
    }

    /// The same with other settings: an origin of which nothing has changed goes on, with its connections and with what is
    /// known of its servers' health.
    ///
    /// # Errors
    /// As [`Origins::new`].
    pub fn renewed(
        &self,
        settings: Vec<OriginSettings>,
        pseudonym: &Pseudonym,
        shutdown: &Shutdown,
    ) -> Result<Self, OriginsError> {
        let mut platform = None;
        let mut roots = || platform.get_or_insert_with(trust::platform).clone();
        let mut origins = BTreeMap::new();
        for settings in settings {
            let name = Arc::clone(&settings.name);
            let files = contents(&settings);
            let before = self.get(&name).filter(|before| before.settings == settings && before.files == files);
            let origin = match before {
                Some(before) => Arc::clone(before),
                None => Arc::new(Origin::new(settings, files, pseudonym.clone(), shutdown.clone(), &mut roots)?),
            };
            origins.insert(name, origin);
        }
        Ok(Self(origins))
    }

    /// The origin called `name`.
    pub fn get(&self, name: &str) -> Option<&Arc<Origin>> {
        self.0.get(name)
    }

    /// What each server was asked, and how it is.
    pub fn figures(&self) -> Vec<ServerFigures> {
        self.0.values().flat_map(|origin| &origin.servers).map(|server| server.figures()).collect()
    }
}

/// What stands in the files for TLS: a change of them is a change of the origin. What can't be read is told later.
fn contents(settings: &OriginSettings) -> Vec<Vec<u8>> {
    settings.trust.files().map(|file| std::fs::read(file).unwrap_or_default()).collect()
}

/// One site behind, on one or more servers.
pub struct Origin {
    settings: OriginSettings,
    servers: Vec<Arc<Server>>,
    turn: AtomicUsize,
    budget: Budget,
    pseudonym: Pseudonym,
    shutdown: Shutdown,
    files: Vec<Vec<u8>>,
    /// The health checks, which end with it.
    _probes: JoinSet<()>,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Origin {
    fn new(
        settings: OriginSettings,
        files: Vec<Vec<u8>>,
        pseudonym: Pseudonym,
        shutdown: Shutdown,
        roots: &mut impl FnMut() -> RootCertStore,
    ) -> Result<Self, OriginsError> {
        if settings.servers.is_empty() {
            return Err(OriginsError::NoUrl(settings.name));
        }
        let mut servers = Vec::with_capacity(settings.servers.len());
        let mut probes = JoinSet::new();
        for url in &settings.servers {
            let server = Arc::new(Server::new(url, &settings, &mut *roots)?);
            let probe = Probe::new(url, &settings, &mut *roots)
                .map_err(|source| OriginsError::Trust { name: settings.name.clone(), source: Box::new(source) })?;
            if let Some(probe) = probe {
                probes.spawn(probe.run(Arc::downgrade(&server), shutdown.clone()));
            }
            servers.push(server);
        }
        Ok(Self {
            settings,
            servers,
            turn: AtomicUsize::new(0),
            budget: Budget::default(),
            pseudonym,
            shutdown,
            files,
            _probes: probes,
        })
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.settings.name
    }

    /// Rewrites what a response of this origin says of itself for a client: absolute URLs and cookie domains that are its
    /// own. To be done last, on what the client gets: what is kept for others must not name this client's host.
    pub fn speak_as(&self, headers: &mut HeaderMap, client: &TrueClient) {
        let Some(host) = client.host.as_ref().filter(|_| self.settings.rewrite_location) else { return };
        if !incoming::may_speak_of_itself(headers) {
            return;
        }
        let mut own: Vec<Own> = self.servers.iter().filter_map(|server| Own::at(&server.base)).collect();
        if let HostPolicy::Name(name) = &self.settings.host {
            let named: Vec<Own> = own.iter().map(|own| own.named(name)).collect();
            own.extend(named);
        }
        incoming::speak_as(headers, &own, &client.scheme, host);
    }

    /// Sends `request`, as the client sent it, and gives the response's head as soon as it is there. Cookies are passed
    /// as they are: taking ours out is the caller's. A request to switch to WebSocket, whose extensions must be those with
    /// which it arrived, is joined to the origin's own connection.
    ///
    /// # Errors
    /// [`OriginError`]. Where [`Retry`] says so, and it is safe, another server is tried first.
    ///
    /// Boxed, because its state is large: every exchange has room for it in its own, and most are answered without it.
    pub fn fetch<'a>(
        &'a self,
        request: Request<Body>,
        hop: &'a Hop<'a>,
    ) -> BoxFuture<'a, Result<Response<Body>, OriginError>> {
        Box::pin(self.fetch_now(request, hop))
    }

    async fn fetch_now(&self, mut request: Request<Body>, hop: &Hop<'_>) -> Result<Response<Body>, OriginError> {
        if request.method() == Method::CONNECT {
            return Err(OriginError::Connect);
        }
        if self.pseudonym.has_passed(request.headers()) {
            return Err(OriginError::Loop(Arc::clone(&self.settings.name)));
        }
        let upgrade = Upgrade::asked_by(&mut request);
        let by = self.by(&request, hop);
        let (mut parts, body) = request.into_parts();
        parts.extensions.clear();
        outgoing::rewrite_head(&mut parts, hop, upgrade.as_ref().map(|upgrade| &upgrade.protocol), &self.pseudonym);
        outgoing::write_host(&mut parts, &self.settings.host, hop.client.host.as_ref());
        let needs = if upgrade.is_some() { Needs::Http1 } else { Needs::Nothing };
        let response = self.ask(Request::from_parts(parts, body), needs, by).await?;
        self.incoming(response, upgrade)
    }

    /// The response as the client gets it.
    fn incoming(&self, mut response: Response<Body>, upgrade: Option<Upgrade>) -> Result<Response<Body>, OriginError> {
        let received = response.version();
        let switched = headers::upgrade(response.headers());
        headers::remove_hop_by_hop(response.headers_mut());
        response.headers_mut().remove(http::header::TE);
        self.pseudonym.append_via(response.headers_mut(), received);
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some((upgrade, protocol)) = upgrade.zip(switched.filter(is_websocket)) else {
                return Err(OriginError::UnaskedSwitch(Arc::clone(&self.settings.name)));
            };
            let server = hyper::upgrade::on(&mut response);
            headers::insert_upgrade(response.headers_mut(), protocol);
            let extensions = response.extensions_mut();
            let occupied = (extensions.remove::<Arc<Occupied>>(), extensions.remove::<Arc<InFlight>>(), upgrade.in_use);
            tunnel::open(upgrade.client, server, occupied, self.shutdown.clone());
        }
        // The version of the hop behind says nothing about the one in front.
        *response.version_mut() = http::Version::default();
        Ok(response)
    }
}

/// A client's wish to leave HTTP on its connection.
struct Upgrade {
    protocol: HeaderValue,
    client: OnUpgrade,
    /// The client's connection, where it goes on beside the tunnel.
    in_use: Option<Arc<InUse>>,
}

impl Upgrade {
    /// Only where the connection, or the stream, can be left are the headers more than noise. And only WebSocket passes: after a
    /// switch to `h2c` the client could send the origin requests that nobody here sees.
    fn asked_by(request: &mut Request<Body>) -> Option<Self> {
        let can_leave = request.extensions().get::<OnUpgrade>().is_some();
        let protocol = headers::upgrade(request.headers()).filter(|protocol| can_leave && is_websocket(protocol))?;
        let in_use = request.extensions_mut().remove();
        Some(Self { protocol, client: hyper::upgrade::on(request), in_use })
    }
}

fn is_websocket(protocol: &HeaderValue) -> bool {
    protocol.as_bytes().eq_ignore_ascii_case(b"websocket")
}
