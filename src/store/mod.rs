//! Where profiles, items and timers live: one [`Store`], whichever it is.
//!
//! In: changes of profiles, items, timers. Out: a future that is ready when what was handed over is safe, as the store's own file
//! says it. It must not know what changes mean: that is `profile`'s. The same tests hold every store to this (`tests/stores`).

mod bounded;
mod bulk;
mod embedded;
pub mod items;
mod memory;
mod opening;
mod profiles;
mod record;
mod redis;
pub mod walk;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use thiserror::Error;

pub use self::redis::{AddressError, RedisAddress, RedisStore};
pub use bulk::Bulk;
pub use embedded::EmbeddedStore;
pub use memory::MemoryStore;
pub use opening::OpeningStore;
pub use profiles::{Profiles, Written};

use crate::limits::{ITEM_DATA_BYTES, ITEM_DATA_DEPTH, ITEM_KEY_BYTES, TIMER_DATA_BYTES};
use crate::profile::{Change, Name, Profile, ProfileId};

/// The boxed future of every call.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// The store can't be opened, or used at all; in words for whoever runs it, with what to do.
    #[error("{0}")]
    Unusable(Arc<str>),
    /// Another process has the store open, which only one may; in words, with what to do.
    #[error("{0}")]
    Taken(Arc<str>),
    /// As much waits to be written as may wait.
    #[error("the store is behind: {0} changes wait to be written")]
    Busy(usize),
    /// It did not answer in time.
    #[error("the store did not answer within {} ms", .0.as_millis())]
    Slow(Duration),
    /// It can't be reached now.
    #[error("the store can't be reached: {0}")]
    Unreachable(Arc<str>),
    /// What was to be written is not, and the store takes no more until it is opened again: a full disk, a broken one.
    #[error("the store can't write: {0}")]
    Failed(Arc<str>),
    /// What is stored can't be read.
    #[error("a stored {what} can't be read: {why}")]
    Damaged { what: &'static str, why: Arc<str> },
    /// The store is closed: the process ends.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same may go well later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Slow(_) | Self::Unreachable(_))
    }
}

/// A profile as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Under which id: the one that was asked for, or the customer's for whom it stands.
    pub id: ProfileId,
    /// Blank if nothing is known.
    pub profile: Arc<Profile>,
}

/// What erasing somebody took away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// The ids that were theirs and know nothing any more: the profile's own and those that stood for it.
    pub ids: BTreeSet<ProfileId>,
    pub traits: usize,
    pub events: usize,
    pub counters: usize,
    pub lists: usize,
    pub timers: usize,
}

impl Erased {
    /// Counts what a profile holds.
    pub fn of(id: &ProfileId, profile: &Profile) -> Self {
        Self {
            ids: BTreeSet::from([id.clone()]),
            traits: profile.traits().map().len(),
            events: profile.events().len(),
            counters: profile.counters().len(),
            lists: profile.lists().len(),
            timers: 0,
        }
    }

    /// All of it in words, for whoever asked for it.
    pub fn document(&self) -> Json {
        let ids: Vec<&str> = self.ids.iter().map(ProfileId::text).collect();
        json!({
            "ids": ids, "traits": self.traits, "events": self.events, "counters": self.counters, "lists": self.lists,
            "timers": self.timers,
        })
    }

    /// Whether nothing was there.
    pub fn is_nothing(&self) -> bool {
        [self.traits, self.events, self.counters, self.lists, self.timers].iter().all(|count| *count == 0)
    }
}

/// Some of many, and where the next begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<T> {
    pub entries: Vec<T>,
    /// What to ask with for those that come after; `None`: there are none.
    pub next: Option<Cursor>,
}

/// A place in an iteration, which only the store that gave it understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub(crate) Box<[u8]>);

/// The name of something that the site sells or publishes: `product`, `A1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKey {
    kind: Name,
    key: Arc<str>,
}

/// Why something is no item or timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ContentError {
    #[error("an item's kind is a name, such as `product`")]
    Kind,
    #[error("an item's key has 1 to {ITEM_KEY_BYTES} bytes without control characters")]
    Key,
    #[error(
        "an item's data is an object of at most {ITEM_DATA_BYTES} bytes as JSON, nested at most {ITEM_DATA_DEPTH} deep"
    )]
    Item,
    #[error("an item is an object with `kind`, `key`, `data` and perhaps `at`, a time")]
    Line,
    #[error("a timer's data has at most {TIMER_DATA_BYTES} bytes as JSON")]
    Timer,
}

impl ItemKey {
    /// Reads a kind and a key.
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn new(kind: &str, key: &str) -> Result<Self, ContentError> {
        let kind = Name::parse(kind).map_err(|_| ContentError::Kind)?;
        match (1..=ITEM_KEY_BYTES).contains(&key.len()) && !key.contains(char::is_control) {
            true => Ok(Self { kind, key: key.into() }),
            false => Err(ContentError::Key),
        }
    }

