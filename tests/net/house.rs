//! What the tests stand on: an origin, a proxy that passes everything through, and clients of several kinds.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use inlay::http::Body;
use inlay::http::bounds::Bounds;
use inlay::http::client::TrustSettings;
use inlay::http::headers::Pseudonym;
use inlay::http::peer::{Peer, TrustedProxies};
use inlay::http::proxy_protocol::ProxyProtocol;
use inlay::origin::{Hop, HostPolicy, Origin, OriginSettings, Origins, ServerUrl, WantedCodings};
use inlay::server::gate::Gate;
use inlay::server::tls::Tls;
use inlay::server::{ListenerSettings, Server, Terms};
use inlay::shutdown::{Shutdown, Trigger, shutdown};
use inlay::telemetry::Metrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that runs until it is dropped.
pub struct Running {
    pub address: SocketAddr,
    pub trigger: Trigger,
}

/// Serves `service` on a port of the system's choice.
pub fn serve<S, F>(tls: Option<Tls>, service: S) -> Running
where
    S: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (trigger, handle) = shutdown();
    run(tls, service, trigger, handle)
}

/// Serves `service` on terms of its own, without TLS.
pub fn serve_on<S, F>(terms: Terms, service: S) -> Running
where
    S: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (trigger, handle) = shutdown();
    let server = Server::bind(vec![here()]).unwrap().on(terms);
    let address = server.addresses()[0];
    tokio::spawn(server.run(service, handle));
    Running { address, trigger }
}

/// Serves `service` behind a gate.
pub fn serve_gated<S, F>(tls: Option<Tls>, gate: Gate, service: S) -> Running
where
    S: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (trigger, handle) = shutdown();
    run_listener(ListenerSettings { tls, gate, ..here() }, service, trigger, handle)
}

/// Serves `service` where balancers that are trusted tell whose connections they pass on.
pub fn serve_proxied<S, F>(tls: Option<Tls>, terms: Terms, service: S) -> Running
where
    S: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (trigger, handle) = shutdown();
    let listener = ListenerSettings { tls, proxy_protocol: ProxyProtocol::Required, ..here() };
    let server = Server::bind(vec![listener]).unwrap().on(terms);
    let address = server.addresses()[0];
    tokio::spawn(server.run(service, handle));
    Running { address, trigger }
}

fn here() -> ListenerSettings {
    ListenerSettings::plain("127.0.0.1:0".parse().unwrap())
}

fn run<S, F>(tls: Option<Tls>, service: S, trigger: Trigger, handle: Shutdown) -> Running
where
    S: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    run_listener(ListenerSettings { tls, ..here() }, service, trigger, handle)
}

fn run_listener<S, F>(listener: ListenerSettings, service: S, trigger: Trigger, handle: Shutdown) -> Running
where
    S: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let server = Server::bind(vec![listener]).unwrap();
    let address = server.addresses()[0];
    tokio::spawn(server.run(service, handle));
    Running { address, trigger }
}

/// How a proxy under test is set up.
#[derive(Clone)]
pub struct Setup {
    pub urls: Vec<String>,
    pub host: HostPolicy,
    pub ca: Option<std::path::PathBuf>,
    pub codings: WantedCodings,
    pub trusted: Vec<&'static str>,
    pub tls: Option<Tls>,
    pub bounds: Bounds,
    pub metrics: Arc<Metrics>,
    /// What else is said of the origin.
    pub origin: fn(&mut OriginSettings),
}

impl Setup {
    pub fn of(origin: SocketAddr) -> Self {
        Self {
            urls: vec![format!("http://{origin}")],
            host: HostPolicy::Origin,
            ca: None,
            codings: WantedCodings::AsReceived,
            trusted: vec![],
            tls: None,
            bounds: Bounds::default(),
            metrics: Arc::default(),
            origin: |_| {},
        }
    }

