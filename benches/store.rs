//! The embedded store: how fast it takes events, how fast a profile comes. And why it is the one that it is: the same work done by
//! both libraries that were looked at.
//!
//! `INLAY_PROFILES=1000000 cargo bench --bench store` for the size that it is meant for; 20,000 without. `-- --store` leaves the libraries
//! out. It prints, and judges nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use inlay::event::{Data, Direction, Event, EventId, EventType};
use inlay::profile::{Change, Keep, ProfileId};
use inlay::store::{EmbeddedStore, Profiles, Store};
use inlay::telemetry::ProfileFigures;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const EVENTS: u64 = 50;
/// Visitors who send at once.
const AT_ONCE: usize = 1_024;
const COLD_LOADS: u64 = 5_000;
/// Bytes of one event as stores keep it, for the libraries alone.
const VALUE: usize = 120;

fn main() {
    let profiles: u64 = std::env::var("INLAY_PROFILES").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let folder = tempfile::tempdir().expect("a folder");
    if !std::env::args().any(|argument| argument == "--store") {
        libraries(folder.path(), profiles);
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(store(&folder.path().join("store"), profiles));
}

/// Numbers that look random and are the same each time.
fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn key(number: u64, profiles: u64) -> Vec<u8> {
    [format!("visitor:{:016x}\0", scattered(number % profiles)).as_bytes(), &number.to_be_bytes()].concat()
}

/// Appends events of scattered profiles in groups with one `fsync` each, then reads all of one profile's.
fn libraries(folder: &Path, profiles: u64) {
    let (total, group) = (profiles * EVENTS, 2_048);
    let value = vec![7; VALUE];

    let database = fjall::Database::builder(folder.join("fjall")).open().expect("fjall");
    let tree = database.keyspace("events", fjall::KeyspaceCreateOptions::default).expect("a tree");
    let write = |from: u64| {
        let mut batch = database.batch();
        (from..from + group).for_each(|number| batch.insert(&tree, key(number, profiles), value.clone()));
        batch.commit().and_then(|()| database.persist(fjall::PersistMode::SyncData)).expect("written");
    };
    let read = |prefix: &[u8]| tree.prefix(prefix).map(|entry| entry.value().expect("read").len()).sum();
    measure("fjall", total, group, profiles, write, read);

    let database = redb::Database::create(folder.join("redb")).expect("redb");
    let table: redb::TableDefinition<&[u8], &[u8]> = redb::TableDefinition::new("events");
    let write = |from: u64| {
        let transaction = database.begin_write().expect("a transaction");
        let mut tree = transaction.open_table(table).expect("a table");
        for number in from..from + group {
            tree.insert(key(number, profiles).as_slice(), value.as_slice()).expect("written");
        }
        drop(tree);
        transaction.commit().expect("committed");
    };
    let read = |prefix: &[u8]| {
        use redb::ReadableDatabase;
        let tree = database.begin_read().expect("a transaction").open_table(table).expect("a table");
        let behind = [&prefix[..prefix.len() - 1], &[1]].concat();
        let range = tree.range(prefix..behind.as_slice()).expect("a range");
        range.map(|entry| entry.expect("read").1.value().len()).sum()
    };
    measure("redb", total, group, profiles, write, read);
}

fn measure(name: &str, total: u64, group: u64, profiles: u64, write: impl Fn(u64), read: impl Fn(&[u8]) -> usize) {
    let begun = Instant::now();
    (0..total).step_by(group as usize).for_each(write);
    let taken = begun.elapsed();
    let mut latencies = Histogram::<u64>::new(3).expect("a histogram");
    for number in 0..COLD_LOADS {
        let prefix = format!("visitor:{:016x}\0", scattered(scattered(number) % profiles));
        let begun = Instant::now();
        assert!(read(prefix.as_bytes()) > 0);
        latencies.record(begun.elapsed().as_nanos() as u64).expect("recorded");
    }
    println!(
        "{name}: {:.0} durable events/s; {EVENTS} events of one profile {}",
        rate(total, taken),
        shown(&latencies)
    );
}

fn rate(count: u64, taken: Duration) -> f64 {
    count as f64 / taken.as_secs_f64()
}

fn shown(latencies: &Histogram<u64>) -> String {
    let at = |quantile: f64| latencies.value_at_quantile(quantile) as f64 / 1_000.0;
    format!("p50 {:.1} µs, p90 {:.1} µs, p99 {:.1} µs", at(0.5), at(0.9), at(0.99))
}

/// Bytes of all files below.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    entries
        .map(
            |entry| {
                if entry.path().is_dir() {
                    size(&entry.path())
                } else {
                    entry.metadata().map_or(0, |about| about.len())
                }
            },
        )
        .sum()
}

fn view(profile: u64, number: u64, now: Timestamp) -> Change {
    let event = Event {
        id: EventId::parse(&format!("{profile:x}-{number}")).expect("an id"),
        kind: EventType::parse("product.view").expect("a type"),
        at: now - SignedDuration::from_secs((EVENTS as i64 - number as i64) * 60),
        from: Direction::Traffic,
        data: Data::new(json!({ "sku": format!("A{number}"), "title": "A jacket for all weathers", "price": 129.95 }))
            .expect("data"),
    };
    Change { at: now, ..Change::append(event, now) }
}

async fn store(folder: &Path, profiles: u64) {
    let keep = Keep::default();
    let now: Timestamp = "2026-11-23T12:00:00Z".parse().expect("a time");
    let id = |number: u64| ProfileId::visitor(&format!("{:016x}", scattered(number))).expect("an id");
    let store = Arc::new(EmbeddedStore::open(folder, keep).expect("a store"));
    let begun = Instant::now();
    let senders = (0..AT_ONCE as u64).map(|sender| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..EVENTS {
                for profile in (sender..profiles).step_by(AT_ONCE) {
                    store.apply(&id(profile), vec![view(profile, number, now)]).await.expect("applied");
                }
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.expect("joined");
    }
    println!("store: {:.0} durable events/s from {AT_ONCE} visitors at once", rate(profiles * EVENTS, begun.elapsed()));
    store.close().await.expect("closed");
    drop(store);

    let begun = Instant::now();
    let store = Arc::new(EmbeddedStore::open(folder, keep).expect("a store"));
    println!("store: opened again in {:.1?}, {} MiB on disk", begun.elapsed(), size(folder) >> 20);
    let at_hand = Profiles::new(store, keep, ProfileFigures::default());
    let (mut cold, mut hot) = [(); 2].map(|()| Histogram::<u64>::new(3).expect("a histogram")).into();
    // A store that runs has met others before: their profiles, not these.
    for number in 0..COLD_LOADS / 2 {
        at_hand.load(&id(scattered(number + COLD_LOADS) % profiles)).await.expect("a profile");
    }
    for number in 0..COLD_LOADS {
        let id = id(scattered(number) % profiles);
        for latencies in [&mut cold, &mut hot] {
            let begun = Instant::now();
            let profile = at_hand.load(&id).await.expect("a profile");
            latencies.record(begun.elapsed().as_nanos() as u64).expect("recorded");
            assert_eq!(profile.events().len() as u64, EVENTS);
        }
    }
    println!("store: a cold profile {}; a hot one {}", shown(&cold), shown(&hot));
    at_hand.close(Duration::from_secs(5)).await.expect("closed");
}
