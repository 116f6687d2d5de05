//! A real website, end to end: the toolchain's own documentation behind Inlay, over sockets, as a browser would read it.
//!
//! Every 300th page runs; `INLAY_TEST_EVERY=1` runs all of them (48,000, some minutes). The documentation is a part of the
//! toolchain that one may leave out: where it is absent, also on a machine of the continuous integration, nothing is tried
//! and a line says so. Where it is there, it must have pages.

#[allow(dead_code, reason = "shared with the tests of the exchange, which use all of it")]
#[path = "exchange/house.rs"]
mod house;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use house::{Answer, Front};
use http::{Request, Response};
use inlay::http::Body;

/// Every place, an attribute and a class, and nothing to lay in.
const BLANK: &str = r#"
fragments:
  nothing: { template: "{% if request.query.never %}x{% endif %}" }
rules:
  blank:
    match: { path: /** }
    inject:
      - { select: main, place: replace, template: "  " }
      - { select: h1, place: inner, fragment: nothing }
      - { select: nav, place: replace, fragment: nothing }
      - { select: a, place: before, fragment: nothing }
      - { select: a, place: after, template: "{{ '' }}" }
      - { select: pre, place: inner, template: "{% if element.id == 'none such' %}x{% endif %}" }
      - { select: p, place: prepend, fragment: nothing }
      - { select: p, place: append, fragment: nothing }
      - { select: title, place: inner, fragment: nothing }
      - { select: script, place: inner, fragment: nothing }
      - { select: body, place: append, fragment: nothing }
      - { select: "[href]", attribute: href, template: " " }
      - { select: "[class]", attribute: class, fragment: nothing }
"#;

/// Content that is added, each between brackets that no page has; taking these out must give the page back.
const ADDED: &str = r#"
rules:
  added:
    match: { path: /** }
    inject:
      - { select: main, place: prepend, html: "@[p<b>é</b>]@" }
      - { select: main, place: append, template: "@[{{ element.id or 'none' }}]@" }
      - { select: h1, place: before, html: "@[h]@" }
      - { select: h1, place: after, text: "@[<&]@" }
      - { select: p, place: after, html: "@[a]@" }
      - { select: li, place: append, html: "@[l]@" }
      - { select: body, place: append, html: "@[e]@" }
"#;

/// Content that takes the origin's place.
const EXCHANGED: &str = r#"
rules:
  exchanged:
    match: { path: /** }
    inject:
      - { select: nav, place: remove }
      - { select: h1, place: inner, html: "@[H1]@" }
      - { select: title, place: inner, text: "@[<]@" }
      - { select: body, class: { add: [is-gold-zz] } }
"#;

fn documentation() -> Option<PathBuf> {
    let rustc = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let folder = Path::new(String::from_utf8(rustc.stdout).ok()?.trim()).join("share/doc/rust/html");
    folder.is_dir().then_some(folder)
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "html") {
            into.push(path);
        }
    }
}

/// The pages to try, by their path on the site: some of all, and the largest, which has 8 MB.
fn sample(folder: &Path) -> Vec<String> {
    let every = std::env::var("INLAY_TEST_EVERY").map_or(300, |every| every.parse().expect("a number"));
    let mut all = Vec::new();
    collect(folder, &mut all);
    all.sort();
    assert!(all.len() > 1000, "the documentation has hardly any pages: {}", all.len());
    let largest = all.iter().max_by_key(|path| path.metadata().expect("a file").len()).cloned();
    let some = all.iter().step_by(every).cloned().chain(largest);
    some.map(|path| format!("/{}", path.strip_prefix(folder).expect("below").display())).collect()
}

async fn front(rules: &str, folder: &Path) -> Front {
    let folder = folder.to_owned();
    Front::new(rules, move |request: Request<Body>| {
        let page = std::fs::read(folder.join(&request.uri().path()[1..])).expect("a page");
        let response = Response::builder().header("content-type", "text/html; charset=utf-8");
        response.body(Body::full(page)).expect("a response")
    })
    .await
}

/// What the client sees once it has decoded it.
fn decoded(answer: &Answer) -> Bytes {
    let mut plain = Vec::new();
    match answer.header("content-encoding").as_deref() {
        None => return answer.body.clone(),
        Some("gzip") => flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut plain).expect("gzip"),
        Some("br") => brotli::Decompressor::new(&*answer.body, 4096).read_to_end(&mut plain).expect("br"),
        Some("zstd") => zstd::Decoder::new(&*answer.body).and_then(|mut it| it.read_to_end(&mut plain)).expect("zstd"),
        Some(other) => panic!("{other} was not asked for"),
    };
    plain.into()
}

/// Fronts the documentation, and gives `judge` every page of the sample as it went in and as it came out.
async fn crawl(rules: &str, judge: impl Fn(&str, &str, &str)) {
    let Some(folder) = documentation() else {
        eprintln!("the toolchain's documentation is not installed: nothing tried");
        return;
    };
    let front = front(rules, &folder).await;
    for (path, coding) in sample(&folder).iter().zip(["identity", "gzip", "br", "zstd"].into_iter().cycle()) {
        let origin = std::fs::read_to_string(folder.join(&path[1..])).expect("a page");
        let answer = front.get_with(path, &[("accept-encoding", coding)]).await;
        assert!(answer.header("server-timing").is_some_and(|it| it.contains("slot-")), "{path} was not rewritten");
        let body = decoded(&answer);
        judge(path, &origin, std::str::from_utf8(&body).expect("UTF-8"));
    }
}

/// `text` without what stands between the first `open` and the next `close` after it, and so on; how often that was.
fn without(text: &str, open: &str, close: &str) -> (String, usize) {
    let mut parts = text.split(open);
    let mut rest = parts.next().unwrap_or_default().to_owned();
    let mut count = 0;
    for part in parts {
        rest.push_str(part.split_once(close).expect("closed").1);
        count += 1;
    }
    (rest, count)
}

#[tokio::test]
async fn with_nothing_to_lay_in_every_page_is_the_same_bit_for_bit() {
    crawl(BLANK, |path, origin, page| assert!(origin == page, "{path} changed")).await;
}

#[tokio::test]
async fn with_something_to_lay_in_only_the_slots_differ() {
    crawl(ADDED, |path, origin, page| {
        assert!(!origin.contains("@[") && !origin.contains("]@"), "{path} has the marks itself");
        let (rest, count) = without(page, "@[", "]@");
        assert!(rest == origin, "{path} changed outside its slots");
        let expected = origin.matches("<main").count() * 2 + origin.matches("<h1").count() * 2;
        assert!(count >= expected, "{path} has {count} slots");
    })
    .await;
}

#[tokio::test]
async fn what_is_exchanged_takes_nothing_else_with_it() {
    crawl(EXCHANGED, |path, origin, page| {
        // The other way round: what was exchanged is cut out of both, and the rest must agree.
        let cut = |text: &str| {
            let (text, _) = without(text, "<nav", "</nav>");
            let (text, _) = without(&text, "<title", "</title>");
            let (text, _) = without(&text, "<h1", "</h1>");
            without(&text, "<body", ">").0
        };
        assert!(cut(origin) == cut(page), "{path} changed outside its slots");
        assert!(!page.contains("<nav"), "{path} still has its navigation");
        assert_eq!(page.contains("@[H1]@"), origin.contains("<h1"), "{path}");
        assert!(page.contains("is-gold-zz"), "{path}");
    })
    .await;
}
