//! What the tests stand on: an origin that answers by a closure, Inlay in front of it with rules from text, a client.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use inlay::app::App;
use inlay::clock::Clock;
use inlay::config::ConfigSource;
use inlay::http::{Body, BodyError};
use inlay::server::{ListenerSettings, Server};
use inlay::shutdown::{Drained, Trigger, shutdown};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// A Monday morning in Brussels: 10:30 there.
pub const NOW: &str = "2026-11-23T09:30:00Z";

/// What must happen at all happens within this time; it bounds a failure, it measures nothing.
pub const SOON: Duration = Duration::from_secs(5);

/// Inlay in front of an origin.
pub struct Front {
    pub app: App,
    pub folder: TempDir,
    client: Client<HttpConnector, Full<Bytes>>,
    _origin: Option<Trigger>,
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

    /// The line by which it sets the visitor's cookie.
    pub fn visitor_line(&self) -> Option<&str> {
        let mut lines = self.headers.get_all("set-cookie").into_iter().filter_map(|line| line.to_str().ok());
        lines.find(|line| line.starts_with("inlay_visitor="))
    }

    /// The visitor's cookie that it sets, as `name=value`.
    pub fn visitor_cookie(&self) -> Option<&str> {
        self.visitor_line().and_then(|line| line.split(';').next())
    }
}

/// A page as an origin sends it.
pub fn page(html: impl Into<Bytes>) -> Response<Body> {
    typed("text/html; charset=utf-8", Body::full(html))
}

/// A response of this type.
pub fn typed(content_type: &str, body: Body) -> Response<Body> {
    Response::builder().header("content-type", content_type).body(body).expect("a response")
}

/// A body that is fed piece by piece; it ends when the sender is dropped.
pub fn fed() -> (mpsc::Sender<Bytes>, Body) {
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (Ok::<_, BodyError>(piece), receiver))
    });
    (sender, Body::stream(pieces))
}

/// An origin that gives these responses in turn; after the last, 404.
pub fn in_turn(
    responses: impl IntoIterator<Item = Response<Body>>,
) -> impl Fn(Request<Body>) -> Response<Body> + Send + Sync {
    let left = Mutex::new(responses.into_iter().collect::<std::collections::VecDeque<_>>());
    move |_| {
        let next = left.lock().expect("no panic").pop_front();
        next.unwrap_or_else(|| Response::builder().status(404).body(Body::empty()).expect("a response"))
    }
}

/// Serves `origin` on a port of the system's choice.
pub fn serve_origin<O>(origin: O) -> (SocketAddr, Trigger)
where
    O: Fn(Request<Body>) -> Response<Body> + Send + Sync + 'static,
{
    let (trigger, handle) = shutdown();
    let local = "127.0.0.1:0".parse().expect("an address");
    let server = Server::bind(vec![ListenerSettings::plain(local)]).expect("a port");
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
        Self { _origin: Some(trigger), ..Self::facing(address, deployment, files).await }
    }

    /// Fronts whatever listens at `origin`.
    pub async fn facing(origin: SocketAddr, deployment: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listen = if deployment.contains("listen:") { "" } else { "listen: 127.0.0.1:0\n" };
        let head = format!("{listen}origin: http://{origin}\nrules: rules\nadmin: {{ address: \"127.0.0.1:0\" }}\n");
        std::fs::create_dir(folder.path().join("rules")).expect("a folder");
        write(folder.path(), "inlay.yaml", &(head + deployment));
        files.iter().for_each(|(path, text)| write(folder.path(), path, text));
        let clock = Clock::fixed(NOW.parse().expect("a time"));
        let source = ConfigSource::file(folder.path().join("inlay.yaml"));
        let app = match App::start(source, clock) {
            Ok((app, _warnings)) => app,
            Err(error) => panic!("{error:#?}"),
        };
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { app, folder, client, _origin: None }
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
        whole(self.begin(method, path, headers, body).await).await
    }

    /// Sends, and gives the response when its head is there.
    pub async fn begin(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Incoming> {
        self.ask(self.address(), method, path, headers, body).await
    }

    /// Asks the admin port.
    pub async fn admin(&self, method: &str, path: &str) -> Answer {
        let address = self.app.admin_address().expect("an admin port");
        whole(self.ask(address, method, path, &[], "").await).await
    }

    /// Asks the admin port to do what `body` says.
    pub async fn admin_post(&self, path: &str, body: &str) -> Answer {
        self.admin_send("POST", path, body).await
    }

    /// The same with any method.
    pub async fn admin_send(&self, method: &str, path: &str, body: &str) -> Answer {
        let address = self.app.admin_address().expect("an admin port");
        whole(self.ask(address, method, path, &[], body).await).await
    }

    async fn ask(
        &self,
        address: SocketAddr,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<Incoming> {
        let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).expect("a request");
        let response = tokio::time::timeout(SOON, self.client.request(request)).await;
        response.expect("an answer in time").expect("a response")
    }

    /// The line of the metrics that begins with `name` (with its labels), as a number; 0 if there is none.
    pub async fn metric(&self, name: &str) -> f64 {
        let answer = self.admin("GET", "/metrics").await;
        let mut lines = answer.text().lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        lines.next().map_or(0.0, |number| number.parse().expect("a number"))
    }

    /// Gets a page again and again until it holds `text`; fails after [`SOON`].
    pub async fn until(&self, path: &str, text: &str) -> Answer {
        let asked = async || Some(self.get(path).await).filter(|answer| answer.text().contains(text));
        self.until_true(text, asked).await
    }

    /// Asks again and again until there is an answer; fails after [`SOON`], saying `what` did not come.
    pub async fn until_true<T>(&self, what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
        let asking = async {
            loop {
                if let Some(answer) = ask().await {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, asking).await.unwrap_or_else(|_| panic!("`{what}` should have come"))
    }

    /// Stops the proxy, while the origin goes on.
    pub async fn stop(self, bound: Duration) -> Drained {
        self.app.stop(bound).await
    }
}

async fn whole(response: Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let body = tokio::time::timeout(4 * SOON, body.collect()).await.expect("a body that ends");
    Answer { status: head.status, headers: head.headers, body: body.expect("a whole body").to_bytes() }
}

fn write(folder: &Path, path: &str, text: &str) {
    let file = folder.join(path);
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    std::fs::write(file, text).expect("a file");
}
