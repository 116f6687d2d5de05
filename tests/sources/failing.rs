//! Sources that fail, and what it costs: one fragment, never the page, and never much time twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::api::{Api, fronted, json, status};
use super::house::{Front, SOON, page};

const PAGE: &str = "<p>own</p>";

fn rules(source: &str, content: &str) -> String {
    format!(
        "sources:\n  s:\n    url: http://API/\n    allow_private: true\n{source}\nrules:\n  r:\n    match: {{ path: /** }}\n    inject:\n      \
         - {{ select: p, place: inner, deadline: 5s, {content} }}\n"
    )
}

const PRINTED: &str = "template: '{{ sources.s().n }}'";

/// What comes when the API answers `text` raw on every connection.
async fn raw(text: &'static str, source: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                // Byte by byte, as one that drips.
                for piece in text.as_bytes().chunks(7) {
                    if stream.write_all(piece).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            });
        }
    });
    let front = Front::new(&rules(source, PRINTED).replace("API", &address), |_| page(PAGE)).await;
    tokio::time::timeout(SOON, front.get("/")).await.expect("in time").text().to_owned()
}

#[tokio::test]
async fn apis_that_lie_break_off_or_drip_cost_one_fragment() {
    let fine = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{\"n\": 1}";
    assert_eq!(raw(fine, "    timeout: 4s").await, "<p>1</p>");
    for (text, why) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"n\": 1}", "it promised more"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{\"n\": 1}", "it promised less"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"n\": 1}", "it broke off in chunks"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 8\r\nContent-Length: 9\r\n\r\n{\"n\": 1}", "two lengths"),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\n{\"n\": 1}", "no gzip"),
        ("garbage", "no HTTP"),
        ("", "nothing at all"),
    ] {
        assert_eq!(raw(text, "    retries: 0\n    timeout: 1500ms").await, PAGE, "{why}");
    }
}

#[tokio::test]
async fn the_fallback_of_a_source_or_of_a_content_stands_in() {
    let api = Api::new(|_| status(500));
    for (source, content, shows) in [
        ("    fallback: { n: 9 }", PRINTED, "<p>9</p>"),
        ("", "template: '{{ sources.s().n }}', fallback: { html: instead }", "<p>instead</p>"),
        ("", PRINTED, PAGE),
    ] {
        let front = fronted(PAGE, &rules(source, content), &api).await;
        assert_eq!(front.get("/").await.text(), shows, "{source} {content}");
    }
}

#[tokio::test]
async fn what_may_be_repeated_is_tried_again_within_its_budget() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let api = Api::new(move |_| match counted.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => status(503),
        _ => json(r#"{ "n": 3 }"#),
    });
    let front = fronted(PAGE, &rules("    retries: 2\n    timeout: 4s", PRINTED), &api).await;
    assert_eq!(front.get("/").await.text(), "<p>3</p>");
    let refusing = Api::new(|_| status(503));
    let posted = fronted(
        PAGE,
        &rules(
            "    method: POST
    retries: 2",
            PRINTED,
        ),
        &refusing,
    )
    .await;
    assert_eq!(posted.get("/").await.text(), PAGE);
    assert_eq!(refusing.came().len(), 1, "what is not idempotent is asked once");
    let metrics = front.admin("GET", "/metrics").await;
    assert!(metrics.text().contains("inlay_source_retries_total{source=\"s\"} 2"), "{}", metrics.text());
}

#[tokio::test]
async fn a_source_that_keeps_failing_is_left_alone_and_comes_back() {
    let well = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_well = well.clone();
    let api = Api::new(move |_| if is_well.load(Ordering::SeqCst) { json(r#"{ "n": 1 }"#) } else { status(500) });
    let source = "    retries: 0\n    breaker: { failures: 3, open: 300ms }";
    let front = fronted(PAGE, &rules(source, PRINTED), &api).await;
    for _ in 0..10 {
        assert_eq!(front.get("/").await.text(), PAGE);
    }
    assert_eq!(api.came().len(), 3, "after three failures nobody asks");
    assert!(front.admin("GET", "/metrics").await.text().contains("inlay_source_open{source=\"s\"} 1"));
    well.store(true, Ordering::SeqCst);
    let back = async {
        while front.get("/").await.text() != "<p>1</p>" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, back).await.expect("it comes back");
    assert!(front.admin("GET", "/metrics").await.text().contains("inlay_source_open{source=\"s\"} 0"));
}

/// So many at once, so many that wait; the rest is refused at once.
#[tokio::test]
async fn a_source_is_not_asked_more_than_it_may() {
    let api = Api::new(|came| json(format!("{{ \"n\": {} }}", came.target.len())));
    api.shut();
    let rules = "\
sources:
  s: { url: 'http://API/{{ n }}', params: [n], allow_private: true, timeout: 20s, concurrency: 2, queue: 3 }
rules:
  r:
    match: { path: /** }
    inject:
      - { select: p, place: inner, deadline: 15s, template: '{{ sources.s(request.query.n).n }}' }
";
    let front = fronted(PAGE, rules, &api).await;
    let paths: Vec<String> = (10..20).map(|n| format!("/?n={n}")).collect();
    let asked = futures_util::future::join_all(paths.iter().map(|path| front.get(path)));
    let opened = async {
        while api.came().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(api.came().len(), 2, "two at once");
        api.open();
    };
    let (answers, ()) = tokio::join!(asked, opened);
    let shown = answers.iter().filter(|answer| answer.text() == "<p>3</p>").count();
    assert_eq!(shown, 5, "two at once and three that waited");
}
