//! The right to use a connection for one exchange, and what becomes of the connection after it.
//!
//! In: a connection on loan. Out: the connection, kept for others, or the room that it took. It must not open connections.

use std::sync::Weak;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::kept::Idle;
use super::{Inner, Pool};
use crate::http::connection::{Http1, Sender};

/// The right to send one request over a connection.
pub struct Lease {
    pub sender: Sender,
    /// Whether it has carried a request before: then it may have been closed in the meantime, without anyone's fault.
    pub is_reused: bool,
    pub(super) opened: Instant,
    pub(super) occupied: Occupied,
    pub(super) pool: Weak<Inner>,
}

/// Room that is taken until this is dropped.
pub struct Occupied {
    /// Given back before the others are told.
    pub(super) permit: Option<OwnedSemaphorePermit>,
    pub(super) pool: Weak<Inner>,
}

impl Drop for Occupied {
    fn drop(&mut self) {
        drop(self.permit.take());
        if let Some(pool) = self.pool.upgrade() {
            pool.freed.notify_one();
        }
    }
}

impl Lease {
    /// The response's head is here: the connection is kept for others once its body is read. What is given back is to be held
    /// until then where the connection is shared.
    pub fn answered(self) -> Option<Occupied> {
        let Self { sender, opened, occupied, pool, .. } = self;
        let mut sender = match sender {
            Sender::Http2(_) => return Some(occupied),
            Sender::Http1(sender) => sender,
        };
        if sender.is_ready() {
            keep(&pool, sender, opened, occupied);
            return None;
        }
        tokio::spawn(async move {
            // Fails where the body was dropped before its end: what is left of it makes the connection useless.
            if sender.ready().await.is_ok() {
                keep(&pool, sender, opened, occupied);
            }
        });
        None
    }

    /// The connection leaves HTTP; its room stays taken for as long as what is given back is held.
    pub fn left_http(self) -> Occupied {
        self.occupied
    }
}

fn keep(pool: &Weak<Inner>, sender: Http1, opened: Instant, occupied: Occupied) {
    if let Some(pool) = pool.upgrade().filter(|pool| opened.elapsed() < pool.settings.age) {
        pool.kept().http1.push(Idle { sender, opened, since: Instant::now() });
        // The room goes after the connection is there, so that who comes for it finds it.
        drop(occupied);
        Pool(pool).sweep();
    }
}
