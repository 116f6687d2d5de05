//! The directives of `Cache-Control`, as a shared cache reads them (RFC 9111 section 5.2).
//!
//! In: the lines of a request or a response. Out: what they say, read once. What is malformed or contradicts itself is
//! read strictly: a lifetime that can't be read is none. It must not weigh one directive against another.

use http::HeaderMap;
use http::header::{self, HeaderName};

use crate::http::caching::{Directive, directives};

/// A directive that may concern the whole response or only some of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    #[default]
    Absent,
    Whole,
    Fields(Vec<HeaderName>),
}

/// What a response's directives say. Times are in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseDirectives {
    pub max_age: Option<u64>,
    pub s_maxage: Option<u64>,
    pub stale_while_revalidate: Option<u64>,
    pub stale_if_error: Option<u64>,
    pub no_cache: Scope,
    pub private: Scope,
    pub no_store: bool,
    pub public: bool,
    pub must_revalidate: bool,
    pub proxy_revalidate: bool,
    pub must_understand: bool,
    /// Nothing will change while it is fresh (RFC 8246).
    pub immutable: bool,
}

impl ResponseDirectives {
    /// Those of all `Cache-Control` lines.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut read = Self::default();
        for line in headers.get_all(header::CACHE_CONTROL) {
            let line = String::from_utf8_lossy(line.as_bytes());
            directives(&line).for_each(|directive| read.note(&directive));
        }
        read
    }

    /// Takes one directive in; unknown ones say nothing (RFC 9111 section 5.2.3).
    fn note(&mut self, directive: &Directive<'_>) {
        match directive.name.to_ascii_lowercase().as_str() {
            "max-age" => lifetime(&mut self.max_age, directive),
            "s-maxage" => lifetime(&mut self.s_maxage, directive),
            "stale-while-revalidate" => lifetime(&mut self.stale_while_revalidate, directive),
            "stale-if-error" => lifetime(&mut self.stale_if_error, directive),
            "no-cache" => self.no_cache.widen(directive.value),
            "private" => self.private.widen(directive.value),
            "no-store" => self.no_store = true,
            "public" => self.public = true,
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            "must-understand" => self.must_understand = true,
            "immutable" => self.immutable = true,
            _ => {}
        }
    }
}

/// Notes a lifetime. One that contradicts an earlier one makes the response stale (RFC 9111 section 4.2.1).
pub fn lifetime(noted: &mut Option<u64>, directive: &Directive<'_>) {
    let seconds = directive.seconds();
    *noted = Some(match *noted {
        Some(before) if before != seconds => 0,
        _ => seconds,
    });
}

impl Scope {
    /// Adds what a further directive of that name concerns; without readable field names it is the whole response.
    fn widen(&mut self, value: Option<&str>) {
        let names = value.map(|value| value.split(',').map(str::trim).filter(|name| !name.is_empty()));
        let names: Option<Vec<HeaderName>> = names.and_then(|names| names.map(|name| name.parse().ok()).collect());
        *self = match (std::mem::take(self), names) {
            (Scope::Whole, _) | (_, None) => Scope::Whole,
            (_, Some(names)) if names.is_empty() => Scope::Whole,
            (Scope::Absent, Some(names)) => Scope::Fields(names),
            (Scope::Fields(mut before), Some(names)) => {
                before.extend(names);
                Scope::Fields(before)
            }
        };
    }

    /// The fields that it concerns, where it does not concern all.
    pub fn fields(&self) -> &[HeaderName] {
        match self {
            Scope::Absent | Scope::Whole => &[],
            Scope::Fields(names) => names,
        }
    }
}

/// What a request's directives ask of caches. Times are in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestDirectives {
    pub max_age: Option<u64>,
    pub min_fresh: Option<u64>,
    /// How stale a response may be; without a value any staleness will do.
    pub max_stale: Option<u64>,
    pub no_cache: bool,
    pub no_store: bool,
    pub only_if_cached: bool,
}

