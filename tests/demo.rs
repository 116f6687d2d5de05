//! The demo, seen from outside: its door, its visitors, its shop. Before the shop stands a stand-in for Inlay.

#[path = "demo/double.rs"]
mod double;
#[path = "demo/living.rs"]
mod living;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use double::Double;
use flate2::read::GzDecoder;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use inlay::cli::demo::edge::{BoxError, Edge};
use inlay::cli::demo::{self, Options, Site};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// A running demo; it ends when this is dropped.
struct Demo {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Demo {
    async fn start(double: Double) -> Self {
        let options = Options { port: 0, rules: Some(PathBuf::from("rules")) };
        Self::run(options, |_| async { Ok(Arc::new(double) as Arc<dyn Edge>) }).await
    }

    /// With the real Inlay, and a copy of the rules.
    async fn real() -> Self {
        Self::run(Options { port: 0, rules: None }, demo::build).await
    }

    async fn run<B, F>(options: Options, build: B) -> Self
    where
        B: FnOnce(Site) -> F + Send + 'static,
        F: Future<Output = Result<Arc<dyn Edge>, BoxError>> + Send,
    {
        let (stop, stopped) = oneshot::channel::<()>();
        let (told, address) = oneshot::channel();
        let ready = move |address| told.send(address).unwrap();
        tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            demo::run(options, build, ready, stopped).await.unwrap();
        });
        Self { address: address.await.unwrap(), _stop: stop }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Response<Bytes> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
    }

    async fn get(&self, host: &str, place: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
        self.send(request("GET", host, place, headers, "")).await
    }
}

