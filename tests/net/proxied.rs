//! The PROXY protocol: whose connection a balancer passes on, and that nobody else can say so.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use inlay::http::Body;
use inlay::http::bounds::Bounds;
use inlay::http::peer::{Peer, TrustedProxies};
use inlay::server::Terms;
use inlay::server::tls::Tls;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::house::{Running, raw, serve_proxied, text};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Answers with the address that the connection is of.
async fn whose(request: Request<Body>) -> Response<Body> {
    let peer = request.extensions().get::<Peer>().expect("a peer");
    Response::new(Body::full(format!("of {};", peer.address)))
}

fn trusting(networks: &[&str]) -> Terms {
    let trusted = TrustedProxies::new(networks.iter().map(|network| network.parse().unwrap()).collect());
    Terms { trusted, ..Terms::default() }
}

/// Behind a balancer on this machine, with its figures.
fn behind() -> (Running, impl Fn(&str, u64) -> bool) {
    let terms = trusting(&["127.0.0.0/8"]);
    let metrics = terms.metrics.clone();
    let counted = move |reason: &str, count: u64| {
        metrics
            .text(&[], &[], &[], &[])
            .contains(&format!("inlay_refused_requests_total{{reason=\"{reason}\"}} {count}\n"))
    };
    (serve_proxied(None, terms, whose), counted)
}

/// A header of version 2.
fn binary(command: u8, family: u8, addresses: &[u8], more: &[u8]) -> Vec<u8> {
    let length = u16::try_from(addresses.len() + more.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[0x20 | command, family], &length, addresses, more].concat()
}

fn inet() -> Vec<u8> {
    [&[192, 0, 2, 7, 10, 0, 0, 1][..], &4711u16.to_be_bytes(), &443u16.to_be_bytes()].concat()
}

fn inet6() -> Vec<u8> {
    let address = "2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets();
    [&address[..], &address, &4711u16.to_be_bytes(), &443u16.to_be_bytes()].concat()
}

/// The headers that are understood, each with the address that it tells, if it tells one.
fn headers() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let longest = format!("PROXY UNKNOWN {0} {0} 65535 65535\r\n", "ffff:".repeat(7) + "ffff");
    let tlvs = [&[1, 0, 2][..], b"h2", &[4, 0x03, 0xe8], &[0; 1000]].concat();
    vec![
        (b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n".to_vec(), Some("192.0.2.7:4711")),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n".to_vec(), Some("[2001:db8::7]:4711")),
        (b"PROXY UNKNOWN\r\n".to_vec(), None),
        (longest.into_bytes(), None),
        (binary(1, 0x11, &inet(), b""), Some("192.0.2.7:4711")),
        (binary(1, 0x11, &inet(), &tlvs), Some("192.0.2.7:4711")),
        (binary(1, 0x21, &inet6(), b""), Some("[2001:db8::7]:4711")),
        (binary(1, 0x31, &[b'/'; 216], b""), None),
        (binary(1, 0x12, &inet(), b""), None),
        (binary(1, 0x00, b"", b"anything"), None),
        (binary(0, 0x00, b"", b""), None),
        (binary(0, 0x11, &inet(), b""), None),
    ]
}

async fn sent(server: &Running, pieces: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        // It may have been closed already.
        let _ = stream.write_all(piece).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("an end");
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn the_header_tells_whose_connection_it_is() {
    let (server, _) = behind();
    for (header, told) in headers() {
        let answer = sent(&server, &[&[&header, GET.as_bytes()].concat()]).await;
        let expected = told.map_or("of 127.0.0.1:".to_owned(), |told| format!("of {told};"));
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(&expected), "{header:?}: {answer}");
    }
}

#[tokio::test]
async fn it_may_come_in_any_two_pieces() {
    let (server, _) = behind();
    let server = Arc::new(server);
    for (header, told) in headers().into_iter().filter(|(header, _)| header.len() < 120) {
        let expected = told.map_or("of 127.0.0.1:".to_owned(), |told| format!("of {told};"));
        let all = [&header[..], GET.as_bytes()].concat();
        // Beyond the header too: what follows it may have begun to come with it.
        let splits = (1..header.len() + 3).map(|at| {
            let (server, all) = (server.clone(), all.clone());
            tokio::spawn(async move { (at, sent(&server, &[&all[..at], &all[at..]]).await) })
        });
        for split in futures_util::future::join_all(splits).await {
            let (at, answer) = split.unwrap();
            assert!(answer.contains(&expected), "{header:?} at {at}: {answer}");
        }
    }
}

