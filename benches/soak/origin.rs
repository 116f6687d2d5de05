//! The origins: one that serves the site, and is slow or breaks off where it is asked to; one that sends nonsense; one that
//! echoes over WebSockets; one that is not there.
//!
//! In: requests. Out: what `site` says, or a failure. It must not know Inlay.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzEncoder;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response, header};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::{Failure, site};

type Answer = Response<UnsyncBoxBody<Bytes, Failure>>;

/// Where each of them listens.
pub struct Origins {
    pub site: SocketAddr,
    pub garbage: SocketAddr,
    pub sockets: SocketAddr,
    /// Nobody listens here.
    pub refusing: SocketAddr,
    /// Bound, so that nobody else gets that port, and never told to listen.
    _unheard: TcpSocket,
    /// Requests that reached the site's origin.
    pub asked: Arc<AtomicU64>,
}

/// What is served again and again, made once.
struct Stock {
    pages: Vec<(Bytes, Bytes)>,
    big: Vec<Bytes>,
    asked: Arc<AtomicU64>,
}

impl Origins {
    pub async fn start() -> Result<Self, Failure> {
        let asked = Arc::new(AtomicU64::new(0));
        let pages = (0..site::PAGES).map(site::page).map(|page| Ok((page.clone(), gzip(&page)?)));
        let pages = pages.collect::<Result<_, Failure>>()?;
        let stock = Arc::new(Stock { pages, big: (0..site::BIG).map(site::big).collect(), asked: Arc::clone(&asked) });
        let site = listen(move |stream| serve(stream, Arc::clone(&stock))).await?;
        let unheard = TcpSocket::new_v4()?;
        unheard.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let (refusing, garbage, sockets) =
            (unheard.local_addr()?, listen(nonsense).await?, listen(echo_messages).await?);
        Ok(Self { site, garbage, sockets, refusing, _unheard: unheard, asked })
    }
}

fn gzip(plain: &[u8]) -> Result<Bytes, Failure> {
    let mut coded = Vec::new();
    std::io::Read::read_to_end(&mut GzEncoder::new(plain, Compression::fast()), &mut coded)?;
    Ok(coded.into())
}

async fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Result<SocketAddr, Failure>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    Ok(address)
}

async fn serve(stream: TcpStream, stock: Arc<Stock>) {
    let service = service_fn(move |request| {
        let stock = Arc::clone(&stock);
        async move { answer(request, &stock).await }
    });
    // A connection that breaks shows where it was asked.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, stock: &Stock) -> Result<Answer, Infallible> {
    stock.asked.fetch_add(1, Ordering::Relaxed);
    let path = request.uri().path().to_owned();
    let mut segments = path.trim_start_matches('/').split('/');
    let kind = segments.next().unwrap_or_default();
    let number: usize = segments.next().and_then(|number| number.parse().ok()).unwrap_or_default();
    Ok(match kind {
        "plain" | "page" => page(&request, &stock.pages[number % site::PAGES]),
        "big" => typed("application/octet-stream", "max-age=30", full(stock.big[number % site::BIG].clone())),
        "echo" => {
            typed("application/octet-stream", "no-store", request.into_body().map_err(Failure::from).boxed_unsync())
        }
        "hang" => std::future::pending().await,
        "dies" => typed("text/html", "no-store", dying()),
        _ => typed("text/plain", "no-store", full("no such page")),
    })
}

/// Fresh for some seconds, so that there are hits, misses and what lies between; a query makes it one that is not kept.
fn page(request: &Request<Incoming>, (plain, gzip): &(Bytes, Bytes)) -> Answer {
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|line| line.to_str().ok());
    let caching = if request.uri().query().is_some() { "no-store" } else { "public, max-age=5" };
    let coded = accepted.is_some_and(|accepted| accepted.contains("gzip"));
    let mut response = typed("text/html; charset=utf-8", caching, full(if coded { gzip } else { plain }.clone()));
    response.headers_mut().insert(header::VARY, header::HeaderValue::from_static("accept-encoding"));
    if coded {
        response.headers_mut().insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("gzip"));
    }
    response
}

fn typed(kind: &str, caching: &str, body: UnsyncBoxBody<Bytes, Failure>) -> Answer {
    let response = Response::builder().header(header::CONTENT_TYPE, kind).header(header::CACHE_CONTROL, caching);
    response.body(body).expect("invariant: these headers are well-formed")
}

fn full(bytes: impl Into<Bytes>) -> UnsyncBoxBody<Bytes, Failure> {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Some of a page, and then the end of the connection.
fn dying() -> UnsyncBoxBody<Bytes, Failure> {
    let pieces = futures_util::stream::iter(0..4).then(|turn| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        match turn {
            3 => Err(Failure::from("dies here")),
            _ => Ok(Frame::data(Bytes::from_static(&[b'x'; 4096]))),
        }
    });
    StreamBody::new(pieces).boxed_unsync()
}

/// Answers every request with bytes that are no response.
async fn nonsense(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]).await;
    let _ = stream.write_all(b"\x16\x03\x01 HTTP/9.9 yes\r\nContent-Length: -1\r\n\r\n\0\0\0").await;
}

async fn echo_messages(stream: TcpStream) {
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let (mut sender, mut receiver) = socket.split();
    while let Some(Ok(message)) = receiver.next().await {
        if message.is_close() || sender.send(message).await.is_err() {
            break;
        }
    }
    // Read until the peer has closed as well.
    while let Some(Ok(_)) = receiver.next().await {}
}
