//! Opening connections to other servers: TCP, and TLS where the URL says https.
//!
//! In: a URL. Out: a connection, within [`CONNECT_WAIT`](limits::CONNECT_WAIT), or an error that says which of the two
//! failed. It must not reuse connections; the client's pool does.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower_service::Service;

use super::pem::{self, PemError};
use crate::limits;

type Boxed = Box<dyn StdError + Send + Sync>;
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name did not resolve, or nobody answers there.
    #[error("no connection")]
    Unreachable(#[source] Boxed),
    /// Somebody answers who is not, or does not prove to be, who was meant.
    #[error("TLS failed: {0}")]
    Tls(rustls::Error),
    #[error("no connection within {} s", limits::CONNECT_WAIT.as_secs())]
    TooSlow,
}

/// Why the trusted certificate authorities could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    #[error(transparent)]
    Pem(#[from] PemError),
    #[error("{} holds a certificate that can't be used", .path.display())]
    Certificate {
        path: PathBuf,
        #[source]
        source: rustls::Error,
    },
    #[error("the TLS provider lacks the protocol's versions")]
    Provider(#[source] rustls::Error),
}

/// Protocols that may be agreed on over TLS. Without TLS it is always HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// HTTP/2 where the other side has it.
    Any,
    /// HTTP/1.1 only.
    Http1,
}

/// Trusts the platform's authorities and those in the PEM file `ca`.
///
/// # Errors
/// [`RootsError`] where `ca` is of no use. Certificates of the platform that can't be read are left out.
pub fn trust(ca: Option<&Path>) -> Result<ClientConfig, RootsError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "a certificate authority of the platform was left out");
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = ca {
        add_authorities(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(RootsError::Provider)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn add_authorities(roots: &mut RootCertStore, path: &Path) -> Result<(), RootsError> {
    for certificate in pem::certificates(path)? {
        roots.add(certificate).map_err(|source| RootsError::Certificate { path: path.to_owned(), source })?;
    }
    Ok(())
}

/// Opens connections; hyper's pool calls it.
#[derive(Clone)]
pub struct Dial(HttpsConnector<HttpConnector>);

impl Dial {
    pub fn new(tls: ClientConfig, protocols: Protocols) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limits::CONNECT_WAIT));
        let schemes = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        Self(match protocols {
            Protocols::Any => schemes.enable_all_versions().wrap_connector(tcp),
            Protocols::Http1 => schemes.enable_http1().wrap_connector(tcp),
        })
    }
}

impl Service<Uri> for Dial {
    type Response = Stream;
    type Error = DialError;
    type Future = BoxFuture<'static, Result<Stream, DialError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        self.0.poll_ready(cx).map_err(DialError::Unreachable)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let dialled = self.0.call(url);
        Box::pin(async move {
            match tokio::time::timeout(limits::CONNECT_WAIT, dialled).await {
                Ok(connected) => connected.map_err(blame),
                Err(_) => Err(DialError::TooSlow),
            }
        })
    }
}

fn blame(error: Boxed) -> DialError {
    if let Some(tls) = find::<rustls::Error>(&*error) {
        return DialError::Tls(tls.clone());
    }
    match find::<io::Error>(&*error).map(io::Error::kind) {
        Some(io::ErrorKind::TimedOut) => DialError::TooSlow,
        _ => DialError::Unreachable(error),
    }
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
