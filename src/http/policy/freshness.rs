//! For how long a response is fresh, and what may be done with it afterwards: its terms, read once when it is stored.
//!
//! In: a response's head and when it came. Out: [`Terms`]. It must not look at the request: that is `storing` and `reuse`.

use http::header;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::age::{self, Received};
use super::directives::{ResponseDirectives, Scope};
use super::targeted::targeted;
use crate::limits::{HEURISTIC_FRESHNESS, HEURISTIC_FRESHNESS_PERCENT};

/// Where a lifetime comes from (RFC 9111 section 4.2.1), in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    SharedMaxAge(u64),
    MaxAge(u64),
    Expires(u64),
    /// Guessed from when it was last changed.
    Heuristic(u64),
    /// Nothing tells.
    Unknown,
}

impl Lifetime {
    /// In seconds.
    pub fn seconds(self) -> u64 {
        match self {
            Self::SharedMaxAge(seconds) | Self::MaxAge(seconds) | Self::Expires(seconds) | Self::Heuristic(seconds) => {
                seconds
            }
            Self::Unknown => 0,
        }
    }

    /// Whether the origin said it.
    pub fn is_explicit(self) -> bool {
        matches!(self, Self::SharedMaxAge(_) | Self::MaxAge(_) | Self::Expires(_))
    }
}

/// How far stale use is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staleness {
    /// Never.
    Forbidden,
    /// As far as these say, in seconds after freshness; `None`: nothing is said.
    Allowed { while_revalidating: Option<u64>, if_error: Option<u64> },
    /// `s-maxage` forbids it, but where the origin says more by its own words.
    OnlyAsSaid { while_revalidating: Option<u64>, if_error: Option<u64> },
}

/// With how many a response may be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shareable {
    /// With everybody, whatever cookies they carry: `public`, `s-maxage` or a targeted field.
    Explicitly,
    /// With those whose requests carry no cookies.
    Plainly,
}

/// What a response says of its own use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// By our clock, when the origin made or last confirmed it.
    pub born: Timestamp,
    pub lifetime: Lifetime,
    pub staleness: Staleness,
    /// It may be used only after the origin has confirmed it, each time (`no-cache`).
    pub always_validate: bool,
    /// While it is fresh the origin would only confirm it (RFC 8246).
    pub immutable: bool,
    pub shareable: Shareable,
    /// Whether an answer to a request with `Authorization` may be shared (RFC 9111 section 3.5).
    pub credentials_allowed: bool,
    /// From this moment on it counts as stale, whatever else is said: it was purged softly or invalidated.
    pub stale_from: Option<Timestamp>,
}

/// The directives that count for us: a targeted field's, else those of `Cache-Control`; and whether they were targeted.
#[derive(Clone, Debug)]
pub struct Said {
    pub directives: ResponseDirectives,
    pub targeted: bool,
}

impl Said {
    /// What a response says to us.
    pub fn in_head(headers: &HeaderMap) -> Self {
        match targeted(headers) {
            Some(directives) => Self { directives, targeted: true },
            None => Self { directives: ResponseDirectives::of(headers), targeted: false },
        }
    }
}

impl Terms {
    /// The terms of a response.
    pub fn of(status: StatusCode, headers: &HeaderMap, said: &Said, received: Received) -> Self {
        let directives = &said.directives;
        let explicitly = directives.public || directives.s_maxage.is_some() || said.targeted;
        Self {
            born: age::born(headers, received),
            lifetime: lifetime(status, headers, said, received),
            staleness: staleness(directives),
            always_validate: directives.no_cache == Scope::Whole,
            immutable: directives.immutable,
            shareable: if explicitly { Shareable::Explicitly } else { Shareable::Plainly },
            credentials_allowed: directives.public || directives.s_maxage.is_some() || directives.must_revalidate,
            stale_from: None,
        }
    }

    /// Seconds of freshness left; 0 or less for what is stale.
    pub fn ttl(&self, now: Timestamp) -> i64 {
        let signed = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        let left = signed(self.lifetime.seconds()).saturating_sub(signed(self.age(now)));
        match self.stale_from {
            Some(from) => left.min(from.duration_since(now).as_secs()),
            None => left,
        }
    }

    /// Seconds since it was born.
    pub fn age(&self, now: Timestamp) -> u64 {
        age::age_at(self.born, now)
    }
}

fn staleness(directives: &ResponseDirectives) -> Staleness {
    let (while_revalidating, if_error) = (directives.stale_while_revalidate, directives.stale_if_error);
    if directives.must_revalidate || directives.proxy_revalidate || directives.no_cache == Scope::Whole {
        Staleness::Forbidden
    } else if directives.s_maxage.is_some() {
        Staleness::OnlyAsSaid { while_revalidating, if_error }
    } else {
        Staleness::Allowed { while_revalidating, if_error }
    }
}

fn lifetime(status: StatusCode, headers: &HeaderMap, said: &Said, received: Received) -> Lifetime {
    let directives = &said.directives;
    if let Some(seconds) = directives.s_maxage {
        return Lifetime::SharedMaxAge(seconds);
    }
    if let Some(seconds) = directives.max_age {
        return Lifetime::MaxAge(seconds);
    }
    if !said.targeted && headers.contains_key(header::EXPIRES) {
        return Lifetime::Expires(until_expiry(headers, received));
    }
    if is_heuristically_cacheable(status) || directives.public {
        return heuristic(headers, received).map_or(Lifetime::Unknown, Lifetime::Heuristic);
    }
    Lifetime::Unknown
}

/// From `Date` to `Expires`; one that can't be read lies in the past (RFC 9111 section 5.3).
fn until_expiry(headers: &HeaderMap, received: Received) -> u64 {
    let made = age::date(headers, &header::DATE).unwrap_or(received.at);
    let expires = age::date(headers, &header::EXPIRES);
    expires.map_or(0, |expires| expires.duration_since(made).as_secs().max(0).unsigned_abs())
}

/// A part of the time since it was last changed, bounded (RFC 9111 section 4.2.2).
fn heuristic(headers: &HeaderMap, received: Received) -> Option<u64> {
    let changed = age::date(headers, &header::LAST_MODIFIED)?;
    let made = age::date(headers, &header::DATE).unwrap_or(received.at);
    let unchanged = made.duration_since(changed).max(SignedDuration::ZERO).as_secs().unsigned_abs();
    Some((unchanged * HEURISTIC_FRESHNESS_PERCENT / 100).min(HEURISTIC_FRESHNESS.as_secs()))
}

/// Statuses whose responses may be kept without being told to (RFC 9110 section 15.1), but for 206.
pub fn is_heuristically_cacheable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}
