//! What a store holds, over the API: JSON lines that leave as they are read.
//!
//! In: a store. Out: a line for each profile, or for each who is on a list. If the store fails half-way the body breaks off, so that
//! nobody takes it for whole. It must not hold more than a batch.

use std::fmt::Write;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use serde_json::json;

use crate::http::{Body, BodyError};
use crate::profile::Name;
use crate::store::{Store, StoreError, walk};

/// All profiles, as imports take them.
pub fn profiles(store: &Arc<dyn Store>) -> Response<Body> {
    lines(walk::profiles(store.clone()), |text, found| {
        // A String takes all that is written.
        let _ = writeln!(text, "{}", found.profile.line(&found.id));
    })
}

/// The ids of all who are on a list.
pub fn members(store: &Arc<dyn Store>, list: &Name) -> Response<Body> {
    lines(walk::members(store.clone(), list.clone()), |text, id| {
        let _ = writeln!(text, "{}", json!({ "id": id.text() }));
    })
}

fn lines<T: Send + 'static>(
    batches: impl Stream<Item = Result<Vec<T>, StoreError>> + Send + 'static,
    write: fn(&mut String, T),
) -> Response<Body> {
    let pieces = batches.map(move |batch| match batch {
        Ok(entries) => {
            let mut text = String::new();
            entries.into_iter().for_each(|entry| write(&mut text, entry));
            Ok(text.into())
        }
        Err(error) => {
            tracing::warn!(%error, "an export broke off");
            Err(BodyError::Source(Box::new(error)))
        }
    });
    let mut response = Response::new(Body::stream(pieces));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
