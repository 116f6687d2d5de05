//! What is remembered of the visitor, for the length of one exchange.
//!
//! In: profiles, and who asks. Out: one [`Profile`], the same from the first look to the end, and `profile` in code. Nobody asks a
//! store unless code asks; then it is given a few milliseconds, after which the visitor counts as unknown here. It must not
//! change anything.

use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::decide::lists::{LISTS, ListFacts};
use crate::profile::{Keep, Profile, ProfileId};
use crate::scope::values::{at, parts, shown};
use crate::scope::{Answer, Facts, Key, Question, Seen};
use crate::store::Profiles;
use crate::visitor::{Identity, Purpose, Visitor};

/// One visitor's profile, once somebody asks. Cheap to clone; all clones share.
#[derive(Clone, Debug)]
pub struct Remembered(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    /// Whose profile it is, and who has it; `None` where there is nothing to ask for.
    asked: Option<(Profiles, ProfileId)>,
    held: OnceLock<Arc<Profile>>,
    /// What profiles keep; `None` where this visitor has none yet.
    keep: Option<Keep>,
    now: Timestamp,
}

impl Remembered {
    /// Nothing, for an exchange in which nobody asks.
    pub fn nothing() -> Self {
        Self(None)
    }

    /// What `profiles` have of this visitor. Nothing is remembered of one who is new, nor shown of one who does not consent.
    pub fn of(visitor: &Visitor, profiles: &Profiles, now: Timestamp) -> Self {
        let came_before = !matches!(visitor.identity, Identity::New(_) | Identity::Replaced(_));
        let may_show = visitor.consent.allows(Purpose::Personalise);
        let id = whose(visitor).filter(|_| may_show && (came_before || visitor.customer().is_some()));
        let keep = id.is_some().then(|| *profiles.keep());
        let held = if id.is_some() { OnceLock::new() } else { OnceLock::from(Arc::default()) };
        Self(Some(Arc::new(Inner { asked: id.map(|id| (profiles.clone(), id)), held, keep, now })))
    }

    /// This profile, whoever asks.
    pub fn supposed(profile: Arc<Profile>, now: Timestamp) -> Self {
        Self(Some(Arc::new(Inner { asked: None, held: profile.into(), keep: Some(Keep::default()), now })))
    }

    /// What profiles keep; `None` where nobody remembers this visitor.
    pub fn keep(&self) -> Option<Keep> {
        self.0.as_ref()?.keep
    }

    /// The profile, if it is at hand, and the moment at which windows over time end.
    pub fn profile(&self) -> Option<(Arc<Profile>, Timestamp)> {
        let inner = self.0.as_ref()?;
        let held = inner.held.get().cloned();
        let held = held.or_else(|| {
            let (profiles, id) = inner.asked.as_ref()?;
            let profile = profiles.at_hand(id)?;
            Some(inner.held.get_or_init(|| profile).clone())
        });
        Some((held?, inner.now))
    }

    /// Loads it. Afterwards it is at hand, if only as nothing.
    pub fn bring(&self) -> BoxFuture<'static, ()> {
        let inner = self.0.clone();
        async move {
            let Some(inner) = inner.filter(|inner| inner.held.get().is_none()) else { return };
            let Some((profiles, id)) = &inner.asked else { return };
            let profile = profiles.load(id).await.unwrap_or_else(|error| {
                tracing::debug!(%error, "a visitor counts as unknown for one page");
                Arc::default()
            });
            inner.held.get_or_init(|| profile);
        }
        .boxed()
    }
}

/// Whose profile an exchange reads and writes: the customer's where a login is proved, else that of the cookie.
pub fn whose(visitor: &Visitor) -> Option<ProfileId> {
    let customer = visitor.customer().and_then(|customer| ProfileId::customer(&customer.id).ok());
    customer.or_else(|| ProfileId::visitor(visitor.id()?.text()).ok())
}

/// What code sees as `profile`: the traits.
#[derive(Debug)]
pub struct ProfileFacts(pub Remembered);

impl ProfileFacts {
    fn answer(&self, path: &[Key], read: impl FnOnce(&Profile) -> Seen) -> Answer {
        let profile = self.0.profile();
        profile.map_or_else(|| awaited("profile", path), |(profile, _)| Answer::fixed(read(&profile)).private())
    }
}

/// What audiences that are lists see as `lists`.
#[derive(Debug)]
pub struct MemberFacts(pub Remembered);

impl Facts for MemberFacts {
    fn get(&self, path: &[Key]) -> Answer {
        let profile = self.0.profile();
        profile.map_or_else(|| awaited(LISTS, path), |(profile, _)| ListFacts(profile).get(path))
    }

    fn keys(&self, path: &[Key]) -> Answer {
        let profile = self.0.profile();
        profile.map_or_else(|| awaited(LISTS, path), |(profile, _)| ListFacts(profile).keys(path))
    }

    fn bring(&self, _: &[Question]) -> Option<BoxFuture<'static, ()>> {
        Some(self.0.bring())
    }
}

/// The answer as long as the profile is not at hand.
pub fn awaited(name: &str, path: &[Key]) -> Answer {
    let whole = std::iter::once(Key::from(name)).chain(path.iter().cloned());
    Answer::fixed(Seen::Awaited(Arc::new([Question::Get(whole.collect())]))).private()
}

impl Facts for ProfileFacts {
    fn get(&self, path: &[Key]) -> Answer {
        self.answer(path, |profile| match path {
            [] => Seen::Map,
            [name, below @ ..] => found(profile, name, below).map_or(Seen::Absent, shown),
        })
    }

    fn keys(&self, path: &[Key]) -> Answer {
        self.answer(path, |profile| match path {
            [] => Seen::Keys(profile.traits().map().keys().map(|key| Key::from(key.as_str())).collect()),
            [name, below @ ..] => found(profile, name, below).map_or(Seen::Absent, parts),
        })
    }

    fn bring(&self, _: &[Question]) -> Option<BoxFuture<'static, ()>> {
        Some(self.0.bring())
    }
}

fn found<'a>(profile: &'a Profile, name: &str, below: &[Key]) -> Option<&'a Json> {
    at(profile.traits().map().get(name)?, below)
}
