//! Which codings the other side accepts (RFC 9110 section 12.5.3).
//!
//! In: the lines of `Accept-Encoding`. Out: the weight of each coding and the best one. It must not know what a body is
//! coded in now.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

use super::Coding;
use crate::http::weight;

/// Weights in thousandths, as RFC 9110 has them; 0 is "not acceptable".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// In the order of [`Coding::ALL`].
    weights: [u16; Coding::ALL.len()],
    identity: u16,
}

/// Reads `Accept-Encoding`. Without the header anything is acceptable by the RFC, but old clients that lack it can't
/// decode, so that it counts as identity only; so does an empty one, as the RFC says. Damaged members are passed over.
pub fn accepted_codings(headers: &HeaderMap) -> Accepted {
    let mut named = [None; Coding::ALL.len()];
    let (mut identity, mut any) = (None, None);
    let lines = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|line| line.to_str().ok());
    for (name, weight) in lines.flat_map(|line| line.split(',')).filter_map(parse_member) {
        if name == "*" {
            any = any.or(Some(weight));
        } else if name.eq_ignore_ascii_case("identity") {
            identity = identity.or(Some(weight));
        } else if let Some(coding) = Coding::named(name) {
            let place = &mut named[position(coding)];
            *place = place.or(Some(weight));
        }
    }
    Accepted {
        weights: named.map(|weight| weight.or(any).unwrap_or(0)),
        // Identity is acceptable unless it, or everything unnamed, is refused; a bare `*` weighs it least.
        identity: identity.unwrap_or(if any == Some(0) { 0 } else { 1 }),
    }
}

impl Accepted {
    /// The weight of `coding` in thousandths; 0 is "not acceptable".
    pub fn weight(&self, coding: Coding) -> u16 {
        self.weights[position(coding)]
    }

    /// Whether a body without coding is acceptable.
    pub fn identity(&self) -> bool {
        self.identity > 0
    }

    /// The acceptable coding of the highest weight, of equal ones the one we would rather send; `None` when identity
    /// weighs more or nothing else is acceptable. (If identity is refused too, it is what must be sent nevertheless.)
    pub fn best(&self) -> Option<Coding> {
        // zlib or raw: receivers disagree about what `deflate` is, so it is never our choice.
        let sendable = Coding::ALL.into_iter().filter(|coding| *coding != Coding::Deflate);
        // Of equal ones the last wins, hence from the back.
        let best = sendable.rev().max_by_key(|coding| self.weight(*coding))?;
        (self.weight(best) > 0 && self.weight(best) >= self.identity).then_some(best)
    }

    /// The acceptable codings, the one we would rather send first.
    pub fn all(&self) -> impl Iterator<Item = Coding> {
        Coding::ALL.into_iter().filter(|coding| self.weight(*coding) > 0)
    }
}

fn position(coding: Coding) -> usize {
    Coding::ALL.iter().position(|other| *other == coding).expect("invariant: ALL holds every coding")
}

/// `br;q=0.5` as name and thousandths.
fn parse_member(member: &str) -> Option<(&str, u16)> {
    let (name, parameter) = member.split_once(';').unwrap_or((member, "q=1"));
    let name = name.trim();
    let weight = parameter.trim().strip_prefix(['q', 'Q'])?.trim_start().strip_prefix('=')?.trim();
    Some((name, weight::parse(weight)?)).filter(|(name, _)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn accepted(lines: &[&str]) -> Accepted {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap());
        }
        accepted_codings(&headers)
    }

    #[test]
    fn the_best_is_the_heaviest_and_then_the_cheapest() {
        use Coding::{Brotli, Gzip, Zstd};
        let table: &[(&[&str], Option<Coding>)] = &[
            (&[], None),
            (&[""], None),
            (&["gzip, deflate, br, zstd"], Some(Zstd)),
            (&["gzip, deflate, br"], Some(Brotli)),
            (&["gzip", "BR;q=0.9"], Some(Gzip)),
            (&["x-gzip"], Some(Gzip)),
            (&["gzip;q=0.001, identity;q=0.5"], None),
            (&["gzip;q=0"], None),
            (&["*"], Some(Zstd)),
            (&["*;q=0, gzip"], Some(Gzip)),
            (&["zstd;q=0, br ; q = 0.000, *;q=0.5"], Some(Gzip)),
            (&["deflate"], None),
            (&["gzip;q=2, br;q=-1, zstd;q=1.5, gzip;level=9"], None),
            (&["gzip;q=1.000, br;q=0.999"], Some(Gzip)),
        ];
        for (lines, best) in table {
            assert_eq!(accepted(lines).best(), *best, "{lines:?}");
        }
    }

    #[test]
    fn identity_is_refused_only_by_name_or_by_star() {
        assert!(accepted(&["gzip"]).identity());
        assert!(accepted(&["*;q=0, identity;q=0.1"]).identity());
        assert!(!accepted(&["gzip, identity;q=0"]).identity());
        assert!(!accepted(&["gzip, *;q=0"]).identity());
    }
}
