//! The site behind: one request to it, one response from it.
//!
//! In: the client's request and who the client is. Out: the origin's response, both stripped of what concerns one
//! connection only. It must not know pages, content or rules.

mod balance;
pub mod cache;
mod failure;
mod incoming;
mod outgoing;
pub mod policy;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use http::header::{HeaderMap, HeaderValue};
use http::uri::{Authority, Uri};
use http::{Method, Request, Response, StatusCode, request};
use hyper::upgrade::OnUpgrade;

use crate::http::client::{HttpClient, Protocols, SendError};
use crate::http::headers::{self, Pseudonym};
use crate::http::peer::{Peer, TrueClient};
use crate::http::{Body, tunnel};
use crate::limits;
use crate::shutdown::Shutdown;
use balance::RoundRobin;
use incoming::Own;

pub use failure::{OriginError, OriginsError};

/// What is to be known of one origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginSettings {
    pub name: Arc<str>,
    /// Absolute, http or https, at least one; a path is a prefix.
    pub urls: Vec<Uri>,
    pub host: HostPolicy,
    /// Whether what it says of itself is rewritten for the client: `Location`, `Refresh`, cookie domains.
    pub rewrite_location: bool,
    /// PEM file of certificate authorities that are trusted besides the platform's.
    pub ca: Option<PathBuf>,
}

/// The `Host` that the origin sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HostPolicy {
    /// That of its own URL.
    #[default]
    Origin,
    /// That which the client asked for.
    Preserve,
    Name(Authority),
}

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
#[derive(Clone, Debug)]
pub struct Origins(BTreeMap<Arc<str>, Arc<Origin>>);

impl Origins {
    /// Origins with the same certificate authorities share a client. `shutdown` ends the tunnels (WebSocket).
    ///
    /// # Errors
    /// [`OriginsError`], the first that is found.
    pub fn new(
        settings: Vec<OriginSettings>,
        pseudonym: &Pseudonym,
        shutdown: &Shutdown,
    ) -> Result<Self, OriginsError> {
        let mut clients: BTreeMap<Option<PathBuf>, HttpClient> = BTreeMap::new();
        let mut origins = BTreeMap::new();
        for settings in settings {
            let client = match clients.get(&settings.ca) {
                Some(client) => client.clone(),
                None => {
                    let client = HttpClient::new(settings.ca.as_deref())
                        .map_err(|source| OriginsError::Roots { name: Arc::clone(&settings.name), source })?;
                    clients.insert(settings.ca.clone(), client.clone());
                    client
                }
            };
            let name = Arc::clone(&settings.name);
            let origin = Origin::new(settings, client, pseudonym.clone(), shutdown.clone())?;
            origins.insert(name, Arc::new(origin));
        }
        Ok(Self(origins))
    }

    /// The origin called `name`.
    pub fn get(&self, name: &str) -> Option<&Arc<Origin>> {
        self.0.get(name)
    }
}

