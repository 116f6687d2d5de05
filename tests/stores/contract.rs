//! What a store promises, as one function over the trait. A new store needs no test of its own but a call of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use inlay::event::{Data, Direction, Event, EventId, EventType};
use inlay::profile::query::Asked;
use inlay::profile::{Change, Keep, Name, Op, Profile, ProfileId, Traits};
use inlay::store::{Cursor, Item, ItemKey, Store, StoreError, Timer};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

/// What the stores under test keep.
pub fn keep() -> Keep {
    Keep { events: 20, ..Keep::default() }
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).expect("a timestamp")
}

pub fn visitor(id: &str) -> ProfileId {
    ProfileId::visitor(id).expect("an id")
}

pub fn customer(id: &str) -> ProfileId {
    ProfileId::customer(id).expect("an id")
}

pub fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// An event as the traffic brings it, at so many seconds.
pub fn happened(id: &str, kind: &str, seconds: i64, data: Json) -> Change {
    let event = Event {
        id: EventId::parse(id).expect("an id"),
        kind: EventType::parse(kind).expect("a type"),
        at: at(seconds),
        from: Direction::Traffic,
        data: Data::new(data).expect("data"),
    };
    Change::append(event, at(seconds))
}

pub fn traits(json: Json) -> Traits {
    Traits::new(json).expect("traits")
}

async fn profile(store: &dyn Store, id: &ProfileId) -> Arc<Profile> {
    store.load(id).await.expect("a profile").profile
}

fn count(profile: &Profile, kind: &str) -> i64 {
    profile.count(&Asked::all(kind), at(10_000)).value
}

/// Holds a store, which is empty and keeps [`keep`], to all of it. Closes it.
pub async fn hold(store: &dyn Store) {
    remembers_what_it_is_told(store).await;
    counts_a_change_once(store).await;
    loses_nothing_to_others_who_write(store).await;
    folds_long_lives_as_short_ones(store).await;
    merges_at_login_and_parts_at_logout(store).await;
    forgets_everything_of_somebody(store).await;
    restores_what_was_exported(store).await;
    goes_through_all_profiles(store).await;
    knows_who_is_on_a_list(store).await;
    keeps_the_newest_reading_of_an_item(store).await;
    gives_out_timers_when_they_are_due(store).await;
    drops_who_was_not_seen_for_long(store).await;
    is_closed_for_good(store).await;
}

async fn remembers_what_it_is_told(store: &dyn Store) {
    let ann = visitor("ann");
    assert!(profile(store, &ann).await.is_blank());
    let changes = vec![
        happened(
            "r1",
            "product.view",
            1,
            json!({ "sku": "A1", "price": 12.5, "tags": [], "deep": { "er": [1, null, "ü"] } }),
        ),
        Change::new(
            Op::MergeTraits(traits(
                json!({ "loyalty": { "tier": "gold", "points": 9_007_199_254_740_993_i64 }, "none": [], "map": {} }),
            )),
            at(2),
        ),
        Change::new(Op::Increment { counter: name("coupons"), by: 3 }, at(2)),
        Change::new(Op::Visit(Data::new(json!({ "campaign": "spring" })).expect("data")), at(3)),
        Change::new(Op::MergeTraits(traits(json!({ "loyalty": { "tier": "silver" } }))), at(4)),
    ];
    let mut expected = Profile::new();
    for change in &changes {
        expected.apply(change, &keep());
    }
    store.apply(&ann, changes).await.expect("applied");
    let found = store.load(&ann).await.expect("a profile");
    assert_eq!(found.id, ann);
    assert_eq!(*found.profile, expected);
    store.apply(&ann, vec![Change::new(Op::SetTraits(traits(json!({ "only": 1 }))), at(5))]).await.expect("applied");
    assert_eq!(profile(store, &ann).await.traits(), &traits(json!({ "only": 1 })));
    store.apply(&ann, vec![Change::new(Op::Forget, at(6))]).await.expect("applied");
    assert!(profile(store, &ann).await.is_blank());
}

