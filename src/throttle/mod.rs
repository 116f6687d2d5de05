//! How often somebody may ask: limits of the rate of requests, each with a match of its own and a bucket for each client,
//! header or cookie.
//!
//! In: a request's facts. Out: whether it may pass, or which limit it met and for how long. It must not know what a refusal
//! looks like, nor sites beyond their names.

mod buckets;

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::clock::Clock;
use crate::http::household::household;
use crate::ids;
use crate::limits;
use crate::rule::matching::Match;
use crate::visitor::facts::RequestFacts;
use buckets::Buckets;

/// A limit as the deployment has it.
#[derive(Clone, Debug)]
pub struct RateLimitSettings {
    /// In metrics and in the log.
    pub name: Arc<str>,
    /// The site that has it for itself; `None`: those that share it count together.
    pub site: Option<Arc<str>>,
    /// Which requests count.
    pub matches: Match,
    pub by: By,
    pub quota: Quota,
}

/// Whose requests are counted together. Those without the header or cookie are counted by their client's address: else
/// leaving it out would be the way around.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// An IPv4 address, or an IPv6 network of [`CLIENT_IPV6_BITS`](limits::CLIENT_IPV6_BITS).
    Client,
    /// All values of a header; its name in lower case.
    Header(Arc<str>),
    Cookie(Arc<str>),
}

/// How often: in any time at most as many as fit the rate, and `burst` more than have not been used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// From one request to the next; at least a microsecond.
    pub interval: Duration,
    /// Requests at once.
    pub burst: NonZeroU32,
}

impl Quota {
    /// After how long nothing is left of what was counted.
    pub fn refilled_in(self) -> Duration {
        self.interval.saturating_mul(self.burst.get())
    }
}

/// A limit that counts. Clones count together.
#[derive(Clone, Debug)]
pub struct RateLimit {
    pub settings: Arc<RateLimitSettings>,
    counted: Arc<Counted>,
}

/// What was counted; it stays while what is counted, and how, stays.
#[derive(Debug)]
struct Counted {
    /// Keyed anew each time, so that nobody can look for keys that are alike.
    hasher: SipHasher13,
    buckets: Buckets,
}

/// A request met a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    /// The limit's name.
    pub limit: Arc<str>,
    /// After which the next one may pass.
    pub wait: Duration,
}

impl Limited {
    /// The wait in whole seconds, as `Retry-After` has it (RFC 9110 section 10.2.3): not less than it is, and not none.
    pub fn retry_after(&self) -> u64 {
        (self.wait + Duration::from_nanos(999_999_999)).as_secs().max(1)
    }
}

impl RateLimit {
    /// Begins to count, or goes on with what one of those `before` had counted for the same limit.
    pub fn new<'a>(
        settings: Arc<RateLimitSettings>,
        before: impl IntoIterator<Item = &'a RateLimit>,
        clock: &Clock,
    ) -> Self {
        let same = before.into_iter().find(|other| other.settings.counts_like(&settings));
        let counted = same.map_or_else(|| Arc::new(Counted::new(settings.quota, clock)), |same| same.counted.clone());
        Self { settings, counted }
    }

    /// Counts a request of `site`, if it is one that is limited.
    ///
    /// # Errors
    /// There were too many; it is not counted then.
    pub fn pass(&self, site: &str, request: &RequestFacts) -> Result<(), Limited> {
        let RateLimitSettings { name, matches, by, .. } = &*self.settings;
        if matches.fits_place(site, request).is_err() || matches.fits_request(request).is_err() {
            return Ok(());
        }
        let key = self.counted.key(by, request);
        self.counted.buckets.take(key).map_err(|wait| Limited { limit: name.clone(), wait })
    }
}

impl RateLimitSettings {
    /// Whether both count the same; what they count of may differ.
    fn counts_like(&self, other: &Self) -> bool {
        fn counting(s: &RateLimitSettings) -> impl PartialEq + '_ {
            (&s.name, &s.site, &s.by, s.quota)
        }
        counting(self) == counting(other)
    }
}

impl Counted {
    fn new(quota: Quota, clock: &Clock) -> Self {
        let hasher = SipHasher13::new_with_key(&ids::random_128());
        Self { hasher, buckets: Buckets::new(quota, limits::RATE_LIMIT_KEYS, clock) }
    }

