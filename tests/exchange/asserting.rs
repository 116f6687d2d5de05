//! `inlay check --against URL --cookies`, against a site that varies by itself.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response};
use inlay::cli::independence::{answer, cookie};
use inlay::http::Body;

use super::house::{page, serve_origin};

/// A page with a nonce, a token and a count that change each time; `session` and `theme` together show a name, `lang`
/// leads elsewhere, `broken` breaks it, and `visits` changes nothing.
fn restless() -> impl Fn(Request<Body>) -> Response<Body> + Send + Sync + 'static {
    let count = AtomicUsize::new(0);
    move |request| {
        let n = count.fetch_add(1, Ordering::Relaxed);
        let sent = request.headers().get("cookie").map_or("", |line| line.to_str().expect("ASCII"));
        let has = |name: &str| sent.split("; ").any(|pair| pair.starts_with(name));
        if has("lang=") || has("broken=") {
            let (status, location) = if has("lang=") { (302, "/fr/") } else { (503, "/") };
            return Response::builder().status(status).header("location", location).body(Body::empty()).expect("one");
        }
        let name = if has("session=") && has("theme=") { "Ann" } else { "you" };
        let mut response = page(format!(
            "<html>\n<script nonce=\"n{n}/=\">go()</script>\n<p>Hello, {name}!</p>\n<form><input name=csrf value=t{n}x{n}></form></html>"
        ));
        for line in ["visits=1; Path=/", "session=s1; HttpOnly", "gone=; Max-Age=0"] {
            response.headers_mut().append("set-cookie", line.parse().expect("a header"));
        }
        response
    }
}

async fn said(cookies: &[&str]) -> (String, u8) {
    let (address, _serving) = serve_origin(restless());
    let cookies: Vec<_> = cookies.iter().map(|text| cookie(text).expect("a cookie")).collect();
    answer(&format!("http://{address}/shop").parse().expect("a URL"), &cookies).await.expect("an answer")
}

#[tokio::test]
async fn the_cookies_that_the_page_sets_are_learned_and_proved() {
    let (text, code) = said(&[]).await;
    assert_eq!(code, 0, "{text}");
    assert!(
        text.starts_with("visits: independent (2 places vary by themselves, and were set aside)\nsession: "),
        "{text}"
    );
    assert!(text.ends_with("routes: [{ path: \"/shop\", origin: default, cookies: [] }]\n"), "{text}");
}

#[tokio::test]
async fn a_difference_is_shown_with_its_place_also_if_it_takes_two() {
    let (text, code) = said(&["session=s1", "theme=dark", "visits=9"]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("session: differs\n    line 3\n"), "{text}");
    assert!(
        text.contains("Hello, you!") && text.contains("Hello, Ann!") && text.contains("visits: independent"),
        "{text}"
    );
    assert!(text.contains("cookies: [\"session\", \"theme\"] }]"), "{text}");
    let (text, code) = said(&["lang=fr"]).await;
    assert!(
        code == 1 && text.contains("the status\n        without it: 200 OK\n        with it:    302 Found"),
        "{text}"
    );
}

#[tokio::test]
async fn what_cannot_be_compared_is_unknown_and_proves_nothing() {
    let (text, code) = said(&["broken=1"]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.starts_with("broken: unknown: the site answered 503") && !text.contains("routes:"), "{text}");
    assert!(cookie("a").is_err() && cookie("a=b;c").is_err() && cookie("a b=c").is_err());
}
