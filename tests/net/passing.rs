//! What passes, what is changed on the way, and what becomes of an origin's failures.

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use inlay::http::{Body, BodyError};
use inlay::origin::{HostPolicy, WantedCodings};

use tokio::io::AsyncWriteExt;

use crate::house::{Setup, echo, get, h2, raw, raw_origin, read_until, serve, text};

#[tokio::test]
async fn the_origin_sees_the_request_without_what_is_for_one_connection() {
    let origin = echo();
    let proxy = Setup::of(origin.address).proxy();
    let seen = raw(
        proxy.address,
        "GET /a//b/../c%2F?x=%20&&y HTTP/1.1\r\nHost: public.example\r\nConnection: close, x-hop\r\nX-Hop: 1\r\n\
         Keep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: close\r\nAccept: a\r\nAccept: b\r\n\
         X-Forwarded-For: 6.6.6.6\r\nVia: 1.0 fred\r\n\r\n",
    )
    .await;
    let (_, seen) = seen.split_once("\r\n\r\n").unwrap();
    let host = origin.address;
    let expected = format!(
        "GET /a//b/../c%2F?x=%20&&y HTTP/1.1\naccept: a\naccept: b\ncdn-loop: inlay-00000abc\n\
         forwarded: for=127.0.0.1;proto=http;host=\"public.example\"\nhost: {host}\nte: trailers\n\
         via: 1.0 fred\nvia: 1.1 inlay-00000abc\nx-forwarded-for: 127.0.0.1\nx-forwarded-host: public.example\n\
         x-forwarded-proto: http\n\n"
    );
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_trusted_proxy_is_believed() {
    let origin = echo();
    let proxy = Setup { trusted: vec!["127.0.0.0/8"], ..Setup::of(origin.address) }.proxy();
    let seen = get(proxy.address, "/", "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n").await;
    assert!(seen.contains("x-forwarded-for: 6.6.6.6, 127.0.0.1\n"), "{seen}");
    assert!(seen.contains("x-forwarded-proto: https\n"), "{seen}");
}

#[tokio::test]
async fn the_host_is_as_the_policy_says() {
    let origin = echo();
    let own = format!("localhost:{}", origin.address.port());
    for (policy, host) in [
        (HostPolicy::Origin, own.as_str()),
        (HostPolicy::Preserve, "public.example"),
        (HostPolicy::Name("named.example:8080".parse().unwrap()), "named.example:8080"),
    ] {
        let urls = vec![format!("http://{own}/prefix/")];
        let proxy = Setup { urls, host: policy, ..Setup::of(origin.address) }.proxy();
        let seen = get(proxy.address, "/page", "").await;
        assert!(seen.contains(&format!("host: {host}\n")), "{seen}");
        assert!(seen.contains("GET /prefix/page HTTP/1.1\n"), "{seen}");
        assert!(seen.contains("x-forwarded-host: public.example\n"), "{seen}");
    }
}

#[tokio::test]
async fn the_codings_asked_for_are_those_that_are_wanted() {
    let origin = echo();
    let both = WantedCodings::DecodableByBoth;
    for (wanted, sent, seen) in [
        (WantedCodings::AsReceived, "Accept-Encoding: sdch\r\n", Some("sdch")),
        (WantedCodings::AsReceived, "", None),
        (WantedCodings::Decodable, "Accept-Encoding: sdch\r\n", Some("zstd, br, gzip, deflate")),
        (both, "Accept-Encoding: gzip;q=0.5, sdch, br\r\n", Some("br, gzip")),
        (both, "Accept-Encoding: sdch\r\n", Some("identity")),
        (both, "", Some("identity")),
    ] {
        let proxy = Setup { codings: wanted, ..Setup::of(origin.address) }.proxy();
        let answer = get(proxy.address, "/", sent).await;
        let line = answer.lines().find_map(|line| line.strip_prefix("accept-encoding: "));
        assert_eq!(line, seen, "{wanted:?} {sent}");
    }
}

#[tokio::test]
async fn repeated_headers_stay_repeated() {
    let origin = raw_origin(
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nConnection: close, x-hop\r\nX-Hop: 1\r\n\
         Content-Length: 2\r\nEtag: \"x\"\r\n\r\nhi",
    )
    .await;
    let proxy = Setup::of(origin).proxy();
    let answer = get(proxy.address, "/", "").await;
    assert!(answer.contains("set-cookie: a=1; Path=/\r\nset-cookie: b=2\r\n"), "{answer}");
    assert!(answer.contains("via: 1.1 inlay-00000abc\r\n"), "{answer}");
    assert!(
        answer.contains("etag: \"x\"\r\ncontent-length: 2\r\n") || answer.contains("content-length: 2\r\netag: \"x\"")
    );
    assert!(!answer.contains("x-hop"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhi"));
}

#[tokio::test]
async fn heads_and_empty_answers_keep_their_headers_and_have_no_body() {
    for (answer, status, length) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, Some("5")),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, None),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nEtag: \"x\"\r\n\r\n", 304, Some("7")),
        ("HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n", 204, None),
    ] {
        let proxy = Setup::of(raw_origin(answer).await).proxy();
        let head = "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let one = raw(proxy.address, head).await;
        assert!(one.starts_with(&format!("HTTP/1.1 {status} ")) && one.ends_with("\r\n\r\n"), "{one}");
        let lengths: Vec<&str> = one.lines().filter_map(|line| line.strip_prefix("content-length: ")).collect();
        assert_eq!(lengths.first().copied(), length, "{one}");

        let request = Request::head(format!("http://{}/", proxy.address)).body(Body::empty()).unwrap();
        let two = h2(proxy.address).await.send_request(request).await.unwrap();
        assert_eq!(two.status(), status);
        assert_eq!(two.headers().get("content-length").map(|length| length.to_str().unwrap()), length);
        assert_eq!(text(two).await, "");
    }
}

