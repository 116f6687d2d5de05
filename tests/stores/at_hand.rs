//! Profiles at hand before a store: one's own changes are seen at once, whatever the store does, and none is lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use inlay::profile::query::Asked;
use inlay::profile::{Change, Op, ProfileId};
use inlay::store::{MemoryStore, Profiles, Store, StoreError};
use inlay::telemetry::ProfileFigures;
use serde_json::json;

use crate::away::Away;
use crate::contract::{at, customer, happened, keep, name, traits, visitor};

fn profiles() -> (Arc<Away>, Profiles, ProfileFigures) {
    let (store, figures) = (Arc::new(Away::new(MemoryStore::new(keep()))), ProfileFigures::default());
    (store.clone(), Profiles::new(store, keep(), figures.clone()), figures)
}

fn view(number: i64) -> Vec<Change> {
    vec![
        happened(&format!("v{number}"), "page.view", number, json!({})),
        Change::new(Op::Increment { counter: name("n"), by: 1 }, at(number)),
    ]
}

async fn views(profiles: &Profiles, id: &ProfileId) -> (i64, i64) {
    let profile = profiles.load(id).await.expect("a profile");
    let counted = profile.counters().get(&name("n")).map_or(0, |counter| counter.total());
    (profile.count(&Asked::all("page.view"), at(10_000)).value, counted)
}

#[tokio::test(start_paused = true)]
async fn a_change_is_seen_by_the_next_look_and_then_is_in_the_store() {
    let (store, profiles, figures) = profiles();
    let ann = visitor("ann");
    for number in 1..=50 {
        let written = profiles.change(&ann, view(number));
        assert_eq!(views(&profiles, &ann).await, (number, number));
        if number % 10 == 0 {
            written.durably().await.expect("written");
            assert_eq!(store.store.load(&ann).await.expect("a profile").profile.known().len(), 2 * number as usize);
        }
    }
    assert_eq!(profiles.unwritten(), 0);
    assert_eq!(store.loads.load(Ordering::Relaxed), 1, "it stays at hand");
    assert_eq!((figures.written.get(), figures.lost.get()), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_costs_no_change() {
    let (store, profiles, figures) = profiles();
    let (ann, bob) = (visitor("ann"), visitor("bob"));
    profiles.change(&ann, view(1)).durably().await.expect("written");
    assert_eq!(views(&profiles, &ann).await, (1, 1));
    store.is_away.store(true, Ordering::Relaxed);
    let written = profiles.change(&ann, view(2));
    assert_eq!(views(&profiles, &ann).await, (2, 2), "what is at hand goes on");
    assert!(matches!(profiles.load(&bob).await, Err(StoreError::Unreachable(_))));
    assert_eq!(figures.missed.get(), 1);
    let of_bob = profiles.change(&bob, view(3));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(profiles.unwritten(), 4);
    store.is_away.store(false, Ordering::Relaxed);
    written.durably().await.expect("written");
    of_bob.durably().await.expect("written");
    assert_eq!(views(&profiles, &ann).await, (2, 2));
    assert_eq!(views(&profiles, &bob).await, (1, 1));
    assert_eq!(store.store.load(&ann).await.expect("a profile").profile.events().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_leaves_the_visitor_unknown_and_an_answer_from_before_a_change_does_not_undo_it() {
    let (store, profiles, figures) = profiles();
    let ann = visitor("ann");
    store.slow.store(1_000, Ordering::Relaxed);
    assert!(matches!(profiles.load(&ann).await, Err(StoreError::Slow(_))));
    assert_eq!(figures.missed.get(), 1);
    store.slow.store(20, Ordering::Relaxed);
    let asking = tokio::spawn({
        let (profiles, ann) = (profiles.clone(), ann.clone());
        async move { views(&profiles, &ann).await }
    });
    tokio::time::sleep(Duration::from_millis(5)).await;
    // Written, while the answer from before it is still under way.
    profiles.change(&ann, view(1)).durably().await.expect("written");
    assert_eq!(asking.await.expect("joined"), (1, 1));
    assert_eq!(views(&profiles, &ann).await, (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_login_brings_what_is_unwritten_and_a_logout_leaves_it() {
    let (store, profiles, _) = profiles();
    let (phone, bob) = (visitor("phone"), customer("bob"));
    profiles.change(&bob, vec![Change::new(Op::SetTraits(traits(json!({ "name": "Bob" }))), at(1))]);
    profiles.change(&phone, view(2));
    let known = profiles.identify(&phone, &bob, at(3)).await.expect("identified");
    assert_eq!(known.events().len(), 1);
    profiles.change(&phone, view(4));
    for id in [&phone, &bob] {
        assert_eq!(views(&profiles, id).await, (2, 2));
    }
    profiles.part(&phone).await.expect("parted");
    assert_eq!(views(&profiles, &phone).await, (0, 0));
    assert_eq!(views(&profiles, &bob).await, (2, 2));
    let erased = profiles.erase(&bob).await.expect("erased");
    assert_eq!(erased.events, 2);
    assert_eq!(views(&profiles, &bob).await, (0, 0));
    // Another process that looked before does not know for whom the phone stands: it learns it from the store.
    profiles.identify(&phone, &bob, at(5)).await.expect("identified");
    let other = Profiles::new(store, keep(), ProfileFigures::default());
    other.change(&bob, view(6)).durably().await.expect("written");
    assert_eq!(views(&other, &phone).await, (1, 1));
}

/// Who stands for whom is looked at again after a while, like all that others may change; what is done here is seen here nevertheless.
#[tokio::test]
async fn one_s_own_change_is_seen_also_when_it_is_not_sure_any_more_for_whom_one_stands() {
    let freshness = Duration::from_millis(50);
    let store = Arc::new(Away { freshness: Some(freshness), ..Away::new(MemoryStore::new(keep())) });
    let profiles = Profiles::new(store.clone(), keep(), ProfileFigures::default());
    let (phone, bob) = (visitor("phone"), customer("bob"));
    profiles.identify(&phone, &bob, at(1)).await.expect("identified");
    for number in 1..=3 {
        tokio::time::sleep(freshness * 2).await;
        // Another device has just looked.
        assert_eq!(views(&profiles, &bob).await, (number - 1, number - 1));
        profiles.change(&phone, view(number));
        assert_eq!(views(&profiles, &phone).await, (number, number));
    }
    tokio::time::sleep(freshness * 2).await;
    store.is_away.store(true, Ordering::Relaxed);
    assert_eq!(views(&profiles, &phone).await, (3, 3), "what was known is nearer the truth than nothing");
    store.is_away.store(false, Ordering::Relaxed);
    // Elsewhere they log out.
    store.store.part(&phone).await.expect("parted");
    tokio::time::sleep(freshness * 2).await;
    assert_eq!(views(&profiles, &phone).await, (0, 0));
    profiles.change(&phone, view(9));
    assert_eq!(views(&profiles, &phone).await, (1, 1));
    assert_eq!(views(&profiles, &bob).await, (3, 3));
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded_and_what_is_closed_tells_what_is_left() {
    let (store, profiles, figures) = profiles();
    store.is_away.store(true, Ordering::Relaxed);
    let most = inlay::limits::PROFILE_UNWRITTEN;
    for number in 0..(most as i64) / 2 {
        profiles.change(&visitor(&format!("v{}", number % 500)), view(number));
    }
    let refused = profiles.change(&visitor("one-more"), view(1)).durably().await;
    assert!(matches!(refused, Err(StoreError::Busy(_))));
    assert_eq!(figures.lost.get(), 2);
    assert_eq!(profiles.close(Duration::from_secs(1)).await.expect("closed"), most);
}