impl RequestDirectives {
    /// Those of all `Cache-Control` lines; `Pragma: no-cache` counts where there are none (RFC 9111 section 5.4).
    pub fn of(headers: &HeaderMap) -> Self {
        let mut read = Self::default();
        if !headers.contains_key(header::CACHE_CONTROL) {
            let mut pragmas = headers.get_all(header::PRAGMA).into_iter().filter_map(|line| line.to_str().ok());
            read.no_cache = pragmas.any(|line| directives(line).any(|directive| directive.is("no-cache")));
            return read;
        }
        for line in headers.get_all(header::CACHE_CONTROL) {
            let line = String::from_utf8_lossy(line.as_bytes());
            directives(&line).for_each(|directive| read.note(&directive));
        }
        read
    }

    fn note(&mut self, directive: &Directive<'_>) {
        match directive.name.to_ascii_lowercase().as_str() {
            "max-age" => lifetime(&mut self.max_age, directive),
            // Unreadable, it asks for more than anything has.
            "min-fresh" => self.min_fresh = Some(directive.readable_seconds().unwrap_or(u64::MAX)),
            "max-stale" => {
                self.max_stale = Some(if directive.value.is_some() { directive.seconds() } else { u64::MAX });
            }
            "no-cache" => self.no_cache = true,
            "no-store" => self.no_store = true,
            "only-if-cached" => self.only_if_cached = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::CACHE_CONTROL, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn lifetimes_are_read_strictly() {
        let read = |lines: &[&str]| ResponseDirectives::of(&headers(lines)).max_age;
        for (lines, expected) in [
            (&["MaX-aGe=60"][..], Some(60)),
            (&["max-age=\"60\""], Some(60)),
            (&["max-age=0060"], Some(60)),
            (&["max-age=-60"], Some(0)),
            (&["max-age=60.5"], Some(0)),
            (&["max-age=60s"], Some(0)),
            (&["max-age"], Some(0)),
            (&["max-age=99999999999999999999999"], Some(u64::from(u32::MAX))),
            (&["max-age=60", "max-age=60"], Some(60)),
            (&["max-age=60, max-age=1"], Some(0)),
            (&["x=\"max-age=60\", max-age=1"], Some(1)),
            (&["x=\"a\\\", max-age=60\", max-age=1"], Some(1)),
            (&["x-max-age=60"], None),
        ] {
            assert_eq!(read(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_quote_that_never_ends_hides_nothing() {
        let read = ResponseDirectives::of(&headers(&["max-age=60, ext=\"abc, no-store, private"]));
        assert!(read.no_store && read.private == Scope::Whole);
    }

    #[test]
    fn directives_may_name_fields() {
        let read = |line| ResponseDirectives::of(&headers(&[line]));
        let fields = |names: &[&'static str]| Scope::Fields(names.iter().map(|n| HeaderName::from_static(n)).collect());
        assert_eq!(read("no-cache=\"a, B\"").no_cache, fields(&["a", "b"]));
        assert_eq!(read("no-cache=a, no-cache=b").no_cache, fields(&["a", "b"]));
        assert_eq!(read("private=\"set-cookie\", PRIVATE").private, Scope::Whole);
        assert_eq!(read("private=\"\"").private, Scope::Whole);
        assert_eq!(read("private=\"a b\"").private, Scope::Whole);
    }

    #[test]
    fn requests_ask_too() {
        let read = RequestDirectives::of(&headers(&["max-stale, Min-Fresh=5", "only-if-cached"]));
        assert_eq!((read.max_stale, read.min_fresh, read.only_if_cached), (Some(u64::MAX), Some(5), true));
        assert_eq!(RequestDirectives::of(&headers(&["max-stale=x"])).max_stale, Some(0));
        let mut pragma = HeaderMap::new();
        pragma.insert(header::PRAGMA, HeaderValue::from_static("No-Cache"));
        assert!(RequestDirectives::of(&pragma).no_cache);
        pragma.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=5"));
        assert!(!RequestDirectives::of(&pragma).no_cache);
    }
}
