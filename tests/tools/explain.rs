//! `inlay explain`.

use serde_json::Value as Json;

use crate::house::{Front, page, serve_origin};
use crate::inlay;

const RULES: &str = "audiences: { gold: request.cookies.tier == 'gold' }\nrules:\n  hello:\n    match: { path: / }\n    when: audiences.gold\n    inject: { select: h1, place: after, template: \"<p>{{ request.cookies.name }}</p>\" }\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_running_process_is_asked() {
    let front = Front::new(RULES, |_| page("<h1>Shop</h1>")).await;
    let admin = front.app.admin_address().expect("an admin port").to_string();
    let args = ["explain", "http://shop.example/", "--admin", &admin, "--cookie", "tier=gold", "--cookie", "name=Ann"];
    let ran = inlay(front.folder.path(), &args).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    for told in ["+ hello", "request.cookies.tier = \"gold\", of the visitor", "shown  <p>Ann</p>", "private, no-cache"]
    {
        assert!(ran.out.contains(told), "{told} in {}", ran.out);
    }
    let json = inlay(front.folder.path(), &[&args[..], &["--json"]].concat()).await;
    let told: Json = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(told["rules"][0]["applies"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_process_the_files_are_evaluated() {
    let (origin, _trigger) = serve_origin(|_| page("<h1>Shop</h1>"));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("rules")).expect("a folder");
    std::fs::write(folder.path().join("rules/site.yaml"), RULES).expect("a file");
    let url = format!("http://{origin}/");
    let ran =
        inlay(folder.path(), &["explain", &url, "--files", "--audience", "gold=true", "--cookie", "name=Bob"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("shown  <p>Bob</p>") && ran.out.contains("supposed: the audience `gold`: in"),
        "{}",
        ran.out
    );
    let wrong = inlay(folder.path(), &["explain", &url, "--files", "--audience", "golf=true"]).await;
    assert_eq!((wrong.code, wrong.err.contains("did you mean `gold`?")), (1, true), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_page_the_decisions_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("rules")).expect("a folder");
    std::fs::write(folder.path().join("rules/site.yaml"), RULES).expect("a file");
    // Port 9 is "discard": nobody listens there.
    let ran = inlay(folder.path(), &["explain", "http://127.0.0.1:9/", "--files", "--cookie", "tier=gold"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("no answer of the origin") && ran.out.contains("+ hello"), "{}", ran.out);
}
