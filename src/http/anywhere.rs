//! A client that asks whatever server a request's URL names.
//!
//! In: requests with absolute URLs. Out: what [`ServerClient`] makes of them, one for each server. It must not be used for
//! origins, which have settings of their own.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use http::uri::{Authority, Scheme, Uri};
use http::{Request, Response};
use rustls::RootCertStore;

use super::Body;
use super::client::{
    Address, Bounds, ClientSettings, DialError, Needs, Protocol, SendError, ServerClient, Timeouts, TrustError,
    TrustSettings,
};
use super::trust;
use crate::limits;

type Server = (Option<Scheme>, Option<Authority>);

/// Sends requests to any server. Clones share their connections.
#[derive(Clone)]
pub struct HttpClient {
    roots: RootCertStore,
    trust: TrustSettings,
    /// The server asked first stands first, and goes first.
    servers: Arc<Mutex<Vec<(Server, ServerClient)>>>,
}

impl HttpClient {
    /// A client that trusts the platform's certificate authorities and those in the PEM file `ca`.
    ///
    /// # Errors
    /// [`TrustError`] if `ca` is of no use.
    pub fn new(ca: Option<&Path>) -> Result<Self, TrustError> {
        let trust = TrustSettings { ca: ca.map(Path::to_owned), ..TrustSettings::default() };
        let roots = trust::platform();
        trust::config(roots.clone(), &trust)?;
        Ok(Self { roots, trust, servers: Arc::default() })
    }

    /// Sends `request` to the server of its URL.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, request: Request<Body>, needs: Needs) -> Result<Response<Body>, SendError> {
        let client = self.server(request.uri());
        let client = client.map_err(|error| SendError::Tls(DialError::Tls(Box::new(error))))?;
        client.send(request, needs).await.map_err(|unanswered| unanswered.error)
    }

    fn server(&self, url: &Uri) -> Result<ServerClient, TrustError> {
        let server = (url.scheme().cloned(), url.authority().cloned());
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = servers.iter().find(|(known, _)| *known == server) {
            return Ok(client.clone());
        }
        let settings = ClientSettings {
            address: Address::Tcp(url.clone()),
            protocol: Protocol::Auto,
            trust: self.trust.clone(),
            timeouts: Timeouts::default(),
            bounds: Bounds::default(),
        };
        let client = ServerClient::new(&settings, || self.roots.clone())?;
        if servers.len() >= limits::CLIENT_SERVERS {
            servers.remove(0);
        }
        servers.push((server, client.clone()));
        Ok(client)
    }
}