async fn restores_what_was_exported(store: &dyn Store) {
    let (id, vip) = (customer("exported"), name("restored"));
    let mut known = Profile::new();
    for change in [
        happened("e1", "order.placed", 1, json!({ "total": 12.5 })),
        Change::new(Op::SetTraits(traits(json!({ "tier": "gold" }))), at(2)),
        Change::new(Op::Increment { counter: name("order.placed"), by: 40 }, at(2)),
        Change::new(Op::Visit(Data::new(json!({ "campaign": "spring" })).expect("data")), at(3)),
        Change::new(Op::Join(vip.clone()), at(3)),
        Change::identify(&id, at(3)),
    ] {
        known.apply(&change, &keep());
    }
    for _ in 0..2 {
        store.apply(&id, vec![Change::new(Op::Restore(Arc::new(known.clone())), at(4))]).await.expect("applied");
        let found = profile(store, &id).await;
        assert_eq!(found.line(&id), known.line(&id));
        assert_eq!(store.member_count(&vip).await.expect("a count"), 1, "lists know of it");
    }
    store.erase(&id).await.expect("erased");
}

async fn counts_a_change_once(store: &dyn Store) {
    let id = visitor("once");
    let twice = vec![
        happened("o1", "cart.add", 1, json!({ "sku": "A1" })),
        Change::new(Op::Increment { counter: name("n"), by: 1 }, at(1)).known_as("raise"),
    ];
    for _ in 0..3 {
        store.apply(&id, [twice.clone(), twice.clone()].concat()).await.expect("applied");
    }
    let profile = profile(store, &id).await;
    assert_eq!(profile.events().len(), 1);
    assert_eq!(profile.counters()[&name("n")].total(), 1);
    assert_eq!(profile.counters()[&name("cart.add")].total(), 1);
}

async fn loses_nothing_to_others_who_write(store: &dyn Store) {
    let id = visitor("busy");
    let writers = (0..8).map(|writer| {
        let id = id.clone();
        async move {
            for number in 0..10 {
                let name = name("n");
                let changes = vec![
                    happened(&format!("w{writer}-{number}"), "page.view", number, json!({})),
                    Change::new(Op::Increment { counter: name, by: 1 }, at(number)),
                    Change::new(Op::MergeTraits(traits(json!({ format!("t{writer}"): number }))), at(number)),
                ];
                store.apply(&id, changes).await.expect("applied");
            }
        }
    });
    futures_util::future::join_all(writers).await;
    let profile = profile(store, &id).await;
    assert_eq!(profile.counters()[&name("n")].total(), 80);
    assert_eq!(count(&profile, "page.view"), 80);
    assert_eq!(profile.events().len(), keep().events);
    assert_eq!(profile.traits().map().len(), 8);
    assert!(profile.traits().map().values().all(|value| *value == json!(9)));
}

/// However a store keeps a life, what it comes to is what its changes come to one by one.
async fn folds_long_lives_as_short_ones(store: &dyn Store) {
    let id = visitor("long");
    let mut expected = Profile::new();
    for number in 0..300 {
        let kind = ["page.view", "cart.add", "product.view"][(number % 3) as usize];
        let changes = vec![
            happened(&format!("l{number}"), kind, number, json!({ "n": number })),
            Change::new(Op::MergeTraits(traits(json!({ "last": number, format!("t{}", number % 7): {} }))), at(number)),
        ];
        for change in &changes {
            expected.apply(change, &keep());
        }
        store.apply(&id, changes).await.expect("applied");
    }
    assert_eq!(*profile(store, &id).await, expected);
}

