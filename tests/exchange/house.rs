//! What the tests stand on: an origin that answers by a closure, Inlay in front of it with rules from text, a client.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use inlay::app::App;
use inlay::clock::Clock;
use inlay::config;
use inlay::http::Body;
use inlay::server::{ListenerSettings, Server};
use inlay::shutdown::{Trigger, shutdown};
use tempfile::TempDir;

/// A Monday morning in Brussels.
pub const NOW: &str = "2026-11-23T09:30:00Z";

/// Inlay in front of an origin.
pub struct Front {
    pub app: App,
    pub folder: TempDir,
    pub clock: Clock,
    client: Client<HttpConnector, Full<Bytes>>,
    _origin: Trigger,
}

/// A response, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// All lines of a header, joined.
    pub fn header(&self, name: &str) -> Option<String> {
        let lines: Vec<_> = self.headers.get_all(name).into_iter().map(|line| line.to_str().expect("ASCII")).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    /// The visitor's cookie that it sets, as `name=value`.
    pub fn visitor_cookie(&self) -> Option<String> {
        let lines = self.headers.get_all("set-cookie").into_iter().filter_map(|line| line.to_str().ok());
        let ours = lines.filter(|line| line.starts_with("inlay_visitor="));
        ours.map(|line| line.split(';').next().expect("a pair").to_owned()).next()
    }
}

/// A page as an origin sends it.
pub fn page(html: impl Into<Bytes>) -> Response<Body> {
    let response = Response::builder().header("content-type", "text/html; charset=utf-8");
    response.body(Body::full(html.into())).expect("a response")
}

/// Serves `origin` on a port of the system's choice.
pub fn serve_origin<O>(origin: O) -> (SocketAddr, Trigger)
where
    O: Fn(Request<Body>) -> Response<Body> + Send + Sync + 'static,
{
    let (trigger, handle) = shutdown();
    let local = "127.0.0.1:0".parse().expect("an address");
    let server = Server::bind(vec![ListenerSettings { address: local, tls: None }]).expect("a port");
    let address = server.addresses()[0];
    let origin = Arc::new(origin);
    tokio::spawn(server.run(
        move |request| {
            let origin = origin.clone();
            async move { origin(request) }
        },
        handle,
    ));
    (address, trigger)
}

impl Front {
    /// Fronts `origin` with the rules of one file.
    pub async fn new<O>(rules: &str, origin: O) -> Self
    where
        O: Fn(Request<Body>) -> Response<Body> + Send + Sync + 'static,
    {
        Self::with("", &[("rules/site.yaml", rules)], origin).await
    }

    /// Fronts `origin` with more lines in inlay.yaml, and files by path.
    pub async fn with<O>(deployment: &str, files: &[(&str, &str)], origin: O) -> Self
    where
        O: Fn(Request<Body>) -> Response<Body> + Send + Sync + 'static,
    {
        let (address, trigger) = serve_origin(origin);
        let folder = tempfile::tempdir().expect("a folder");
        let head = format!(
            "listen: 127.0.0.1:0\norigin: http://{address}\nrules: rules\nadmin: {{ address: \"127.0.0.1:0\" }}\n"
        );
        std::fs::create_dir(folder.path().join("rules")).expect("a folder");
        write(folder.path(), "inlay.yaml", &(head + deployment));
        files.iter().for_each(|(path, text)| write(folder.path(), path, text));
        let clock = Clock::fixed(NOW.parse().expect("a time"));
        let source = config::ConfigSource::file(folder.path().join("inlay.yaml"));
        let app = match App::start(source, clock.clone()) {
            Ok((app, _warnings)) => app,
            Err(error) => panic!("{error}"),
        };
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { app, folder, clock, client, _origin: trigger }
    }

    /// Writes a file below the deployment's folder.
    pub fn write(&self, path: &str, text: &str) {
        write(self.folder.path(), path, text);
    }

    pub fn address(&self) -> SocketAddr {
        self.app.addresses()[0]
    }

    /// GET without headers of interest.
    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, "").await
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let response = self.begin(method, path, headers, body).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// Sends, and gives the response when its head is there.
    pub async fn begin(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<hyper::body::Incoming> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).expect("a request");
        self.client.request(request).await.expect("a response")
    }

    /// Asks the admin port.
    pub async fn admin(&self, method: &str, path: &str) -> Answer {
        let address = self.app.admin_address().expect("an admin port");
        let request = Request::builder().method(method).uri(format!("http://{address}{path}"));
        let request = request.body(Full::default()).expect("a request");
        let (head, body) = self.client.request(request).await.expect("a response").into_parts();
        Answer { status: head.status, headers: head.headers, body: body.collect().await.expect("a body").to_bytes() }
    }

    /// Gets a page again and again until it holds `text`; fails after five seconds.
    pub async fn until(&self, path: &str, text: &str) -> Answer {
        for _ in 0..100 {
            let answer = self.get(path).await;
            if answer.text().contains(text) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("`{text}` never came: {}", self.get(path).await.text());
    }
}

fn write(folder: &Path, path: &str, text: &str) {
    let file = folder.join(path);
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    std::fs::write(file, text).expect("a file");
}
