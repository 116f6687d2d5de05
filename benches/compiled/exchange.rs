//! An exchange as a whole, from a request to the bytes of its answer, and deciding with few rules and with many.
//!
//! In: a site. Out: figures. What the sockets and the HTTP library cost is not in them: the bench `load` has that.

use std::convert::Infallible;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use criterion::Criterion;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use inlay::app::App;
use inlay::clock::Clock;
use inlay::config::ConfigSource;
use inlay::http::Body;
use inlay::http::cookies::Transport;
use inlay::visitor::{IdentityKeys, VisitorId};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::site::{COOKIE, PATH, SECRET, Site};

/// The codings that are asked for; `None` is the plain page.
const CODINGS: [Option<&str>; 3] = [None, Some("gzip"), Some("br")];

/// A running Inlay whose exchange is asked from within the process.
pub struct Exchanging {
    runtime: Runtime,
    app: App,
    cookie: String,
    _folder: TempDir,
}

impl Exchanging {
    /// Inlay in front of an origin in the same process, with everything that is kept made already.
    pub fn begin(site: &Site) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let app = runtime.block_on(async {
            let origin = origin(site.page.clone()).await;
            let deployment = format!(
                "listen: 127.0.0.1:0\norigin: http://{origin}\nrules: rules\nvisitor: {{ cookie: {COOKIE}, secret: \"{SECRET}\", consent: implied }}\n"
            );
            fs::create_dir(folder.path().join("rules")).expect("a folder");
            fs::write(folder.path().join("rules/bench.yaml"), &site.rules).expect("a file");
            fs::write(folder.path().join("inlay.yaml"), deployment).expect("a file");
            let source = ConfigSource::file(folder.path().join("inlay.yaml"));
            App::start(source, Clock::system()).expect("it starts").0
        });
        let keys = IdentityKeys::new(COOKIE, &[SECRET]);
        let set = keys.set_cookie(&VisitorId::random(), Transport::Any, jiff::Timestamp::now());
        let set = set.as_ref().and_then(|set| set.to_str().ok()).expect("a cookie");
        let cookie = format!("tier=gold; {}", set.split(';').next().unwrap_or_default());
        let this = Self { runtime, app, cookie, _folder: folder };
        this.warm_up();
        this
    }

    /// Until pages are compiled and their pieces compressed.
    fn warm_up(&self) {
        for coding in CODINGS.into_iter().cycle().take(300) {
            self.exchange(coding);
            self.runtime.block_on(async { tokio::time::sleep(std::time::Duration::from_millis(1)).await });
        }
    }

    /// So many exchanges.
    pub fn repeat(&self, count: usize, coding: Option<&str>) {
        for _ in 0..count {
            self.exchange(coding);
        }
    }

    /// One exchange. Out: bytes of the body.
    fn exchange(&self, coding: Option<&str>) -> usize {
        let mut request = Request::get(PATH)
            .header(header::HOST, "127.0.0.1")
            .header(header::ACCEPT, "text/html")
            .header(header::COOKIE, &self.cookie);
        if let Some(coding) = coding {
            request = request.header(header::ACCEPT_ENCODING, coding);
        }
        let request = request.body(Body::empty()).expect("a request");
        self.runtime.block_on(async {
            let response = self.app.exchange().handle(request).await;
            assert_eq!(response.status(), 200);
            let mut body = response.into_body();
            let mut bytes = 0;
            while let Some(frame) = body.frame().await {
                bytes += frame.expect("a whole body").data_ref().map_or(0, bytes::Bytes::len);
            }
            bytes
        })
    }
}

async fn origin(page: String) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("an address");
    let address = listener.local_addr().expect("an address");
    let page = bytes::Bytes::from(page);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let page = page.clone();
            let service = service_fn(move |_| {
                let page = Full::new(page.clone());
                let response = Response::builder()
                    .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
                    .header(header::CACHE_CONTROL, "public, max-age=3600")
                    .header(header::VARY, "accept-encoding")
                    .body(page);
                std::future::ready(Ok::<_, Infallible>(response.expect("well-formed headers")))
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

/// Allocations of one exchange that finds everything made: rules, fragments, page.
pub fn print_allocations() {
    const EXCHANGES: u64 = 100;
    let exchanging = Exchanging::begin(&Site::of_rules(3));
    for coding in CODINGS {
        let counted = allocation_counter::measure(|| exchanging.repeat(EXCHANGES as usize, coding));
        let (count, bytes) = (counted.count_total / EXCHANGES, counted.bytes_total / EXCHANGES);
        println!("an exchange, {}: {count} allocations, {bytes} bytes", coding.unwrap_or("plain"));
    }
}

/// What a request costs within the process.
pub fn bench(criterion: &mut Criterion) {
    for rules in [5, 10_000] {
        // Of which five have the path: the difference between the two is what many rules cost.
        let exchanging = Exchanging::begin(&Site::of_rules(rules));
        for coding in CODINGS {
            let name = format!("an exchange, {rules} rules, {}", coding.unwrap_or("plain"));
            criterion.bench_function(&name, |bench| bench.iter(|| exchanging.exchange(coding)));
        }
    }
}
