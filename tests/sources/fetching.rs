//! Fetched fragments: HTML of another service in a slot, as it comes; what may not be laid in, and what breaks off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use inlay::http::{Body, BodyError};
use tokio::sync::mpsc;

use super::api::{Api, fronted, json, status};
use super::house::{Front, SOON, page, typed};

const PAGE: &str = "<header>top</header><main>own</main><footer>end</footer>";

fn rules(source: &str, content: &str) -> String {
    format!(
        "sources:\n  s: {{ url: 'http://API/s', allow_private: true, retries: 0, timeout: 4s{source} }}\n\
         rules:\n  r:\n    match: {{ path: /** }}\n    inject:\n      \
         - {{ select: main, place: inner, deadline: 5s{content} }}\n"
    )
}

/// A body whose pieces are sent from outside; an error breaks it off.
fn driven() -> (mpsc::Sender<Result<&'static str, BodyError>>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    let pieces = stream::unfold(receiver, |mut receiver: mpsc::Receiver<Result<&'static str, BodyError>>| async {
        receiver.recv().await.map(|piece| (piece.map(Bytes::from), receiver))
    });
    (sender, Body::stream(pieces))
}

/// Reads on until the body holds `wanted`; what has come then.
async fn read_until(response: &mut Response<Incoming>, so_far: &mut String, wanted: &str) {
    let reading = async {
        while !so_far.contains(wanted) {
            let frame = response.frame().await.expect("more of the page").expect("no error");
            so_far.push_str(std::str::from_utf8(frame.data_ref().expect("data")).expect("UTF-8"));
        }
    };
    let read = tokio::time::timeout(SOON, reading).await;
    assert!(read.is_ok(), "`{wanted}` does not come; so far {so_far}");
}

#[tokio::test]
async fn it_is_laid_in_as_it_comes_and_what_stands_before_it_does_not_wait() {
    let (sender, body) = driven();
    let body = std::sync::Mutex::new(Some(body));
    let api = Api::new(move |_| typed("text/html", body.lock().unwrap().take().expect("one call")));
    let front = fronted(PAGE, &rules("", ", fetch: s"), &api).await;
    let (mut response, mut text) = (front.begin("GET", "/", &[], "").await, String::new());
    read_until(&mut response, &mut text, "<header>top</header><main>").await;
    assert!(!text.contains("own"));
    sender.send(Ok("  <p>fir")).await.unwrap();
    read_until(&mut response, &mut text, "<main>  <p>fir").await;
    sender.send(Ok("st</p>")).await.unwrap();
    read_until(&mut response, &mut text, "<p>first</p>").await;
    assert!(!text.contains("</main>"));
    drop(sender);
    read_until(&mut response, &mut text, "</footer>").await;
    assert_eq!(text, "<header>top</header><main>  <p>first</p></main><footer>end</footer>");
    assert_eq!(front.metric("inlay_slots_total{rule=\"r\",outcome=\"shown\"}").await, 1.0);
}

#[tokio::test]
async fn many_come_at_once_and_stand_in_the_order_of_the_page() {
    let api = Api::new(|came| typed("text/html", Body::full(format!("<i>{}</i>", came.target))));
    let sources = "sources:\n  s: { url: 'http://API/{{ n }}', params: [n], allow_private: true, timeout: 4s }\n";
    let injection =
        "- { select: li, deadline: 5s, place: inner, fetch: { source: s, with: { n: \"{{ element.id }}\" } } }";
    let rules = format!("{sources}rules:\n  r:\n    match: {{ path: /** }}\n    inject:\n      {injection}\n");
    api.shut();
    let front = fronted("<li id=a>1</li><li id=b>2</li><li id=c>3</li>", &rules, &api).await;
    let asked = async {
        while api.came().len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        api.open();
    };
    let (answer, ()) = tokio::join!(front.get("/"), asked);
    assert_eq!(answer.text(), "<li id=a><i>/a</i></li><li id=b><i>/b</i></li><li id=c><i>/c</i></li>");
    let accept = api.came()[0].headers["accept"].clone();
    assert_eq!(accept, "text/html");
}

