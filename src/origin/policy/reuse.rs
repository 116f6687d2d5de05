//! Whether a stored response may answer a request (RFC 9111 section 4.2, RFC 5861).
//!
//! In: its terms, what the request asks of caches, and the time. Out: a verdict with its reason. It must not ask anybody.

use std::time::Duration;

use jiff::Timestamp;

use super::directives::RequestDirectives;
use super::freshness::{Staleness, Terms};

/// What may be done with a stored response. Times are in seconds of freshness left, so 0 or less for what is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// It answers.
    Fresh { ttl: i64 },
    /// It answers though it is stale.
    Stale { ttl: i64, tolerance: Tolerance },
    /// The origin has to confirm it first.
    Validate(Why),
}

/// By whose leave a stale response is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// The origin's (`stale-while-revalidate`): it is asked meanwhile.
    WhileRevalidating,
    /// The client's (`max-stale`).
    Client,
}

/// Why a stored response has to be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Stale,
    /// `no-cache` in the response.
    Always,
    /// The request asks for it, or for something fresher.
    Request,
}

/// What may be done with a response on these terms.
pub fn reuse(terms: &Terms, asked: &RequestDirectives, now: Timestamp) -> Reuse {
    let ttl = terms.ttl(now);
    if terms.always_validate {
        return Reuse::Validate(Why::Always);
    }
    // A reload says `max-age=0`; only `no-cache` doubts that a response is what the origin calls immutable (RFC 8246 section 2).
    let settled = terms.immutable && ttl > 0;
    let older_than_wanted = !settled && asked.max_age.is_some_and(|bound| terms.age(now) > bound);
    let too_little_left = asked.min_fresh.is_some_and(|wanted| ttl < i64::try_from(wanted).unwrap_or(i64::MAX));
    if asked.no_cache || (older_than_wanted && asked.max_stale.is_none()) || (ttl > 0 && too_little_left) {
        return Reuse::Validate(Why::Request);
    }
    if ttl > 0 {
        return Reuse::Fresh { ttl };
    }
    let stale = ttl.unsigned_abs();
    let said = match terms.staleness {
        Staleness::Forbidden => return Reuse::Validate(Why::Stale),
        Staleness::Allowed { while_revalidating, .. } | Staleness::OnlyAsSaid { while_revalidating, .. } => {
            while_revalidating
        }
    };
    if !too_little_left && !older_than_wanted && said.is_some_and(|bound| stale <= bound) {
        return Reuse::Stale { ttl, tolerance: Tolerance::WhileRevalidating };
    }
    let client_may = matches!(terms.staleness, Staleness::Allowed { .. });
    if client_may && asked.max_stale.is_some_and(|bound| stale <= bound) {
        return Reuse::Stale { ttl, tolerance: Tolerance::Client };
    }
    Reuse::Validate(Why::Stale)
}

/// Whether a response may stand in for the answer of an origin that is down, `unless_said` bounding where the origin
/// says nothing of that; seconds of freshness left, if so.
pub fn in_place_of_an_error(terms: &Terms, unless_said: Duration, now: Timestamp) -> Option<i64> {
    let bound = match terms.staleness {
        Staleness::Forbidden => return None,
        Staleness::Allowed { if_error, .. } => if_error.unwrap_or(unless_said.as_secs()),
        Staleness::OnlyAsSaid { if_error, .. } => if_error?,
    };
    let ttl = terms.ttl(now);
    let stale = ttl.min(0).unsigned_abs();
    (!terms.always_validate && stale <= bound).then_some(ttl)
}

