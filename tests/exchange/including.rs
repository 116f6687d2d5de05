//! Edge Side Includes: what a page includes stands in it, as it comes, in its order; what goes, goes; and rules lay into the same page.

use std::sync::Mutex;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use inlay::http::Body;

use super::house::{Front, fed, page, typed};

const ROUTE: &str = "routes:\n  - { path: /plain, origin: default }\n  - { path: /**, origin: default, esi: true }\n";

/// An origin that answers by path, and notes what it was asked.
fn origin(
    answer: impl Fn(&str) -> Response<Body> + Send + Sync + 'static,
) -> (&'static Mutex<Vec<String>>, impl Fn(Request<Body>) -> Response<Body> + Send + Sync + 'static) {
    let asked: &'static Mutex<Vec<String>> = Box::leak(Box::default());
    let answering = move |request: Request<Body>| {
        let path = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
        let field =
            |name: &str| request.headers().get(name).map_or("-", |value| value.to_str().expect("ASCII")).to_owned();
        asked.lock().expect("no panic").push(format!("{path} {} {}", field("cookie"), field("surrogate-capability")));
        answer(&path)
    };
    (asked, answering)
}

fn status(status: u16) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "text/html")
        .body(Body::full("<h1>error</h1>"))
        .expect("a response")
}

#[tokio::test]
async fn a_page_is_put_together_of_what_it_includes_and_rules_lay_into_it() {
    const PAGE: &str = "<body><esi:include src=\"/head?a=1&amp;b=2\"/><main><esi:remove><p>old</p></esi:remove>\
        <!--esi <p>for edges</p><esi:include src='part'/>--><esi:comment text='no'/></main></body>";
    let (asked, origin) = origin(|path| match path {
        "/shop/" | "/plain" => page(PAGE),
        "/head?a=1&b=2" => typed("text/html; charset=iso-8859-1", Body::full(&b"<h1>caf\xE9</h1>"[..])),
        "/shop/part" => page("<i>part</i>"),
        _ => status(404),
    });
    let rules = "rules:\n  r:\n    match: { path: /** }\n    inject:\n      - { select: body > main > p, place: inner, text: laid }\n";
    let front = Front::with(ROUTE, &[("rules/site.yaml", rules)], origin).await;
    let answer = front.get_with("/shop/", &[("cookie", "a=1; inlay_visitor=x")]).await;
    assert_eq!(answer.text(), "<body><h1>café</h1><main> <p>laid</p><i>part</i></main></body>");
    assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-cache"));
    let mut came = asked.lock().unwrap().clone();
    came[1..].sort();
    let expected = ["/shop/ a=1 inlay=\"ESI/1.0\"", "/head?a=1&b=2 a=1 -", "/shop/part a=1 -"];
    assert_eq!(came, expected);
    // Where it is not asked for, a page is what the origin made.
    let plain = front.get("/plain").await;
    assert_eq!(plain.text(), PAGE);
}

#[tokio::test]
async fn includes_stand_in_the_order_of_the_page_and_come_as_they_come() {
    let (first, first_body) = fed();
    let (second, second_body) = fed();
    let bodies = Mutex::new((Some(first_body), Some(second_body)));
    let (_, origin) = origin(move |path| {
        let mut bodies = bodies.lock().unwrap();
        match path {
            "/1" => typed("text/html", bodies.0.take().unwrap()),
            "/2" => typed("text/html", bodies.1.take().unwrap()),
            _ => page("<p>a</p><esi:include src=\"/1\"/><p>b</p><esi:include src=\"/2\"/><p>c</p>"),
        }
    });
    let front = Front::with(ROUTE, &[("rules/site.yaml", "rules: {}\n")], origin).await;
    let mut response = front.begin("GET", "/", &[], "").await;
    let mut text = String::new();
    // The second is asked for, and whole, while the first has not begun.
    second.send("<i>2</i>".into()).await.unwrap();
    drop(second);
    for (send, until) in [("", "<p>a</p>"), ("<b>1", "<b>1"), ("!</b>", "!</b>")] {
        if !send.is_empty() {
            first.send(Bytes::from_static(send.as_bytes())).await.unwrap();
        }
        while !text.ends_with(until) {
            let frame = response.frame().await.expect("more").expect("no error");
            text.push_str(std::str::from_utf8(frame.data_ref().expect("data")).expect("UTF-8"));
        }
    }
    drop(first);
    let rest = response.into_body().collect().await.expect("whole").to_bytes();
    text.push_str(std::str::from_utf8(&rest).expect("UTF-8"));
    assert_eq!(text, "<p>a</p><b>1!</b><p>b</p><i>2</i><p>c</p>");
}

