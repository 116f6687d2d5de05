//! Many at once over the admin port: imports, exports, members of lists, as they cross the wire.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use inlay::app::App;
use inlay::clock::Clock;
use inlay::config::ConfigSource;
use serde_json::{Value as Json, json};

use crate::serving::call;

const RULES: &str =
    "audiences:\n  vip: { list: true }\n  staff: { list: true }\n  inner: audiences.vip and audiences.staff\n";

fn start(folder: &Path) -> App {
    let file = "origin: http://127.0.0.1:9\nlisten: 127.0.0.1:0\nadmin: { address: 127.0.0.1:0 }\nstore: data\nrules: rules\n\
                visitor: { consent: implied }\n";
    std::fs::create_dir_all(folder.join("rules")).expect("made");
    std::fs::write(folder.join("rules/a.yaml"), RULES).expect("written");
    std::fs::write(folder.join("inlay.yaml"), file).expect("written");
    let (app, _) = App::start(ConfigSource::file(folder.join("inlay.yaml")), Clock::system()).expect("started");
    app
}

/// An answer of lines.
async fn lines(admin: SocketAddr, path: &str) -> Vec<Json> {
    let (status, text) = crate::serving::call_text(admin, "GET", path, "").await;
    assert_eq!(status, 200);
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn customers(number: usize) -> String {
    let line = |number| {
        let events = json!([{ "type": "order.placed", "id": format!("o{number}"), "data": { "total": number } }]);
        json!({ "id": number, "traits": { "tier": "gold" }, "lists": ["vip"], "events": events }).to_string() + "\n"
    };
    (0..number).map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_taken_back_elsewhere() {
    let (here, there) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let app = start(here.path());
    let admin = app.admin_address().expect("an admin port");
    // More than one batch of an export, and than wait at once; sent twice, because lines may be.
    let number = 1_500;
    for _ in 0..2 {
        let (status, told) = call(admin, "POST", "/api/v1/profiles", &customers(number)).await;
        assert_eq!((status, told), (200, json!({ "accepted": number, "refused": 0, "problems": [] })));
    }
    let exported = lines(admin, "/api/v1/profiles").await;
    assert_eq!(exported.len(), number);
    assert!(exported.iter().all(|line| line["counters"]["order.placed"]["total"] == json!(1)));
    app.stop(Duration::from_secs(5)).await;

    let app = start(there.path());
    let admin = app.admin_address().expect("an admin port");
    let text: String = exported.iter().map(|line| format!("{line}\n")).collect();
    assert_eq!(call(admin, "POST", "/api/v1/profiles", &text).await.1["accepted"], json!(number));
    let sorted = |mut lines: Vec<Json>| {
        lines.sort_by_key(|line| line["id"].to_string());
        lines
    };
    assert_eq!(sorted(lines(admin, "/api/v1/profiles").await), sorted(exported));
    let audiences = call(admin, "GET", "/api/v1/audiences", "").await.1;
    let vip = audiences.as_array().and_then(|all| all.iter().find(|one| one["name"] == "vip")).expect("vip");
    assert_eq!(vip["members"], json!(number));
    app.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_are_told_by_their_numbers_and_the_others_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = start(folder.path());
    let admin = app.admin_address().expect("an admin port");
    let long = json!({ "id": "long", "traits": { "a": "x".repeat(3 * 1024 * 1024) } }).to_string();
    let body = format!(
        "{{\"id\": \"a\", \"traits\": {{\"n\": 1}}}}\n{{\n\n{long}\n{{\"id\": \"b\"}}\n{{\"id\": \"c\", \"lists\": [\"vip\"]}}"
    );
    let (status, told) = call(admin, "POST", "/api/v1/profiles", &body).await;
    assert_eq!((status, &told["accepted"], &told["refused"]), (200, &json!(2), &json!(3)));
    let numbers: Vec<&Json> = told["problems"].as_array().expect("a list").iter().map(|one| &one["line"]).collect();
    assert_eq!(numbers, [&json!(2), &json!(4), &json!(5)]);
    let told = told["problems"].to_string();
    assert!(told.contains("no JSON") && told.contains("2097152 bytes") && told.contains("says nothing"), "{told}");

    let events = "{\"profile\": \"a\", \"type\": \"order.placed\", \"id\": \"o1\"}\n{\"type\": \"a.b\"}\n";
    let (_, told) = call(admin, "POST", "/api/v1/events", &events.repeat(150)).await;
    assert_eq!((&told["accepted"], &told["refused"]), (&json!(150), &json!(150)));
    assert_eq!(told["problems"].as_array().map(Vec::len), Some(100), "the answer is bounded");
    let (_, known) = call(admin, "GET", "/api/v1/profiles/a", "").await;
    assert_eq!((&known["traits"], &known["counters"]), (&json!({ "n": 1 }), &json!({ "order.placed": 1 })));
    app.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_list_come_and_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = start(folder.path());
    let admin = app.admin_address().expect("an admin port");
    let body = "\"1\"\n2\n{\"id\": \"3\"}\n{\"id\": 2, \"member\": false}\n[]\n";
    let (_, told) = call(admin, "POST", "/api/v1/audiences/vip/members", body).await;
    assert_eq!((&told["accepted"], &told["problems"][0]["line"]), (&json!(4), &json!(5)));
    let here = |path: &'static str| async move { call(admin, "GET", path, "").await.1["member"].clone() };
    assert_eq!(here("/api/v1/audiences/vip/members/2").await, json!(false));
    assert_eq!(call(admin, "PUT", "/api/v1/audiences/vip/members/2", "").await.0, 200);
    assert_eq!(here("/api/v1/audiences/vip/members/customer%3A2").await, json!(true));
    assert_eq!(call(admin, "DELETE", "/api/v1/audiences/vip/members/1", "").await.0, 200);
    let members = lines(admin, "/api/v1/audiences/vip/members").await;
    assert_eq!(members, [json!({ "id": "customer:2" }), json!({ "id": "customer:3" })]);
    let (_, audiences) = call(admin, "GET", "/api/v1/audiences", "").await;
    let inner = json!({ "name": "inner", "met": 0, "when": "audiences.vip and audiences.staff" });
    let list = |name: &str, members: u64| json!({ "name": name, "met": 0, "members": members });
    assert_eq!(audiences, json!([inner, list("staff", 0), list("vip", 2)]));
    let (_, metrics) = crate::serving::call_text(admin, "GET", "/metrics", "").await;
    assert!(metrics.contains("inlay_audience_members{audience=\"vip\"} 2\n"), "{metrics}");
    // Erased is gone from lists too.
    assert_eq!(call(admin, "DELETE", "/api/v1/profiles/2", "").await.1["lists"], json!(1));
    assert_eq!(lines(admin, "/api/v1/audiences/vip/members").await, [json!({ "id": "customer:3" })]);
    for (path, status, told) in [
        ("gold/members", 404, "define it in a rule file"),
        ("inner/members", 409, "is a condition"),
        ("vip", 404, "has `members`"),
        ("vip/members/%20", 400, "an id has 1 to"),
    ] {
        let (is, problem) = call(admin, "GET", &format!("/api/v1/audiences/{path}"), "").await;
        assert_eq!(is, status, "{path}");
        assert!(problem.to_string().contains(told), "{path}: {problem}");
    }
    app.stop(Duration::from_secs(5)).await;
}
