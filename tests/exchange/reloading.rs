//! Promise 4: a change of the rules is atomic and live at once, a wrong one changes nothing and says why; and how it all
//! ends.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use inlay::http::Body;
use inlay::shutdown::Drained;
use serde_json::Value;

use super::house::{Answer, Front, fed, page, typed};

const PAGE: &str = "<body><p>one</p><p>two</p></body>";

fn rules(word: &str) -> String {
    format!("rules:\n  r:\n    match: {{ path: /** }}\n    inject: [{{ select: p, place: inner, html: {word} }}]\n")
}

fn both(word: &str) -> String {
    format!("<body><p>{word}</p><p>{word}</p></body>")
}

async fn front() -> Front {
    Front::new(&rules("FIRST"), |_| page(PAGE)).await
}

impl Front {
    async fn revision(&self) -> Value {
        json(&self.admin("GET", "/api/v1/revision").await)
    }

    /// Waits until the last reload was refused or not, and gives the reason.
    async fn until_refused(&self, refused: bool) -> Option<String> {
        let asked = async || {
            let told = self.revision().await["refused"].as_str().map(str::to_owned);
            (told.is_some() == refused).then_some(told)
        };
        self.until_true(if refused { "a refusal" } else { "no refusal" }, asked).await
    }
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

#[tokio::test]
async fn a_change_is_live_however_it_was_written() {
    let front = front().await;
    assert_eq!(front.get("/").await.text(), both("FIRST"));
    let before = front.revision().await["revision"].clone();
    let folder = front.folder.path().join("rules");

    front.write("rules/site.yaml", &rules("PLAIN"));
    assert_eq!(front.until("/", "PLAIN").await.text(), both("PLAIN"));
    assert_ne!(front.revision().await["revision"], before);

    // Within the same second, and of the same length.
    front.write("rules/site.yaml", &rules("QUICK"));
    assert_eq!(front.until("/", "QUICK").await.text(), both("QUICK"));

    // As editors write: beside it, then by rename.
    fs::write(folder.join(".site.yaml.swp"), rules("RENAMED")).expect("a file");
    fs::rename(folder.join(".site.yaml.swp"), folder.join("site.yaml")).expect("renamed");
    front.until("/", "RENAMED").await;

    // Back to a file that is older, as a rollback does.
    fs::write(folder.join(".old"), rules("OLDER")).expect("a file");
    let old = fs::File::options().write(true).open(folder.join(".old")).expect("a file");
    old.set_modified(std::time::SystemTime::now() - Duration::from_secs(86_400)).expect("a time");
    fs::rename(folder.join(".old"), folder.join("site.yaml")).expect("renamed");
    front.until("/", "OLDER").await;

    // Another file, in a new folder, and a template.
    front.write("rules/templates/x.html", "TEMPLATE");
    front.write(
        "rules/more/more.yaml",
        &rules("")
            .replace("r:", "more:")
            .replace("html: ", "template: { file: x.html }")
            .replace("    inject", "    priority: 1\n    inject"),
    );
    front.until("/", "TEMPLATE").await;
    front.write("rules/templates/x.html", "CHANGED");
    front.until("/", "CHANGED").await;
    fs::remove_dir_all(folder.join("more")).expect("removed");
    front.until("/", "OLDER").await;
    assert_eq!(front.until_refused(false).await, None);
}

#[tokio::test]
async fn a_mounted_folder_that_is_swapped_is_noticed() {
    let front = front().await;
    let folder = front.folder.path().join("rules");
    // As Kubernetes mounts a ConfigMap: links into `..data`, which is itself a link that is exchanged.
    let version = |name: &str, word: &str| {
        fs::create_dir(folder.join(name)).expect("a folder");
        fs::write(folder.join(name).join("site.yaml"), rules(word)).expect("a file");
        symlink(name, folder.join("..data_new")).expect("a link");
        fs::rename(folder.join("..data_new"), folder.join("..data")).expect("renamed");
    };
    version("..v1", "MOUNTED");
    fs::remove_file(folder.join("site.yaml")).expect("removed");
    symlink("..data/site.yaml", folder.join("site.yaml")).expect("a link");
    front.until("/", "MOUNTED").await;
    version("..v2", "SWAPPED");
    fs::remove_dir_all(folder.join("..v1")).expect("removed");
    assert_eq!(front.until("/", "SWAPPED").await.text(), both("SWAPPED"));
}

#[tokio::test]
async fn a_broken_change_changes_nothing_and_says_why() {
    let front = front().await;
    let before = front.revision().await;
    assert_eq!((before["rules"].clone(), before["refused"].clone()), (1.into(), Value::Null));
    let broken = [
        (rules("X").replace("place: inner", "plaec: inner"), "site.yaml:4:", "plaec"),
        (rules("X").replace("select: p", "select: 'p:hover'"), "site.yaml:4:", ":hover"),
        (rules("X").replace("html: X", "template: '{{ 1 +'"), "site.yaml:4:", ""),
        (rules("X").replace("html: X", "fragment: none"), "site.yaml:4:", "none"),
        ("rules: [\n".to_owned(), "site.yaml:", ""),
    ];
    for (text, place, named) in broken {
        front.write("rules/site.yaml", &text);
        let told = front.until_refused(true).await.expect("a reason");
        assert!(told.contains(place) && told.contains(named), "{text}: {told}");
        assert_eq!(front.get("/").await.text(), both("FIRST"), "{told}");
        assert_eq!(front.revision().await["revision"], before["revision"]);
        front.write("rules/site.yaml", &rules("FIRST"));
        front.until_refused(false).await;
    }
    front.write("rules/site.yaml", &rules("FIXED"));
    front.until("/", "FIXED").await;
    assert!(front.metric("inlay_reloads_total{kind=\"refused\"}").await >= 5.0);
    assert!(front.metric("inlay_reloads_total{kind=\"applied\"}").await >= 1.0);
}

#[tokio::test]
async fn every_page_is_of_one_revision() {
    let front = front().await;
    let words: Vec<String> = (0..6).map(|number| format!("WORD{number}")).collect();
    let folder = front.folder.path().join("rules");
    for word in &words {
        fs::write(folder.join(".next"), rules(word)).expect("a file");
        fs::rename(folder.join(".next"), folder.join("site.yaml")).expect("renamed");
        let asked = async || {
            let text = front.get("/").await.text().to_owned();
            let whole = words.iter().map(String::as_str).chain(["FIRST"]).any(|word| text == both(word));
            assert!(whole, "a page of two revisions: {text}");
            text.contains(word).then_some(())
        };
        front.until_true(word, asked).await;
    }
}

#[tokio::test]
async fn a_request_in_flight_ends_on_the_revision_it_began_with() {
    let (origin, body) = fed();
    let slow = std::sync::Mutex::new(Some(body));
    // Content that is made as its element comes, so after the change.
    let late = |word: &str| rules("X").replace("html: X", &format!("template: '{word} {{{{ element.tag }}}}'"));
    let front = Front::new(&late("OLD"), move |request| match request.uri().path() {
        "/slow" => typed("text/html; charset=utf-8", slow.lock().expect("no panic").take().expect("asked once")),
        _ => page(PAGE),
    })
    .await;
    origin.send("<body><p>one</p>".into()).await.expect("the origin is read");
    let response = front.begin("GET", "/slow", &[], "").await;
    front.write("rules/site.yaml", &late("NEW"));
    assert_eq!(front.until("/", "NEW").await.text(), both("NEW p"));
    origin.send("<p>two</p></body>".into()).await.expect("the origin is read");
    drop(origin);
    let body = response.into_body().collect().await.expect("a whole body").to_bytes();
    assert_eq!(body, both("OLD p"));
}

#[tokio::test]
async fn it_is_switched_off_and_on_at_once() {
    let front = front().await;
    for (method, off, expected) in [("PUT", true, PAGE.to_owned()), ("DELETE", false, both("FIRST"))] {
        assert_eq!(json(&front.admin(method, "/api/v1/off").await)["off"], off);
        assert_eq!(front.get("/").await.text(), expected);
        assert_eq!(json(&front.admin("GET", "/api/v1/off").await)["off"], off);
        assert_eq!(front.metric("inlay_off").await, f64::from(u8::from(off)));
    }
}

#[tokio::test]
async fn a_drain_lets_what_is_in_flight_end_and_takes_no_more() {
    let (origin, body) = fed();
    let front = Front::new(&rules("LAID"), super::house::in_turn([typed("text/html; charset=utf-8", body)])).await;
    origin.send("<body><p>one</p>".into()).await.expect("the origin is read");
    let response = front.begin("GET", "/", &[], "").await;
    let (address, exchange) = (front.address(), front.app.exchange().clone());
    let stopped = tokio::spawn(front.stop(Duration::from_secs(20)));
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!stopped.is_finished(), "something is still in flight");
    origin.send("<p>two</p></body>".into()).await.expect("the origin is still read");
    drop(origin);
    let body = response.into_body().collect().await.expect("a whole body").to_bytes();
    assert_eq!(body, both("LAID"));
    assert_eq!(stopped.await.expect("stopped"), Drained::Whole);
    // What was asked for within the process is answered still.
    let request = Request::get("http://a/_inlay/x").body(Body::empty()).expect("a request");
    assert_eq!(exchange.handle(request).await.status(), 404);
}
