//! A Redis that is killed, held up, slow, or fails over: visitors are unknown meanwhile, and nothing that was to be written is lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use inlay::profile::{Change, Op, ProfileId};
use inlay::store::{Profiles, RedisStore, StoreError};
use inlay::telemetry::ProfileFigures;
use serde_json::json;

use super::server::{self, Server, cli, free_port};
use super::wire::Wire;
use crate::contract::{at, happened, keep, name, visitor};

/// What must happen at all happens within this time; it bounds a failure, it measures nothing.
const SOON: Duration = Duration::from_secs(60);

fn profiles(url: &str) -> (Profiles, ProfileFigures) {
    let figures = ProfileFigures::default();
    let store = Arc::new(RedisStore::begin(super::address(url), keep()));
    (Profiles::new(store, keep(), figures.clone()), figures)
}

fn view(number: i64) -> Vec<Change> {
    vec![
        happened(&format!("v{number}"), "page.view", number, json!({})),
        Change::new(Op::Increment { counter: name("n"), by: 1 }, at(number)),
    ]
}

/// How often somebody was counted, as soon as that is `wanted`.
async fn counted(profiles: &Profiles, id: &ProfileId, wanted: i64) {
    let begun = Instant::now();
    loop {
        let known = profiles.load(id).await.ok().and_then(|profile| profile.counters().get(&name("n")).cloned());
        let known = known.map_or(0, |counter| counter.total());
        assert!(known <= wanted, "{known} were counted, and {wanted} were sent");
        if known == wanted {
            return;
        }
        assert!(begun.elapsed() < SOON, "{known} of {wanted} were counted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_sees_a_change_within_a_second_and_this_one_at_once() {
    if !server::is_there() {
        return;
    }
    let server = Server::start(&[]);
    let ((here, _), (there, _)) = (profiles(&server.url()), profiles(&server.url()));
    let ann = visitor("ann");
    here.change(&ann, view(0)).durably().await.expect("written");
    counted(&there, &ann, 1).await;
    for number in 1..5 {
        here.change(&ann, view(number)).durably().await.expect("written");
        counted(&here, &ann, number + 1).await;
        // Hot there, as it was before; the bound of it is below the promise by what a load may take.
        assert!(there.store().freshness().is_some_and(|bound| bound <= Duration::from_millis(900)));
        counted(&there, &ann, number + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_it_is_dead_is_written_when_it_lives_again() {
    if !server::is_there() {
        return;
    }
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (profiles, figures) = profiles(&server.url());
    let (ann, bob) = (visitor("ann"), visitor("bob"));
    for number in 0..20 {
        profiles.change(&ann, view(number)).durably().await.expect("written");
    }
    counted(&profiles, &ann, 20).await;
    server.kill();
    let begun = Instant::now();
    let written = profiles.change(&ann, view(20));
    let of_bob = profiles.change(&bob, view(21));
    // What is at hand goes on, and nobody else is waited for.
    counted(&profiles, &ann, 21).await;
    let eve = profiles.load(&visitor("eve")).await;
    assert!(matches!(eve, Err(StoreError::Unreachable(_) | StoreError::Slow(_))), "{eve:?}");
    assert!(figures.missed.get() > 0 && profiles.unwritten() > 0);
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.start_again();
    tokio::time::timeout(SOON, written.durably()).await.expect("soon").expect("written");
    tokio::time::timeout(SOON, of_bob.durably()).await.expect("soon").expect("written");
    assert!(begun.elapsed() < SOON);
    let other = self::profiles(&server.url()).0;
    counted(&other, &ann, 21).await;
    counted(&other, &bob, 1).await;
    assert_eq!(figures.lost.get(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_answers_nothing_costs_a_page_its_deadline_and_no_event() {
    if !server::is_there() {
        return;
    }
    let server = Server::start(&[]);
    let (profiles, figures) = profiles(&server.url());
    let ann = visitor("ann");
    profiles.change(&ann, view(0)).durably().await.expect("written");
    // Its connections stay open, and nothing comes back.
    server.signal("-STOP");
    let written = profiles.change(&ann, view(1));
    for number in 0..20 {
        let begun = Instant::now();
        let bob = profiles.load(&visitor(&format!("bob-{number}"))).await;
        assert!(matches!(bob, Err(StoreError::Unreachable(_) | StoreError::Slow(_))), "{bob:?}");
        assert!(begun.elapsed() < Duration::from_secs(1), "a page waits longer than it may");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(figures.missed.get(), 20);
    server.signal("-CONT");
    tokio::time::timeout(SOON, written.durably()).await.expect("soon").expect("written");
    // The answer was lost, and perhaps the change came twice: it counts once.
    counted(&self::profiles(&server.url()).0, &ann, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_one_leaves_visitors_unknown_until_it_is_quick_again() {
    if !server::is_there() {
        return;
    }
    let server = Server::start(&[]);
    let wire = Wire::to(server.port).await;
    let (profiles, figures) = profiles(&wire.url());
    let (ann, bob) = (visitor("ann"), visitor("bob"));
    profiles.change(&ann, view(0)).durably().await.expect("written");
    wire.delay(Duration::from_millis(200));
    assert!(matches!(profiles.load(&bob).await, Err(StoreError::Slow(_))));
    assert_eq!(figures.missed.get(), 1);
    tokio::time::timeout(SOON, profiles.change(&ann, view(1)).durably()).await.expect("soon").expect("written");
    wire.delay(Duration::ZERO);
    counted(&profiles, &ann, 2).await;
    let begun = Instant::now();
    while profiles.load(&bob).await.is_err() {
        assert!(begun.elapsed() < SOON, "it stays unknown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_say_where_the_primary_is_also_after_a_failover() {
    if !server::is_there() {
        return;
    }
    let mut primary = Server::start(&[]);
    let replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
    let sentinel_port = free_port();
    let file = primary.folder().join("sentinel.conf");
    let text = format!(
        "sentinel monitor main 127.0.0.1 {} 1\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n",
        primary.port
    );
    std::fs::write(&file, text).expect("written");
    let sentinel = Server::on(sentinel_port, &[file.to_str().expect("a path"), "--sentinel"]);
    until(|| sentinel.cli(&["SENTINEL", "REPLICAS", "main"]).contains(&replica.port.to_string()));
    until(|| replica.cli(&["INFO", "replication"]).contains("master_link_status:up"));

    let (profiles, figures) = profiles(&format!("redis://127.0.0.1:{sentinel_port}?sentinel=main"));
    let ann = visitor("ann");
    for number in 0..50 {
        profiles.change(&ann, view(number)).durably().await.expect("written");
    }
    // All of it is on the replica: what is lost in a failover is what had not got there.
    assert_eq!(primary.cli(&["WAIT", "1", "10000"]).trim(), "1");
    primary.kill();
    let during: Vec<_> = (50..100).map(|number| profiles.change(&ann, view(number))).collect();
    counted(&profiles, &ann, 100).await;
    for written in during {
        tokio::time::timeout(SOON, written.durably()).await.expect("soon").expect("written");
    }
    assert_eq!(figures.lost.get(), 0);
    assert!(cli(replica.port, &["ROLE"]).starts_with("master"));
    counted(&self::profiles(&replica.url()).0, &ann, 100).await;
}

fn until(done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < SOON, "it does not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}