#[tokio::test]
async fn nothing_that_is_not_what_it_should_be_is_laid_in() {
    let html = |text: &'static str| typed("text/html", Body::full(text));
    type Answering = Box<dyn Fn() -> Response<Body> + Send + Sync>;
    let answers: Vec<(&str, Answering)> = vec![
        ("status", Box::new(|| status(500))),
        (
            "an error page",
            Box::new(|| {
                Response::builder()
                    .status(404)
                    .header("content-type", "text/html")
                    .body(Body::full("<h1>404</h1>"))
                    .unwrap()
            }),
        ),
        ("type", Box::new(|| json(r#"{ "a": 1 }"#))),
        ("no type", Box::new(|| Response::new(Body::full("<p>x</p>")))),
        ("length", Box::new(move || html("<p>much more than twenty bytes</p>"))),
        ("blank", Box::new(move || html("  \n "))),
        ("empty", Box::new(move || html(""))),
        (
            "broken before anything",
            Box::new(|| {
                typed("text/html", Body::stream(stream::iter([Ok(Bytes::from_static(b"  ")), Err(BodyError::TooSlow)])))
            }),
        ),
    ];
    for (what, answer) in answers {
        let api = Api::new(move |_| answer());
        let front = fronted(PAGE, &rules(", max_size: 20B", ", fetch: s, fallback: { html: <b>else</b> }"), &api).await;
        assert_eq!(front.get("/").await.text(), PAGE.replace("own", "<b>else</b>"), "{what}");
        let front = fronted(PAGE, &rules(", max_size: 20B", ", fetch: s"), &api).await;
        assert_eq!(front.get("/").await.text(), PAGE, "{what}");
    }
}

#[tokio::test]
async fn what_breaks_off_ends_in_its_slot_and_the_page_is_whole() {
    let long = "<div>".repeat(100);
    for broken in ["<div class=a><b>half <scr", "<div class=a><b>half <script>if (", "<div class=a><b>half "] {
        let api = Api::new(move |_| {
            // The break comes when something has been laid in for sure.
            let pieces = stream::iter([Ok(Bytes::from_static(broken.as_bytes()))]);
            let late = stream::once(async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(BodyError::TooSlow)
            });
            typed("text/html", Body::stream(pieces.chain(late).boxed()))
        });
        let front = fronted(PAGE, &rules("", ", fetch: s"), &api).await;
        let answer = front.get("/").await;
        assert_eq!(answer.text(), PAGE.replace("own", "<div class=a><b>half </b></div>"), "{broken}");
        assert_eq!(front.metric("inlay_slots_total{rule=\"r\",outcome=\"cut\"}").await, 1.0);
        assert!(
            front
                .admin("GET", "/metrics")
                .await
                .text()
                .contains("inlay_source_calls_total{source=\"s\",outcome=\"body\"} 1")
        );
    }
    // Longer than it may be, without saying so before.
    let api = Api::new(move |_| {
        let pieces = [Ok(Bytes::from(long.clone())), Ok(Bytes::from(long.clone()))];
        typed("text/html", Body::stream(stream::iter(pieces)))
    });
    let front = fronted(PAGE, &rules(", max_size: 600B", ", fetch: s"), &api).await;
    let text = front.get("/").await.text().to_owned();
    assert_eq!(text.matches("<div>").count(), text.matches("</div>").count());
    assert!(text.starts_with("<header>top</header><main>") && text.ends_with("</main><footer>end</footer>"), "{text}");
}

#[tokio::test]
async fn a_slot_ends_at_its_deadline_though_its_fragment_drips_on() {
    let (sender, body) = driven();
    let body = std::sync::Mutex::new(Some(body));
    let api = Api::new(move |_| typed("text/html", body.lock().unwrap().take().expect("one call")));
    let rules = rules("", ", fetch: s").replace("deadline: 5s", "deadline: 400ms");
    let front = fronted(PAGE, &rules, &api).await;
    sender.send(Ok("<p>drop</p><p>")).await.unwrap();
    let answer = front.get("/").await;
    assert_eq!(answer.text(), PAGE.replace("own", "<p>drop</p><p></p>"));
    drop(sender);
    // Nothing came at all.
    let api = Api::new(|_| json("{}"));
    api.shut();
    let front = fronted(PAGE, &rules, &api).await;
    assert_eq!(front.get("/").await.text(), PAGE);
}

#[tokio::test]
async fn only_fields_that_are_named_go_on_and_the_page_is_then_the_visitors() {
    let api = Api::new(|came| {
        let language = came.headers.get("accept-language").map_or("none", |value| value.to_str().unwrap());
        typed("text/html", Body::full(format!("<i>{language}</i>")))
    });
    let front = fronted(PAGE, &rules(", forward: [accept-language], cache: { ttl: 1h }", ", fetch: s"), &api).await;
    let sent = [("accept-language", "nl"), ("cookie", "session=1"), ("authorization", "Basic x"), ("x-tier", "gold")];
    for _ in 0..2 {
        let answer = front.get_with("/", &sent).await;
        assert!(answer.text().contains("<i>nl</i>"), "{}", answer.text());
        assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-cache"));
        assert!(front.get_with("/", &[("accept-language", "fr")]).await.text().contains("<i>fr</i>"));
    }
    assert_eq!(api.came().len(), 2, "one for each language");
    for came in api.came() {
        assert!(["cookie", "authorization", "x-tier"].iter().all(|name| !came.headers.contains_key(*name)));
    }
    // Cookies only where they are named, and ours never.
    let front = fronted(PAGE, &rules(", forward: [cookie]", ", fetch: s"), &api).await;
    front.get_with("/", &[("cookie", "a=1; inlay_visitor=x; b=2")]).await;
    assert_eq!(api.came().last().unwrap().headers["cookie"], "a=1; b=2");
}

#[tokio::test]
async fn what_code_asks_of_such_a_source_is_the_visitors_too() {
    let api = Api::new(|came| {
        let tier = came.headers.get("x-tier").map_or("none", |value| value.to_str().unwrap());
        json(format!(r#"{{ "tier": "{tier}" }}"#))
    });
    let rules = rules(", forward: [x-tier], cache: { ttl: 1h }", ", template: '{{ sources.s().tier }}'");
    let front = fronted(PAGE, &rules, &api).await;
    for tier in ["gold", "plain", "gold"] {
        let answer = front.get_with("/", &[("x-tier", tier)]).await;
        assert_eq!(answer.text(), PAGE.replace("own", tier));
        assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-cache"));
    }
    assert_eq!(api.came().len(), 2);
}

#[tokio::test]
async fn what_is_kept_is_laid_in_without_a_call_and_the_page_may_be_shared() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let api = Api::new(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        typed("text/html; charset=iso-8859-1", Body::full(&b"<b>caf\xE9</b>"[..]))
    });
    let rules = rules(", cache: { ttl: 1h }", ", fetch: s").replace("API", &api.address.to_string());
    let front = Front::new(&rules, |_| {
        let mut response = page(PAGE);
        response.headers_mut().insert("cache-control", "public, max-age=7200".parse().unwrap());
        response
    })
    .await;
    let shown = PAGE.replace("own", "<b>café</b>");
    // The first is streamed, the next are made of the compiled page.
    assert_eq!(front.get("/").await.text(), shown);
    for _ in 0..3 {
        let answer = front.get("/").await;
        assert_eq!((answer.text(), answer.header("cache-control").as_deref()), (&*shown, Some("public, max-age=3600")));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn it_streams_into_a_compiled_page_and_into_any_charset() {
    let gate = Arc::new(std::sync::Mutex::new(Vec::<mpsc::Sender<Result<&'static str, BodyError>>>::new()));
    let senders = gate.clone();
    let api = Api::new(move |_| {
        let (sender, body) = driven();
        senders.lock().unwrap().push(sender);
        typed("text/html", body)
    });
    let rules = rules("", ", fetch: s").replace("API", &api.address.to_string());
    let front = Front::new(&rules, |_| {
        let latin = Response::builder().header("content-type", "text/html; charset=windows-1252");
        latin.header("cache-control", "max-age=60").body(Body::full(PAGE)).unwrap()
    })
    .await;
    for _ in 0..3 {
        let mut response = front.begin("GET", "/", &[], "").await;
        let (sender, mut came) = (next(&gate).await, Vec::new());
        sender.send(Ok("<b>caf")).await.unwrap();
        while !came.ends_with(b"<main><b>caf") {
            came.extend_from_slice(response.frame().await.unwrap().unwrap().data_ref().unwrap());
        }
        sender.send(Ok("é ☃</b>")).await.unwrap();
        drop(sender);
        came.extend_from_slice(&response.into_body().collect().await.unwrap().to_bytes());
        let (text, ..) = encoding_rs::WINDOWS_1252.decode(&came);
        assert_eq!(text, PAGE.replace("own", "<b>café &#x2603;</b>"));
    }
}

async fn next<T>(list: &std::sync::Mutex<Vec<T>>) -> T {
    let waited = async {
        loop {
            if let Some(one) = list.lock().unwrap().pop() {
                return one;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, waited).await.expect("a call comes")
}
