//! Several servers behind one name: which is asked, and what becomes of those that die, hang, refuse and recover.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use inlay::http::client::{Bounds, Protocol};
use inlay::http::headers::Pseudonym;
use inlay::http::{Body, BodyError};
use inlay::origin::{Balance, Ejection, HashKey, HealthCheck, HostPolicy, Origins, Retry};
use inlay::shutdown::shutdown;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::house::{Running, Setup, get, h2, raw, raw_origin, read_until, serve, text};

/// A server that says its name, and can be told to be ill.
struct Named {
    running: Running,
    asked: Arc<AtomicUsize>,
    ill: Arc<AtomicBool>,
}

fn named(name: &'static str) -> Named {
    let (asked, ill) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (counted, is_ill) = (asked.clone(), ill.clone());
    let running = serve(None, move |request: Request<Body>| {
        let status = if is_ill.load(Ordering::SeqCst) { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        counted.fetch_add(usize::from(request.uri().path() != "/healthz"), Ordering::SeqCst);
        async move { Response::builder().status(status).body(Body::full(name)).unwrap() }
    });
    Named { running, asked, ill }
}

impl Named {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn set_ill(&self, ill: bool) {
        self.ill.store(ill, Ordering::SeqCst);
    }
}

fn urls(servers: &[&Named]) -> Vec<String> {
    servers.iter().map(|server| format!("http://{}", server.running.address)).collect()
}

fn of(servers: &[&Named]) -> Setup {
    Setup { urls: urls(servers), ..Setup::of(servers[0].running.address) }
}

/// An address where nobody listens.
fn closed() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// Waits until it is so; fails if that takes unreasonably long.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test]
async fn the_same_visitor_gets_the_same_server_until_it_is_gone() {
    let servers = [named("one"), named("two"), named("three")];
    let [one, two, three] = &servers;
    let setup = Setup {
        origin: |settings| settings.balance = Balance::Hash(HashKey::Cookie("sid".into())),
        ..of(&[one, two, three])
    };
    let proxy = setup.proxy();
    let ask = async |visitor: usize| {
        let answer = get(proxy.address, "/", &format!("Cookie: a=b; sid={visitor}\r\n")).await;
        body(&answer).to_owned()
    };
    let mut first = BTreeMap::new();
    for visitor in 0..24 {
        first.insert(visitor, ask(visitor).await);
    }
    for (visitor, server) in &first {
        assert_eq!(&ask(*visitor).await, server);
    }
    assert!(["one", "two", "three"].iter().all(|name| first.values().any(|server| server == name)), "{first:?}");
    let [one, _two, _three] = servers;
    one.running.trigger.drain(Duration::from_millis(100)).await;
    for (visitor, server) in &first {
        let now = ask(*visitor).await;
        assert!(if server == "one" { now != "one" && !now.is_empty() } else { now == *server }, "{server} → {now}");
    }
}

#[tokio::test]
async fn the_least_busy_server_is_asked() {
    let stuck = serve(None, |_| async { Response::new(Body::stream(futures_util::stream::pending())) });
    let free = named("free");
    let setup = Setup {
        urls: vec![format!("http://{}", stuck.address), format!("http://{}", free.running.address)],
        origin: |settings| settings.balance = Balance::LeastConnections,
        ..Setup::of(stuck.address)
    };
    let proxy = setup.proxy();
    let mut held = Vec::new();
    // The first is stuck with one of these, and from then on is the busier one.
    for _ in 0..2 {
        let mut stream = TcpStream::connect(proxy.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        read_until(&mut stream, "\r\n\r\n").await;
        held.push(stream);
    }
    for _ in 0..6 {
        assert_eq!(body(&get(proxy.address, "/", "").await), "free");
    }
}

#[tokio::test]
async fn a_server_that_fails_its_checks_is_left_alone_until_it_passes_them() {
    let servers = [named("one"), named("two")];
    let [one, two] = &servers;
    let setup = Setup {
        origin: |settings| {
            settings.health = Some(HealthCheck {
                path: "/healthz".into(),
                interval: Duration::from_millis(20),
                timeout: Duration::from_secs(2),
                healthy: 2,
                unhealthy: 2,
                status: vec![200..=299],
            });
            settings.slow_start = Duration::from_millis(1);
            settings.ejection = Ejection { failures: 0, ..settings.ejection };
            settings.retry = Retry { attempts: 1, on: vec![] };
        },
        ..of(&[one, two])
    };
    let proxy = setup.proxy();
    one.set_ill(true);
    until("the ill one is left alone", async || {
        let before = one.asked();
        for _ in 0..4 {
            get(proxy.address, "/", "").await;
        }
        one.asked() == before
    })
    .await;
    one.set_ill(false);
    until("it is asked again", async || body(&get(proxy.address, "/", "").await) == "one").await;
    // All of them ill: they are asked all the same.
    servers.iter().for_each(|server| server.set_ill(true));
    let before = [one, two].map(Named::asked);
    until("both are down", async || {
        get(proxy.address, "/", "").await;
        [one, two].iter().zip(before).all(|(server, before)| server.asked() > before + 20)
    })
    .await;
}

#[tokio::test]
async fn a_server_that_fails_requests_is_ejected_and_tried_again() {
    let servers = [named("one"), named("two")];
    let [one, two] = &servers;
    let setup = Setup {
        origin: |settings| {
            let (base, max) = (Duration::from_millis(300), Duration::from_millis(300));
            settings.ejection = Ejection { failures: 3, base, max };
            settings.slow_start = Duration::from_millis(1);
        },
        ..of(&[one, two])
    };
    let proxy = setup.proxy();
    one.set_ill(true);
    // Visitors see nothing of it: what may be repeated is.
    for _ in 0..12 {
        assert_eq!(body(&get(proxy.address, "/", "").await), "two");
    }
    let asked = one.asked();
    assert!(asked == 3 || asked == 4, "asked {asked} times; after three failures it should be left alone");
    one.set_ill(false);
    until("it is back", async || body(&get(proxy.address, "/", "").await) == "one").await;
}

#[tokio::test]
async fn a_server_that_breaks_off_its_answers_is_ejected() {
    let two = named("two");
    for half in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n\nx\r\n\r\n",
    ] {
        let dying = raw_origin(half).await;
        let setup = Setup {
            urls: vec![format!("http://{dying}"), format!("http://{}", two.running.address)],
            origin: |settings| settings.ejection = Ejection { failures: 3, ..Ejection::default() },
            ..of(&[&two])
        };
        let proxy = setup.proxy();
        let mut halves = 0;
        for _ in 0..20 {
            halves += usize::from(body(&get(proxy.address, "/", "").await) != "two");
        }
        assert_eq!(halves, 3, "a head that is fine does not make up for a body that is not");
    }
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_twice() {
    let dying = raw_origin("").await;
    let two = named("two");
    let asked = || two.asked();
    let setup = || Setup {
        urls: vec![format!("http://{dying}"), format!("http://{}", two.running.address)],
        ..Setup::of(dying)
    };
    let lines = "Host: a\r\nConnection: close\r\n";
    for (method, rest, status) in [
        ("GET", "\r\n", "200"),
        ("PUT", "Content-Length: 0\r\n\r\n", "200"),
        ("PUT", "Content-Length: 2\r\n\r\nhi", "502"),
        ("POST", "Content-Length: 0\r\n\r\n", "502"),
    ] {
        let (proxy, before) = (setup().proxy(), asked());
        let answer = raw(proxy.address, &format!("{method} / HTTP/1.1\r\n{lines}{rest}")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{method}: {answer}");
        assert_eq!(asked() - before, usize::from(status == "200"), "{method}");
    }
}

#[tokio::test]
async fn a_servers_own_word_stands_above_none() {
    let ill = named("ill");
    ill.set_ill(true);
    let urls = vec![format!("http://{}", ill.running.address), format!("http://{}", closed())];
    let proxy = Setup { urls, ..Setup::of(ill.running.address) }.proxy();
    let answer = get(proxy.address, "/", "").await;
    assert!(answer.starts_with("HTTP/1.1 503") && body(&answer) == "ill", "{answer}");
}

#[tokio::test]
async fn a_dying_origin_is_not_asked_a_multiple() {
    let servers = [named("one"), named("two")];
    let [one, two] = &servers;
    let proxy = of(&[one, two]).proxy();
    servers.iter().for_each(|server| server.set_ill(true));
    for _ in 0..100 {
        get(proxy.address, "/", "").await;
    }
    let asked = one.asked() + two.asked();
    assert!((100..=131).contains(&asked), "100 requests became {asked}");
}

#[tokio::test]
async fn a_server_has_no_more_connections_than_it_may() {
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (opened, seen) = (open.clone(), most.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let opened = opened.clone();
            seen.fetch_max(opened.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::spawn(async move {
                while read_until(&mut stream, "\r\n\r\n").await.contains("\r\n\r\n") {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                }
                opened.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    let setup =
        Setup { origin: |settings| settings.bounds = Bounds { connections: 2, pending: 6 }, ..Setup::of(address) };
    let proxy = setup.proxy();
    let asks = (0..20).map(|_| get(proxy.address, "/", ""));
    let answers = futures_util::future::join_all(asks).await;
    let count =
        |status: &str| answers.iter().filter(|answer| answer.starts_with(&format!("HTTP/1.1 {status}"))).count();
    assert_eq!(most.load(Ordering::SeqCst), 2);
    assert!(count("200") >= 8 && count("200") + count("503") == 20, "{answers:?}");
    assert!(count("503") > 0, "nothing was refused");
    let refused = answers.iter().find(|answer| answer.starts_with("HTTP/1.1 503")).unwrap();
    assert!(refused.contains("proxy-status: connection_limit_reached"), "{refused}");
    // Those that were kept serve who comes later.
    assert!(get(proxy.address, "/", "").await.starts_with("HTTP/1.1 200"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let io = hyper_util::rt::TokioIo::new(stream);
            let service = hyper::service::service_fn(|request: Request<hyper::body::Incoming>| async move {
                let host = request.headers()["host"].to_str().unwrap().to_owned();
                Ok::<_, std::convert::Infallible>(Response::new(Body::full(format!("{} {host}", request.uri()))))
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
        }
    });
    let urls = vec![format!("unix:{}", path.display())];
    for (host, seen) in [(HostPolicy::Origin, "/x localhost"), (HostPolicy::Preserve, "/x public.example")] {
        let proxy = Setup { urls: urls.clone(), host, ..Setup::of(closed()) }.proxy();
        assert_eq!(body(&get(proxy.address, "/x", "").await), seen);
    }
    let missing = Setup { urls: vec!["unix:/nowhere/app.sock".into()], ..Setup::of(closed()) }.proxy();
    assert!(get(missing.address, "/", "").await.starts_with("HTTP/1.1 502"));
}

#[tokio::test]
async fn http2_by_prior_knowledge_carries_grpc_and_any_host() {
    let origin = serve(None, |request: Request<Body>| async move {
        let (head, body) = request.into_parts();
        assert_eq!(head.version, http::Version::HTTP_2);
        let te = head.headers.get("te").map_or("", |te| te.to_str().unwrap()).to_owned();
        let asked = body.collect().await.unwrap().to_bytes();
        let told = format!("{} te={te} asked={}", head.uri, String::from_utf8_lossy(&asked));
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let frames = [Ok::<_, BodyError>(Frame::data(told.into())), Ok(Frame::trailers(trailers))];
        let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
        Response::builder().header("content-type", "application/grpc").body(Body::wrap(body)).unwrap()
    });
    let setup = Setup {
        origin: |settings| settings.protocol = Protocol::Http2,
        host: HostPolicy::Preserve,
        ..Setup::of(origin.address)
    };
    let proxy = setup.proxy();
    let mut client = h2(proxy.address).await;
    for _ in 0..2 {
        let request = Request::post("http://public.example/pkg.Service/Call").header("te", "trailers");
        let request = request.header("content-type", "application/grpc").body(Body::full("hello")).unwrap();
        let response = client.send_request(request).await.unwrap();
        let whole = response.into_body().collect().await.unwrap();
        assert_eq!(whole.trailers().unwrap()["grpc-status"], "0");
        let told = String::from_utf8(whole.to_bytes().to_vec()).unwrap();
        assert_eq!(told, "http://public.example/pkg.Service/Call te=trailers asked=hello");
    }
}

#[tokio::test]
async fn http2_streams_share_connections() {
    let origin = serve(None, |_| async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        Response::new(Body::full("ok"))
    });
    let setup = Setup {
        origin: |settings| {
            settings.protocol = Protocol::Http2;
            settings.bounds = Bounds { connections: 1, pending: 1_000 };
        },
        ..Setup::of(origin.address)
    };
    let proxy = setup.proxy();
    let client = h2(proxy.address).await;
    let asks = (0..120).map(|_| {
        let mut client = client.clone();
        async move {
            let request = Request::get("http://a/").body(Body::empty()).unwrap();
            text(client.send_request(request).await.unwrap()).await
        }
    });
    let answers = futures_util::future::join_all(asks).await;
    assert!(answers.iter().all(|answer| answer == "ok"));
}

#[tokio::test]
async fn an_origin_that_did_not_change_goes_on_with_what_is_known_of_it() {
    let ill = named("ill");
    let (trigger, handle) = shutdown();
    let pseudonym = Pseudonym::new(0xabc);
    let setup =
        Setup { origin: |settings| settings.ejection = Ejection { failures: 1, ..Ejection::default() }, ..of(&[&ill]) };
    let settings = setup.settings();
    let before = Origins::new(vec![settings.clone()], &pseudonym, &handle).unwrap();
    let proxy = setup.proxy_of(&before, trigger, handle.clone());
    ill.set_ill(true);
    get(proxy.address, "/", "").await;
    let is_up = |origins: &Origins| origins.figures()[0].up;
    assert!(!is_up(&before));
    let same = before.renewed(vec![settings.clone()], &pseudonym, &handle).unwrap();
    assert!(!is_up(&same), "its health is known");
    assert_eq!(same.figures()[0].requests, 1);
    let mut changed = settings;
    changed.slow_start = Duration::from_secs(1);
    assert!(
        is_up(&before.renewed(vec![changed], &pseudonym, &handle).unwrap()),
        "another origin, of which nothing is known"
    );
}
