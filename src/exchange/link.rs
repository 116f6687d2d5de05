//! Signed links that show a page as it would be: what they hold, and whether they hold.
//!
//! In: a URL and what is supposed of it; later the token of a request. Out: a link that ends by itself; what it supposes, or why it is
//! worth nothing. The signature is made with the visitor's secret, over a text that no cookie has. It must not show a page.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::uri::{PathAndQuery, Uri};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::decide::supposed::Supposed;
use crate::http::path::normalise;
use crate::limits::PREVIEW_TOKEN_BYTES;
use crate::visitor::IdentityKeys;

/// The parameter of the query that holds the token.
const PARAMETER: &str = "inlay_preview";
/// Beside it, `json` asks for the explanation instead of the page.
const FORM: &str = "inlay_trace";

/// What is signed.
#[derive(Debug, Serialize, Deserialize)]
struct Claim {
    /// Seconds since 1970, exclusive.
    until: i64,
    /// Lower case, without a port.
    host: String,
    /// Normalised.
    path: String,
    suppose: Supposed,
}

/// Why a link shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unusable {
    #[error("this preview link was changed on its way, or was made with another secret; ask for a new one")]
    Forged,
    #[error("this preview link was good until {0}; ask for a new one")]
    Expired(Timestamp),
    #[error("this preview link is for another page; ask for one for this page")]
    Elsewhere,
}

/// What a request shows of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    token: String,
    pub form: Form,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The page, with the explanation at its end.
    Page,
    /// The explanation as JSON.
    Json,
}

/// The link to `url` for so long.
pub fn seal(keys: &IdentityKeys, url: &Uri, supposed: &Supposed, now: Timestamp, life: Duration) -> String {
    let life = SignedDuration::try_from(life).unwrap_or(SignedDuration::MAX);
    let claim = Claim {
        until: now.saturating_add(life).unwrap_or(Timestamp::MAX).as_second(),
        host: url.host().unwrap_or_default().to_ascii_lowercase(),
        path: normalise(url.path()),
        suppose: supposed.clone(),
    };
    let claim = serde_json::to_vec(&claim).expect("invariant: names, flags and numbers are JSON");
    let claim = URL_SAFE_NO_PAD.encode(claim);
    let signature = URL_SAFE_NO_PAD.encode(keys.sign_text(&signed(&claim)));
    let sign = if url.query().is_some() { '&' } else { '?' };
    format!("{url}{sign}{PARAMETER}={claim}.{signature}")
}

/// What a link supposes, for a request to this host (lower case) and path (normalised).
///
/// # Errors
/// Why it is worth nothing.
pub fn open(
    keys: &IdentityKeys,
    presented: &Presented,
    host: &str,
    path: &str,
    now: Timestamp,
) -> Result<Supposed, Unusable> {
    let (claim, signature) = presented.token.split_once('.').ok_or(Unusable::Forged)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Unusable::Forged)?;
    if presented.token.len() > PREVIEW_TOKEN_BYTES || !keys.signed_text(&signed(claim), &signature) {
        return Err(Unusable::Forged);
    }
    let claim = URL_SAFE_NO_PAD.decode(claim).map_err(|_| Unusable::Forged)?;
    let claim: Claim = serde_json::from_slice(&claim).map_err(|_| Unusable::Forged)?;
    let until = Timestamp::from_second(claim.until).map_err(|_| Unusable::Forged)?;
    match () {
        () if until <= now => Err(Unusable::Expired(until)),
        () if claim.host != host || claim.path != path => Err(Unusable::Elsewhere),
        () => Ok(claim.suppose),
    }
}

/// Takes the token out of a request's URL, and out of the URL that it came from: nobody behind this line sees either.
pub fn take(head: &mut Parts) -> Option<Presented> {
    hide_in_referer(head);
    let query = head.uri.query().filter(|query| query.contains(PARAMETER))?;
    let value = |wanted: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
    };
    let token = value(PARAMETER)?.to_owned();
    let form = if value(FORM) == Some("json") { Form::Json } else { Form::Page };
    let rest = without(query);
    let target = if rest.is_empty() { head.uri.path().to_owned() } else { format!("{}?{rest}", head.uri.path()) };
    let mut parts = std::mem::take(&mut head.uri).into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    // A part of a URL that was one before is one.
    head.uri = Uri::from_parts(parts).unwrap_or_else(|_| Uri::from_static("/"));
    Some(Presented { token, form })
}

