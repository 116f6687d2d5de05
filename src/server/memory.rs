//! A connection without a socket: what the fuzzers drive, so that they try the very way that bytes of clients go.
//!
//! In: any stream and a service. Out: the service called for each request that is served. It must not do anything that a
//! connection of a listener does not.

use std::future::Future;
use std::sync::Arc;

use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};

use super::crowd::Crowd;
use super::exchanges::Exchanges;
use super::protocol::Failure;
use super::protocol::Protocol;
use super::terms::Terms;
use crate::http::Body;
use crate::http::peer::Peer;
use crate::shutdown::Shutdown;

/// Serves what comes over `stream` to its end, alone and without TLS.
///
/// # Errors
/// What the HTTP library could not go on after.
pub async fn serve<I, S, F>(stream: I, terms: &Arc<Terms>, service: S, shutdown: &Shutdown) -> Result<(), Failure>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Fn(Request<Body>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (place, leave) = Crowd::new(&terms.bounds).enter().await;
    let exchanges = Exchanges { stream, place, leave, peer: Peer::in_process() };
    exchanges.serve(&Protocol::new(terms), terms, service, shutdown).await
}
