//! Purging, through the real admin port and the real command: what is named goes, and nothing else.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response, StatusCode};
use inlay::http::Body;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::house::{Answer, Front};

/// What a test asks for, in this order; the origin tags each with its folder, and `/shop/2` in another way too.
const PATHS: &[&str] = &["/shop/1", "/shop/2", "/news/1", "/news/1?page=2"];

/// An origin that counts, so that an answer tells whether it was asked anew.
fn origin() -> (Arc<AtomicUsize>, impl Fn(Request<Body>) -> Response<Body> + Send + Sync) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let answer = move |request: Request<Body>| {
        counted.fetch_add(1, Ordering::SeqCst);
        let mut response = Response::builder().header("cache-control", "max-age=600").header("etag", "\"v1\"");
        if let Some(folder) = request.uri().path().split('/').nth(1) {
            response = response.header("surrogate-key", format!("all {folder}"));
        }
        if request.uri().path() == "/shop/2" {
            response = response.header("cache-tag", "gold, special-2");
        }
        if request.headers().contains_key("if-none-match") {
            return response.status(304).body(Body::empty()).expect("a response");
        }
        response.body(Body::full("an answer")).expect("a response")
    };
    (asked, answer)
}

/// A front that has stored all of [`PATHS`], and how often its origin was asked.
async fn filled() -> (Front, Arc<AtomicUsize>) {
    let (asked, origin) = origin();
    let front = Front::new("rules: {}\n", origin).await;
    for path in PATHS {
        front.get(path).await;
        assert_eq!(status(&front.get(path).await), "inlay; hit; ttl=600", "{path}");
    }
    (front, asked)
}

fn status(answer: &Answer) -> String {
    answer.header("cache-status").unwrap_or_default()
}

/// The number that the answer to a purge tells.
fn purged(answer: &Answer) -> u64 {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let document: Value = serde_json::from_slice(&answer.body).expect("JSON");
    document["purged"].as_u64().expect("a number")
}

/// Which of [`PATHS`] are no hits; what is asked for is stored again.
async fn missed(front: &Front) -> Vec<&'static str> {
    let mut missed = Vec::new();
    for path in PATHS {
        if !status(&front.get(path).await).starts_with("inlay; hit") {
            missed.push(*path);
        }
    }
    missed
}