    /// Whose request it is. A hash, so that long values take no more memory than short ones.
    fn key(&self, by: &By, request: &RequestFacts) -> u128 {
        let mut hasher = self.hasher;
        let told = match by {
            By::Client => false,
            By::Header(name) => {
                let lines = request.header_values(name).inspect(|line| line.hash(&mut hasher));
                lines.count() > 0
            }
            By::Cookie(name) => request.cookie(name).inspect(|value| value.hash(&mut hasher)).is_some(),
        };
        // No value of a header may name somebody's address.
        told.hash(&mut hasher);
        if !told {
            household(request.head.client).hash(&mut hasher);
        }
        hasher.finish128().as_u128()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;

    fn limit(by: By) -> RateLimit {
        let quota = Quota { interval: Duration::from_secs(1), burst: NonZeroU32::MIN };
        let matches = Match { methods: vec![Method::POST], ..Match::default() };
        let settings = RateLimitSettings { name: "logins".into(), site: None, matches, by, quota };
        RateLimit::new(Arc::new(settings), [], &Clock::fixed(jiff::Timestamp::UNIX_EPOCH))
    }

    fn asking(method: Method, client: &str, lines: &[(&'static str, &str)]) -> RequestFacts {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let client = client.parse().unwrap();
        let head = crate::visitor::facts::Head {
            method,
            uri: "/login".parse().unwrap(),
            headers,
            host: "shop.example".to_owned(),
            scheme: http::uri::Scheme::HTTPS,
            client,
            peer: crate::http::peer::PeerStanding::Unknown,
        };
        RequestFacts::new(head, Arc::default(), Arc::default())
    }

    /// Whether each of these passes, one after the other.
    fn passes(limit: &RateLimit, asked: &[(&str, &[(&'static str, &str)])]) -> Vec<bool> {
        asked.iter().map(|(client, lines)| limit.pass("shop", &asking(Method::POST, client, lines)).is_ok()).collect()
    }

    #[test]
    fn clients_are_counted_by_household() {
        let clients =
            ["192.0.2.1", "192.0.2.2", "::ffff:192.0.2.1", "2001:db8::1", "2001:db8::ff:2", "2001:db8:0:1::1"];
        let asked = clients.map(|client| (client, &[][..]));
        assert_eq!(passes(&limit(By::Client), &asked), [true, true, false, true, false, true]);
    }

    #[test]
    fn headers_and_cookies_are_counted_by_value_and_their_absence_by_client() {
        let by_header = limit(By::Header("x-key".into()));
        let asked: &[(&str, &[(&'static str, &str)])] = &[
            ("192.0.2.1", &[("x-key", "a")]),
            ("192.0.2.2", &[("x-key", "a")]),
            ("192.0.2.1", &[("x-key", "b")]),
            ("192.0.2.1", &[("x-key", "a"), ("x-key", "b")]),
            ("192.0.2.1", &[("x-key", "a"), ("x-key", "b")]),
            ("192.0.2.1", &[]),
            ("192.0.2.1", &[]),
            ("192.0.2.2", &[]),
        ];
        assert_eq!(passes(&by_header, asked), [true, false, true, true, false, true, false, true]);
        let by_cookie = limit(By::Cookie("session".into()));
        let asked: &[(&str, &[(&'static str, &str)])] = &[
            ("192.0.2.1", &[("cookie", "session=a; other=1")]),
            ("192.0.2.2", &[("cookie", "other=2; session=a")]),
            ("192.0.2.1", &[("cookie", "other=1")]),
            ("192.0.2.1", &[("cookie", "other=2")]),
        ];
        assert_eq!(passes(&by_cookie, asked), [true, false, true, false]);
    }

    #[test]
    fn only_what_matches_is_counted() {
        let limit = limit(By::Client);
        for _ in 0..9 {
            assert_eq!(limit.pass("shop", &asking(Method::GET, "192.0.2.1", &[])), Ok(()));
        }
        assert_eq!(limit.pass("shop", &asking(Method::POST, "192.0.2.1", &[])), Ok(()));
        let wait = Duration::from_secs(1);
        let limited = Err(Limited { limit: "logins".into(), wait });
        assert_eq!(limit.pass("shop", &asking(Method::POST, "192.0.2.1", &[])), limited);
    }

    #[test]
    fn what_was_counted_stays_while_the_limit_does() {
        let first = limit(By::Client);
        let post = || asking(Method::POST, "192.0.2.1", &[]);
        assert!(first.pass("shop", &post()).is_ok());
        let renewed = |change: fn(&mut RateLimitSettings)| {
            let mut settings = (*first.settings).clone();
            change(&mut settings);
            let clock = Clock::fixed(jiff::Timestamp::UNIX_EPOCH);
            RateLimit::new(Arc::new(settings), [&first], &clock).pass("shop", &post()).is_ok()
        };
        assert!(!renewed(|_| ()));
        assert!(!renewed(|settings| settings.matches = Match::default()));
        assert!(renewed(|settings| settings.quota.burst = NonZeroU32::new(2).unwrap()));
        assert!(renewed(|settings| settings.by = By::Cookie("a".into())));
        assert!(renewed(|settings| settings.site = Some("shop".into())));
    }
}
