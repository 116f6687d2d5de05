//! What an unsafe request changed at the origin (RFC 9111 section 4.4).
//!
//! In: its target and the head of its answer, which is no error. Out: what is stored under these URLs is gone. It must not touch
//! what belongs to another host.

use std::sync::Arc;

use http::header::{self, HeaderMap};
use http::uri::{PathAndQuery, Uri};
use url::Url;

use super::House;
use super::key::Target;
use crate::http::peer::TrueClient;
use crate::origin::Origin;

/// Takes out what is stored for the target, and for `Location` and `Content-Location` where they are of the same host, also by
/// the name that the origin has for itself.
pub fn invalidate(house: &House, origin: &Arc<Origin>, client: &TrueClient, target: &Uri, answer: &HeaderMap) {
    let host = client.host.as_ref().map(|host| host.as_str().to_ascii_lowercase()).unwrap_or_default();
    let scheme = client.scheme.as_str();
    let gone = |path: &str| {
        house.index.invalidate(house.hashing.key(Target { origin: origin.name(), scheme, host: &host, path }));
    };
    let path = target.path_and_query().map_or("/", PathAndQuery::as_str);
    gone(path);
    let Ok(base) = Url::parse(&format!("{scheme}://{host}{path}")) else { return };
    let mut named = HeaderMap::new();
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        answer.get(&name).into_iter().for_each(|value| drop(named.insert(name.clone(), value.clone())));
    }
    // Where the origin speaks of itself it means what the client knows by the client's host.
    origin.speak_as(&mut named, client);
    for value in named.values() {
        let url = value.to_str().ok().and_then(|url| base.join(url).ok());
        if let Some(url) = url.filter(|url| url.origin() == base.origin()) {
            gone(&url[url::Position::BeforePath..url::Position::AfterQuery]);
        }
    }
}
