//! What was acknowledged survives: a child that writes is killed at any moment, and a disk runs full.
//!
//! `INLAY_CRASHES=1000 cargo test --test stores crash` kills it as often as that.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use inlay::profile::{Change, Keep, Op};
use inlay::store::{EmbeddedStore, Store, StoreError};
use serde_json::json;

use crate::contract::{at, happened, name, visitor};

/// Tells the child which folder is its own, and which round this is.
const FOLDER: &str = "INLAY_CRASH_FOLDER";
const ROUND: &str = "INLAY_CRASH_ROUND";
const WRITERS: usize = 8;

/// All events of a round stay, so that each can be looked for.
fn keep() -> Keep {
    Keep { events: 1_000_000, ..Keep::default() }
}

fn changes(round: &str, writer: usize, number: i64) -> Vec<Change> {
    vec![
        happened(&format!("{round}-{writer}-{number}"), "page.view", number, json!({ "n": number })),
        Change::new(Op::Increment { counter: name("n"), by: 1 }, at(number)),
    ]
}

fn id(round: &str, writer: usize) -> inlay::profile::ProfileId {
    visitor(&format!("r{round}-w{writer}"))
}

#[tokio::test]
#[ignore = "the child of the crash test: it writes until it is killed"]
async fn child() {
    let (folder, round) = (std::env::var(FOLDER).expect("a folder"), std::env::var(ROUND).expect("a round"));
    let store = EmbeddedStore::open(Path::new(&folder), keep()).expect("a store");
    let writers = (0..WRITERS).map(|writer| {
        let (store, round) = (&store, &round);
        async move {
            for number in 0.. {
                store.apply(&id(round, writer), changes(round, writer, number)).await.expect("applied");
                let mut out = std::io::stdout().lock();
                writeln!(out, "ack {writer} {number}").and_then(|()| out.flush()).expect("stdout");
            }
        }
    });
    futures_util::future::join_all(writers).await;
}

/// Runs the child for so long from its first acknowledgement on, and kills it. Out: the last number that each writer was promised.
fn killed(folder: &Path, round: usize, after: Duration) -> BTreeMap<usize, i64> {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--ignored", "--exact", "crash::child", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let (first, begun) = mpsc::channel();
    let out = BufReader::new(child.stdout.take().expect("a pipe"));
    let reading = std::thread::spawn(move || {
        let mut acknowledged = BTreeMap::new();
        for line in out.lines().map_while(Result::ok) {
            // The harness may write before it, on the same line; the last line may be cut off, and is no promise then.
            let Some((_, told)) = line.split_once("ack ") else { continue };
            let Some((writer, number)) = told.split_once(' ') else { continue };
            let (Ok(writer), Ok(number)) = (writer.parse(), number.parse()) else { continue };
            acknowledged.insert(writer, number);
            let _ = first.send(());
        }
        acknowledged
    });
    begun.recv_timeout(Duration::from_secs(60)).expect("the child writes");
    std::thread::sleep(after);
    child.kill().expect("killed");
    child.wait().expect("gone");
    reading.join().expect("read")
}

#[tokio::test]
async fn what_was_acknowledged_survives_being_killed() {
    let rounds: usize = std::env::var("INLAY_CRASHES").ok().and_then(|text| text.parse().ok()).unwrap_or(30);
    let folder = tempfile::tempdir().expect("a folder");
    let mut promised = 0;
    for round in 0..rounds {
        let mut random = [0; 1];
        getrandom::fill(&mut random).expect("randomness");
        let acknowledged = killed(folder.path(), round, Duration::from_millis(random[0].into()));
        promised += acknowledged.values().map(|last| last + 1).sum::<i64>();
        // Also those of all rounds before, now and then: later crashes must not undo earlier promises.
        let store = EmbeddedStore::open(folder.path(), keep()).expect("it opens again");
        for (writer, last) in &acknowledged {
            let profile = store.load(&id(&round.to_string(), *writer)).await.expect("a profile").profile;
            let events: BTreeSet<&str> = profile.events().iter().map(|event| event.id.text()).collect();
            for number in 0..=*last {
                assert!(
                    events.contains(&*format!("{round}-{writer}-{number}")),
                    "round {round}: {writer}-{number} is lost"
                );
            }
            let counted = profile.counters()[&name("n")].total();
            assert!(
                counted > *last && counted as usize == events.len(),
                "half a change: {counted} of {}",
                events.len()
            );
        }
        store.close().await.expect("closed");
    }
    assert!(promised > rounds as i64, "only {promised} changes were acknowledged");
    println!("{promised} acknowledged changes survived {rounds} crashes");
}

#[tokio::test]
async fn a_second_process_is_told_that_the_store_is_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = EmbeddedStore::open(folder.path(), keep()).expect("a store");
    let second = EmbeddedStore::open(folder.path(), keep()).expect_err("open");
    assert!(second.to_string().contains("another process has the store"), "{second}");
    first.close().await.expect("closed");
    drop(first);
    EmbeddedStore::open(folder.path(), keep()).expect("free again");
}

/// A small file system of its own, taken away when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let options = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(folder))
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        let status = Command::new("mount").args(["-o", &options]).arg(self.0.path()).status().expect("mount");
        assert!(status.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount("24m") else {
        println!("SKIPPED: no file system can be mounted here");
        return;
    };
    let folder = disk.0.path().join("store");
    let store = EmbeddedStore::open(&folder, keep()).expect("a store");
    let big = "x".repeat(4_000);
    let event =
        |number: i64| happened(&format!("e{number}"), "page.view", number, json!({ "text": format!("{big}{number}") }));
    let mut acknowledged = 0;
    let error = loop {
        assert!(acknowledged < 100_000, "the disk never runs full");
        match store.apply(&visitor(&format!("v{}", acknowledged % 200)), vec![event(acknowledged)]).await {
            Ok(()) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Failed(_)), "{error:?}");
    assert!(error.to_string().contains("can't write"), "{error}");
    // Nothing is promised any more; what was, can be read.
    assert!(matches!(store.apply(&visitor("v0"), vec![event(-1)]).await, Err(StoreError::Failed(_))));
    let _ = store.close().await;
    drop(store);
    disk.grow("240m");
    let store = EmbeddedStore::open(&folder, keep()).expect("it opens again");
    let mut found = 0;
    for number in 0..200.min(acknowledged) {
        let profile = store.load(&visitor(&format!("v{number}"))).await.expect("a profile").profile;
        let ids: BTreeSet<&str> = profile.events().iter().map(|event| event.id.text()).collect();
        for event in (number..acknowledged).step_by(200) {
            assert!(ids.contains(&*format!("e{event}")), "e{event} of {acknowledged} is lost");
            found += 1;
        }
    }
    assert_eq!(found, acknowledged);
    store.apply(&visitor("v0"), vec![event(-2)]).await.expect("it writes again");
    store.close().await.expect("closed");
}
