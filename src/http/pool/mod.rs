//! The connections to one server: how many there are, who uses them, which are kept.
//!
//! In: wishes for a connection. Out: a lease on one, soon, or the word that there is no room. It must not send requests.
//!
//! HTTP/1.1 connections are used by one exchange at a time, HTTP/2 connections by as many as
//! [`ORIGIN_STREAMS`](limits::ORIGIN_STREAMS). Every connection in use holds a permit of `room`; those that wait in
//! `kept` hold none, and are taken before any is opened, so that there never are more than `connections`.

mod kept;
mod lease;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::connection::{self, Sender};
use super::dial::{Dial, DialError, Needs};
use crate::limits;
use kept::{Kept, Left, Shared};
pub use lease::{Lease, Occupied};

/// How many connections there may be, and how long they live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolSettings {
    /// Open at once.
    pub connections: usize,
    /// Exchanges that may wait for one.
    pub pending: usize,
    /// How long an exchange waits for room.
    pub wait: Duration,
    /// How long one that nobody uses is kept.
    pub idle: Duration,
    /// Age after which one is not used again: names are resolved when connections are opened.
    pub age: Duration,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The greeting failed, before anything was sent.
    #[error("the server closed the connection at once")]
    Handshake(#[source] hyper::Error),
    /// As many connections as there may be are in use, and as many exchanges wait as may, or this one waited too long.
    #[error("all connections to the server are in use")]
    Full,
}

/// The connections to one server. Clones share them.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    dial: Dial,
    settings: PoolSettings,
    room: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Told when a stream of an HTTP/2 connection has ended.
    freed: Notify,
    kept: Mutex<Kept>,
}

impl Pool {
    /// A pool without connections.
    pub fn new(dial: Dial, settings: PoolSettings) -> Self {
        Self(Arc::new(Inner {
            dial,
            settings,
            room: Arc::new(Semaphore::new(settings.connections)),
            waiting: AtomicUsize::new(0),
            freed: Notify::new(),
            kept: Mutex::default(),
        }))
    }

    /// A connection: a stream of a shared one, one that was kept, or a new one.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn lease(&self, needs: Needs) -> Result<Lease, LeaseError> {
        if let Some(lease) = self.stream(needs) {
            return Ok(lease);
        }
        let permit = match Arc::clone(&self.0.room).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => match self.wait_for_room(needs).await? {
                Room::Stream(lease) => return Ok(lease),
                Room::Connection(permit) => permit,
            },
        };
        let permit = Occupied { permit: Some(permit), pool: Arc::downgrade(&self.0) };
        let idle = self.0.kept().pop_http1(self.0.settings);
        match idle {
            Some(idle) => Ok(self.leased(Sender::Http1(idle.sender), idle.opened, permit, true)),
            None => self.open(needs, permit).await,
        }
    }

    async fn wait_for_room(&self, needs: Needs) -> Result<Room, LeaseError> {
        let waiting = Waiting::begin(&self.0)?;
        let mut permit = std::pin::pin!(Arc::clone(&self.0.room).acquire_owned());
        let waited = async {
            loop {
                tokio::select! {
                    Ok(permit) = &mut permit => return Room::Connection(permit),
                    () = self.0.freed.notified() => {}
                }
                if let Some(lease) = self.stream(needs) {
                    return Room::Stream(lease);
                }
            }
        };
        let room = tokio::time::timeout(self.0.settings.wait, waited).await;
        drop(waiting);
        room.map_err(|_| LeaseError::Full)
    }

    /// A stream of a connection that has room for one.
    fn stream(&self, needs: Needs) -> Option<Lease> {
        if needs == Needs::Http1 {
            return None;
        }
        let (sender, opened, permit) = self.0.kept().take_stream(self.0.settings)?;
        let occupied = Occupied { permit: Some(permit), pool: Arc::downgrade(&self.0) };
        Some(self.leased(Sender::Http2(sender), opened, occupied, true))
    }

    async fn open(&self, needs: Needs, occupied: Occupied) -> Result<Lease, LeaseError> {
        let dialled = self.0.dial.open(needs).await?;
        let opened = Instant::now();
        match connection::greet(dialled).await.map_err(LeaseError::Handshake)? {
            connection::Open::Http1(sender, driver) => {
                tokio::spawn(driver);
                Ok(self.leased(Sender::Http1(sender), opened, occupied, false))
            }
            connection::Open::Http2(sender, driver) => {
                // The room is the connection's for as long as it lives; the exchange has a stream of it.
                tokio::spawn(async move {
                    driver.await;
                    drop(occupied);
                });
                let streams = Arc::new(Semaphore::new(limits::ORIGIN_STREAMS));
                let permit = Arc::clone(&streams).try_acquire_owned().expect("invariant: nobody else knows it yet");
                self.share(Shared { sender: sender.clone(), streams, opened, used: opened });
                let occupied = Occupied { permit: Some(permit), pool: Arc::downgrade(&self.0) };
                Ok(self.leased(Sender::Http2(sender), opened, occupied, false))
            }
        }
    }

    /// Lets others use an HTTP/2 connection, unless one that was opened meanwhile has room for them: then this one ends
    /// with its only exchange.
    fn share(&self, shared: Shared) {
        let mut kept = self.0.kept();
        let is_wanted = !kept.http2.iter().any(|other| other.streams.available_permits() > 0);
        if is_wanted {
            kept.http2.push(shared);
        }
        drop(kept);
        self.0.freed.notify_waiters();
        self.sweep();
    }

    fn leased(&self, sender: Sender, opened: Instant, occupied: Occupied, is_reused: bool) -> Lease {
        Lease { sender, is_reused, opened, occupied, pool: Arc::downgrade(&self.0) }
    }

    /// Has connections that nobody takes closed. One task for each pool, which ends when nothing is kept or the pool is gone.
    fn sweep(&self) {
        if std::mem::replace(&mut self.0.kept().swept, true) {
            return;
        }
        let (pool, settings) = (Arc::downgrade(&self.0), self.0.settings);
        tokio::spawn(async move {
            let mut due = Instant::now() + settings.idle;
            loop {
                tokio::time::sleep_until(due.max(Instant::now() + limits::POOL_SWEEP_WAIT)).await;
                let Some(pool) = pool.upgrade() else { return };
                match pool.kept().sweep(settings) {
                    Left::Nothing => return,
                    Left::Until(next) => due = next,
                }
            }
        });
    }
}

enum Room {
    Connection(OwnedSemaphorePermit),
    Stream(Lease),
}

/// One exchange that waits, until this is dropped.
struct Waiting<'a>(&'a Inner);

impl<'a> Waiting<'a> {
    fn begin(pool: &'a Inner) -> Result<Self, LeaseError> {
        let waiting = pool.waiting.fetch_add(1, Ordering::Relaxed);
        let this = Self(pool);
        if waiting < pool.settings.pending { Ok(this) } else { Err(LeaseError::Full) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
