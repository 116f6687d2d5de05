//! Promises of profiles, held against made-up lives.

use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::query::Asked;
use super::*;
use crate::event::{Direction, EventType};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).expect("a timestamp")
}

fn event(id: &str, kind: &str, when: i64, data: Json) -> Event {
    Event {
        id: EventId::parse(id).expect("an id"),
        kind: EventType::parse(kind).expect("a type"),
        at: at(when),
        from: Direction::Traffic,
        data: Data::new(data).expect("data"),
    }
}

fn small() -> Keep {
    Keep { events: 5, age: Duration::from_secs(1_000), silence: Duration::from_secs(60) }
}

fn lived(changes: &[Change], keep: &Keep) -> Profile {
    let mut profile = Profile::new();
    for change in changes {
        profile.apply(change, keep);
    }
    profile
}

prop_compose! {
    /// A change at some time, of an event whose id says all about it, so that equal ids mean equal events.
    fn change()(what in 0..9_u8, number in 0..40_i64, now in 0..3_000_i64) -> Change {
        let name = Name::parse(&format!("n{}", number % 3)).expect("a name");
        let op = match what {
            0..4 => {
                let kind = ["page.view", "cart.add", "order.placed"][(number % 3) as usize];
                let event = event(&format!("e{number}"), kind, number * 50, json!({ "sku": number % 4, "total": number }));
                return Change { id: event_change(&event.id), at: at(number * 50 + 10), op: Op::Append(Arc::new(event)) };
            }
            4 => Op::Increment { counter: name, by: number - 20 },
            5 => Op::MergeTraits(Traits::new(json!({ format!("t{}", number % 5): { "of": number } })).expect("traits")),
            6 => Op::Visit(Data::none()),
            7 => Op::Join(name),
            _ => Op::Leave(name),
        };
        Change { id: ChangeId(number as u64 + 1_000 * u64::from(what)), at: at(now), op }
    }
}

fn life() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 0..40)
}

