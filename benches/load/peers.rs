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
use http::header::HeaderValue;
use http::{Request, Response, Uri, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use crate::Failure;
use crate::subject::{self, Dialect, Subject, Wanted};

/// What the origin says of a page that may be kept.
const SHARED: &str = "public, max-age=3600";

/// The pieces in which the limit sends a page: as many as three fragments make.
const PIECES: usize = 7;

/// The site behind: the page as it is on every path, and let it be shared on most; with marks for other intermediaries on
/// theirs, and the fragments that these marks name.
pub async fn origin(subject: Subject) -> Result<(SocketAddr, ()), Failure> {
    let site = Arc::new(Site {
        plain: Pieces::whole(&subject.plain),
        stalling: Pieces { stalls: true, ..Pieces::whole(&subject.plain.slice(..subject.plain.len() / 2)) },
        gzip: Pieces::whole(&subject.gzip),
        ssi: Pieces::whole(&subject.marked(Dialect::Ssi)),
        esi: Pieces::whole(&subject.marked(Dialect::Esi)),
    });
    listen(move |request| ready(site.answer(&request))).await
}

/// What the origin has.
struct Site {
    plain: Pieces,
    stalling: Pieces,
    gzip: Pieces,
    ssi: Pieces,
    esi: Pieces,
}

impl Site {
    fn answer(&self, request: &Request<Incoming>) -> Response<Pieces> {
        let path = request.uri().path();
        match path.split('/').collect::<Vec<_>>()[..] {
            // Both read a page for their marks only as plain text.
            ["", "ssi", _] => html(SHARED, &self.ssi),
            ["", "esi", _] => html(SHARED, &self.esi),
            ["", "fragment", fragment, segment] => {
                let fragment =
                    fragment.parse::<usize>().ok().and_then(|at| subject::fragments(segment).get(at).cloned());
                html(SHARED, &Pieces::whole(&fragment.unwrap_or_default().into()))
            }
            _ if path == Wanted::OwnSegmentUnshared.path() => html("no-store", &self.plain),
            _ if path == subject::STALLING => html("no-store", &self.stalling),
            _ => page(request, &self.plain, &self.gzip),
        }
    }
}

/// Sends the page of one segment from memory, in seven pieces.
pub async fn limit(subject: Subject) -> Result<(SocketAddr, ()), Failure> {
    let plain = Pieces::of(subject.pieces(0));
    let gzip = subject::compressed(&subject.pieces(0).concat(), Compression::best())?;
    let gzip = Pieces::of(gzip.chunks(gzip.len().div_ceil(PIECES)).map(|piece| gzip.slice_ref(piece)));
    listen(move |request| ready(page(&request, &plain, &gzip))).await
}

/// Passes everything on.
pub async fn proxy(origin: SocketAddr) -> Result<(SocketAddr, ()), Failure> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Incoming>();
    let client = Arc::new(client);
    listen(move |request| {
        let client = client.clone();
        async move { Ok::<_, Failure>(client.request(asked_of(origin, request)?).await?) }
    })
    .await
}

/// The same request, of `origin`.
pub fn asked_of(origin: SocketAddr, mut request: Request<Incoming>) -> Result<Request<Incoming>, Failure> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = format!("http://{origin}{path}").parse::<Uri>()?;
    *request.version_mut() = http::Version::HTTP_11;
    Ok(request)
}

async fn ready<T>(value: T) -> Result<T, Infallible> {
    Ok(value)
}

fn page(request: &Request<Incoming>, plain: &Pieces, gzip: &Pieces) -> Response<Pieces> {
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    match accepted == Some("gzip") {
        true => {
            let mut response = html(SHARED, gzip);
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
        false => html(SHARED, plain),
    }
}

fn html(caching: &'static str, body: &Pieces) -> Response<Pieces> {
    Response::builder()
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .header(header::CACHE_CONTROL, caching)
        .header(header::VARY, "accept-encoding")
        .body(body.clone())
        .expect("invariant: these headers are well-formed")
}

/// Listens on the loopback and serves every connection.
pub async fn listen<S, F, B, E>(answer: S) -> Result<(SocketAddr, ()), Failure>
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
            let service = service_fn(answer.clone());
            tokio::spawn(async move {
                let served = auto::Builder::new(TokioExecutor::new());
                let _ = served.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok((address, ()))
}

/// A body in several pieces, of known length unless it stalls after them.
#[derive(Clone)]
struct Pieces {
    pieces: VecDeque<Bytes>,
    stalls: bool,
}

impl Pieces {
    fn whole(bytes: &Bytes) -> Self {
        Self::of([bytes.clone()])
    }

    fn of(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        Self { pieces: pieces.into_iter().collect(), stalls: false }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.pieces.pop_front() {
            None if self.stalls => Poll::Pending,
            piece => Poll::Ready(piece.map(|piece| Ok(Frame::data(piece)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && !self.stalls
    }

    fn size_hint(&self) -> SizeHint {
        if self.stalls {
            return SizeHint::default();
        }
        SizeHint::with_exact(self.pieces.iter().map(|piece| piece.len() as u64).sum())
    }
}
