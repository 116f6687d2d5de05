//! `items` in code: `items.product['A1'].price`.
//!
//! In: items at hand. Out: facts of one exchange: an item that was read stays the same to its end. It must not wait; what is
//! missing is brought by whoever runs the code, and what does not come in time is unknown.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use super::Items;
use crate::profile::Name;
use crate::scope::values::Tree;
use crate::scope::{Answer, Facts, Key, Question, Seen};
use crate::store::{Item, ItemKey};

/// The items as one exchange sees them.
#[derive(Clone, Debug)]
pub struct ItemFacts {
    items: Items,
    /// Until when what is read holds: another reading is seen soon after it.
    until: Timestamp,
    held: Arc<Mutex<HashMap<ItemKey, Option<Item>>>>,
}

impl ItemFacts {
    /// Facts of an exchange that began at `now`; nothing was read yet.
    pub fn new(items: Items, now: Timestamp) -> Self {
        let fresh = SignedDuration::try_from(items.fresh()).unwrap_or(SignedDuration::MAX);
        Self { items, until: now.checked_add(fresh).unwrap_or(Timestamp::MAX), held: Arc::default() }
    }

    /// What is known of an item; the question, if that must be asked for.
    fn held_item(&self, key: &ItemKey) -> Result<Option<Item>, Question> {
        if let Some(held) = self.held().get(key) {
            return Ok(held.clone());
        }
        match self.items.at_hand(key) {
            Some(item) => Ok(self.hold(key, item)),
            None => Err(Question::Get(Arc::new(["items".into(), key.kind().text().into(), key.key().into()]))),
        }
    }

    /// The first word about an item counts, for the whole exchange.
    fn hold(&self, key: &ItemKey, item: Option<Item>) -> Option<Item> {
        self.held().entry(key.clone()).or_insert(item).clone()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<ItemKey, Option<Item>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn below(&self, path: &[Key], read: impl FnOnce(&Tree, &[Key]) -> Answer) -> Answer {
        let [kind, key, below @ ..] = path else {
            // What there is of a kind is not told: it is too much, and another at every look.
            let named = path.first().is_none_or(|kind| Name::parse(kind).is_ok());
            return if named { Answer::map() } else { Answer::absent() };
        };
        let Ok(key) = ItemKey::new(kind, key) else { return Answer::absent() };
        let answer = match self.held_item(&key) {
            Ok(Some(item)) => read(&Tree::shared(item.data), below),
            Ok(None) => Answer::absent(),
            Err(question) => return Answer::fixed(Seen::Awaited(Arc::new([question]))),
        };
        Answer { until: Some(self.until), ..answer }
    }
}

impl Facts for ItemFacts {
    fn get(&self, path: &[Key]) -> Answer {
        self.below(path, |tree, below| tree.get(below))
    }

    fn keys(&self, path: &[Key]) -> Answer {
        match path.len() < 2 {
            true => Answer::absent(),
            false => self.below(path, |tree, below| tree.keys(below)),
        }
    }

    /// All at once.
    fn bring(&self, missing: &[Question]) -> Option<BoxFuture<'static, ()>> {
        let keys = missing.iter().filter_map(|question| {
            let [_, kind, key, ..] = &**question.path() else { return None };
            ItemKey::new(kind, key).ok()
        });
        let (this, keys) = (self.clone(), keys.collect::<Vec<_>>());
        let brought = async move {
            let items = this.items.load(&keys).await;
            keys.iter().zip(items).for_each(|(key, item)| drop(this.hold(key, item)));
        };
        Some(brought.boxed())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::profile::Keep;
    use crate::scope::Scope;
    use crate::store::{MemoryStore, Store};
    use crate::telemetry::ItemFigures;

    fn asked(scope: &Scope, path: &[&str]) -> Answer {
        scope.ask(&Question::Get(path.iter().map(|key| Key::from(*key)).collect()))
    }

    #[tokio::test]
    async fn an_item_is_awaited_then_known_and_stays_the_same() {
        let store = Arc::new(MemoryStore::new(Keep::default()));
        let put = |seconds, price: i64| {
            let (key, at) = (ItemKey::new("product", "A1").expect("a key"), Timestamp::from_second(seconds));
            vec![Item::new(key, at.expect("a time"), json!({ "price": price })).expect("an item")]
        };
        store.put_items(put(1, 5)).await.expect("kept");
        let items = Items::new(store, ItemFigures::default());
        let now = Timestamp::from_second(10).expect("a time");
        let scope = || Scope::new().with("items", Arc::new(ItemFacts::new(items.clone(), now)));
        let (first, price) = (scope(), ["items", "product", "A1", "price"]);
        let Seen::Awaited(missing) = asked(&first, &price).seen else { panic!("it is not at hand") };
        first.bring(&missing).await;
        let answer = asked(&first, &price);
        assert_eq!(answer.seen, Seen::Scalar(5.into()));
        assert!(!answer.of_visitor && answer.until.is_some_and(|until| until > now));
        items.put(put(2, 6)).await.expect("kept");
        assert_eq!(asked(&first, &price).seen, Seen::Scalar(5.into()), "the same to the end of the exchange");
        let second = scope();
        if let Seen::Awaited(missing) = asked(&second, &price).seen {
            second.bring(&missing).await;
        }
        assert_eq!(asked(&second, &price).seen, Seen::Scalar(6.into()));
        for nothing in
            [&["items", "product", "B2", "price"][..], &["items", "no kind", "A1"], &["items", "product", ""]]
        {
            if let Seen::Awaited(missing) = asked(&second, nothing).seen {
                second.bring(&missing).await;
            }
            assert_eq!(asked(&second, nothing).seen, Seen::Absent, "{nothing:?}");
        }
        assert_eq!(asked(&second, &["items", "product"]).seen, Seen::Map);
    }
}