#[tokio::test]
async fn what_is_named_goes_and_nothing_else() {
    let (front, _) = filled().await;
    let here = format!("http://{}", front.address());
    for (order, gone) in [
        (r#"{"url": "/shop/1"}"#.to_owned(), &PATHS[..1]),
        (format!(r#"{{"url": "{here}/news/1"}}"#), &PATHS[2..3]),
        (format!(r#"{{"url": "{}/news/1#top"}}"#, here.to_uppercase()), &PATHS[2..3]),
        (r#"{"url": "https://elsewhere.example/shop/1"}"#.to_owned(), &[]),
        (r#"{"url": "/shop/"}"#.to_owned(), &[]),
        (r#"{"prefix": "/news/"}"#.to_owned(), &PATHS[2..]),
        (format!(r#"{{"prefix": "{here}"}}"#), PATHS),
        (r#"{"tag": "shop"}"#.to_owned(), &PATHS[..2]),
        (r#"{"tag": "special-2"}"#.to_owned(), &PATHS[1..2]),
        (r#"{"tag": "special"}"#.to_owned(), &[]),
        (r#"{"tag": ["gold", "shop"], "url": ["/shop/2"], "soft": false}"#.to_owned(), &PATHS[..2]),
    ] {
        assert_eq!(purged(&front.admin_post("/api/v1/purge", &order).await), gone.len() as u64, "{order}");
        assert_eq!(missed(&front).await, gone, "{order}");
    }
}

#[tokio::test]
async fn a_soft_purge_leaves_what_the_origin_confirms() {
    let (front, asked) = filled().await;
    let before = asked.load(Ordering::SeqCst);
    assert_eq!(purged(&front.admin_post("/api/v1/purge", r#"{"tag": "news", "soft": true}"#).await), 2);
    let confirmed = front.get("/news/1").await;
    assert_eq!(
        (confirmed.text(), status(&confirmed).as_str()),
        ("an answer", "inlay; fwd=stale; fwd-status=304; stored")
    );
    assert_eq!(status(&front.get("/news/1").await), "inlay; hit; ttl=600");
    assert_eq!(status(&front.get("/shop/1").await), "inlay; hit; ttl=600");
    assert_eq!(asked.load(Ordering::SeqCst), before + 1);
}

#[tokio::test]
async fn a_wrong_order_purges_nothing_and_says_what_to_write() {
    let (front, _) = filled().await;
    let large = format!(r#"{{"url": "/{}"}}"#, "a".repeat(2 * 1024 * 1024));
    for (order, expected, told) in [
        ("", 400, "Send such as"),
        (r#"{"prefix": "shop"}"#, 400, "begins with `http://`, `https://` or `/`"),
        (r#"{"tag": "news", "sofd": true}"#, 400, "`sofd` is not known here"),
        (large.as_str(), 413, "longer than"),
    ] {
        let answer = front.admin_post("/api/v1/purge", order).await;
        let what = &order[..order.len().min(40)];
        assert_eq!(answer.status.as_u16(), expected, "{what}");
        assert_eq!(answer.header("content-type").as_deref(), Some("application/problem+json"), "{what}");
        assert!(answer.text().contains(told), "{what}: {}", answer.text());
    }
    assert_eq!(front.admin("GET", "/api/v1/purge").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(missed(&front).await.is_empty());
}

/// An origin that answers GET when it is told to, with how many it was asked before, and whatever else at once; where it
/// listens, and the words that it was asked and that it may answer.
async fn answering_when_told() -> (SocketAddr, Arc<Notify>, Arc<Notify>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (asked, told) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (asking, may_answer) = (Arc::clone(&asked), Arc::clone(&told));
    tokio::spawn(async move {
        let counted = Arc::new(AtomicUsize::new(0));
        while let Ok((mut stream, _)) = listener.accept().await {
            let (asking, may_answer, counted) = (Arc::clone(&asking), Arc::clone(&may_answer), Arc::clone(&counted));
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let read = stream.read(&mut request).await.expect("a request");
                let mut number = 0;
                if request[..read].starts_with(b"GET") {
                    number = counted.fetch_add(1, Ordering::SeqCst);
                    asking.notify_one();
                    may_answer.notified().await;
                }
                let head = "HTTP/1.1 200 OK\r\ncache-control: max-age=600\r\nconnection: close\r\ncontent-length: 1";
                stream.write_all(format!("{head}\r\n\r\n{number}").as_bytes()).await.expect("a client");
            });
        }
    });
    (address, asked, told)
}

/// The clock stands still here: all happens in one microsecond.
#[tokio::test]
async fn what_was_asked_for_before_a_purge_or_a_change_is_not_stored_after_it() {
    for overtaking in ["purge", "change"] {
        let (origin, asked, may_answer) = answering_when_told().await;
        let front = Front::facing(origin, "", &[]).await;
        let meanwhile = async {
            asked.notified().await;
            if overtaking == "purge" {
                assert_eq!(purged(&front.admin_post("/api/v1/purge", r#"{"url": "/a"}"#).await), 0);
            } else {
                assert_eq!(front.send("POST", "/a", &[], "").await.status, StatusCode::OK);
            }
            may_answer.notify_one();
        };
        let (before, ()) = tokio::join!(front.get("/a"), meanwhile);
        assert_eq!((before.text(), status(&before).as_str()), ("0", "inlay; fwd=uri-miss"), "{overtaking}");
        may_answer.notify_one();
        let after = front.get("/a").await;
        assert_eq!((after.text(), status(&after).as_str()), ("1", "inlay; fwd=uri-miss; stored"), "{overtaking}");
        assert_eq!(status(&front.get("/a").await), "inlay; hit; ttl=600", "{overtaking}");
    }
}

/// The command, as an operator runs it. Out: whether it went well, and what it said.
async fn command(front: &Front, arguments: &'static [&'static str]) -> (bool, String) {
    let address = front.app.admin_address().expect("an admin port").to_string();
    let ran = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_inlay"));
        command.arg("purge").args(["--admin", &address]).args(arguments).env_remove("INLAY_ADMIN_TOKEN").output()
    });
    let output = ran.await.expect("no panic").expect("it ran");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).expect("UTF-8"))
}

#[tokio::test]
async fn the_command_purges_and_says_how_many() {
    let (front, _) = filled().await;
    for (arguments, well, said, gone) in [
        (&["--url", "/shop/1"][..], true, "purged: 1 stored response\n", &PATHS[..1]),
        (&["--prefix", "/shop/", "--tag", "news"], true, "purged: 4 stored responses\n", PATHS),
        (&["--tag", "shop", "--soft"], true, "made stale: 2 stored responses\n", &PATHS[..2]),
        (&["--url", "shop"], false, "the admin port answered 400 Bad Request: `shop` is no URL", &[]),
        (&["--soft"], false, "required", &[]),
    ] {
        let (success, told) = command(&front, arguments).await;
        assert_eq!(success, well, "{arguments:?}: {told}");
        assert!(told.contains(said), "{arguments:?}: {told}");
        assert_eq!(missed(&front).await, gone, "{arguments:?}");
    }
}

#[tokio::test]
async fn a_purge_needs_the_token_where_there_is_one() {
    let (_, origin) = origin();
    let (address, _origin) = super::house::serve_origin(origin);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("rules")).expect("a folder");
    let text = format!(
        "listen: 127.0.0.1:0\norigin: http://{address}\nrules: rules\nadmin: {{ address: \"127.0.0.1:0\", token: a-token-of-our-own }}\n"
    );
    std::fs::write(folder.path().join("inlay.yaml"), text).expect("a file");
    let source = inlay::config::ConfigSource::file(folder.path().join("inlay.yaml"));
    let (app, _) = inlay::app::App::start(source, inlay::clock::Clock::system()).expect("started");
    let admin = app.admin_address().expect("an admin port").to_string();
    let ran = tokio::task::spawn_blocking(move || {
        let purge = |token: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_inlay"));
            command.args(["purge", "--url", "/", "--admin", &admin]).env("INLAY_ADMIN_TOKEN", token);
            command.output().expect("it ran").status.success()
        };
        (purge("wrong"), purge("a-token-of-our-own"))
    });
    assert_eq!(ran.await.expect("no panic"), (false, true));
}
