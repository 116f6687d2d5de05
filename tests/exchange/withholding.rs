//! What an origin tells Inlay alone: it reaches no client on any way, and an answer that says it is nobody else's.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use inlay::http::{Body, BodyError};

use super::house::{Front, page, typed};

const RULES: &str = "\
rules:
  everywhere:
    match: { path: /page }
    inject: [{ select: p, place: after, html: LAID }]
";

const FOR_US: [(&str, &str); 4] = [
    ("inlay-identify", "customer-7"),
    ("inlay-event", "cart.add;{\"sku\":\"A1\"}"),
    ("inlay-profile", "{\"loyalty\":{\"tier\":\"gold\"}}"),
    ("inlay-of-tomorrow", "x"),
];

fn tell(headers: &mut HeaderMap) {
    for (name, value) in FOR_US {
        headers.append(name, value.parse().expect("a value"));
    }
}

/// Says it in every answer but the first to `/confirmed`, which it confirms then.
fn origin(request: Request<Body>) -> Response<Body> {
    let confirms = request.headers().contains_key("if-none-match");
    let mut response = match request.uri().path() {
        "/page" => page("<p></p>"),
        "/confirmed" if confirms => Response::builder().status(304).body(Body::empty()).expect("a response"),
        "/moved" => Response::builder().status(301).header("location", "/").body(Body::empty()).expect("a response"),
        "/trailers" => with_trailers(),
        _ => typed("application/json", Body::full("{}")),
    };
    let (path, headers) = (request.uri().path(), response.headers_mut());
    let caching = if path == "/confirmed" { "max-age=0" } else { "max-age=60" };
    headers.insert("cache-control", caching.parse().expect("a value"));
    headers.insert("etag", "\"v1\"".parse().expect("a value"));
    if path != "/confirmed" || confirms {
        tell(headers);
    }
    response
}

fn with_trailers() -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "1".parse().expect("a value"));
    tell(&mut trailers);
    let frames = [Ok::<_, BodyError>(Frame::data(Bytes::from("{}"))), Ok(Frame::trailers(trailers))];
    let mut response = typed("application/json", Body::wrap(StreamBody::new(futures_util::stream::iter(frames))));
    response.headers_mut().insert("trailer", "x-sum, inlay-event, inlay-identify".parse().expect("a value"));
    response
}

/// The names that are for Inlay.
fn told(headers: &HeaderMap) -> Vec<&str> {
    headers.keys().map(|name| name.as_str()).filter(|name| name.starts_with("inlay-")).collect()
}

#[tokio::test]
async fn no_client_gets_it_and_nobody_shares_the_answer() {
    let front = Front::new(RULES, origin).await;
    for (method, path) in [
        ("GET", "/json"),
        ("HEAD", "/json"),
        ("POST", "/json"),
        ("GET", "/page"),
        ("GET", "/moved"),
        ("GET", "/trailers"),
    ] {
        for round in ["first", "second"] {
            let answer = front.send(method, path, &[], "").await;
            assert_eq!(told(&answer.headers), [""; 0], "{method} {path}, {round}");
            let cache = answer.header("cache-status").expect("a status");
            assert!(!cache.contains("hit") && !cache.contains("stored"), "{method} {path}, {round}: {cache}");
            assert_eq!(answer.text().contains("LAID"), path == "/page", "{method} {path}, {round}");
        }
    }
}

#[tokio::test]
async fn neither_a_confirmation_nor_trailers_tell_it() {
    let front = Front::new(RULES, origin).await;
    for status in ["inlay; fwd=uri-miss; stored", "inlay; fwd=stale; fwd-status=304; stored"] {
        let answer = front.get("/confirmed").await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "{}"));
        assert_eq!(answer.header("cache-status").as_deref(), Some(status));
        assert_eq!(told(&answer.headers), [""; 0], "{status}");
    }
    let response = front.begin("GET", "/trailers", &[("te", "trailers"), ("connection", "te")], "").await;
    let whole = response.into_body().collect().await.expect("a body");
    let trailers = whole.trailers().expect("trailers");
    assert_eq!((told(trailers), trailers.get("x-sum").is_some()), (vec![], true));
}