async fn merges_at_login_and_parts_at_logout(store: &dyn Store) {
    let (phone, laptop, bob) = (visitor("phone"), visitor("laptop"), customer("bob"));
    let first = vec![
        happened("m1", "product.view", 1, json!({ "sku": "A" })),
        Change::new(Op::MergeTraits(traits(json!({ "size": "L", "name": "B." }))), at(1)),
    ];
    store.apply(&phone, first.clone()).await.expect("applied");
    let known = vec![Change::new(Op::SetTraits(traits(json!({ "name": "Bob" }))), at(2))];
    store.apply(&bob, known).await.expect("applied");
    for _ in 0..2 {
        let found = store.identify(&phone, &bob, at(3)).await.expect("identified");
        assert_eq!(found.id, bob);
        assert_eq!(found.profile.traits(), &traits(json!({ "name": "Bob", "size": "L" })));
        assert_eq!(found.profile.customer().map(|customer| &**customer), Some("bob"));
        assert_eq!(count(&found.profile, "product.view"), 1);
    }
    // What was sent before the login and comes again counts no more, under either id.
    store.apply(&phone, first.clone()).await.expect("applied");
    store.apply(&phone, vec![happened("m2", "product.view", 4, json!({ "sku": "B" }))]).await.expect("applied");
    store.apply(&laptop, vec![happened("m3", "product.view", 5, json!({ "sku": "C" }))]).await.expect("applied");
    store.identify(&laptop, &bob, at(6)).await.expect("identified");
    for id in [&phone, &laptop, &bob] {
        let found = store.load(id).await.expect("a profile");
        assert_eq!(found.id, bob);
        let ids: Vec<&str> = found.profile.events().iter().map(|event| event.id.text()).collect();
        assert_eq!(ids, ["m1", "m2", "m3"]);
        assert_eq!(count(&found.profile, "product.view"), 3);
    }
    // A shared device: after the logout somebody else sits before it.
    store.part(&phone).await.expect("parted");
    assert!(profile(store, &phone).await.is_blank());
    store.apply(&phone, vec![happened("m4", "page.view", 7, json!({}))]).await.expect("applied");
    let eve = store.identify(&phone, &customer("eve"), at(8)).await.expect("identified");
    assert_eq!(eve.profile.events().len(), 1);
    assert_eq!(profile(store, &bob).await.events().len(), 3);
    // Straight from one customer to another: nothing of the first goes along.
    let ida = store.identify(&laptop, &customer("ida"), at(9)).await.expect("identified");
    assert!(ida.profile.events().is_empty());
    assert_eq!(profile(store, &bob).await.events().len(), 3);
}

async fn forgets_everything_of_somebody(store: &dyn Store) {
    let (tablet, zoe) = (visitor("tablet"), customer("zoe"));
    let changes = vec![
        happened("f1", "page.view", 1, json!({})),
        happened("f2", "page.view", 2, json!({})),
        Change::new(Op::SetTraits(traits(json!({ "a": 1 }))), at(2)),
        Change::new(Op::Join(name("vip")), at(2)),
    ];
    store.apply(&zoe, changes).await.expect("applied");
    store.identify(&tablet, &zoe, at(3)).await.expect("identified");
    let timer = Timer::new(zoe.clone(), name("cart"), at(50), json!(1)).expect("a timer");
    store.schedule(vec![timer]).await.expect("scheduled");
    let erased = store.erase(&tablet).await.expect("erased");
    assert_eq!(erased.ids, BTreeSet::from([tablet.clone(), zoe.clone()]));
    assert_eq!((erased.events, erased.traits, erased.counters, erased.lists, erased.timers), (2, 1, 1, 1, 1));
    for id in [&tablet, &zoe] {
        let found = store.load(id).await.expect("a profile");
        assert_eq!(found.id, *id);
        assert!(found.profile.is_blank());
        assert_eq!(found.profile.known().len(), 0);
        assert!(store.erase(id).await.expect("erased").is_nothing());
    }
    assert!(store.members(&name("vip"), None, 10).await.expect("members").entries.is_empty());
    assert!(store.due(at(100), Duration::from_secs(1), 10).await.expect("timers").is_empty());
}