/// Pages below a previewed one would tell where they were asked from.
fn hide_in_referer(head: &mut Parts) {
    let told = head.headers.get(header::REFERER).and_then(|line| line.to_str().ok());
    let Some((url, query)) = told.filter(|told| told.contains(PARAMETER)).and_then(|told| told.split_once('?')) else {
        return;
    };
    let rest = without(query);
    let clean = if rest.is_empty() { url.to_owned() } else { format!("{url}?{rest}") };
    match HeaderValue::try_from(clean) {
        Ok(clean) => drop(head.headers.insert(header::REFERER, clean)),
        Err(_) => drop(head.headers.remove(header::REFERER)),
    }
}

fn without(query: &str) -> String {
    let ours = |pair: &&str| matches!(pair.split_once('=').map_or(*pair, |(name, _)| name), PARAMETER | FORM);
    query.split('&').filter(|pair| !ours(pair)).collect::<Vec<_>>().join("&")
}

/// What is signed begins as no cookie of ours does.
fn signed(claim: &str) -> String {
    format!("preview link\n{claim}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> IdentityKeys {
        IdentityKeys::new("v", &["a secret of thirty-two letters at least"])
    }

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().expect("a time")
    }

    fn head(url: &str, referer: &str) -> Parts {
        http::Request::get(url).header("referer", referer).body(()).expect("a request").into_parts().0
    }

    fn link() -> String {
        let url = "https://shop.example/a/b?x=1".parse().expect("a URL");
        let supposed = Supposed { previews: true, ..Supposed::default() };
        seal(&keys(), &url, &supposed, now(), Duration::from_secs(3600))
    }

    #[test]
    fn a_link_opens_its_page_until_it_ends_and_leaves_no_trace() {
        let mut head = head(&link(), &link());
        let presented = take(&mut head).expect("a link");
        assert_eq!(head.uri.to_string(), "https://shop.example/a/b?x=1");
        assert!(!head.headers[header::REFERER].to_str().expect("ASCII").contains(PARAMETER));
        let open = |host: &str, path: &str, later: i64| {
            open(&keys(), &presented, host, path, now() + SignedDuration::from_secs(later))
        };
        assert!(open("shop.example", "/a/b", 3599).is_ok_and(|supposed| supposed.previews));
        assert!(matches!(open("shop.example", "/a/b", 3600), Err(Unusable::Expired(_))));
        assert_eq!(open("shop.example", "/a", 0), Err(Unusable::Elsewhere));
        assert_eq!(open("other.example", "/a/b", 0), Err(Unusable::Elsewhere));
    }

    #[test]
    fn a_link_that_was_changed_anywhere_is_worth_nothing() {
        let (before, token) =
            link().split_once("inlay_preview=").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a link");
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("ASCII");
            let presented = take(&mut head(&format!("{before}inlay_preview={forged}"), "/")).expect("a token");
            let opened = open(&keys(), &presented, "shop.example", "/a/b", now());
            assert!(opened == Err(Unusable::Forged) || forged == token, "{at}: {opened:?}");
        }
        let other = IdentityKeys::new("v", &["another secret of thirty-two letters"]);
        let presented = take(&mut head(&link(), "/")).expect("a link");
        assert_eq!(open(&other, &presented, "shop.example", "/a/b", now()), Err(Unusable::Forged));
    }

    #[test]
    fn other_requests_are_left_alone() {
        let mut plain = head("/a?inlay_previews=1&b", "https://shop.example/?c=1");
        assert_eq!(take(&mut plain), None);
        assert_eq!(plain.uri.to_string(), "/a?inlay_previews=1&b");
        let mut json = head("/a?inlay_trace=json&inlay_preview=x.y", "/");
        assert_eq!(take(&mut json).map(|presented| presented.form), Some(Form::Json));
        assert_eq!(json.uri.to_string(), "/a");
    }
}