#[tokio::test]
async fn bodies_of_requests_pass_with_and_without_a_length() {
    let origin = echo();
    let proxy = Setup::of(origin.address).proxy();
    let start = "POST /cart HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let known = raw(proxy.address, &format!("{start}Content-Length: 5\r\n\r\nhello")).await;
    assert!(known.contains("content-length: 5\n") && known.ends_with("\n\nhello"), "{known}");
    let chunked =
        raw(proxy.address, &format!("{start}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")).await;
    // The echo runs on our server too, which shows nobody how a body was framed.
    assert!(!chunked.contains("content-length: 5\n") && chunked.ends_with("\n\nhello"), "{chunked}");
    let get = "GET /search HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let asked = raw(proxy.address, &format!("{get}5\r\nhello\r\n0\r\n\r\n")).await;
    assert!(asked.contains("GET /search ") && asked.ends_with("\n\nhello"), "{asked}");
    let none = raw(proxy.address, &format!("{start}Content-Length: 0\r\n\r\n")).await;
    assert!(none.contains("content-length: 0\n"), "{none}");
}

#[tokio::test]
async fn http2_without_tls_is_spoken_and_its_cookie_crumbs_are_joined() {
    let origin = echo();
    let proxy = Setup { host: HostPolicy::Preserve, ..Setup::of(origin.address) }.proxy();
    let request = Request::get("http://public.example/two").header("cookie", "a=1").header("cookie", "b=2");
    let response = h2(proxy.address).await.send_request(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    let seen = text(response).await;
    assert!(seen.starts_with("GET /two HTTP/1.1\n") && seen.contains("\ncookie: a=1; b=2\n"), "{seen}");
    assert!(seen.contains("host: public.example\n") && seen.contains("via: 2 inlay-00000abc\n"), "{seen}");
}

#[tokio::test]
async fn trailers_pass_in_both_directions() {
    let origin = serve(None, |request: Request<Body>| async move {
        let asked = request.into_body().collect().await.unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", asked.trailers().map_or(HeaderValue::from_static("none"), |t| t["x-sum"].clone()));
        let frames = [Ok::<_, BodyError>(Frame::data("body".into())), Ok(Frame::trailers(trailers))];
        let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
        Response::builder().header("trailer", "x-sum").body(Body::wrap(body)).unwrap()
    });
    let proxy = Setup::of(origin.address).proxy();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("42"));
    let frames = [Ok::<_, BodyError>(Frame::data("ask".into())), Ok(Frame::trailers(trailers.clone()))];
    let body = Body::wrap(http_body_util::StreamBody::new(futures_util::stream::iter(frames)));
    let request = Request::post("http://a/").header("te", "trailers").header("trailer", "x-sum").body(body).unwrap();
    let response = h2(proxy.address).await.send_request(request).await.unwrap();
    let whole = response.into_body().collect().await.unwrap();
    assert_eq!(whole.trailers(), Some(&trailers));
    assert_eq!(whole.to_bytes(), "body");
}

#[tokio::test]
async fn an_origins_failure_is_told_by_whose_fault_it_is() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    for (origin, status, error) in [
        (closed, "502", "connection_refused"),
        (raw_origin("").await, "502", "http_response_incomplete"),
        (raw_origin("SMTP 220 ready\r\n\r\n").await, "502", "http_protocol_error"),
        (
            raw_origin("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n").await,
            "502",
            "http_protocol_error",
        ),
        (
            raw_origin("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n").await,
            "502",
            "http_upgrade_failed",
        ),
    ] {
        let proxy = Setup::of(origin).proxy();
        let answer = get(proxy.address, "/", "").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains(&format!("proxy-status: {error}\r\n")), "{error}: {answer}");
    }
}

