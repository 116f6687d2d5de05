//! The visitor's session, as what is remembered of them tells it: `session` in code.
//!
//! In: the request, and what is remembered. Out: facts: those of the session's first request while it goes on, those of this request where
//! one begins. It must not note that a request was seen.

use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::remembered::{Remembered, awaited};
use crate::profile::{Keep, Profile};
use crate::scope::{Answer, Facts, Key, Question};
use crate::visitor::facts::RequestFacts;
use crate::visitor::session::{Landing, Remembered as Session, SessionFacts};

/// What code sees as `session`, where somebody remembers it.
#[derive(Debug)]
pub struct RememberedSession {
    request: Arc<RequestFacts>,
    remembered: Remembered,
    facts: OnceLock<SessionFacts>,
}

impl RememberedSession {
    pub fn new(request: Arc<RequestFacts>, remembered: Remembered) -> Self {
        Self { request, remembered, facts: OnceLock::new() }
    }

    /// `None` until the profile is at hand.
    fn facts(&self) -> Option<&SessionFacts> {
        if let Some(facts) = self.facts.get() {
            return Some(facts);
        }
        let (profile, now) = self.remembered.profile()?;
        let session = self.remembered.keep().and_then(|keep| session(&profile, &keep, &self.request, now));
        Some(self.facts.get_or_init(|| SessionFacts::new(self.request.clone(), session)))
    }
}

/// The session that a request belongs to, whether it was noted already or will be; `None` of whom no request was noted ever.
fn session(profile: &Profile, keep: &Keep, request: &RequestFacts, now: Timestamp) -> Option<Session> {
    let last = profile.session()?;
    Some(match last.goes_on(now, keep) {
        true => Session {
            new: last.began == now,
            count: last.before + 1,
            landing: serde_json::from_str(last.data.text()).unwrap_or_default(),
        },
        false => Session { new: true, count: last.before + 2, landing: Landing::of(request) },
    })
}

impl Facts for RememberedSession {
    fn get(&self, path: &[Key]) -> Answer {
        self.facts().map_or_else(|| awaited("session", path), |facts| facts.get(path))
    }

    fn keys(&self, path: &[Key]) -> Answer {
        self.facts().map_or_else(|| awaited("session", path), |facts| facts.keys(path))
    }

    fn bring(&self, _: &[Question]) -> Option<BoxFuture<'static, ()>> {
        Some(self.remembered.bring())
    }
}
