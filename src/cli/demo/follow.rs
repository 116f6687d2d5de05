//! Keeping a frame's visitor through links, forms and redirects, on a host that all visitors share.
//!
//! In: a request with who it is told to come from, or its response. Out: whether it is followed by telling again, and responses whose
//! addresses say who asks. Pure.

use http::header::{ACCEPT, CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};

use super::aim::{Told, Visit, told_in};
use super::edge::{Body, whole};

const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// A link that was followed inside a frame: the same place, with who asks in its own address.
pub fn told_again(visit: &Visit, uri: &Uri) -> Response<Body> {
    let place = uri.path_and_query().map_or("/", |place| place.as_str());
    let mut response = plain(StatusCode::TEMPORARY_REDIRECT, "");
    if let Ok(place) = HeaderValue::try_from(told_in(place, visit.persona, visit.side)) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

/// On a host that visitors share, the site's cookies are kept in the jar alone, and its redirects stay with the visitor.
pub fn kept_on_one_host(visit: &Visit, mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.remove(SET_COOKIE);
    let place = text(headers, LOCATION)
        .filter(|place| place.starts_with('/') && !place.starts_with("//"))
        .map(|place| told_in(place, visit.persona, visit.side));
    if let Some(Ok(place)) = place.map(HeaderValue::try_from) {
        headers.insert(LOCATION, place);
    }
    response
}

/// Whether a request asks for a page to be looked at, rather than for one of its parts.
pub fn navigates(request: &Request<Body>) -> bool {
    let headers = request.headers();
    let is_page = match text(headers, FETCH_DEST) {
        Some(dest) => ["iframe", "document"].contains(&dest),
        None => text(headers, ACCEPT).is_some_and(|accept| accept.contains("text/html")),
    };
    is_page && [Method::GET, Method::HEAD].contains(request.method())
}

/// Whether the answer stands in one of the stage's frames. Browsers say so; where one does not, only frames have such addresses.
pub fn is_for_a_frame(visit: &Visit, request: &Request<Body>) -> bool {
    match text(request.headers(), FETCH_DEST) {
        Some(dest) => dest == "iframe",
        None => visit.told == Told::ByQuery,
    }
}

/// A few words for whoever runs the demo.
pub fn plain(status: StatusCode, words: &str) -> Response<Body> {
    let mut response = Response::new(whole(words.to_owned()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// A header's first value, if it is text.
pub fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
