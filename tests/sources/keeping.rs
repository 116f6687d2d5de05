//! What is kept of answers, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Response;
use inlay::http::Body;

use super::api::{Api, fronted, json, status};
use super::house::{Front, SOON};

/// An API that counts its answers, and fails from the `fails_from`th on; every answer has this `Cache-Control`.
fn counting(fails_from: usize, cache_control: &'static str) -> Api {
    let count = Arc::new(AtomicUsize::new(0));
    Api::new(move |_| {
        let n = count.fetch_add(1, Ordering::SeqCst);
        let mut answer: Response<Body> = if n < fails_from { json(format!("{{ \"n\": {n} }}")) } else { status(500) };
        answer.headers_mut().insert("cache-control", cache_control.parse().expect("a value"));
        answer
    })
}

async fn front(source: &str, api: &Api) -> Front {
    let rules = format!(
        "sources:\n  s:\n    url: http://API/\n    allow_private: true\n    retries: 0\n{source}\nrules:\n  r:\n    match: {{ path: /** }}\n    \
         inject:\n      - {{ select: p, place: inner, deadline: 5s, template: '{{{{ sources.s().n }}}}' }}\n"
    );
    fronted("<p>own</p>", &rules, api).await
}

fn pass(front: &Front, seconds: i64) {
    let clock = &front.app.exchange().clock;
    clock.set(clock.now() + jiff::SignedDuration::from_secs(seconds));
}

async fn shows(front: &Front, text: &str) {
    assert_eq!(front.get("/").await.text(), format!("<p>{text}</p>"));
}

/// Asks until the background has done its work.
async fn comes_to_show(front: &Front, text: &str) {
    let expected = format!("<p>{text}</p>");
    let looked = async {
        while front.get("/").await.text() != expected {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, looked).await.unwrap_or_else(|_| panic!("it should come to show {text}"));
}

#[tokio::test]
async fn nothing_is_kept_unless_it_is_said() {
    let api = counting(usize::MAX, "max-age=600");
    let front = front("", &api).await;
    shows(&front, "0").await;
    shows(&front, "1").await;
}

#[tokio::test]
async fn an_answer_is_kept_refreshed_behind_and_a_stopgap_in_need() {
    let api = counting(2, "no-store");
    let source = "    cache: { ttl: 10s, stale_while_revalidate: 20s, stale_if_error: 100s }";
    let front = front(source, &api).await;
    shows(&front, "0").await;
    pass(&front, 9);
    shows(&front, "0").await;
    assert_eq!(api.came().len(), 1);
    pass(&front, 2);
    // Stale, but of use: what is here is shown, and asked for anew meanwhile.
    shows(&front, "0").await;
    comes_to_show(&front, "1").await;
    assert_eq!(api.came().len(), 2);
    // Now the API fails: what it said before stands in, for a while.
    pass(&front, 60);
    shows(&front, "1").await;
    pass(&front, 60);
    shows(&front, "own").await;
}

#[tokio::test]
async fn what_is_used_near_its_end_is_asked_for_ahead() {
    let api = counting(usize::MAX, "");
    let front = front("    cache: { ttl: 10s, refresh_ahead: 2s }", &api).await;
    shows(&front, "0").await;
    pass(&front, 7);
    shows(&front, "0").await;
    assert_eq!(api.came().len(), 1);
    pass(&front, 2);
    shows(&front, "0").await;
    comes_to_show(&front, "1").await;
}

#[tokio::test]
async fn the_apis_own_word_counts_where_that_is_asked() {
    let api = counting(usize::MAX, "max-age=30");
    let kept = front("    cache: { ttl: origin }", &api).await;
    shows(&kept, "0").await;
    pass(&kept, 29);
    shows(&kept, "0").await;
    pass(&kept, 2);
    shows(&kept, "1").await;
    let api = counting(usize::MAX, "no-store");
    let not_kept = front("    cache: { ttl: origin }", &api).await;
    shows(&not_kept, "0").await;
    shows(&not_kept, "1").await;
}

/// A crowd that comes for the same asks once.
#[tokio::test]
async fn all_who_ask_the_same_share_one_call() {
    let api = counting(usize::MAX, "");
    let front = front("    timeout: 20s", &api).await;
    api.shut();
    let paths: Vec<String> = (0..20).map(|n| format!("/?{n}")).collect();
    let asked = futures_util::future::join_all(paths.iter().map(|path| front.get(path)));
    let opened = async {
        while api.came().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        api.open();
    };
    let (answers, ()) = tokio::join!(asked, opened);
    assert!(answers.iter().all(|answer| answer.text() == "<p>0</p>"));
    assert_eq!(api.came().len(), 1);
}

/// A reload that leaves a source alone leaves it what it knows; one that changes it does not.
#[tokio::test]
async fn what_is_known_survives_a_reload_that_leaves_the_source_alone() {
    let api = counting(usize::MAX, "");
    let front = front("    cache: { ttl: 1h }", &api).await;
    shows(&front, "0").await;
    let rules = std::fs::read_to_string(front.folder.path().join("rules/site.yaml")).expect("the file");
    front.write(
        "rules/site.yaml",
        &format!("{rules}  other: {{ match: {{ path: /x }}, inject: {{ select: a, place: remove }} }}\n"),
    );
    assert!(matches!(front.app.reload(), inlay::app::Reloaded::Applied));
    shows(&front, "0").await;
    front.write("rules/site.yaml", &rules.replace("ttl: 1h", "ttl: 2h"));
    assert!(matches!(front.app.reload(), inlay::app::Reloaded::Applied));
    shows(&front, "1").await;
}
