//! The servers beside Inlay: the origin, the limit and the bare proxy. hyper as it comes, and nothing else.
//!
//! In: the page, or the origin's address. Out: a listening server. They must not do anything for show: what is left out here is what
//! the comparison is about.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use flate2::Compression;
use http::{Request, Response, Uri, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

use crate::Failure;
use crate::subject::{self, Subject};

/// The pieces in which the limit sends a page: as many as three fragments make.
const PIECES: usize = 7;

/// Sends the page as it is, on every path, and lets it be shared.
pub async fn origin(subject: Subject) -> Result<(SocketAddr, ()), Failure> {
    let (plain, gzip) = (Pieces::whole(&subject.plain), Pieces::whole(&subject.gzip));
    listen(move |request| ready(page(&request, &plain, &gzip))).await
}

/// Sends the page of one segment from memory, in seven pieces.
pub async fn limit(subject: Subject) -> Result<(SocketAddr, ()), Failure> {
    let plain = Pieces(subject.pieces(0).into());
    let gzip = subject::compressed(&subject.pieces(0).concat(), Compression::best())?;
    let gzip = Pieces(gzip.chunks(gzip.len().div_ceil(PIECES)).map(|piece| gzip.slice_ref(piece)).collect());
    listen(move |request| ready(page(&request, &plain, &gzip))).await
}

/// Passes everything on.
pub async fn proxy(origin: SocketAddr) -> Result<(SocketAddr, ()), Failure> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Incoming>();
    let client = Arc::new(client);
    listen(move |mut request| {
        let client = client.clone();
        async move {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            *request.uri_mut() = format!("http://{origin}{path}").parse::<Uri>()?;
            Ok::<_, Failure>(client.request(request).await?)
        }
    })
    .await
}

async fn ready<T>(value: T) -> Result<T, Infallible> {
    Ok(value)
}

fn page(request: &Request<Incoming>, plain: &Pieces, gzip: &Pieces) -> Response<Pieces> {
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .header(header::CACHE_CONTROL, "public, max-age=3600")
        .header(header::VARY, "accept-encoding");
    let (response, body) = match accepted == Some("gzip") {
        true => (response.header(header::CONTENT_ENCODING, "gzip"), gzip),
        false => (response, plain),
    };
    response.body(body.clone()).expect("invariant: these headers are well-formed")
}

/// Listens on the loopback and serves every connection.
async fn listen<S, F, B, E>(answer: S) -> Result<(SocketAddr, ()), Failure>
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Failure>,
    E: Into<Failure> + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if stream.set_nodelay(true).is_err() {
                continue;
            }
            // A connection that breaks shows on the side of the load.
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer.clone())));
        }
    });
    Ok((address, ()))
}

/// A body of known length in several pieces.
#[derive(Clone)]
struct Pieces(VecDeque<Bytes>);

impl Pieces {
    fn whole(bytes: &Bytes) -> Self {
        Self([bytes.clone()].into())
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}