#[tokio::test]
async fn what_fails_has_an_alternative_or_is_left_out_or_the_page_ends_early() {
    let (_, origin) = origin(|path| match path {
        "/good" => page("<i>good</i>"),
        "/image" => typed("image/png", Body::full("png")),
        "/alt" => page("[<esi:include src='/bad' alt='/good'/>]"),
        "/left-out" => page("[<esi:include src='/bad' alt='/image' onerror='continue'/>]"),
        "/elsewhere" => page("[<esi:include src='http://169.254.169.254/latest' onerror='continue'/>]"),
        "/itself" => page("[<esi:include src='http://127.0.0.1/good'/>]"),
        "/no-src" => page("[<esi:include onerror='continue'/>]"),
        "/missing" => page("[<esi:include src='/bad'/>]"),
        _ => status(500),
    });
    let front = Front::with(ROUTE, &[("rules/site.yaml", "rules: {}\n")], origin).await;
    for (path, shows) in [
        ("/alt", "[<i>good</i>]"),
        ("/left-out", "[]"),
        ("/elsewhere", "[]"),
        ("/itself", "[<i>good</i>]"),
        ("/no-src", "[]"),
    ] {
        assert_eq!(front.get(path).await.text(), shows, "{path}");
    }
    let response = front.begin("GET", "/missing", &[], "").await;
    assert!(response.into_body().collect().await.is_err(), "the client can tell");
    for (kind, count) in [("alt", 1.0), ("src", 1.0), ("continued", 3.0), ("failed", 1.0)] {
        assert_eq!(front.metric(&format!("inlay_includes_total{{kind=\"{kind}\"}}")).await, count, "{kind}");
    }
}

#[tokio::test]
async fn an_include_may_include_but_not_without_end() {
    let (asked, origin) = origin(|_| page("(<esi:include src='/'/>)"));
    let front = Front::with(ROUTE, &[("rules/site.yaml", "rules: {}\n")], origin).await;
    let answer = front.get("/").await;
    assert_eq!(answer.text(), "((((((<esi:include src='/'/>))))))");
    assert_eq!(asked.lock().unwrap().len(), 6, "the page, and five below it");
}

#[tokio::test]
async fn a_page_with_includes_is_compiled_and_each_part_is_kept_as_it_says() {
    let (asked, origin) = origin(|path| {
        let (html, control) = match path {
            "/part" => ("<i>part</i>", "max-age=60"),
            "/own" => ("<i>own</i>", "private"),
            _ => ("<esi:include src='/part'/><p>x</p><esi:include src='/own'/>", "max-age=60"),
        };
        let mut response = page(html);
        response.headers_mut().insert("cache-control", control.parse().unwrap());
        response.headers_mut().insert("surrogate-control", "content=\"ESI/1.0\"".parse().unwrap());
        response
    });
    let rules =
        "rules:\n  r:\n    match: { path: /** }\n    inject:\n      - { select: p, place: append, text: laid }\n";
    let front = Front::with(ROUTE, &[("rules/site.yaml", rules)], origin).await;
    for _ in 0..4 {
        let answer = front.get("/").await;
        assert_eq!(answer.text(), "<i>part</i><p>xlaid</p><i>own</i>");
        assert_eq!(
            (answer.header("surrogate-control"), answer.header("cache-control").as_deref()),
            (None, Some("private, no-cache"))
        );
    }
    let asked = asked.lock().unwrap().clone();
    let times = |path: &str| asked.iter().filter(|came| came.starts_with(&format!("{path} "))).count();
    assert_eq!([times("/"), times("/part"), times("/own")], [1, 1, 4]);
    assert!(front.metric("inlay_pages_total{kind=\"kept\"}").await >= 2.0);
    // Switched off, the page is still put together.
    front.app.exchange().switch(inlay::exchange::Switch::Off);
    assert_eq!(front.get("/").await.text(), "<i>part</i><p>x</p><i>own</i>");
}
