//! The demo's two listeners: the door and the shop.
//!
//! In: a bound listener and what answers a request. Out: HTTP/1.1 on every connection, until told to stop. It speaks to one person
//! on the loopback; the real listeners, with their limits on strangers, are those of `server`.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::edge::BoxError;
use crate::limits::{DEMO_CONNECTIONS, DEMO_DRAIN};

/// Serves until `stop` says true or its sender is gone; then lets open exchanges end, for at most [`DEMO_DRAIN`].
/// `None` instead of an answer hangs up.
pub async fn serve<F, A, B>(listener: TcpListener, answer: F, mut stop: watch::Receiver<bool>)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Option<Response<B>>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let permits = Arc::new(Semaphore::new(DEMO_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &permits) => accepted,
            Some(_) = connections.join_next() => continue,
            () = told(&mut stop) => break,
        };
        if let Some((stream, permit)) = accepted {
            let connection = connection(stream, answer.clone(), stop.clone());
            connections.spawn(async move {
                connection.await;
                drop(permit);
            });
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DEMO_DRAIN, drained).await.is_err() {
        tracing::debug!("connections still open after the drain were cut");
    }
}

/// A server that ends a connection without a word.
#[derive(Debug, thiserror::Error)]
#[error("hung up")]
struct HungUp;

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            None
        }
    }
}

async fn connection<F, A, B>(stream: TcpStream, answer: F, mut stop: watch::Receiver<bool>)
where
    F: Fn(Request<Incoming>) -> A,
    A: Future<Output = Option<Response<B>>>,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<BoxError>,
{
    let service = service_fn(|request| {
        let answer = answer(request);
        async move { answer.await.ok_or(HungUp) }
    });
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of the demo ended early");
    }
}

/// Ends when `stop` says true, or can never say it again. The value it returns with is let go here: a watch's guard must
/// not live over an await.
async fn told(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
