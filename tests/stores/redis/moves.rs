//! A login that is cut off at any moment: whoever comes next ends it, once.

use std::time::Duration;

use inlay::profile::{Change, Op};
use inlay::store::{RedisStore, Store, Timer};
use serde_json::json;

use super::server::{self, Server};
use super::wire::Wire;
use crate::contract::{at, customer, happened, keep, name, traits, visitor};

/// More pieces than a connection and a login have.
const PIECES: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_cut_off_anywhere_is_ended_once_by_whoever_comes_next() {
    if !server::is_there() {
        return;
    }
    let server = Server::start(&[]);
    let store = RedisStore::begin(super::address(&server.url()), keep());
    let (mut cut, mut went) = (0, 0);
    for pieces in 0..PIECES {
        let (phone, bob) = (visitor(&format!("phone-{pieces}")), customer(&format!("bob-{pieces}")));
        let brought = vec![
            happened(&format!("e{pieces}"), "page.view", 1, json!({})),
            Change::new(Op::Increment { counter: name("n"), by: 1 }, at(1)),
            Change::new(Op::Join(name("vip")), at(1)),
        ];
        store.apply(&phone, brought).await.expect("applied");
        let known = vec![Change::new(Op::SetTraits(traits(json!({ "name": "Bob" }))), at(2))];
        store.apply(&bob, known).await.expect("applied");
        let timer = Timer::new(phone.clone(), name("cart"), at(1_000), json!(null)).expect("a timer");
        store.schedule(vec![timer]).await.expect("scheduled");

        let wire = Wire::to(server.port).await;
        let cut_off = RedisStore::begin(super::address(&wire.url()), keep());
        wire.cut_after(pieces);
        let done = tokio::time::timeout(Duration::from_secs(10), cut_off.identify(&phone, &bob, at(3)));
        match done.await.expect("it ends") {
            Ok(_) => went += 1,
            Err(_) => cut += 1,
        }
        drop((cut_off, wire));

        // Each third is met by the visitor, by the rounds, or by another login.
        match pieces % 3 {
            0 => drop(store.load(&phone).await.expect("a profile")),
            1 => drop(store.expire(at(-1_000_000)).await.expect("rounds")),
            _ => drop(store.identify(&phone, &bob, at(4)).await.expect("identified")),
        }
        store.identify(&phone, &bob, at(5)).await.expect("identified");
        for id in [&phone, &bob] {
            let found = store.load(id).await.expect("a profile");
            let profile = &found.profile;
            assert_eq!(found.id, bob, "cut after {pieces}");
            assert_eq!((profile.events().len(), profile.counters()[&name("n")].total()), (1, 1), "cut after {pieces}");
            assert_eq!(profile.traits(), &traits(json!({ "name": "Bob" })));
            assert_eq!(profile.customer().map(|customer| &**customer), Some(bob.bare()));
        }
        let members = store.members(&name("vip"), None, 1_000).await.expect("members").entries;
        assert!(members.contains(&bob) && !members.contains(&phone), "cut after {pieces}: {members:?}");
        let due = store.due(at(1_000), Duration::from_secs(1_000_000), 100).await.expect("timers");
        assert_eq!(due.iter().map(|timer| &timer.profile).collect::<Vec<_>>(), [&bob], "cut after {pieces}");
        let erased = store.erase(&phone).await.expect("erased");
        assert_eq!((erased.ids, erased.timers), ([phone, bob].into(), 1), "cut after {pieces}");
    }
    assert!(cut > 5 && went > 5, "{cut} were cut off, {went} went through: the bound is wrong");
    // Nothing is left but that moves have arrived.
    let left = server.cli(&["KEYS", "*"]);
    let left: Vec<&str> = left.lines().filter(|key| !key.is_empty() && !key.contains(":arrived:")).collect();
    assert_eq!(left, [""; 0], "keys are left behind");
}