#[tokio::test]
async fn a_loop_is_told_and_connect_is_refused() {
    let origin = echo();
    let proxy = Setup::of(origin.address).proxy();
    for line in ["Via: 1.1 inlay-00000abc\r\n", "CDN-Loop: other.example, inlay-00000abc;a=b\r\n"] {
        let answer = get(proxy.address, "/", line).await;
        assert!(answer.starts_with("HTTP/1.1 508 "), "{answer}");
    }
    let other = get(proxy.address, "/", "CDN-Loop: other.example\r\n").await;
    assert!(other.contains("cdn-loop: inlay-00000abc\ncdn-loop: other.example\n"), "{other}");
    let answer =
        raw(proxy.address, "CONNECT evil.example:25 HTTP/1.1\r\nHost: evil.example:25\r\nConnection: close\r\n\r\n")
            .await;
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET, "), "{answer}");
    let answer = raw(proxy.address, "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.contains("OPTIONS * HTTP/1.1\n"), "{answer}");
}

#[tokio::test]
async fn servers_take_turns_and_a_dead_one_costs_nothing() {
    let name = |name: &'static str| serve(None, move |_| async move { Response::new(Body::full(name)) });
    let (one, two) = (name("one"), name("two"));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let urls = [one.address, two.address, closed].map(|address| format!("http://{address}")).to_vec();
    let proxy = Setup { urls, ..Setup::of(closed) }.proxy();
    let mut seen = String::new();
    for _ in 0..6 {
        let answer = get(proxy.address, "/", "").await;
        seen.push_str(answer.split_once("\r\n\r\n").unwrap().1);
        seen.push(' ');
    }
    // The third server's turns fall to the others.
    assert_eq!(seen, "one two one one two two ");
    // What never left is sent elsewhere too, whatever it is, with its body.
    for _ in 0..3 {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
        let answer = raw(proxy.address, head).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test]
async fn redirects_are_the_clients_business() {
    let proxy = Setup::of(raw_origin("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n").await).proxy();
    assert!(get(proxy.address, "/", "").await.starts_with("HTTP/1.1 302 "));
}

#[tokio::test]
async fn only_websockets_may_leave_http() {
    let origin = echo();
    let proxy = Setup::of(origin.address).proxy();
    let seen =
        get(proxy.address, "/", "Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n").await;
    assert!(!seen.contains("upgrade: ") && !seen.contains("http2-settings: "), "{seen}");
    let seen = get(proxy.address, "/", "Connection: upgrade\r\nUpgrade: WebSocket\r\n").await;
    assert!(seen.contains("connection: upgrade\n") && seen.contains("upgrade: WebSocket\n"), "{seen}");
}

#[tokio::test]
async fn heads_beyond_the_bounds_are_refused() {
    let origin = echo();
    let long = format!("X-Long: {}\r\n", "x".repeat(inlay::limits::REQUEST_HEAD_BYTES));
    let many: String = (0..=inlay::limits::REQUEST_HEADERS).map(|number| format!("X-{number}: 1\r\n")).collect();
    for lines in [long, many] {
        let answer = get(origin.address, "/", &lines).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:.100}");
    }
    let value = "x".repeat(inlay::limits::REQUEST_HEAD_BYTES);
    let request = Request::get("http://a/").header("x-long", value).body(Body::empty()).unwrap();
    let response = h2(origin.address).await.send_request(request).await;
    assert!(response.is_err() || response.unwrap().status() == 431);
}

#[tokio::test]
async fn a_client_that_waits_for_100_is_told_to_go_on() {
    let origin = echo();
    let proxy = Setup::of(origin.address).proxy();
    let mut stream = tokio::net::TcpStream::connect(proxy.address).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let first = read_until(&mut stream, "\r\n\r\n").await;
    assert_eq!(first, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").await.unwrap();
    let answer = read_until(&mut stream, "hello").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\n\nhello"), "{answer}");
}

#[tokio::test]
async fn two_framings_of_one_request_are_never_both_passed_on() {
    let origin = echo();
    let proxy = Setup::of(origin.address).proxy();
    let start = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let both = format!("{start}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    let answer = raw(proxy.address, &both).await;
    assert!(!(answer.contains("content-length: 6\n") && answer.contains("transfer-encoding: ")), "{answer}");
}
