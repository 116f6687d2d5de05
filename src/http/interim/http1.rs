//! Interim responses over HTTP/1.1, told by hyper.
//!
//! In: a request that is about to be sent. Out: the moment when too many have come. It must not look into them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Request;
use tokio::sync::Notify;

use crate::limits;

/// Counts the interim responses to `request` over HTTP/1.1; ready once there are more than
/// [`INTERIM_RESPONSES`](limits::INTERIM_RESPONSES), which may be never.
pub fn too_many<B>(request: &mut Request<B>) -> impl Future<Output = ()> + Send + use<B> {
    let flood = Arc::new(Notify::new());
    let told = Arc::clone(&flood);
    let seen = AtomicUsize::new(0);
    hyper::ext::on_informational(request, move |_| {
        if seen.fetch_add(1, Ordering::Relaxed) == limits::INTERIM_RESPONSES {
            told.notify_one();
        }
    });
    async move { flood.notified().await }
}
