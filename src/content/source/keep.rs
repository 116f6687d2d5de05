//! How long an answer is good: fresh, stale but of use, gone.
//!
//! In: what the source's author says, what the answer's head says, and when it came. Out: a [`Window`], and what may be done with
//! the answer at a moment. It must not keep anything, nor know the clock.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::definition::{CacheTerms, Ttl};
use crate::http::policy::age::Received;
use crate::http::policy::directives::Scope;
use crate::http::policy::freshness::{Said, Staleness, Terms};

/// Until when an answer is good for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// From here on who uses it has it asked for anew.
    pub refresh_from: Timestamp,
    pub fresh_until: Timestamp,
    pub revalidate_until: Timestamp,
    pub error_until: Timestamp,
}

/// What may be done with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Fresh,
    /// It is used, and asked for anew: ahead of its end, or behind it.
    WithRefresh,
    /// Only where no other can be had.
    OnError,
    Gone,
}

impl Window {
    /// For how long an answer is good; `None` if it is not kept at all.
    pub fn of(terms: &CacheTerms, status: StatusCode, headers: &HeaderMap, received: Received) -> Option<Self> {
        let lasts = match terms.ttl {
            Ttl::For(ttl) => {
                Lasts { fresh: ttl, revalidate: terms.stale_while_revalidate, error: terms.stale_if_error }
            }
            Ttl::Origin => Lasts::told(terms, status, headers, received)?,
        };
        if lasts.fresh.max(lasts.revalidate).max(lasts.error).is_zero() {
            return None;
        }
        let fresh_until = after(received.at, lasts.fresh);
        Some(Self {
            refresh_from: after(received.at, lasts.fresh.saturating_sub(terms.refresh_ahead)),
            fresh_until,
            revalidate_until: after(fresh_until, lasts.revalidate),
            error_until: after(fresh_until, lasts.error),
        })
    }

    /// What may be done with it now.
    pub fn at(&self, now: Timestamp) -> Use {
        match () {
            () if now < self.refresh_from.min(self.fresh_until) => Use::Fresh,
            () if now < self.fresh_until.max(self.revalidate_until) => Use::WithRefresh,
            () if now < self.error_until => Use::OnError,
            () => Use::Gone,
        }
    }
}

/// Lengths of time, each of the last two behind the first.
struct Lasts {
    fresh: Duration,
    revalidate: Duration,
    error: Duration,
}

impl Lasts {
    /// As the answer says; where it says nothing of stale use, as the author does.
    fn told(terms: &CacheTerms, status: StatusCode, headers: &HeaderMap, received: Received) -> Option<Self> {
        let said = Said::in_head(headers);
        let kept_back = said.directives.no_store || said.directives.private == Scope::Whole;
        let told = Terms::of(status, headers, &said, received);
        if kept_back || told.always_validate {
            return None;
        }
        let seconds = |seconds: Option<u64>, else_: Duration| seconds.map_or(else_, Duration::from_secs);
        let (revalidate, error) = match told.staleness {
            Staleness::Forbidden => (Duration::ZERO, Duration::ZERO),
            Staleness::Allowed { while_revalidating, if_error } => {
                (seconds(while_revalidating, terms.stale_while_revalidate), seconds(if_error, terms.stale_if_error))
            }
            Staleness::OnlyAsSaid { while_revalidating, if_error } => {
                (seconds(while_revalidating, Duration::ZERO), seconds(if_error, Duration::ZERO))
            }
        };
        let fresh = Duration::from_secs(u64::try_from(told.ttl(received.at)).unwrap_or(0));
        Some(Self { fresh, revalidate, error })
    }
}

fn after(at: Timestamp, length: Duration) -> Timestamp {
    let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
    at.checked_add(length).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(ttl: Ttl) -> CacheTerms {
        let seconds = Duration::from_secs;
        CacheTerms { ttl, stale_while_revalidate: seconds(20), stale_if_error: seconds(100), refresh_ahead: seconds(3) }
    }

    fn window(ttl: Ttl, cache_control: &str) -> Option<Window> {
        let mut headers = HeaderMap::new();
        headers.insert("cache-control", cache_control.parse().unwrap());
        let at = Timestamp::from_second(1_000).unwrap();
        Window::of(&terms(ttl), StatusCode::OK, &headers, Received { asked: at, at })
    }

    fn uses(window: &Window) -> Vec<Use> {
        let at = |second: i64| window.at(Timestamp::from_second(1_000 + second).unwrap());
        [0, 6, 7, 9, 10, 29, 30, 109, 110].map(at).to_vec()
    }

    #[test]
    fn an_answer_is_fresh_then_stale_then_a_stopgap_then_gone() {
        let window = window(Ttl::For(Duration::from_secs(10)), "no-store").unwrap();
        use Use::{Fresh, Gone, OnError, WithRefresh};
        let expected = [Fresh, Fresh, WithRefresh, WithRefresh, WithRefresh, WithRefresh, OnError, OnError, Gone];
        assert_eq!(uses(&window), expected);
    }

    #[test]
    fn the_answers_own_word_counts_where_it_is_asked() {
        for never in ["no-store", "private", "no-cache", "max-age=0, must-revalidate"] {
            assert_eq!(window(Ttl::Origin, never), None, "{never}");
        }
        let said = window(Ttl::Origin, "max-age=10, stale-while-revalidate=1, stale-if-error=2").unwrap();
        let second = |at: Timestamp| at.as_second() - 1_000;
        assert_eq!([second(said.fresh_until), second(said.revalidate_until), second(said.error_until)], [10, 11, 12]);
        let silent = window(Ttl::Origin, "max-age=10").unwrap();
        assert_eq!([second(silent.revalidate_until), second(silent.error_until)], [30, 110]);
        let shared = window(Ttl::Origin, "s-maxage=10").unwrap();
        assert_eq!([second(shared.revalidate_until), second(shared.error_until)], [10, 10]);
    }
}