/// One site behind, on one or more servers.
pub struct Origin {
    settings: OriginSettings,
    client: HttpClient,
    balance: RoundRobin,
    pseudonym: Pseudonym,
    shutdown: Shutdown,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Origin {
    fn new(
        settings: OriginSettings,
        client: HttpClient,
        pseudonym: Pseudonym,
        shutdown: Shutdown,
    ) -> Result<Self, OriginsError> {
        if settings.urls.is_empty() {
            return Err(OriginsError::NoUrl(settings.name));
        }
        let usable = |url: &&Uri| url.host().is_some() && matches!(url.scheme_str(), Some("http" | "https"));
        if let Some(url) = settings.urls.iter().find(|url| !usable(url)) {
            return Err(OriginsError::Url { name: settings.name, url: url.clone() });
        }
        Ok(Self { settings, client, balance: RoundRobin::default(), pseudonym, shutdown })
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.settings.name
    }

    /// Rewrites what a response of this origin says of itself for a client: absolute URLs and cookie domains that are its
    /// own. To be done last, on what the client gets: what is kept for others must not name this client's host.
    pub fn speak_as(&self, headers: &mut HeaderMap, client: &TrueClient) {
        let Some(host) = client.host.as_ref().filter(|_| self.settings.rewrite_location) else { return };
        let mut own: Vec<Own> = self.settings.urls.iter().filter_map(Own::at).collect();
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
    /// [`OriginError`]. A request that is safe and has no body is tried again, at another server if there is one, when it
    /// got no response; [`ORIGIN_ATTEMPTS`](limits::ORIGIN_ATTEMPTS) times in all.
    pub async fn fetch(&self, mut request: Request<Body>, hop: &Hop<'_>) -> Result<Response<Body>, OriginError> {
        if request.method() == Method::CONNECT {
            return Err(OriginError::Connect);
        }
        if self.pseudonym.is_in_via(request.headers()) {
            return Err(OriginError::Loop(Arc::clone(&self.settings.name)));
        }
        let upgrade = Upgrade::asked_by(&mut request);
        let (mut parts, body) = request.into_parts();
        parts.extensions.clear();
        outgoing::rewrite_head(&mut parts, hop, upgrade.as_ref().map(|upgrade| &upgrade.protocol), &self.pseudonym);
        let protocols = match outgoing::write_host(&mut parts, &self.settings.host, hop.client.host.as_ref()) {
            Protocols::Any if upgrade.is_none() => Protocols::Any,
            _ => Protocols::Http1,
        };
        let response = self.try_servers(&parts, body, protocols).await?;
        self.incoming(response, upgrade)
    }

    /// Sends to one server after another, as long as that is allowed.
    async fn try_servers(
        &self,
        parts: &request::Parts,
        body: Body,
        protocols: Protocols,
    ) -> Result<Response<Body>, OriginError> {
        let repeatable = parts.method.is_safe() && http_body::Body::is_end_stream(&body);
        let attempts = if repeatable { limits::ORIGIN_ATTEMPTS } else { 1 };
        let servers = self.balance.order(self.settings.urls.len()).collect::<Vec<_>>();
        let order = servers.iter().cycle().take(attempts);
        let mut body = Some(body);
        let mut failure = OriginError::Target(Arc::clone(&self.settings.name));
        for server in order {
            let Some(url) = outgoing::join(&self.settings.urls[*server], &parts.uri) else { break };
            let mut request = Request::from_parts(parts.clone(), body.take().unwrap_or_default());
            *request.uri_mut() = url;
            match self.client.send(request, protocols).await {
                Ok(response) => return Ok(response),
                Err(source) => {
                    let worth_another = is_worth_another(&source);
                    failure = self.failed_at(*server, source);
                    if !worth_another {
                        break;
                    }
                }
            }
        }
        Err(failure)
    }

    fn failed_at(&self, server: usize, source: SendError) -> OriginError {
        let server = self.settings.urls[server].authority().cloned();
        let server = server.expect("invariant: checked when the origin was made");
        OriginError::Send { origin: Arc::clone(&self.settings.name), server, source }
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
            tunnel::open(upgrade.client, server, self.shutdown.clone());
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
}

impl Upgrade {
    /// Only HTTP/1.1 has it; in other versions the headers are noise. And only WebSocket passes: after a switch to
    /// `h2c` the client could send the origin requests that nobody here sees.
    fn asked_by(request: &mut Request<Body>) -> Option<Self> {
        let is_http11 = request.version() == http::Version::HTTP_11;
        let protocol = headers::upgrade(request.headers()).filter(|protocol| is_http11 && is_websocket(protocol))?;
        Some(Self { protocol, client: hyper::upgrade::on(request) })
    }
}

fn is_websocket(protocol: &HeaderValue) -> bool {
    protocol.as_bytes().eq_ignore_ascii_case(b"websocket")
}

/// Whether another server, or a fresh connection, could answer where this one did not.
fn is_worth_another(failure: &SendError) -> bool {
    match failure {
        SendError::Unreachable(_) | SendError::Tls(_) | SendError::ConnectTimeout(_) | SendError::Aborted(_) => true,
        SendError::ResponseTimeout(_) | SendError::Protocol(_) | SendError::Framing(_) | SendError::RequestBody(_) => {
            false
        }
    }
}