fn request(
    method: &str,
    host: &str,
    place: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(place).header("host", host);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

const FRAME: (&str, &str) = ("sec-fetch-dest", "iframe");

/// The number that a frame's copy gives for its trace.
fn trace(response: &Response<Bytes>) -> String {
    let (_, rest) = text(response).split_once("data-trace=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn visitors_are_who_they_are_on_their_hosts() {
    let demo = Demo::start(Double::default()).await;
    let ann = demo.get("ann.localhost", "/", &[]).await;
    assert!(text(&ann).contains("Good evening, Ann") && !text(&ann).contains("New here?"));
    for _ in 0..2 {
        let bob = demo.get("bob.localhost:8080", "/", &[("cookie", "tier=gold; member=Mallory")]).await;
        assert!(text(&bob).contains("New here?") && !text(&bob).contains("Good evening"), "Bob stays new");
    }
    let eve = demo.get("eve.localhost", "/", &[]).await;
    assert!(text(&eve).contains("Livraison offerte"), "without consent the page is still contextual");
    assert_eq!(header(&eve, "set-cookie"), "");
    let bare = demo.get("shop.localhost", "/", &[]).await;
    assert!(text(&bare).contains("Free delivery") && !text(&bare).contains("inlay"));
    let lost = demo.get("mallory.localhost", "/", &[]).await;
    assert_eq!(lost.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn a_page_outside_a_frame_is_left_as_it_was_served() {
    let demo = Demo::start(Double::default()).await;
    let page = demo.get("ann.localhost", "/shop/", &[("sec-fetch-dest", "document")]).await;
    assert!(!text(&page).contains("_stage") && !text(&page).contains("<!--inlay"));
}

#[tokio::test]
async fn both_frames_show_one_response_and_the_proof_is_of_it() {
    let demo = Demo::start(Double::default()).await;
    let place = "/journal/rain-in-gent/"; // its nonce differs from response to response
    let inlay = demo.get("localhost", &format!("{place}?visitor=ann&side=inlay"), &[FRAME]).await;
    let trace = trace(&inlay);
    let origin = demo.get("localhost", &format!("{place}?visitor=ann&side=origin&of={trace}"), &[FRAME]).await;
    let policy = header(&inlay, "content-security-policy");
    assert!(policy.contains("nonce-"));
    assert_eq!(policy, header(&origin, "content-security-policy"));
    assert!(text(&origin).contains("<!--inlay:") && text(&origin).contains("Free delivery in Belgium"));
    let report = demo.get("localhost", &format!("/_stage/trace/{trace}"), &[]).await;
    let report: serde_json::Value = serde_json::from_slice(report.body()).unwrap();
    assert_eq!(report["proof"]["holds"], true);
    assert!(report["proof"]["bytes"].as_u64().unwrap() > 3000);
    assert_eq!(report["place"], place);
}

#[tokio::test]
async fn a_change_outside_the_slots_is_told() {
    let demo = Demo::start(Double { lies: true, ..Double::default() }).await;
    let inlay = demo.get("localhost", "/?visitor=ann&side=inlay", &[FRAME]).await;
    let report = demo.get("localhost", &format!("/_stage/trace/{}", trace(&inlay)), &[]).await;
    let report: serde_json::Value = serde_json::from_slice(report.body()).unwrap();
    assert_eq!(report["proof"]["holds"], false);
    assert!(report["proof"]["problem"].as_str().unwrap().contains("at byte"));
}

#[tokio::test]
async fn a_protected_page_has_no_trace() {
    let demo = Demo::start(Double::default()).await;
    let page = demo.get("localhost", "/checkout/?visitor=ann&side=inlay", &[FRAME]).await;
    assert_eq!(page.status(), StatusCode::OK, "Ann is logged in");
    assert_eq!(trace(&page), "");
}

#[tokio::test]
async fn inside_a_frame_on_one_host_links_forms_and_pictures_keep_the_visitor() {
    let demo = Demo::start(Double::default()).await;
    let referer = ("referer", "http://localhost/products/NW-101?visitor=bob&side=inlay");
    let link = demo.get("localhost", "/shop/?kind=Bags", &[FRAME, referer]).await;
    assert_eq!(header(&link, "location"), "/shop/?kind=Bags&visitor=bob&side=inlay");
    let picture = demo.get("localhost", "/assets/hero.svg", &[("sec-fetch-dest", "image"), referer]).await;
    assert_eq!(header(&picture, "content-type"), "image/svg+xml");
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let form = demo.send(request("POST", "localhost", "/cart", &[FRAME, referer, kind], "sku=NW-101")).await;
    assert_eq!(form.status(), StatusCode::SEE_OTHER);
    assert_eq!(header(&form, "location"), "/cart?visitor=bob&side=inlay");
    assert_eq!(header(&form, "set-cookie"), "", "the jar has it");
    let cart = demo.get("localhost", "/cart?visitor=bob&side=inlay", &[FRAME]).await;
    assert!(text(&cart).contains("Leie rain jacket"));
    let other = demo.get("localhost", "/cart?visitor=ann&side=inlay", &[FRAME]).await;
    assert!(!text(&other).contains("Leie rain jacket"), "carts are not shared");
    let again = demo.send(request("POST", "localhost", "/_stage/restart/bob", &[], "")).await;
    assert_eq!(again.status(), StatusCode::OK);
    let emptied = demo.get("localhost", "/cart?visitor=bob&side=inlay", &[FRAME]).await;
    assert!(!text(&emptied).contains("Leie rain jacket"));
}

#[tokio::test]
async fn the_stage_and_its_parts_are_there() {
    let demo = Demo::start(Double::default()).await;
    let stage = demo.get("127.0.0.1", "/", &[]).await;
    assert!(text(&stage).contains("value=\"eve\""));
    assert!(header(&stage, "content-security-policy").starts_with("default-src 'none'; script-src 'self'"));
    for part in ["stage.css", "stage.js", "world.js", "waterfall.js", "rules.js", "frame.js", "icon.svg", "ping"] {
        let answer = demo.get("ann.shop.localhost", &format!("/_stage/{part}"), &[]).await;
        assert_eq!(answer.status(), StatusCode::OK, "{part}");
        assert!(!answer.body().is_empty());
    }
    assert_eq!(demo.get("localhost", "/_stage/trace/999", &[]).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_page_and_file_of_the_shop_is_there() {
    let demo = Demo::start(Double::default()).await;
    let get = |place: &'static str| demo.get("shop.localhost", place, &[]);
    let mut asked =
        vec!["/", "/shop/", "/shop/?kind=Bags", "/samples/", "/search", "/search?q=wool", "/journal/rain-in-gent/"];
    asked.extend(["/cart", "/account/login", "/products/NW-101", "/products/nw-140", "/robots.txt", "/session.json"]);
    for place in asked {
        let page = get(place).await;
        assert_eq!(page.status(), StatusCode::OK, "{place}");
        for reference in text(&page).split("src=\"/assets/").skip(1).chain(text(&page).split("href=\"/assets/").skip(1))
        {
            let name = reference.split('"').next().unwrap();
            let file = demo.get("shop.localhost", &format!("/assets/{name}"), &[]).await;
            assert_eq!(file.status(), StatusCode::OK, "{name} in {place}");
        }
    }
    assert_eq!(get("/nowhere").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(get("/products/NW-999").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(header(&get("/checkout/").await, "location"), "/account/login");
}

#[tokio::test]
async fn the_shop_behaves_as_origins_do() {
    let demo = Demo::start(Double::default()).await;
    let plain = demo.get("shop.localhost", "/", &[]).await;
    let coded = demo.get("shop.localhost", "/", &[("accept-encoding", "br, gzip;q=0.8")]).await;
    assert_eq!(header(&coded, "content-encoding"), "gzip");
    let mut decoded = String::new();
    std::io::Read::read_to_string(&mut GzDecoder::new(coded.body().as_ref()), &mut decoded).unwrap();
    assert_eq!(decoded, text(&plain));
    assert_ne!(header(&plain, "etag"), header(&coded, "etag"));
    let refused = demo.get("shop.localhost", "/", &[("accept-encoding", "gzip;q=0")]).await;
    assert_eq!(header(&refused, "content-encoding"), "");

    let known = ("if-none-match", header(&plain, "etag"));
    let unchanged = demo.get("shop.localhost", "/", &[known]).await;
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    assert!(unchanged.body().is_empty());

    let head = demo.send(request("HEAD", "shop.localhost", "/", &[], "")).await;
    assert!(head.body().is_empty());
    for name in ["content-length", "content-type", "etag", "cache-control", "vary"] {
        assert_eq!(header(&head, name), header(&plain, name), "{name}");
    }
    let cart = demo.get("shop.localhost", "/cart", &[("cookie", "cart=NW-171:2")]).await;
    assert_eq!(header(&cart, "cache-control"), "private, no-store");
    assert!(text(&cart).contains("&nbsp;37"), "two at 18.50");
}

#[tokio::test]
async fn what_visitors_write_is_escaped_and_bounded() {
    let demo = Demo::start(Double::default()).await;
    let search = demo.get("shop.localhost", "/search?q=%3Cscript%3Ealert(1)", &[]).await;
    assert!(!text(&search).contains("<script>alert"));
    let long: &'static str = Box::leak("x=".repeat(20_000).into_boxed_str());
    let form = demo.send(request("POST", "shop.localhost", "/account/login", &[], long)).await;
    assert_eq!(form.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let wrong = demo.send(request("POST", "shop.localhost", "/account/login", &[], "login=ann&password=sun")).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(header(&wrong, "set-cookie"), "");
    let right = demo.send(request("POST", "shop.localhost", "/account/login", &[], "login=ann&password=rain")).await;
    assert_eq!(right.headers().get_all("set-cookie").iter().count(), 2);
}
