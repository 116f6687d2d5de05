//! How a login is known.
//!
//! In: `visitor.identify` as written. Out: [`TokenSettings`]. It must not read keys, but looks whether they are there.

use std::sync::Arc;

use jiff::SignedDuration;
use url::{Host, Url};

use super::base::Base;
use super::model::TokenSettings;
use super::told;
use crate::config::raw::visitor::{RawIdentify, RawJwt};
use crate::config::read::At;
use crate::config::read::record::Field;
use crate::config::read::scalars::Duration;
use crate::config::read::shapes::OneOrMany;
use crate::config::report::Report;
use crate::config::yaml::Text;
use crate::limits::{JWKS_AGAIN, JWKS_REFRESH, TOKEN_LEEWAY};
use crate::visitor::keys::{KeyRing, KeysFrom};
use crate::visitor::token::TokenPolicy;

/// The claim that is the customer's id unless the file says otherwise.
const ID: &str = "sub";

/// `None` where something is missing, which is noted.
pub fn token(at: &At<RawIdentify>, base: &Base<'_>, report: &mut Report) -> Option<TokenSettings> {
    let jwt = at.value.jwt.as_ref()?;
    let RawJwt { cookie, header, keys, refresh, algorithms, issuer, audience, leeway, id, traits, unreadable } =
        &jwt.value;
    let told = told::compile(cookie, header, report);
    if told.is_none() && !unreadable.any(&["cookie", "header"]) {
        report.error(jwt.span, "this does not say where the token is", "add `cookie: NAME` or `header: NAME`");
    }
    let keys = keys.as_ref().map(|keys| keys_from(keys, refresh, base, report));
    let algorithms = algorithms.as_ref()?;
    if algorithms.value.0.is_empty() {
        report.error(
            algorithms.span,
            "no algorithm is allowed",
            "name the one by which the login signs, such as RS256",
        );
    }
    let leeway = leeway.as_ref().map_or(TOKEN_LEEWAY, |at| at.value.0);
    let traits = traits.iter().flat_map(|at| &at.value.0);
    let policy = TokenPolicy {
        told: told?,
        keys: Arc::new(KeyRing::empty()),
        algorithms: algorithms.value.0.iter().map(|at| at.value.0).collect(),
        issuers: texts(issuer),
        audiences: texts(audience),
        leeway: SignedDuration::try_from(leeway).unwrap_or(SignedDuration::MAX),
        id: id.as_ref().map_or(ID, |at| at.value.value.as_str()).into(),
        traits: traits.map(|(name, claim)| (name.as_str().into(), claim.value.value.as_str().into())).collect(),
    };
    Some(TokenSettings { keys: keys??, policy })
}

/// Where keys are; `None` where they can't be, which is noted.
fn keys_from(keys: &At<Text>, refresh: &Field<Duration>, base: &Base<'_>, report: &mut Report) -> Option<KeysFrom> {
    let is_url = keys.value.value.starts_with("https:") || keys.value.value.starts_with("http:");
    if is_url {
        let again = refresh.as_ref().map_or(JWKS_REFRESH, |at| at.value.0);
        if let Some(at) = refresh.as_ref().filter(|_| again < JWKS_AGAIN) {
            let what = format!("keys are not fetched more often than every {} s", JWKS_AGAIN.as_secs());
            report.error(at.span, what, "write a longer time, such as 1h; a key that is missed is fetched at once");
        }
        return Some(KeysFrom::Url { url: url(keys, report)?, refresh: again });
    }
    if let Some(refresh) = refresh {
        report.error(refresh.key, "a file is read again with inlay.yaml", "remove `refresh`, or name a URL in `keys`");
    }
    let path = base.path(&keys.value);
    if !path.is_file() {
        let what = format!("there is no file `{}`", path.display());
        report.error(keys.span, what, "save there what the login publishes at its `jwks_uri`, or write that URL here");
    }
    Some(KeysFrom::File(path))
}

/// Whoever can change the keys on their way can log in as anybody: plain HTTP is for this machine.
fn url(keys: &At<Text>, report: &mut Report) -> Option<Url> {
    let url = Url::parse(&keys.value.value).ok().filter(|url| url.has_host() && url.username().is_empty());
    let Some(url) = url else {
        let what = format!("`{}` is no URL of a key set", keys.value.value);
        report.error(
            keys.span,
            what,
            "write the login's `jwks_uri`, such as https://login.example/.well-known/jwks.json",
        );
        return None;
    };
    let here = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() != "https" && !here {
        report.error(keys.span, "keys must not come over plain HTTP", "write the URL with `https:`");
    }
    Some(url)
}

fn texts(written: &Field<OneOrMany<Text>>) -> Vec<String> {
    written.iter().flat_map(|at| &at.value.0).map(|at| at.value.value.clone()).collect()
}