proptest! {
    #[test]
    fn merging_is_associative(a in life(), b in life(), c in life()) {
        let keep = small();
        let [a, b, c] = [a, b, c].map(|changes| lived(&changes, &keep));
        prop_assert_eq!(a.merge(&b, &keep).merge(&c, &keep), a.merge(&b.merge(&c, &keep), &keep));
    }

    #[test]
    fn merging_with_nothing_changes_nothing(a in life()) {
        let keep = small();
        let a = lived(&a, &keep);
        prop_assert_eq!(&a.merge(&Profile::new(), &keep), &a);
        prop_assert_eq!(&Profile::new().merge(&a, &keep), &a);
    }

    #[test]
    fn a_change_counts_once(mut changes in life(), again in any::<prop::sample::Index>()) {
        prop_assume!(!changes.is_empty());
        let once = lived(&changes, &small());
        changes.push(changes[again.index(changes.len())].clone());
        let mut twice = once.clone();
        prop_assert_eq!(twice.apply(changes.last().expect("one"), &small()), Applied::Known);
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn bounds_hold(changes in life()) {
        let keep = small();
        let mut profile = Profile::new();
        for change in &changes {
            profile.apply(change, &keep);
            prop_assert!(profile.events().len() <= keep.events);
            prop_assert!(profile.events().is_sorted_by_key(|event| (event.at, event.id.clone())));
            prop_assert!(profile.counters().len() <= PROFILE_COUNTERS);
            prop_assert!(profile.known().len() <= PROFILE_KNOWN_CHANGES);
        }
    }

    #[test]
    fn what_was_kept_in_parts_is_the_same(changes in life()) {
        let profile = lived(&changes, &small());
        let parts = Parts {
            traits: Traits::kept(&profile.traits().text()),
            counters: profile.counters().clone(),
            events: profile.events().to_vec(),
            lists: profile.lists().clone(),
            customer: profile.customer().cloned(),
            seen: profile.seen(),
            session: profile.session().map(|session| Session::clone(session)),
            known: profile.known().collect(),
        };
        prop_assert_eq!(Profile::from_parts(parts), profile);
    }

    /// Asked by a window, the answer holds until the moment that it names, and no longer.
    #[test]
    fn answers_hold_as_long_as_they_say(changes in life(), within in 1..2_000_i64, now in 0..3_000_i64) {
        let profile = lived(&changes, &Keep { events: 100, age: Duration::from_secs(100_000), silence: Duration::ZERO });
        let asked = Asked { within: Some(SignedDuration::from_secs(within)), fields: &[("sku", json!([1, 2]))], ..Asked::all("page.view") };
        let now = at(now);
        let told = profile.count(&asked, now);
        if let Some(until) = told.until {
            let just_before = until - SignedDuration::from_micros(1);
            prop_assert!(until > now);
            prop_assert_eq!(profile.count(&asked, just_before).value, told.value);
            prop_assert_ne!(profile.count(&asked, until).value, told.value);
        } else {
            prop_assert_eq!(told.value, 0);
        }
    }
}

#[test]
fn known_changes_and_lists_are_bounded() {
    let mut profile = Profile::new();
    for number in 0..PROFILE_KNOWN_CHANGES as u64 + 10 {
        let list = Op::Join(Name::parse(&format!("l{number}")).expect("a name"));
        profile.apply(&Change { id: ChangeId(number), at: at(0), op: list }, &small());
        let counter = Name::parse(&format!("c{number}")).expect("a name");
        profile.apply(&Change::new(Op::Increment { counter, by: 1 }, at(0)), &small());
    }
    assert_eq!(profile.known().len(), PROFILE_KNOWN_CHANGES);
    assert_eq!(profile.lists().len(), PROFILE_LISTS);
    assert_eq!(profile.counters().len(), PROFILE_COUNTERS);
    let one_more = Change::new(Op::Increment { counter: Name::parse("c0").expect("a name"), by: 1 }, at(0));
    assert_eq!(profile.apply(&one_more, &small()), Applied::Changed);
    let too_many = Change::new(Op::Join(Name::parse("more").expect("a name")), at(0));
    assert_eq!(profile.apply(&too_many, &small()), Applied::Refused(Refusal::Lists));
}

#[test]
fn an_event_that_is_too_old_is_refused_and_one_of_the_future_is_of_now() {
    let mut profile = Profile::new();
    let old = Change::append(event("old", "page.view", 0, json!({})), at(1_001));
    assert_eq!(profile.apply(&old, &small()), Applied::Refused(Refusal::TooOld));
    assert!(profile.events().is_empty());
    profile.apply(&Change::append(event("ahead", "page.view", 5_000, json!({})), at(1_001)), &small());
    assert_eq!(profile.events()[0].at, at(1_001));
}

#[test]
fn a_forgotten_profile_is_blank_and_stays_so_when_things_come_again() {
    let mut profile = Profile::new();
    let view = Change::append(event("v", "page.view", 0, json!({})), at(0));
    profile.apply(&view, &small());
    profile.apply(&Change::new(Op::Identify("42".into()), at(0)), &small());
    assert!(!profile.is_blank());
    profile.apply(&Change::new(Op::Forget, at(1)), &small());
    assert!(profile.is_blank());
    assert_eq!(profile.apply(&view, &small()), Applied::Known);
    assert!(profile.is_blank());
}

#[test]
fn a_session_ends_with_silence() {
    let mut profile = Profile::new();
    let mut visit = |when: i64, campaign: &str| {
        let data = Data::new(json!({ "campaign": campaign })).expect("data");
        profile.apply(&Change::new(Op::Visit(data), at(when)), &small());
        let session = profile.session().expect("a session");
        (session.began, session.data.at("campaign").cloned(), session.before)
    };
    assert_eq!(visit(0, "a"), (at(0), Some(json!("a")), 0));
    assert_eq!(visit(59, "b"), (at(0), Some(json!("a")), 0));
    assert_eq!(visit(118, "b"), (at(0), Some(json!("a")), 0));
    assert_eq!(visit(178, "b"), (at(178), Some(json!("b")), 1));
}

/// The shopper of these questions: two views, an order, and a view and a cart after it.
fn shopper() -> Profile {
    let happened = [
        event("1", "product.view", 0, json!({ "sku": "A", "price": 10 })),
        event("2", "product.view", 100, json!({ "sku": "B", "price": "5.5" })),
        event("3", "order.placed", 200, json!({ "total": 15.5, "category": "hats" })),
        event("4", "product.view", 300, json!({ "sku": "A", "price": 12 })),
        event("5", "cart.add", 400, json!({ "sku": "A", "category": "shoes", "quantity": 2.0 })),
    ];
    let keep = Keep { events: 50, age: Duration::from_secs(1_000_000), silence: Duration::ZERO };
    let changes = happened.map(|event| Change { at: event.at, ..Change::append(event, at(10_000)) });
    lived(&changes, &keep)
}

#[test]
fn questions_about_events() {
    let shopper = shopper();
    let now = at(500);
    let views = Asked::all("product.view");
    let skus = |told: Told<Vec<&Arc<Event>>>| -> Vec<String> {
        told.value.iter().map(|event| format!("{}{}", event.data.at("sku").expect("a sku"), event.id.text())).collect()
    };
    use super::query::Told;
    assert_eq!(skus(shopper.recent(&views, 5, None, now)), ["\"A\"4", "\"B\"2", "\"A\"1"]);
    assert_eq!(skus(shopper.recent(&views, 5, Some("sku"), now)), ["\"A\"4", "\"B\"2"]);
    assert_eq!(skus(shopper.recent(&views, 1, Some("sku"), now)), ["\"A\"4"]);
    assert_eq!(shopper.count(&views, now).value, 3);
    assert_eq!(shopper.sum(&views, "price", now).value, 27.5);
    assert_eq!(shopper.list(&views, "sku", 10, now).value, [&json!("A"), &json!("B")]);
    assert_eq!(shopper.age(&views, now), Some(SignedDuration::from_secs(200)));
    assert_eq!(shopper.age(&Asked::all("page.view"), now), None);

    let since_order = Asked { after: Some("order.placed"), ..views };
    assert_eq!(shopper.count(&since_order, now).value, 1);
    let shoes = [("category", json!("shoes")), ("quantity", json!(2))];
    let cart = Asked { after: Some("order.placed"), fields: &shoes, ..Asked::all("cart.add") };
    assert!(shopper.any(&cart, now).value);
    let either = [("category", json!(["bags", "shoes"]))];
    assert!(shopper.any(&Asked { fields: &either, ..Asked::all("cart.add") }, now).value);
    let hats = [("category", json!("hats"))];
    assert!(!shopper.any(&Asked { fields: &hats, ..Asked::all("cart.add") }, now).value);

    let lately = Asked { within: Some(SignedDuration::from_secs(200)), ..views };
    assert_eq!(shopper.count(&lately, now).value, 1);
    assert!(shopper.any(&lately, now).value);
    assert!(!shopper.any(&lately, shopper.any(&lately, now).until.expect("an end")).value);
}

#[test]
fn counts_reach_beyond_the_events_that_are_remembered() {
    let keep = small();
    let mut profile = Profile::new();
    for number in 0..20 {
        profile.apply(&Change::append(event(&format!("e{number}"), "page.view", number, json!({})), at(number)), &keep);
    }
    assert_eq!(profile.events().len(), 5);
    assert_eq!(profile.count(&Asked::all("page.view"), at(30)).value, 20);
    let day = Asked { within: Some(SignedDuration::from_hours(24)), ..Asked::all("page.view") };
    assert_eq!(profile.count(&day, at(30)).value, 20);
    // The window is shorter than what is remembered: the events themselves are counted.
    let seconds = Asked { within: Some(SignedDuration::from_secs(13)), ..Asked::all("page.view") };
    assert_eq!(profile.count(&seconds, at(30)).value, 3);
}
