//! One accepted connection: whose it is, whether there is room for it, TLS.
//!
//! In: a socket. Out: its exchanges, served to their end, or its refusal. It must not know the service.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use tokio::net::TcpStream;

use super::crowd::{Leave, Place};
use super::exchanges::Exchanges;
use super::parting::Parting;
use super::protocol::{Failure, Protocol};
use super::proxied;
use super::refusal::Refusal;
use super::terms::Terms;
use super::tls::{self, Tls};
use crate::http::Body;
use crate::http::peer::{Peer, Security};
use crate::http::proxy_protocol::ProxyProtocol;
use crate::shutdown::Shutdown;

/// A connection as it was accepted.
pub struct Connection {
    pub stream: TcpStream,
    /// Of the other end; whose connection it is may have to be told.
    pub address: SocketAddr,
    pub proxy_protocol: ProxyProtocol,
    pub tls: Option<Tls>,
    /// Kept until it ends.
    pub place: Place,
    /// When it is to make room.
    pub leave: Leave,
}

impl Connection {
    /// Serves it to its end. Errors are the client's and only traced.
    pub async fn serve<S, F>(self, protocol: Arc<Protocol>, terms: Arc<Terms>, service: S, shutdown: Shutdown)
    where
        S: Fn(Request<Body>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let held = shutdown.hold();
        let address = self.address;
        if let Err(error) = self.secured(&protocol, &terms, service, &shutdown).await {
            if let Some(refusal) = refused_by_library(&error) {
                terms.count_refusal(refusal);
            }
            tracing::debug!(client = %address, error = &*error as &dyn std::error::Error, "a connection failed");
        }
        drop(held);
    }

    async fn secured<S, F>(
        self,
        protocol: &Protocol,
        terms: &Arc<Terms>,
        service: S,
        shutdown: &Shutdown,
    ) -> Result<(), Failure>
    where
        S: Fn(Request<Body>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let Self { mut stream, address, proxy_protocol, tls, mut place, leave } = self;
        // Small writes (events, fragments) must not wait for the client's acknowledgement of the ones before.
        stream.set_nodelay(true)?;
        let address = match proxy_protocol {
            ProxyProtocol::Off => address,
            ProxyProtocol::Required => {
                let told = proxied::client(&mut stream, address, terms).await;
                told.inspect_err(|error| error.reason().into_iter().for_each(|reason| terms.count_reason(reason)))?
            }
        };
        let security = if tls.is_some() { Security::Tls } else { Security::Plain };
        let peer = Peer { address, local: stream.local_addr()?, security };
        if terms.is_client(address.ip())
            && let Err(refusal) = place.count(address.ip())
        {
            terms.count_refusal(refusal);
            if tls.is_none() {
                Parting::new(stream, place).refuse(refusal);
            }
            return Ok(());
        }
        match tls {
            None => Exchanges { stream, place, leave, peer }.serve(protocol, terms, service, shutdown).await,
            Some(tls) => {
                // Boxed, because its state is large, and soon not needed any more.
                let handshake = Box::pin(tokio::time::timeout(terms.bounds.handshake_wait, tls.accept(stream)));
                let accepted = handshake.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                let Some(stream) = accepted else { return Ok(()) };
                let shown = tls::client_certificate(&stream);
                let service = move |mut request: Request<Body>| {
                    if let Some(shown) = &shown {
                        request.extensions_mut().insert(shown.clone());
                    }
                    service(request)
                };
                Exchanges { stream, place, leave, peer }.serve(protocol, terms, service, shutdown).await
            }
        }
    }
}

/// Why the library refused a request by itself, and told the client so, if that is how a connection ended.
fn refused_by_library(failure: &Failure) -> Option<Refusal> {
    match failure.downcast_ref::<hyper::Error>()? {
        error if error.is_parse_too_large() => Some(Refusal::HeadTooLarge),
        error if error.is_parse() => Some(Refusal::Malformed),
        _ => None,
    }
}
