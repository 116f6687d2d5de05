//! Bytes ↔ HTTP: listeners, the connections they accept, and the end of both.
//!
//! In: addresses and a service, an async function from a request to a response. Out: the service called for every
//! request, until the shutdown. It must not know what the service does.

mod admission;
mod connection;
mod counted;
mod crowd;
mod exchanges;
// Public, as is `memory`, for the fuzzers (`fuzz/`), which hold it against another reading of the same bytes.
#[doc(hidden)]
pub mod framing;
pub mod gate;
mod guard;
mod http2;
pub mod inherited;
mod intake;
mod line;
#[doc(hidden)]
pub mod memory;
mod pace;
mod parting;
mod protocol;
mod proxied;
mod refusal;
mod strict;
mod terms;
pub mod tls;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use http::{Request, Response};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::http::Body;
use crate::http::proxy_protocol::ProxyProtocol;
use crate::limits;
use crate::shutdown::Shutdown;
use connection::Connection;
use crowd::{Crowd, Leave, Place};
use gate::Gate;
use inherited::Inherited;
use protocol::Protocol;
pub use terms::Terms;
use tls::Tls;

/// One address to listen on.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Port 0 lets the system choose.
    pub address: SocketAddr,
    pub tls: Option<Tls>,
    pub gate: Gate,
    /// Whether balancers tell here whose connections they pass on.
    pub proxy_protocol: ProxyProtocol,
}

impl ListenerSettings {
    /// Without TLS, and with nothing at the gate.
    pub fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None, gate: Gate::default(), proxy_protocol: ProxyProtocol::Off }
    }
}

/// Why an address can't be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{address} can't be listened on")]
pub struct BindError {
    pub address: SocketAddr,
    #[source]
    pub source: io::Error,
}

/// Listeners that are bound, so that clients may connect, and do not accept yet.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Listener>,
    terms: Terms,
}

/// What all listeners of a server share.
#[derive(Clone)]
struct House {
    crowd: Arc<Crowd>,
    protocol: Arc<Protocol>,
    terms: Arc<Terms>,
}

#[derive(Debug)]
struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
    gate: Arc<Gate>,
    proxy_protocol: ProxyProtocol,
}

impl Server {
    /// Binds all of them. Must be called within the runtime.
    ///
    /// # Errors
    /// [`BindError`] of the first that can't be; the others are given back.
    pub fn bind(settings: Vec<ListenerSettings>) -> Result<Self, BindError> {
        Self::bind_or_inherit(settings, &mut Inherited::none())
    }

    /// Binds those that are not among the `inherited`. Must be called within the runtime.
    ///
    /// # Errors
    /// [`BindError`] of the first that can't be; the others are given back.
    pub fn bind_or_inherit(settings: Vec<ListenerSettings>, inherited: &mut Inherited) -> Result<Self, BindError> {
        let bind = |settings| Listener::bind(settings, inherited);
        let listeners = settings.into_iter().map(bind).collect::<Result<_, _>>()?;
        Ok(Self { listeners, terms: Terms::default() })
    }

    /// The same on other terms than the default ones.
    #[must_use]
    pub fn on(self, terms: Terms) -> Self {
        Self { terms, ..self }
    }

    /// The addresses as they came out, in the order of the settings.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|listener| listener.address).collect()
    }

    /// The listening sockets once more, for another process. Whoever has them keeps them open.
    ///
    /// # Errors
    /// The system has no file descriptors left.
    pub fn sockets(&self) -> io::Result<Vec<OwnedFd>> {
        self.listeners.iter().map(|listener| listener.socket.as_fd().try_clone_to_owned()).collect()
    }

    /// Accepts until the shutdown begins to drain, and closes the listeners. Connections run on by themselves, and hold
    /// up the drain: they end with the exchanges in progress on them, or are cut.
    ///
    /// `service` gets each request with a [`Peer`](crate::http::peer::Peer) in its extensions.
    pub async fn run<S, F>(self, service: S, shutdown: Shutdown)
    where
        S: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let terms = Arc::new(self.terms);
        let house = House { crowd: Crowd::new(&terms.bounds), protocol: Arc::new(Protocol::new(&terms)), terms };
        let mut accepting = JoinSet::new();
        for listener in self.listeners {
            accepting.spawn(listener.accept_all(house.clone(), service.clone(), shutdown.clone()));
        }
        accepting.join_all().await;
    }
}

impl Listener {
    fn bind(settings: ListenerSettings, inherited: &mut Inherited) -> Result<Self, BindError> {
        let ListenerSettings { address, tls, gate, proxy_protocol } = settings;
        let given = inherited.take(address);
        let bound = || {
            if let Some(socket) = given {
                let address = socket.local_addr()?;
                return Ok((TcpListener::from_std(socket)?, address));
            }
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            // A restart must not wait for the last run's connections to be forgotten.
            #[cfg(unix)]
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let socket = socket.listen(limits::ACCEPT_QUEUE)?;
            let address = socket.local_addr()?;
            Ok((socket, address))
        };
        let (socket, address) = bound().map_err(|source| BindError { address, source })?;
        Ok(Self { socket, address, tls, gate: Arc::new(gate), proxy_protocol })
    }

    async fn accept_all<S, F>(self, house: House, service: S, shutdown: Shutdown)
    where
        S: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let gate = Arc::clone(&self.gate);
        let service = move |request| Arc::clone(&gate).serve(request, service.clone());
        loop {
            // Room is made for those who have come, not for those who might.
            let next = async { (self.accept().await, house.crowd.enter().await) };
            let ((stream, address), (place, leave)) = tokio::select! {
                next = next => next,
                () = shutdown.draining() => break,
            };
            let (tls, proxy_protocol) = (self.tls.clone(), self.proxy_protocol);
            let connection = Connection { stream, address, proxy_protocol, tls, place, leave };
            let (protocol, terms) = (Arc::clone(&house.protocol), Arc::clone(&house.terms));
            // Never awaited here: one client's handshake must not keep the others out.
            tokio::spawn(connection.serve(protocol, terms, service.clone(), shutdown.clone()));
        }
        let (tls, proxy_protocol) = (self.tls.clone(), self.proxy_protocol);
        for (stream, address, (place, leave)) in self.queued(&house.crowd) {
            let connection = Connection { stream, address, proxy_protocol, tls: tls.clone(), place, leave };
            let (protocol, terms) = (Arc::clone(&house.protocol), Arc::clone(&house.terms));
            tokio::spawn(connection.serve(protocol, terms, service.clone(), shutdown.clone()));
        }
    }

    /// What the system has queued, without waiting, as far as there is room: closing the last socket of a queue resets all
    /// that is in it.
    fn queued(self, crowd: &Arc<Crowd>) -> Vec<(TcpStream, SocketAddr, (Place, Leave))> {
        let Ok(socket) = self.socket.into_std() else { return Vec::new() };
        let next = || {
            let place = crowd.try_enter()?;
            let (stream, address) = socket.accept().ok()?;
            stream.set_nonblocking(true).ok()?;
            Some((TcpStream::from_std(stream).ok()?, address, place))
        };
        std::iter::from_fn(next).collect()
    }

    /// The next connection. What fails is told and tried again: a listener never gives up.
    async fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.socket.accept().await {
                Ok(accepted) => return accepted,
                // The client went away before it was its turn.
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    tracing::warn!(address = %self.address, %error, "accepting pauses");
                    tokio::time::sleep(limits::ACCEPT_BACKOFF).await;
                }
            }
        }
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
