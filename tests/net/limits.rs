//! What clients may take, and what they are told when they take more. Attacks leave others unharmed.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use inlay::http::bounds::{Bounds, MinimumRate};
use inlay::http::{Body, BodyError};
use inlay::server::Terms;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::house::{Running, echo_service, get, h2, raw, read_until, serve_on};

/// Far longer than anything takes that is not stuck.
const PATIENCE: Duration = Duration::from_secs(20);

fn on(bounds: Bounds) -> Running {
    serve_on(Terms { bounds, ..Terms::default() }, reading)
}

/// Reads the body, and does not mind if it breaks.
async fn reading(request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    match body.collect().await {
        Ok(body) => echo_service(Request::from_parts(head, Body::full(body.to_bytes()))).await,
        Err(_) => Response::builder().status(500).body(Body::empty()).unwrap(),
    }
}

/// The server's figures beside it.
fn counted(bounds: Bounds) -> (Running, impl Fn(&str) -> bool) {
    let terms = Terms { bounds, ..Terms::default() };
    let metrics = terms.metrics.clone();
    (serve_on(terms, reading), move |line: &str| metrics.text(&[], &[], &[], &[]).contains(line))
}

async fn open(server: &Running, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the connection should end");
    String::from_utf8(rest).unwrap()
}

