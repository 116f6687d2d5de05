//! The API that the tests ask: it answers by a closure, notes what it was asked, and can be made to wait.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Request, Response};
use inlay::http::Body;
use inlay::shutdown::{Trigger, shutdown};
use tokio::sync::watch;

use super::house::{Front, page};
use inlay::server::{ListenerSettings, Server};

/// One request that came.
#[derive(Clone, Debug)]
pub struct Came {
    pub method: String,
    /// The path with its query.
    pub target: String,
    pub headers: HeaderMap,
    pub body: String,
}

/// An API in this process.
pub struct Api {
    pub address: SocketAddr,
    came: Arc<Mutex<Vec<Came>>>,
    gate: watch::Sender<bool>,
    _trigger: Trigger,
}

impl Api {
    /// An API that answers by `answer`, at once.
    pub fn new(answer: impl Fn(&Came) -> Response<Body> + Send + Sync + 'static) -> Self {
        let (trigger, handle) = shutdown();
        let local = "127.0.0.1:0".parse().expect("an address");
        let server = Server::bind(vec![ListenerSettings::plain(local)]).expect("a port");
        let address = server.addresses()[0];
        let (gate, gated) = watch::channel(true);
        let came: Arc<Mutex<Vec<Came>>> = Arc::default();
        let (noted, answer) = (came.clone(), Arc::new(answer));
        let handler = move |request: Request<Body>| {
            let (noted, answer, mut gated) = (noted.clone(), answer.clone(), gated.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect_at_most(1 << 20).await.expect("a body");
                let came = Came {
                    method: head.method.to_string(),
                    target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
                    headers: head.headers,
                    body: String::from_utf8_lossy(&body).into_owned(),
                };
                noted.lock().expect("no panic").push(came.clone());
                let _ = gated.wait_for(|open| *open).await;
                answer(&came)
            }
        };
        tokio::spawn(server.run(handler, handle));
        Self { address, came, gate, _trigger: trigger }
    }

    /// From now on no request is answered until [`open`](Self::open).
    pub fn shut(&self) {
        self.gate.send_replace(false);
    }

    pub fn open(&self) {
        self.gate.send_replace(true);
    }

    pub fn came(&self) -> Vec<Came> {
        self.came.lock().expect("no panic").clone()
    }

    pub fn targets(&self) -> Vec<String> {
        self.came().into_iter().map(|came| came.target).collect()
    }
}

/// JSON as an API sends it.
pub fn json(text: impl Into<bytes::Bytes>) -> Response<Body> {
    Response::builder().header("content-type", "application/json").body(Body::full(text)).expect("a response")
}

pub fn status(status: u16) -> Response<Body> {
    Response::builder().status(status).body(Body::full("{}")).expect("a response")
}

/// Inlay before an origin that sends one page, with rules in which `API` stands for the API's address.
pub async fn fronted(html: &'static str, rules: &str, api: &Api) -> Front {
    let rules = rules.replace("API", &api.address.to_string());
    Front::new(&rules, move |_| page(html)).await
}