    pub fn kind(&self) -> &Name {
        &self.kind
    }

    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Something that the site sells or publishes, as it was read at a time.
#[derive(Clone, PartialEq)]
pub struct Item {
    pub key: ItemKey,
    /// When it was read: the newest reading wins, whichever is written last.
    pub at: Timestamp,
    pub data: Arc<Json>,
}

impl Item {
    /// Takes an item.
    ///
    /// # Errors
    /// [`ContentError::Item`].
    pub fn new(key: ItemKey, at: Timestamp, data: Json) -> Result<Self, ContentError> {
        let fits = data.is_object()
            && crate::event::is_within_depth(&data, ITEM_DATA_DEPTH)
            && data.to_string().len() <= ITEM_DATA_BYTES;
        match fits {
            true => Ok(Self { key, at, data: Arc::new(data) }),
            false => Err(ContentError::Item),
        }
    }
}

impl Item {
    /// Reads an item as [`document`](Item::document) writes it; without `at` it was read now, and never later than that.
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn read(document: Json, now: Timestamp) -> Result<Self, ContentError> {
        let Json::Object(mut document) = document else { return Err(ContentError::Line) };
        let at = match document.remove("at").filter(|at| !at.is_null()) {
            Some(at) => at.as_str().and_then(|at| at.parse().ok()).ok_or(ContentError::Line)?,
            None => now,
        };
        let text = |part: Option<Json>| match part {
            Some(Json::String(text)) => Ok(text),
            // Keys that are numbers are written so in many feeds.
            Some(Json::Number(number)) if number.is_u64() => Ok(number.to_string()),
            _ => Err(ContentError::Line),
        };
        let (kind, key) = (text(document.remove("kind"))?, text(document.remove("key"))?);
        match (document.remove("data"), document.is_empty()) {
            (Some(data), true) => Self::new(ItemKey::new(&kind, &key)?, at.min(now), data),
            _ => Err(ContentError::Line),
        }
    }

    /// All of it, for whoever asks.
    pub fn document(&self) -> Json {
        json!({ "kind": self.key.kind.text(), "key": &*self.key.key, "at": self.at.to_string(), "data": &*self.data })
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({} {} at {})", self.key.kind.text(), self.key.key, self.at)
    }
}

/// Something that is to be done for somebody at a time. One for each profile and name: scheduled again, it moves.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer {
    pub profile: ProfileId,
    pub name: Name,
    pub due: Timestamp,
    /// What whoever scheduled it wants to know then.
    pub data: Json,
}

impl Timer {
    /// Takes a timer.
    ///
    /// # Errors
    /// [`ContentError::Timer`].
    pub fn new(profile: ProfileId, name: Name, due: Timestamp, data: Json) -> Result<Self, ContentError> {
        match data.to_string().len() <= TIMER_DATA_BYTES {
            true => Ok(Self { profile, name, due, data }),
            false => Err(ContentError::Timer),
        }
    }
}

/// A store. Every call may be made from any task at any time; each future does what it does whether or not somebody waits for it
/// to the end, once it has been polled.
pub trait Store: Send + Sync + fmt::Debug {
    /// What is remembered under an id; of a visitor who [was identified](Store::identify), what is remembered of the customer.
    fn load(&self, id: &ProfileId) -> Answer<'_, Found>;

    /// Changes a profile. Ready when all of it is safe; an error means that none of it was acknowledged, and that it may be
    /// handed over again: a change counts once. Changes of one id are applied in the order in which they are handed over.
    fn apply(&self, id: &ProfileId, changes: Vec<Change>) -> Answer<'_, ()>;

    /// From now on the visitor's id stands for the customer's: what was known of the visitor joins what is known of the customer,
    /// by the rule of [`Profile::merge`], and the visitor's own profile is no more. Done again, it changes nothing. A visitor
    /// who stood for another customer parts from them first, with nothing to bring. Out: the customer's profile.
    fn identify(&self, visitor: &ProfileId, customer: &ProfileId, now: Timestamp) -> Answer<'_, Found>;

    /// From now on the visitor's id stands for itself again, with nothing known: a logout.
    fn part(&self, visitor: &ProfileId) -> Answer<'_, ()>;

    /// Forgets everything of somebody, here and everywhere that this store reaches: the profile, the ids that stand for it, its
    /// lists, its timers. Of a visitor who was identified it is the customer who is forgotten.
    fn erase(&self, id: &ProfileId) -> Answer<'_, Erased>;

    /// The profiles, some at a time, in no order that means anything. Those that are there throughout come at least once.
    fn export(&self, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<Found>>;

    /// Those who are on a list, some at a time.
    fn members(&self, list: &Name, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<ProfileId>>;

    /// How many are on a list.
    fn member_count(&self, list: &Name) -> Answer<'_, u64>;

    /// These items, in this order.
    fn items(&self, keys: &[ItemKey]) -> Answer<'_, Vec<Option<Item>>>;

    /// Keeps items, each unless a newer reading of it is kept. Out: how many were kept.
    fn put_items(&self, items: Vec<Item>) -> Answer<'_, u64>;

    /// Takes items away. Out: how many were there.
    fn remove_items(&self, keys: Vec<ItemKey>) -> Answer<'_, u64>;

    /// The items of a kind, some at a time.
    fn list_items(&self, kind: &Name, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<Item>>;

    /// Sets timers. One that is there under the same profile and name moves.
    fn schedule(&self, timers: Vec<Timer>) -> Answer<'_, ()>;

    /// Timers that are due at `now`, the longest due first. Those that are given out are due again after `lease`, unless they are
    /// [cancelled](Store::cancel): whoever takes them does so when the work is done, and if they fail, somebody else takes them.
    fn due(&self, now: Timestamp, lease: Duration, most: usize) -> Answer<'_, Vec<Timer>>;

    /// Takes a timer away; whether it was there.
    fn cancel(&self, profile: &ProfileId, name: &Name) -> Answer<'_, bool>;

    /// Drops what has grown old: profiles not seen since `seen_before`; those that were brought by an import and never seen
    /// stay. Done in the background, a bounded piece at each call.
    /// Out: how many went.
    fn expire(&self, seen_before: Timestamp) -> Answer<'_, u64>;

    /// How long what was loaded may be shown before it is loaded again, because others write too; `None`: nobody else does.
    fn freshness(&self) -> Option<Duration> {
        None
    }

    /// Writes what waits, and closes. Everything after it is [`StoreError::Closed`].
    fn close(&self) -> Answer<'_, ()>;
}
