//! The connections of one source: to its own host, and to those that its redirects and its token come from.
//!
//! In: a URL. Out: the client of its server, made when it is first asked for. It must not decide which URLs are allowed.

use std::sync::{Arc, Mutex, PoisonError};

use http::{Response, Uri};
use rustls::RootCertStore;
use url::Url;

use super::definition::Definition;
use super::failure::SourceError;
use super::fakes::Fakes;
use super::request::Wire;
use crate::http::Body;
use crate::http::client::{
    Address, Bounds, ClientSettings, Names, Needs, Protocol, Reach, ServerClient, Timeouts, TrustSettings, Unanswered,
};
use crate::limits;

/// What all sources connect with.
#[derive(Clone, Debug)]
pub(super) struct Connecting {
    pub roots: RootCertStore,
    pub names: Names,
}

/// Clients by scheme, host and port.
pub(super) struct Clients {
    timeouts: Timeouts,
    bounds: Bounds,
    trust: TrustSettings,
    reach: Reach,
    connecting: Connecting,
    /// In tests: the source's name, and what is answered in its place.
    faked: Option<(Arc<str>, Fakes)>,
    known: Mutex<Vec<(url::Origin, ServerClient)>>,
}

impl Clients {
    pub fn new(definition: &Definition, connecting: Connecting, fakes: Option<Fakes>) -> Self {
        let wait = definition.timeout;
        Self {
            timeouts: Timeouts { connect: wait, first_byte: wait, between_bytes: wait, idle: limits::POOL_IDLE_WAIT },
            bounds: Bounds { connections: definition.sparing.concurrency, pending: definition.sparing.queue.max(1) },
            trust: definition.trust.clone(),
            reach: if definition.allow_private { Reach::Anywhere } else { Reach::Public },
            connecting,
            faked: fakes.map(|fakes| (definition.name.clone(), fakes)),
            known: Mutex::default(),
        }
    }

    /// Whether nobody is really asked.
    pub fn are_faked(&self) -> bool {
        self.faked.as_ref().is_some_and(|(source, fakes)| !fakes.is_real(source))
    }

    /// Sends a request.
    ///
    /// # Errors
    /// [`SourceError`]: it can't be made, or nobody answers.
    pub async fn send(&self, wire: &Wire) -> Result<Response<Body>, SourceError> {
        if let Some((source, fakes)) = &self.faked
            && let Some(answer) = fakes.answer(source).await
        {
            return answer;
        }
        let sent = self.of(&wire.url)?.send(wire.request()?, Needs::Nothing).await;
        sent.map_err(|Unanswered { error, .. }| match error.inward() {
            Some(_) => SourceError::Inward(error),
            None => SourceError::Unanswered(error),
        })
    }

    /// The client for a URL's server.
    ///
    /// # Errors
    /// [`SourceError::Trust`] if certificates are of no use.
    fn of(&self, url: &Url) -> Result<ServerClient, SourceError> {
        let origin = url.origin();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = known.iter().find(|(one, _)| *one == origin) {
            return Ok(client.clone());
        }
        let uri: Uri = origin.ascii_serialization().parse().map_err(|_| SourceError::Redirect("no URL"))?;
        let settings = ClientSettings {
            address: Address::Tcp(uri),
            protocol: Protocol::Auto,
            trust: self.trust.clone(),
            timeouts: self.timeouts,
            bounds: self.bounds,
        };
        let Connecting { roots, names } = self.connecting.clone();
        let client = ServerClient::reaching(&settings, || roots, self.reach, names).map_err(SourceError::Trust)?;
        if known.len() >= limits::CLIENT_SERVERS {
            known.remove(0);
        }
        known.push((origin, client.clone()));
        Ok(client)
    }
}
