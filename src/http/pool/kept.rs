//! The connections to one server that are kept, and when they are too old.
//!
//! In: connections as they come back. Out: one that can be used; those that nobody takes, closed. It must not count how many there
//! may be.

use std::sync::Arc;

use hyper::client::conn::http2;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::PoolSettings;
use crate::http::Body;
use crate::http::connection::Http1;
use crate::limits;

/// The connections that nobody uses, and those that have room for more.
#[derive(Default)]
pub struct Kept {
    /// The one used last is taken first, so that those that are too many grow old.
    pub http1: Vec<Idle>,
    pub http2: Vec<Shared>,
    /// Whether somebody looks after those that nobody takes.
    pub swept: bool,
}

/// A connection of HTTP/1.1 that waits.
pub struct Idle {
    pub sender: Http1,
    pub opened: Instant,
    pub since: Instant,
}

/// A connection of HTTP/2.
pub struct Shared {
    pub sender: http2::SendRequest<Body>,
    pub streams: Arc<Semaphore>,
    pub opened: Instant,
    pub used: Instant,
}

/// What is still kept after a sweep.
pub enum Left {
    Nothing,
    /// When the first of it may be too old.
    Until(Instant),
}

impl Kept {
    /// The one used last that can still be used.
    pub fn pop_http1(&mut self, settings: PoolSettings) -> Option<Idle> {
        std::iter::from_fn(|| self.http1.pop()).find(|idle| idle.is_usable(settings))
    }

    /// A stream of the first connection that has room.
    pub fn take_stream(
        &mut self,
        settings: PoolSettings,
    ) -> Option<(http2::SendRequest<Body>, Instant, OwnedSemaphorePermit)> {
        self.http2.retain(|shared| !shared.sender.is_closed() && shared.opened.elapsed() < settings.age);
        self.http2.iter_mut().find_map(|shared| {
            let permit = Arc::clone(&shared.streams).try_acquire_owned().ok()?;
            shared.used = Instant::now();
            Some((shared.sender.clone(), shared.opened, permit))
        })
    }

    /// Closes what is too old.
    pub fn sweep(&mut self, settings: PoolSettings) -> Left {
        self.http1.retain(|idle| idle.is_usable(settings));
        self.http2.retain(|shared| {
            let is_used = shared.streams.available_permits() < limits::ORIGIN_STREAMS;
            !shared.sender.is_closed() && (is_used || shared.used.elapsed() < settings.idle)
        });
        let http1 = self.http1.iter().map(|idle| (idle.since + settings.idle).min(idle.opened + settings.age));
        // One in use is idle at the soonest that long after now.
        let http2 = self.http2.iter().map(|shared| shared.used.max(Instant::now()) + settings.idle);
        let left = http1.chain(http2).min().map_or(Left::Nothing, Left::Until);
        self.swept = matches!(left, Left::Until(_));
        left
    }
}

impl Idle {
    fn is_usable(&self, settings: PoolSettings) -> bool {
        self.sender.is_ready() && self.since.elapsed() < settings.idle && self.opened.elapsed() < settings.age
    }
}