    /// A proxy that passes everything through.
    pub fn proxy(self) -> Running {
        let (trigger, handle) = shutdown();
        let origins = Origins::new(vec![self.settings()], &Pseudonym::new(0xabc), &handle).unwrap();
        self.proxy_of(&origins, trigger, handle)
    }

    /// What is said of the origin.
    pub fn settings(&self) -> OriginSettings {
        let server = |url: &String| match url.strip_prefix("unix:") {
            Some(socket) => ServerUrl::Unix { socket: socket.into(), prefix: String::new() },
            None => ServerUrl::Http(url.parse().unwrap()),
        };
        let mut settings = OriginSettings {
            host: self.host.clone(),
            trust: TrustSettings { ca: self.ca.clone(), ..TrustSettings::default() },
            ..OriginSettings::at("site".into(), self.urls.iter().map(server).collect())
        };
        (self.origin)(&mut settings);
        settings
    }

    /// A proxy for the origin called `site`.
    pub fn proxy_of(self, origins: &Origins, trigger: Trigger, handle: Shutdown) -> Running {
        let origin = Arc::clone(origins.get("site").unwrap());
        let trusted = TrustedProxies::new(self.trusted.iter().map(|network| network.parse().unwrap()).collect());
        let codings = self.codings;
        let service = move |request| pass(Arc::clone(&origin), trusted.clone(), codings, request);
        let terms = Terms { bounds: self.bounds, metrics: self.metrics, ..Terms::default() };
        let server = Server::bind(vec![ListenerSettings { tls: self.tls, ..here() }]).unwrap().on(terms);
        let address = server.addresses()[0];
        tokio::spawn(server.run(service, handle));
        Running { address, trigger }
    }
}

async fn pass(
    origin: Arc<Origin>,
    trusted: TrustedProxies,
    codings: WantedCodings,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let peer = *parts.extensions.get::<Peer>().unwrap();
    let client = trusted.client(&peer, &parts);
    let hop = Hop { peer: &peer, client: &client, codings };
    match origin.fetch(Request::from_parts(parts, body), &hop).await {
        Ok(response) => response,
        Err(error) => Response::builder()
            .status(error.status())
            .header("proxy-status", error.proxy_error())
            .body(Body::full(format!("{error:?}")))
            .unwrap(),
    }
}

/// An origin that answers with what it was asked: the request line, then the headers by name.
pub fn echo() -> Running {
    serve(None, echo_service)
}

pub async fn echo_service(request: Request<Body>) -> Response<Body> {
    let mut lines: Vec<String> =
        request.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    let head = format!("{} {} {:?}\n{}\n", request.method(), request.uri(), request.version(), lines.join("\n"));
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Response::new(Body::full([head.as_bytes(), b"\n", &body].concat()))
}

/// An origin of raw bytes: each connection gets `answer` after the head of a request, and is closed.
pub async fn raw_origin(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                read_until(&mut stream, "\r\n\r\n").await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

/// Reads until `mark` has come, or the end.
pub async fn read_until(stream: &mut TcpStream, mark: &str) -> String {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(mark) {
        let mut byte = [0; 1024];
        match stream.read(&mut byte).await {
            Ok(0) | Err(_) => break,
            Ok(length) => read.extend(&byte[..length]),
        }
    }
    String::from_utf8(read).unwrap()
}

/// Sends `request` as it is and reads all that comes until the connection closes.
pub async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(120), stream.read_to_end(&mut answer)).await;
    read.expect("the connection should close").unwrap();
    String::from_utf8(answer).unwrap()
}

/// `GET path` on a connection of its own, with further header lines.
pub async fn get(address: SocketAddr, path: &str, lines: &str) -> String {
    raw(address, &format!("GET {path} HTTP/1.1\r\nHost: public.example\r\nConnection: close\r\n{lines}\r\n")).await
}

/// A connection that speaks HTTP/2 without TLS.
pub async fn h2(address: SocketAddr) -> hyper::client::conn::http2::SendRequest<Body> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// A response's body as text.
pub async fn text<B>(response: Response<B>) -> String
where
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}
