//! `inlay profiles` and `inlay audiences`: against the running process, and in the store where none runs.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use inlay::app::App;
use inlay::clock::Clock;
use inlay::config::ConfigSource;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{Ran, inlay};

const RULES: &str = "audiences:\n  vip: { list: true }\n  back: visitor.returning\n";

/// A folder of a deployment whose admin port nobody listens on yet.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    // Taken and left: most likely nobody takes it meanwhile.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let file = format!(
        "origin: http://127.0.0.1:9\nlisten: 127.0.0.1:0\nadmin: {{ address: \"{free}\" }}\nstore: data\nrules: rules\n\
         visitor: {{ consent: implied }}\n"
    );
    std::fs::create_dir(folder.path().join("rules")).expect("made");
    write(&folder, "rules/a.yaml", RULES);
    write(&folder, "inlay.yaml", &file);
    folder
}

fn write(folder: &TempDir, name: &str, text: &str) {
    std::fs::write(folder.path().join(name), text).expect("written");
}

fn start(folder: &Path) -> (App, SocketAddr) {
    let (app, _) = App::start(ConfigSource::file(folder.join("inlay.yaml")), Clock::system()).expect("started");
    let admin = app.admin_address().expect("an admin port");
    (app, admin)
}

async fn done(folder: &TempDir, args: &[&str]) -> Ran {
    let ran = inlay(folder.path(), args).await;
    assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
    ran
}

const TABLE: &str = "id;email;loyalty.tier;points\n007;ann@shop.example;gold;120\n8;bob@shop.example;;3\n";

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_imported_exported_looked_at_and_erased_alike_with_and_without_a_process() {
    let (with, without) = (folder(), folder());
    let (app, _) = start(with.path());
    for folder in [&with, &without] {
        write(folder, "customers.csv", TABLE);
        let ran = done(folder, &["profiles", "import", "customers.csv", "--dry-run"]).await;
        assert_eq!(ran.out, "2 profiles would be imported\n");
        assert_eq!(inlay(folder.path(), &["profiles", "get", "007"]).await.code, 1, "a dry run changes nothing");
        assert_eq!(done(folder, &["profiles", "import", "customers.csv"]).await.out, "2 profiles imported\n");
        let known: Json = serde_json::from_str(&done(folder, &["profiles", "get", "007"]).await.out).expect("JSON");
        let traits = json!({ "email": "ann@shop.example", "loyalty": { "tier": "gold" }, "points": 120 });
        assert_eq!(known["traits"], traits, "numbers are numbers, and keys stay as they are");
        done(folder, &["profiles", "export", "--out", "all.jsonl"]).await;
        let ran = done(folder, &["profiles", "erase", "007"]).await;
        assert_eq!(ran.out, "erased customer:007: 3 traits, 0 events, 0 counters, 0 lists, 0 timers\n");
        assert_eq!(done(folder, &["profiles", "erase", "007"]).await.out, "nothing was known under customer:007\n");
        done(folder, &["profiles", "import", "all.jsonl"]).await;
        let again: Json = serde_json::from_str(&done(folder, &["profiles", "get", "007"]).await.out).expect("JSON");
        assert_eq!(again["traits"], traits);
        assert_eq!(done(folder, &["profiles", "export"]).await.out.lines().count(), 2);
    }
    let ran = done(&without, &["profiles", "get", "8"]).await;
    assert!(ran.err.contains("no process answers at") && ran.err.contains("its store is used"), "{ran:?}");
    assert_eq!(done(&with, &["profiles", "get", "8"]).await.err, "");
    app.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_are_told_with_their_numbers_and_skipped_or_fatal() {
    let folder = folder();
    write(
        &folder,
        "c.jsonl",
        "{\"id\": 1, \"tier\": \"gold\"}\nx\n{\"tier\": 1}\n{\"id\": 4, \"events\": [{}]}\n{\"id\": 5, \"n\": 1}\n",
    );
    let stopped = inlay(folder.path(), &["profiles", "import", "c.jsonl"]).await;
    assert_eq!(stopped.code, 1);
    assert!(
        stopped.err.contains("line 2: it is no JSON object") && stopped.err.contains("1 before it are imported"),
        "{stopped:?}"
    );
    let skipped = inlay(folder.path(), &["profiles", "import", "c.jsonl", "--bad", "skip"]).await;
    assert_eq!((skipped.code, &*skipped.out), (1, "2 profiles imported, 3 lines left out\n"));
    for told in ["line 2: ", "line 3: it has no `id`", "line 4: event 1: an event needs a `type`"] {
        assert!(skipped.err.contains(told), "{told} in {}", skipped.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_imported_and_replaced() {
    let (with, without) = (folder(), folder());
    let (app, _) = start(with.path());
    for folder in [&with, &without] {
        write(folder, "vip.csv", "id\n1\n2\n3\n");
        write(folder, "new.csv", "number,id\n1,3\n2,4\n");
        assert_eq!(done(folder, &["audiences", "import", "vip", "vip.csv"]).await.out, "3 members put on the list\n");
        let list = done(folder, &["audiences", "list"]).await.out;
        assert!(
            list.contains("vip: 3 on the list") && list.contains("back: ") && list.contains("visitor.returning"),
            "{list}"
        );
        done(folder, &["audiences", "import", "vip", "new.csv", "--replace"]).await;
        let members = done(folder, &["audiences", "export", "vip"]).await.out;
        assert_eq!(members, "{\"id\":\"customer:3\"}\n{\"id\":\"customer:4\"}\n");
        let wrong = inlay(folder.path(), &["audiences", "import", "gold", "vip.csv"]).await;
        assert!(wrong.code == 1 && wrong.err.contains("{ list: true }"), "{wrong:?}");
    }
    app.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_nothing_outlives_is_not_imported_to() {
    let folder = folder();
    write(&folder, "inlay.yaml", "origin: http://127.0.0.1:9\nvisitor: { consent: implied }\n");
    write(&folder, "c.csv", "id,a\n1,2\n");
    let ran = inlay(folder.path(), &["profiles", "import", "c.csv"]).await;
    assert!(ran.code == 1 && ran.err.contains("names no `store`"), "{ran:?}");
}
