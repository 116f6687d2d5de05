//! How a login is known.
//!
//! In: `visitor.identify` as written. Out: [`TokenSettings`]. It must not read keys, but looks whether they are there.

use std::sync::Arc;

use jiff::SignedDuration;
use jsonwebtoken::jwk::JwkSet;

use super::base::Base;
use super::model::TokenSettings;
use super::told;
use crate::config::raw::visitor::{RawIdentify, RawJwt};
use crate::config::read::At;
use crate::config::read::record::Field;
use crate::config::read::shapes::OneOrMany;
use crate::config::report::Report;
use crate::config::yaml::Text;
use crate::limits::TOKEN_LEEWAY;
use crate::visitor::token::TokenPolicy;

/// The claim that is the customer's id unless the file says otherwise.
const ID: &str = "sub";

/// `None` where something is missing, which is noted.
pub fn token(at: &At<RawIdentify>, base: &Base<'_>, report: &mut Report) -> Option<TokenSettings> {
    let jwt = at.value.jwt.as_ref()?;
    let RawJwt { cookie, header, keys, algorithms, issuer, audience, leeway, id, traits, unreadable } = &jwt.value;
    let told = told::compile(cookie, header, report);
    if told.is_none() && !unreadable.any(&["cookie", "header"]) {
        report.error(jwt.span, "this does not say where the token is", "add `cookie: NAME` or `header: NAME`");
    }
    let path = keys.as_ref().map(|keys| (base.path(&keys.value), keys.span));
    if let Some((path, span)) = path.as_ref().filter(|(path, _)| !path.is_file()) {
        let what = format!("there is no file `{}`", path.display());
        report.error(*span, what, "save there what the login publishes at its `jwks_uri`");
    }
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
        keys: Arc::new(JwkSet { keys: Vec::new() }),
        algorithms: algorithms.value.0.iter().map(|at| at.value.0).collect(),
        issuers: texts(issuer),
        audiences: texts(audience),
        leeway: SignedDuration::try_from(leeway).unwrap_or(SignedDuration::MAX),
        id: id.as_ref().map_or(ID, |at| at.value.value.as_str()).into(),
        traits: traits.map(|(name, claim)| (name.as_str().into(), claim.value.value.as_str().into())).collect(),
    };
    Some(TokenSettings { keys: path?.0, policy })
}

fn texts(written: &Field<OneOrMany<Text>>) -> Vec<String> {
    written.iter().flat_map(|at| &at.value.0).map(|at| at.value.value.clone()).collect()
}