#[tokio::test]
async fn what_is_no_header_is_closed_without_a_word_and_counted() {
    let (server, counted) = behind();
    let cases = [
        GET.as_bytes().to_vec(),
        b"PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n".to_vec(),
        b"PROXY TCP4 not-an-address 10.0.0.1 4711 443\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 200]].concat(),
        vec![0x16, 3, 1, 0, 200],
        vec![0; 9000],
        binary(1, 0x11, &inet()[..8], b""),
        binary(2, 0x11, &inet(), b""),
        binary(1, 0x41, &inet(), b""),
        [SIGNATURE, &[0x11, 0x11, 0, 12], &inet()].concat(),
        binary(1, 0x11, &inet(), &[0; 5000]),
    ];
    for (number, case) in cases.iter().enumerate() {
        assert_eq!(sent(&server, &[case]).await, "", "{number}");
    }
    assert!(counted("proxy_header", cases.len() as u64));
    // A balancer that only looks whether somebody listens is nobody's fault.
    drop(TcpStream::connect(server.address).await.unwrap());
    let answer = sent(&server, &[b"PROXY UNKNOWN\r\n", GET.as_bytes()]).await;
    assert!(answer.contains("of 127.0.0.1:") && counted("proxy_header", cases.len() as u64), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_header_that_does_not_come_is_not_waited_for_for_ever() {
    let (server, counted) = behind();
    for (number, begun) in [&b""[..], b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r", SIGNATURE].iter().enumerate() {
        assert_eq!(sent(&server, &[begun]).await, "", "{begun:?}");
        assert!(counted("proxy_header_too_slow", number as u64 + 1), "{begun:?}");
    }
}

#[tokio::test]
async fn who_is_not_trusted_can_claim_nothing_and_is_not_served() {
    let terms = trusting(&["10.0.0.0/8"]);
    let metrics = terms.metrics.clone();
    let server = serve_proxied(None, terms, whose);
    for opening in ["PROXY TCP4 10.0.0.1 10.0.0.1 4711 443\r\n", ""] {
        assert_eq!(sent(&server, &[opening.as_bytes(), GET.as_bytes()]).await, "", "{opening}");
    }
    assert!(metrics.text(&[], &[], &[], &[]).contains("inlay_refused_requests_total{reason=\"proxy_untrusted\"} 2\n"));
}

/// A second header is no way to be somebody else: it is read as a request.
#[tokio::test]
async fn only_the_first_header_counts() {
    let (server, _) = behind();
    let twice = format!("PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\nPROXY TCP4 192.0.2.8 10.0.0.1 1 2\r\n{GET}");
    assert!(raw(server.address, &twice).await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn connections_are_counted_by_the_client_that_was_told() {
    let terms =
        Terms { bounds: Bounds { connections_per_client: 1, ..Bounds::default() }, ..trusting(&["127.0.0.0/8"]) };
    let server = serve_proxied(None, terms, whose);
    let open = async |client: &str| {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!("PROXY TCP4 {client} 10.0.0.1 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        (stream, String::from_utf8(status.to_vec()).unwrap())
    };
    let (_first, status) = open("192.0.2.7").await;
    assert_eq!(status, "HTTP/1.1 200");
    let (_other, status) = open("192.0.2.8").await;
    assert_eq!(status, "HTTP/1.1 200");
    assert_eq!(open("192.0.2.7").await.1, "HTTP/1.1 429");
}

#[tokio::test]
async fn it_comes_before_tls_and_http2() {
    let authority = Authority::new();
    let tls = Tls::load(vec![authority.sign("local", &["localhost"])]).unwrap();
    let server = serve_proxied(Some(tls), trusting(&["127.0.0.0/8"]), whose);
    for (header, told) in [
        (&b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n"[..], "of 192.0.2.7:4711;"),
        (&binary(1, 0x21, &inet6(), b""), "of [2001:db8::7]:4711;"),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(header).await.unwrap();
        let mut config = authority.client().with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        for _ in 0..2 {
            let request = Request::get("https://localhost/").body(Body::empty()).unwrap();
            assert_eq!(text(sender.send_request(request).await.unwrap()).await, told);
        }
    }
}
