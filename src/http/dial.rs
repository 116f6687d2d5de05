//! Opening connections to other servers: TCP or a Unix socket, and TLS where it is asked for.
//!
//! In: where a server is, and what it may speak. Out: a stream with the protocol that was agreed on, in time, or an error
//! that says what failed. It must not reuse connections; the pool does.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::reach::{Names, Reach, Resolver};
use super::trust::TrustError;

type Boxed = Box<dyn StdError + Send + Sync>;

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name did not resolve, or nobody answers there.
    #[error("no connection")]
    Unreachable(#[source] Boxed),
    /// Somebody answers who is not, or does not prove to be, who was meant.
    #[error("TLS failed")]
    Tls(#[source] Boxed),
    #[error("no connection within {} ms", .0.as_millis())]
    TooSlow(Duration),
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// The scheme, the host and the port of this URL. The name is resolved, by the platform, for every connection, and its
    /// addresses are tried as RFC 8305 says.
    Tcp(Uri),
    /// A Unix socket, without TLS.
    Unix(PathBuf),
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/2 where TLS agrees on it, else HTTP/1.1.
    #[default]
    Auto,
    Http1,
    /// Also without TLS, by prior knowledge (RFC 9113 section 3.3).
    Http2,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    Http1,
    Http2,
}

/// What a request needs of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// HTTP/1.1, because it would leave HTTP for another protocol.
    Http1,
}

/// A connection's bytes.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that nobody has used yet.
pub struct Dialled {
    pub stream: Box<dyn Stream>,
    pub spoken: Spoken,
}

/// Opens connections to one server.
#[derive(Clone)]
pub struct Dial {
    address: Address,
    tls: Option<Tls>,
    protocol: Protocol,
    wait: Duration,
    reach: Reach,
    tcp: HttpConnector<Resolver>,
}

#[derive(Clone)]
struct Tls {
    name: ServerName<'static>,
    /// Offers what the server's [`Protocol`] allows.
    any: TlsConnector,
    http1: TlsConnector,
}

impl Dial {
    /// `tls`: how, and for which name if not the address's; used where the address's scheme is https. `wait` bounds
    /// everything: the name, TCP over all addresses, TLS.
    ///
    /// # Errors
    /// [`TrustError::Name`].
    pub fn new(
        address: Address,
        tls: Option<(ClientConfig, Option<&str>)>,
        protocol: Protocol,
        wait: Duration,
    ) -> Result<Self, TrustError> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver::default());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(wait));
        let tls = match (&address, tls) {
            (Address::Tcp(url), Some((config, name))) => {
                let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
                Some(Tls::new(&config, name.unwrap_or(host), protocol)?)
            }
            _ => None,
        };
        Ok(Self { address, tls, protocol, wait, reach: Reach::Anywhere, tcp })
    }

    /// The same, which connects only to whom it may reach. A name's addresses are told by `names`.
    #[must_use]
    pub fn reaching(mut self, reach: Reach, names: Names) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver { reach, names });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(self.wait));
        self.reach = reach;
        self.tcp = tcp;
        self
    }

    /// A connection of its own.
    ///
    /// # Errors
    /// [`DialError`].
    pub async fn open(&self, needs: Needs) -> Result<Dialled, DialError> {
        match tokio::time::timeout(self.wait, self.dial(needs)).await {
            Ok(Err(DialError::Unreachable(error))) if is_timeout(&*error) => Err(DialError::TooSlow(self.wait)),
            Ok(dialled) => dialled,
            Err(_) => Err(DialError::TooSlow(self.wait)),
        }
    }

    async fn dial(&self, needs: Needs) -> Result<Dialled, DialError> {
        let prior = match (self.protocol, needs) {
            (Protocol::Http2, Needs::Nothing) => Spoken::Http2,
            _ => Spoken::Http1,
        };
        match &self.address {
            Address::Unix(path) => Ok(Dialled { stream: unix(path).await?, spoken: prior }),
            Address::Tcp(url) => {
                let host = url.host().unwrap_or_default();
                self.reach.check_literal(host).map_err(|inward| DialError::Unreachable(Box::new(inward)))?;
                let dialled = self.tcp.clone().call(url.clone()).await;
                let tcp = dialled.map_err(|error| DialError::Unreachable(Box::new(error)))?.into_inner();
                self.check_peer(host, &tcp)?;
                match &self.tls {
                    None => Ok(Dialled { stream: Box::new(tcp), spoken: prior }),
                    Some(tls) => tls.agree(tcp, prior, needs).await,
                }
            }
        }
    }
}

impl Dial {
    /// Whatever led there: what counts is who is at the other end.
    fn check_peer(&self, host: &str, tcp: &tokio::net::TcpStream) -> Result<(), DialError> {
        let peer = tcp.peer_addr().map_err(|error| DialError::Unreachable(Box::new(error)))?;
        self.reach.check(host, peer.ip()).map_err(|inward| DialError::Unreachable(Box::new(inward)))
    }
}

impl Tls {
    fn new(config: &ClientConfig, name: &str, protocol: Protocol) -> Result<Self, TrustError> {
        let offering = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            TlsConnector::from(Arc::new(config))
        };
        let name = ServerName::try_from(name.to_owned()).map_err(|_| TrustError::Name(name.to_owned()))?;
        let any: &[&[u8]] = match protocol {
            Protocol::Auto => &[b"h2", b"http/1.1"],
            Protocol::Http1 => &[b"http/1.1"],
            Protocol::Http2 => &[b"h2"],
        };
        Ok(Self { name, any: offering(any), http1: offering(&[b"http/1.1"]) })
    }

    async fn agree(&self, tcp: tokio::net::TcpStream, prior: Spoken, needs: Needs) -> Result<Dialled, DialError> {
        let connector = if needs == Needs::Http1 { &self.http1 } else { &self.any };
        let stream = connector.connect(self.name.clone(), tcp).await.map_err(blame)?;
        let spoken = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Spoken::Http2,
            Some(_) => Spoken::Http1,
            None => prior,
        };
        Ok(Dialled { stream: Box::new(stream), spoken })
    }
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> Result<Box<dyn Stream>, DialError> {
    let stream = tokio::net::UnixStream::connect(path).await;
    Ok(Box::new(stream.map_err(|error| DialError::Unreachable(Box::new(error)))?))
}

#[cfg(not(unix))]
async fn unix(_: &std::path::Path) -> Result<Box<dyn Stream>, DialError> {
    Err(DialError::Unreachable(Box::new(io::Error::from(io::ErrorKind::Unsupported))))
}

/// A connection that broke in the middle of a handshake is nobody's fault but the network's.
fn blame(error: io::Error) -> DialError {
    match find::<rustls::Error>(&error).is_some() {
        true => DialError::Tls(Box::new(error)),
        false => DialError::Unreachable(Box::new(error)),
    }
}

fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    find::<io::Error>(error).is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// The first error of type `T` among `error` and its sources, those inside an `io::Error` included.
pub fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An io::Error's source is its inner error's source: the inner error itself would be passed over.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
