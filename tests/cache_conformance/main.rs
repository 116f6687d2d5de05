//! What a shared cache must, should and may do, seen from outside: `tests/corpus/cache` against the real server.
//!
//! Each file of the corpus gets an Inlay of its own with the file's lines in its inlay.yaml, a scripted origin behind it and a
//! clock that is set. `known.list` names the cases that do not hold, and why; a case that is listed and holds fails the run too.
//!
//! The same cases measure any other server, which then needs true time (the waits overlap):
//! `INLAY_CACHE_PEER=127.0.0.1:8000 INLAY_CACHE_ORIGIN=127.0.0.1:9000 cargo test --test cache_conformance -- --ignored --nocapture`
//! with that server in front of the origin's address. `INLAY_CACHE_CASE=part` plays only cases with that in their id.

mod client;
mod judge;
mod origin;
mod peer;
mod play;
mod script;
mod time;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use inlay::app::App;
use inlay::clock::Clock;
use inlay::config::ConfigSource;
use tempfile::TempDir;

use judge::Verdict;
use origin::Origin;
use play::play;
use script::{Case, Suite};
use time::Time;

/// A Monday morning.
const NOW: &str = "2026-11-23T09:30:00Z";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/cache")
}

/// The cases to play.
fn chosen(suite: &Suite) -> impl Iterator<Item = &Case> {
    let part = std::env::var("INLAY_CACHE_CASE").unwrap_or_default();
    suite.cases.iter().filter(move |case| case.id.contains(&part))
}

/// Cases that are known not to hold, with the reason.
fn known() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(folder().join("known.list")).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let parted =
        lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("known.list: `{line}` has no reason")));
    parted.map(|(id, why)| (id.to_owned(), why.to_owned())).collect()
}

/// Inlay with these lines in front of the origin.
async fn inlay(origin: &Origin, deployment: &str, clock: Clock) -> (App, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("rules")).expect("a folder");
    let head = format!(
        "listen: 127.0.0.1:0\norigin: http://{}\nrules: rules\nvisitor: {{ consent: implied }}\n",
        origin.address
    );
    let file = folder.path().join("inlay.yaml");
    let deployment = deployment.replace("{origin}", &format!("http://{}", origin.address));
    std::fs::write(&file, head + &deployment).expect("a file");
    match App::start(ConfigSource::file(file), clock) {
        Ok((app, _warnings)) => (app, folder),
        Err(error) => panic!("{error:#?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inlay_conforms() {
    let known = known();
    let mut wrong = vec![];
    for suite in script::read(&folder()) {
        let clock = Clock::fixed(NOW.parse().expect("a time"));
        let time = Time::Set(clock.clone());
        let origin = Origin::listen("127.0.0.1:0".parse().expect("an address"), time.clone()).await;
        let (app, _folder) = inlay(&origin, &suite.deployment, clock).await;
        for case in chosen(&suite) {
            match (play(case, app.addresses()[0], &origin, &time).await, known.get(&case.id)) {
                (Verdict::Holds, None) | (Verdict::Fails(_) | Verdict::Unshown(_), Some(_)) => {}
                (Verdict::Holds, Some(_)) => wrong.push(format!("{} holds: take it out of known.list", case.id)),
                (Verdict::Fails(why) | Verdict::Unshown(why), None) => {
                    wrong.push(format!("{} {:?} ({}): {why}", case.id, case.kind, case.title));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of the corpus:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_corpus_is_consistent() {
    let suites = script::read(&folder());
    let cases: Vec<&Case> = suites.iter().flat_map(|suite| &suite.cases).collect();
    let ids: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids.len(), cases.len(), "an id names one case");
    let unknown = |id: &&str| !ids.contains(id);
    let after: Vec<&str> = cases.iter().flat_map(|case| &case.after).map(String::as_str).filter(unknown).collect();
    assert!(after.is_empty(), "`after` names no case: {after:?}");
    let known = known();
    let listed: Vec<&str> = known.keys().map(String::as_str).filter(unknown).collect();
    assert!(listed.is_empty(), "known.list names no case: {listed:?}");
}