async fn goes_through_all_profiles(store: &dyn Store) {
    let all: BTreeSet<ProfileId> = (0..25).map(|number| customer(&format!("export-{number}"))).collect();
    for id in &all {
        let change = Change::new(Op::SetTraits(traits(json!({ "id": id.bare() }))), at(1));
        store.apply(id, vec![change]).await.expect("applied");
    }
    let (mut seen, mut from): (BTreeSet<ProfileId>, Option<Cursor>) = Default::default();
    for round in 0.. {
        assert!(round < 1_000, "an export ends");
        let batch = store.export(from, 7).await.expect("profiles");
        for found in batch.entries {
            assert!(!found.profile.is_blank(), "{:?}", found.id);
            if all.contains(&found.id) {
                assert_eq!(found.profile.traits(), &traits(json!({ "id": found.id.bare() })));
            }
            seen.insert(found.id);
        }
        from = batch.next;
        if from.is_none() {
            break;
        }
    }
    assert!(all.is_subset(&seen));
}

async fn knows_who_is_on_a_list(store: &dyn Store) {
    let gold = name("gold");
    let on: BTreeSet<ProfileId> = (0..12).map(|number| customer(&format!("gold-{number}"))).collect();
    for id in &on {
        store.apply(id, vec![Change::new(Op::Join(gold.clone()), at(1))]).await.expect("applied");
    }
    let left = on.first().expect("one").clone();
    store.apply(&left, vec![Change::new(Op::Leave(gold.clone()), at(2))]).await.expect("applied");
    let forgotten = on.last().expect("one").clone();
    store.apply(&forgotten, vec![Change::new(Op::Forget, at(2))]).await.expect("applied");
    let (mut members, mut from) = (BTreeSet::new(), None);
    loop {
        let batch = store.members(&gold, from, 5).await.expect("members");
        members.extend(batch.entries);
        from = batch.next;
        if from.is_none() {
            break;
        }
    }
    let expected: BTreeSet<_> = on.into_iter().filter(|id| *id != left && *id != forgotten).collect();
    assert_eq!(members, expected);
    assert_eq!(store.member_count(&gold).await.expect("a count"), 10);
    // On the list as a visitor, on it as a customer.
    let visitor = visitor("golden");
    store.apply(&visitor, vec![Change::new(Op::Join(gold.clone()), at(3))]).await.expect("applied");
    store.identify(&visitor, &customer("golden"), at(4)).await.expect("identified");
    let members = store.members(&gold, None, 100).await.expect("members").entries;
    assert!(members.contains(&customer("golden")) && !members.contains(&visitor), "{members:?}");
}