#[tokio::test]
async fn what_is_too_large_has_its_status_and_ends_the_connection() {
    let bounds = Bounds { request_head: 2000, headers: 9, uri: 100, body: Some(10), ..Bounds::default() };
    let (server, has_counted) = counted(bounds);
    let (long, lines) = ("x".repeat(101), "A: b\r\n".repeat(10));
    for (request, status) in [
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), "414 "),
        // Far longer than anybody holds, and without an end.
        (format!("GET /{}", long.repeat(9000)), "414 "),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", long.repeat(9000)), "431 "),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n"), "431 "),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n12345678901".to_owned(), "413 "),
        // Nobody waits for it.
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n".to_owned(), "413 "),
        (format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n{}\r\n", &long[..15]), "413 "),
    ] {
        let answer = raw(server.address, &request).await;
        let told = &request[..request.len().min(60)];
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{told}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{told}: {answer}");
    }
    assert!(has_counted("inlay_refused_requests_total{reason=\"uri_too_long\"} 2"));
    assert!(has_counted("inlay_refused_requests_total{reason=\"body_too_long\"} 3"));
    let fine = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n1234567890";
    assert!(raw(server.address, fine).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn http2_is_bounded_alike_and_only_the_stream_ends() {
    let server = on(Bounds { uri: 100, headers: 9, body: Some(10), streams: 3, ..Bounds::default() });
    let mut sender = h2(server.address).await;
    let mut many = Request::get("http://a/");
    for number in 0..10 {
        many = many.header(format!("x-{number}"), "1");
    }
    for (request, status) in [
        (Request::get(format!("http://a/{}", "x".repeat(101))).body(Body::empty()), StatusCode::URI_TOO_LONG),
        (many.body(Body::empty()), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        (Request::post("http://a/").body(Body::full("12345678901")), StatusCode::PAYLOAD_TOO_LARGE),
        (Request::post("http://a/").body(Body::full("1234567890")), StatusCode::OK),
    ] {
        assert_eq!(sender.send_request(request.unwrap()).await.unwrap().status(), status);
    }
}

/// A client that is still sending reads what it was told, however much was on its way (RFC 9112 section 9.6).
#[tokio::test]
async fn who_is_still_sending_can_read_the_answer() {
    let server = on(Bounds { body: Some(10), ..Bounds::default() });
    let (mut reader, mut writer) =
        open(&server, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await.into_split();
    let sending = tokio::spawn(async move {
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        for _ in 0..40 {
            if writer.write_all(chunk.as_bytes()).await.is_err() {
                return;
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut answer = String::new();
    let _ = timeout(PATIENCE, reader.read_to_string(&mut answer)).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("connection: close"), "{answer}");
    sending.await.unwrap();
}

#[tokio::test]
async fn a_connection_ends_after_its_last_request() {
    let server = on(Bounds { requests_per_connection: 2, ..Bounds::default() });
    let two = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = raw(server.address, two).await;
    assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 2, "{answer}");
    assert_eq!(answer.matches("connection: close").count(), 1, "{answer}");
    let mut sender = h2(server.address).await;
    for _ in 0..2 {
        let request = Request::get("http://a/").body(Body::empty()).unwrap();
        assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    sender.ready().await.expect_err("the connection should be going away");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_dribbles_is_told_so_and_an_idle_connection_is_closed() {
    let bounds = Bounds::default();
    let server = on(bounds.clone());
    for (greeting, bound, told) in [
        ("GET / HTTP/1.1\r\nHo", bounds.request_head_wait, "HTTP/1.1 408 "),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT", bounds.request_head_wait, "HTTP/1.1 408 "),
        ("", bounds.idle_wait, ""),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", bounds.idle_wait, "HTTP/1.1 200 "),
    ] {
        let mut stream = open(&server, greeting).await;
        let started = Instant::now();
        let mut answer = Vec::new();
        // The paused clock runs on whenever everybody waits.
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains(told), "{greeting:?}: {answer}");
        assert!(started.elapsed() + Duration::from_secs(1) >= bound, "{greeting:?}: {:?}", started.elapsed());
        assert!(started.elapsed() < bound + Duration::from_secs(10), "{greeting:?}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_slow_post_is_given_up_and_a_steady_one_is_not() {
    let rate = MinimumRate { bytes_per_second: 1000, window: Duration::from_millis(300) };
    let (server, has_counted) = counted(Bounds { body_rate: rate, ..Bounds::default() });
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3000\r\n\r\n";
    let send = |piece: usize, pause: u64| {
        let server = &server;
        async move {
            let (mut reader, mut writer) = open(server, head).await.into_split();
            let sending = async {
                for _ in 0..3000 / piece {
                    if writer.write_all("x".repeat(piece).as_bytes()).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
            };
            let mut answer = String::new();
            let _ = tokio::join!(sending, timeout(PATIENCE, reader.read_to_string(&mut answer)));
            answer
        }
    };
    let (slow, steady) = tokio::join!(send(1, 2), send(1000, 50));
    assert!(steady.starts_with("HTTP/1.1 200 "), "{steady}");
    assert!(slow.starts_with("HTTP/1.1 408 ") && slow.contains("connection: close"), "{slow}");
    assert!(has_counted("inlay_refused_requests_total{reason=\"body_too_slow\"} 1"));
}

fn endless() -> Response<Body> {
    let pieces = futures_util::stream::repeat_with(|| Ok::<_, BodyError>(Bytes::from(vec![b'x'; 64 * 1024])));
    Response::new(Body::stream(pieces))
}

/// A reader that takes nothing is let go, also where the connection's own window is full; the one who reads is not.
#[tokio::test]
async fn a_slow_reader_is_let_go() {
    let rate = MinimumRate { bytes_per_second: 1000, window: Duration::from_millis(300) };
    let terms = Terms { bounds: Bounds { response_rate: rate, ..Bounds::default() }, ..Terms::default() };
    let (ended, mut all_ended) = tokio::sync::mpsc::channel::<()>(1);
    let server = serve_on(terms, move |_| {
        let held = ended.clone();
        async move {
            endless().map(|body| {
                Body::wrap(body.map_frame(move |frame| {
                    let _ = &held;
                    frame
                }))
            })
        }
    });
    let slow = open(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut steady = open(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut buffer = vec![0; 64 * 1024];
    for _ in 0..40 {
        steady.read_exact(&mut buffer).await.expect("a steady reader is served on");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    drop(steady);
    drop(server);
    // The service itself is dropped with the listener, the bodies with their connections.
    timeout(PATIENCE, all_ended.recv()).await.expect("the slow reader's response should have been dropped");
    drop(slow);
}

/// Connections that hold the house full: half a head, nothing at all, idle after a request.
#[tokio::test]
async fn a_full_house_makes_room() {
    let server = on(Bounds { connections: 20, ..Bounds::default() });
    let mut crowd = Vec::new();
    for greeting in ["GET / HTTP/1.1\r\nX-Slow: ", "", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        for _ in 0..20 {
            crowd.push(open(&server, greeting).await);
        }
        for _ in 0..3 {
            let answer = timeout(PATIENCE, get(server.address, "/fine", "")).await.expect("there should be room");
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
    }
}

/// Those who are served stay, whoever comes.
#[tokio::test]
async fn nobody_who_is_being_served_makes_room() {
    let terms = Terms { bounds: Bounds { connections: 2, ..Bounds::default() }, ..Terms::default() };
    let server = serve_on(terms, |_| async { endless() });
    let mut busy = open(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    read_until_some(&mut busy).await;
    for _ in 0..5 {
        drop(open(&server, "").await);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut more = vec![0; 8 * 1024 * 1024];
    timeout(PATIENCE, busy.read_exact(&mut more)).await.unwrap().expect("it should be served on");
}

async fn read_until_some(stream: &mut TcpStream) {
    stream.read_exact(&mut [0; 16]).await.unwrap();
}

#[tokio::test]
async fn one_client_has_its_share_of_connections_unless_it_is_a_trusted_proxy() {
    let bounds = Bounds { connections_per_client: 3, ..Bounds::default() };
    let (server, has_counted) = counted(bounds.clone());
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = open(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        read_until(&mut stream, "host: a").await;
        held.push(stream);
    }
    let answer = rest(&mut open(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await).await;
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(has_counted("inlay_refused_requests_total{reason=\"connections\"} 1"));
    held.pop();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(get(server.address, "/", "").await.starts_with("HTTP/1.1 200 "));

    let trusted = inlay::http::peer::TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let server = serve_on(Terms { bounds, trusted, ..Terms::default() }, echo_service);
    for _ in 0..9 {
        held.push(open(&server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await);
        read_until(held.last_mut().unwrap(), "host: a").await;
    }
}

#[tokio::test]
async fn the_body_is_asked_for_only_where_it_is_wanted() {
    let terms = Terms::default();
    let server = serve_on(terms, |request: Request<Body>| async move {
        match request.uri().path() {
            "/unwanted" => Response::builder().status(403).body(Body::full("no")).unwrap(),
            _ => echo_service(request).await,
        }
    });
    let head = |path| format!("POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    let answer = rest(&mut open(&server, &head("/unwanted")).await).await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("connection: close"), "{answer}");
    // A client that does not wait gets the same, and what it sent is no request.
    let eager = format!("{}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", head("/unwanted"));
    let answer = rest(&mut open(&server, &eager).await).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    let mut stream = open(&server, &head("/wanted")).await;
    assert_eq!(read_until(&mut stream, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").await.unwrap();
    let answer = read_until(&mut stream, "abc").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("connection: close"), "{answer}");
    let other = "POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 3\r\n\r\nabc";
    assert!(raw(server.address, other).await.starts_with("HTTP/1.1 417 "));
}
