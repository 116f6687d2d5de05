//! Targeted fields: what an origin tells the caches of one kind, in place of `Cache-Control` (RFC 9213).
//!
//! In: a response's headers. Out: the directives of the first field that is for us and can be read. It must not fall back
//! to anything: that is for the caller.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::directives::{ResponseDirectives, Scope};

/// For Inlay alone; it goes no further.
pub const INLAY_CACHE_CONTROL: HeaderName = HeaderName::from_static("inlay-cache-control");
/// For the caches that an origin's owner runs; others in front of us may want it too, so it is passed on.
pub const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// The directives of the first target list member that is a valid, non-empty structured field; with one, neither
/// `Cache-Control` nor `Expires` counts (RFC 9213 section 2.2).
pub fn targeted(headers: &HeaderMap) -> Option<ResponseDirectives> {
    [INLAY_CACHE_CONTROL, CDN_CACHE_CONTROL].iter().find_map(|name| field(headers, name))
}

fn field(headers: &HeaderMap, name: &HeaderName) -> Option<ResponseDirectives> {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    if lines.is_empty() {
        return None;
    }
    let dictionary: Dictionary = Parser::new(&lines.join(&b", "[..])).parse().ok()?;
    if dictionary.is_empty() {
        return None;
    }
    let mut read = ResponseDirectives::default();
    for (name, value) in &dictionary {
        // Parameters mean nothing here, and nothing that is said of lists does.
        if let ListEntry::Item(item) = value {
            note(&mut read, name.as_str(), &item.bare_item);
        }
    }
    Some(read)
}

/// Takes one directive in. A value of a type that the directive does not have counts as no directive, but for those that
/// forbid, which forbid in any form.
fn note(read: &mut ResponseDirectives, name: &str, value: &BareItem) {
    let seconds = || match value {
        BareItem::Integer(seconds) => Some(u64::try_from(i64::from(*seconds)).unwrap_or(0)),
        _ => None,
    };
    let flag = !matches!(value, BareItem::Boolean(false));
    match name {
        "max-age" => read.max_age = seconds(),
        "s-maxage" => read.s_maxage = seconds(),
        "stale-while-revalidate" => read.stale_while_revalidate = seconds(),
        "stale-if-error" => read.stale_if_error = seconds(),
        "no-cache" if flag => read.no_cache = Scope::Whole,
        "private" if flag => read.private = Scope::Whole,
        "no-store" => read.no_store = flag,
        "public" => read.public = *value == BareItem::Boolean(true),
        "must-revalidate" => read.must_revalidate = flag,
        "proxy-revalidate" => read.proxy_revalidate = flag,
        "must-understand" => read.must_understand = flag,
        "immutable" => read.immutable = *value == BareItem::Boolean(true),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&'static str, &'static str)]) -> Option<ResponseDirectives> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        targeted(&headers)
    }

    #[test]
    fn the_most_specific_field_that_can_be_read_counts() {
        let max_age = |lines: &[(&'static str, &'static str)]| read(lines).map(|read| read.max_age);
        assert_eq!(max_age(&[("cdn-cache-control", "max-age=60;x=1, other")]), Some(Some(60)));
        assert_eq!(
            max_age(&[("cdn-cache-control", "max-age=60"), ("inlay-cache-control", "max-age=5")]),
            Some(Some(5))
        );
        assert_eq!(max_age(&[("cdn-cache-control", "a"), ("cdn-cache-control", "max-age=7")]), Some(Some(7)));
        assert_eq!(max_age(&[("cdn-cache-control", "max-age=\"60\"")]), Some(None));
        for broken in ["", "MAX-AGE=60", "max-age=60,", "max-age=60 private"] {
            assert_eq!(max_age(&[("cdn-cache-control", broken)]), None, "{broken}");
        }
    }

    #[test]
    fn what_forbids_forbids_in_any_form() {
        let read = read(&[("cdn-cache-control", "no-cache=\"a\", private=?0, no-store")]).unwrap();
        assert_eq!((read.no_cache, read.private, read.no_store), (Scope::Whole, Scope::Absent, true));
    }
}