async fn keeps_the_newest_reading_of_an_item(store: &dyn Store) {
    let key = |sku: &str| ItemKey::new("product", sku).expect("a key");
    let item = |sku: &str, seconds: i64, price: f64| {
        Item::new(key(sku), at(seconds), json!({ "price": price })).expect("an item")
    };
    assert_eq!(
        store.put_items(vec![item("A1", 10, 5.0), item("B2", 10, 7.0), item("ü 3", 10, 1.0)]).await.expect("kept"),
        3
    );
    assert_eq!(store.put_items(vec![item("A1", 9, 4.0), item("B2", 11, 8.0)]).await.expect("kept"), 1);
    let found = store.items(&[key("B2"), key("none"), key("A1")]).await.expect("items");
    let prices: Vec<_> = found.iter().map(|item| item.as_ref().map(|item| item.data["price"].clone())).collect();
    assert_eq!(prices, [Some(json!(8.0)), None, Some(json!(5.0))]);
    let removed = store.remove_items(vec![key("ü 3"), key("none"), key("ü 3")]).await.expect("removed");
    assert_eq!((removed, store.items(&[key("ü 3")]).await.expect("items")), (1, vec![None]));
    store.put_items(vec![item("ü 3", 10, 1.0)]).await.expect("kept");
    let other = Item::new(ItemKey::new("article", "x").expect("a key"), at(1), json!({})).expect("an item");
    store.put_items(vec![other]).await.expect("kept");
    let (mut listed, mut from) = (BTreeSet::new(), None);
    loop {
        let batch = store.list_items(&name("product"), from, 2).await.expect("items");
        listed.extend(batch.entries.iter().map(|item| item.key.key().to_owned()));
        from = batch.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(listed, BTreeSet::from(["A1".to_owned(), "B2".to_owned(), "ü 3".to_owned()]));
}

async fn gives_out_timers_when_they_are_due(store: &dyn Store) {
    let tim = customer("tim");
    let timer =
        |text: &str, due: i64| Timer::new(tim.clone(), name(text), at(due), json!({ "step": text })).expect("a timer");
    store.schedule(vec![timer("late", 300), timer("soon", 100), timer("moved", 50)]).await.expect("scheduled");
    store.schedule(vec![timer("moved", 200)]).await.expect("scheduled");
    let lease = Duration::from_secs(60);
    let due = async |now: i64| -> Vec<Timer> { store.due(at(now), lease, 10).await.expect("timers") };
    assert!(due(99).await.is_empty());
    assert_eq!(due(250).await, [timer("soon", 100), timer("moved", 200)]);
    // Given out, nobody else gets them for the length of the lease.
    assert!(due(251).await.is_empty());
    assert!(store.cancel(&tim, &name("soon")).await.expect("cancelled"));
    assert!(!store.cancel(&tim, &name("soon")).await.expect("cancelled"));
    let again = due(320).await;
    assert_eq!(again.iter().map(|timer| timer.name.text()).collect::<BTreeSet<_>>(), BTreeSet::from(["late", "moved"]));
    // A login takes them along.
    let device = visitor("tim's");
    let of_device = Timer::new(device.clone(), name("cart"), at(1_000), json!(null)).expect("a timer");
    store.schedule(vec![of_device]).await.expect("scheduled");
    store.identify(&device, &tim, at(999)).await.expect("identified");
    let taken = due(1_000).await;
    assert!(taken.iter().any(|timer| timer.name == name("cart") && timer.profile == tim), "{taken:?}");
    store.erase(&tim).await.expect("erased");
    assert!(due(100_000).await.is_empty());
}

async fn drops_who_was_not_seen_for_long(store: &dyn Store) {
    let (old, new) = (visitor("old"), visitor("new"));
    store.apply(&old, vec![happened("x1", "page.view", 0, json!({}))]).await.expect("applied");
    store.apply(&new, vec![happened("x2", "page.view", 100_000, json!({}))]).await.expect("applied");
    for round in 0.. {
        assert!(round < 1_000, "expiry ends");
        if store.expire(at(50_000)).await.expect("expired") == 0 {
            break;
        }
    }
    assert!(profile(store, &old).await.is_blank());
    assert_eq!(profile(store, &new).await.events().len(), 1);
}

async fn is_closed_for_good(store: &dyn Store) {
    store.close().await.expect("closed");
    assert!(matches!(store.load(&visitor("ann")).await, Err(StoreError::Closed)));
    assert!(matches!(store.apply(&visitor("ann"), Vec::new()).await, Err(StoreError::Closed)));
}

/// A store that forgets at its bound forgets those who were there long ago, and never the one who is there now.
pub async fn stay_bounded(store: &dyn Store) {
    let large = traits(json!({ "text": "x".repeat(30_000) }));
    for number in 0..12_000 {
        let id = visitor(&format!("many-{number}"));
        store.apply(&id, vec![Change::new(Op::SetTraits(large.clone()), at(number))]).await.expect("applied");
        assert!(!profile(store, &id).await.is_blank());
    }
    assert!(profile(store, &visitor("many-0")).await.is_blank());
}
