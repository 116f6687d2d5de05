//! The connections of one source: to its own host, and to those that its redirects and its token come from.
//!
//! In: a URL. Out: the client of its server, made when it is first asked for. It must not decide which URLs are allowed.

use std::sync::{Mutex, PoisonError};

use http::Uri;
use rustls::RootCertStore;
use url::Url;

use super::definition::Definition;
use super::failure::SourceError;
use crate::http::client::{
    Address, Bounds, ClientSettings, Names, Protocol, Reach, ServerClient, Timeouts, TrustSettings,
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
    known: Mutex<Vec<(url::Origin, ServerClient)>>,
}

impl Clients {
    pub fn new(definition: &Definition, connecting: Connecting) -> Self {
        let wait = definition.timeout;
        Self {
            timeouts: Timeouts { connect: wait, first_byte: wait, between_bytes: wait, idle: limits::POOL_IDLE_WAIT },
            bounds: Bounds { connections: definition.sparing.concurrency, pending: definition.sparing.queue.max(1) },
            trust: definition.trust.clone(),
            reach: if definition.allow_private { Reach::Anywhere } else { Reach::Public },
            connecting,
            known: Mutex::default(),
        }
    }

    /// The client for a URL's server.
    ///
    /// # Errors
    /// [`SourceError::Trust`] if certificates are of no use.
    pub fn of(&self, url: &Url) -> Result<ServerClient, SourceError> {
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