/// Whether the origin itself allows stale use in place of an error.
pub fn says_stale_if_error(terms: &Terms) -> bool {
    matches!(
        terms.staleness,
        Staleness::Allowed { if_error: Some(_), .. } | Staleness::OnlyAsSaid { if_error: Some(_), .. }
    )
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};
    use jiff::SignedDuration;

    use super::super::Received;
    use super::super::freshness::Said;
    use super::*;

    fn stored(control: &str) -> (Terms, Timestamp) {
        let at: Timestamp = "2026-11-23T09:30:00Z".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("cache-control", HeaderValue::from_str(control).unwrap());
        let said = Said::in_head(&headers);
        (Terms::of(StatusCode::OK, &headers, &said, Received { asked: at, at }), at)
    }

    fn verdict(control: &str, asked: &str, age: i64) -> Reuse {
        let (terms, at) = stored(control);
        let mut headers = HeaderMap::new();
        headers.insert("cache-control", HeaderValue::from_str(asked).unwrap());
        reuse(&terms, &RequestDirectives::of(&headers), at + SignedDuration::from_secs(age))
    }

    #[test]
    fn responses_answer_as_far_as_both_sides_allow() {
        let fresh = |ttl| Reuse::Fresh { ttl };
        let revalidating = |ttl| Reuse::Stale { ttl, tolerance: Tolerance::WhileRevalidating };
        let client = |ttl| Reuse::Stale { ttl, tolerance: Tolerance::Client };
        let (stale, request) = (Reuse::Validate(Why::Stale), Reuse::Validate(Why::Request));
        for (control, asked, age, expected) in [
            ("max-age=60", "", 59, fresh(1)),
            ("max-age=60", "", 60, stale),
            ("max-age=60, s-maxage=10", "", 20, stale),
            ("max-age=1, s-maxage=30", "", 20, fresh(10)),
            ("max-age=60, immutable", "max-age=0", 5, fresh(55)),
            ("max-age=60, immutable", "no-cache", 5, request),
            ("max-age=60", "max-age=5", 5, fresh(55)),
            ("max-age=60", "max-age=4", 5, request),
            ("max-age=60", "min-fresh=50", 20, request),
            ("max-age=60", "min-fresh=40", 20, fresh(40)),
            ("max-age=60", "no-cache", 1, request),
            ("max-age=60", "max-stale=10", 70, client(-10)),
            ("max-age=60", "max-stale=9", 70, stale),
            ("max-age=60", "max-stale", 7000, client(-6940)),
            ("max-age=60, must-revalidate", "max-stale", 70, stale),
            ("max-age=60, proxy-revalidate", "max-stale", 70, stale),
            ("s-maxage=60", "max-stale", 70, stale),
            ("max-age=60, stale-while-revalidate=10", "", 70, revalidating(-10)),
            ("max-age=60, stale-while-revalidate=10", "", 71, stale),
            ("max-age=60, stale-while-revalidate=10, must-revalidate", "", 61, stale),
            ("s-maxage=60, stale-while-revalidate=10", "", 65, revalidating(-5)),
            ("max-age=60, stale-while-revalidate=10", "max-age=0", 65, request),
            ("no-cache, max-age=60", "", 1, Reuse::Validate(Why::Always)),
            ("no-cache=\"a\", max-age=60", "", 1, fresh(59)),
        ] {
            assert_eq!(verdict(control, asked, age), expected, "{control} / {asked} / {age}");
        }
    }

    #[test]
    fn an_origin_that_is_down_is_stood_in_for_within_bounds() {
        let left = |control: &str, age| {
            let (terms, at) = stored(control);
            in_place_of_an_error(&terms, Duration::from_secs(3600), at + SignedDuration::from_secs(age))
        };
        assert_eq!(left("max-age=60", 100), Some(-40));
        assert_eq!(left("max-age=60", 3661), None);
        assert_eq!(left("max-age=60, stale-if-error=10", 100), None);
        assert_eq!(left("max-age=60, stale-if-error=7200", 7000), Some(-6940));
        for control in ["max-age=60, must-revalidate", "s-maxage=60", "no-cache", "max-age=9, proxy-revalidate"] {
            assert_eq!(left(control, 61), None, "{control}");
        }
        assert_eq!(left("s-maxage=60, stale-if-error=10", 70), Some(-10));
    }

    #[test]
    fn purged_softly_is_stale_from_then_on() {
        let (mut terms, at) = stored("max-age=600, stale-while-revalidate=10");
        terms.stale_from = Some(at + SignedDuration::from_secs(5));
        let at_second = |second| reuse(&terms, &RequestDirectives::default(), at + SignedDuration::from_secs(second));
        assert_eq!(at_second(10), Reuse::Stale { ttl: -5, tolerance: Tolerance::WhileRevalidating });
        assert_eq!(at_second(16), Reuse::Validate(Why::Stale));
    }
}
