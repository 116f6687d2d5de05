//! Brings the body of a stored response in, for all who read it.
//!
//! In: the origin's body. Out: pieces in a [`Content`], and an index that holds only what is whole or still arriving. It goes
//! on when the client that asked has gone, within a bound. It must not answer anybody.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};

use super::House;
use super::content::{Content, Room};
use super::key::Key;
use super::stored::Stored;
use crate::http::{Body, BodyError};
use crate::limits::{CACHE_PACE, CACHE_PATIENCE, FILL_ALONE_WAIT};

/// A body that is to be brought in.
pub struct Fill {
    pub house: Arc<House>,
    pub key: Key,
    /// Under which others wait for each other.
    pub flight: Key,
    pub stored: Arc<Stored>,
    /// Whose place it took: it is the better of the two if this one breaks off.
    pub before: Option<Arc<Stored>>,
    pub body: Body,
}

/// Why a body was not brought in.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("nobody reads it, and it took longer than {} s", .0.as_secs())]
    Alone(Duration),
    #[error("nobody reads what is too large to keep")]
    Unread,
    #[error("it has {1} bytes and announced {0}")]
    Length(u64, u64),
}

impl Fill {
    /// Runs to the end of the body, or to where it is of no more use.
    pub async fn run(mut self) {
        match self.bring().await {
            Ok(trailers) => {
                self.stored.content.complete(trailers);
                self.house.index.weigh_again(self.key);
            }
            Err(stopped) => {
                tracing::debug!(error = %crate::telemetry::Causes(&stopped), "a body was not stored");
                self.stored.content.break_off();
                let before = self.before.as_ref().filter(|before| before.content.is_whole());
                self.house.index.take_back(self.key, &self.stored, before, self.house.clock.now());
            }
        }
    }

    async fn bring(&mut self) -> Result<Option<HeaderMap>, Stopped> {
        let mut kept = Kept::SoFar;
        let (mut trailers, mut received, mut alone) = (None, 0, None);
        loop {
            if let Kept::Not { held_up } = &mut kept {
                room(&self.stored.content, received, held_up).await.ok_or(Stopped::Unread)?;
            }
            let Some(frame) = self.next(&mut alone).await? else { break };
            match frame.into_data() {
                Ok(bytes) => {
                    received += bytes.len() as u64;
                    self.take(bytes, received, &mut kept);
                }
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        match self.stored.content.length() {
            Some(announced) if announced != received => Err(Stopped::Length(announced, received)),
            _ => Ok(trailers),
        }
    }

    /// The next frame. Where nobody reads, it is waited for only so long in all.
    async fn next(&mut self, alone: &mut Option<Instant>) -> Result<Option<http_body::Frame<Bytes>>, Stopped> {
        if self.stored.content.readers() > 0 {
            *alone = None;
            return Ok(self.body.frame().await.transpose()?);
        }
        let since = *alone.get_or_insert_with(Instant::now);
        let left = FILL_ALONE_WAIT.saturating_sub(since.elapsed());
        let frame = timeout(left, self.body.frame()).await.map_err(|_| Stopped::Alone(FILL_ALONE_WAIT))?;
        Ok(frame.transpose()?)
    }

    /// Takes a piece in. If it is one too many, the body is not kept from then on, and others get their own.
    fn take(&self, bytes: Bytes, received: u64, kept: &mut Kept) {
        let (house, content) = (&self.house, &self.stored.content);
        let fits = || received <= house.settings.object && content.reserve(bytes.len());
        if *kept == Kept::SoFar && !fits() {
            *kept = Kept::Not { held_up: Duration::ZERO };
            house.index.remove(self.key, &self.stored);
            house.index.pass(self.flight, house.clock.now());
            content.keep_no_longer();
        }
        content.push(bytes);
    }
}

/// Waits until another piece may come. The fastest reader waits for the others only so long in all, and the longer the
/// body the longer, so that it never goes on slower than [`CACHE_PACE`] for them; then they are left behind.
async fn room(content: &Content, received: u64, held_up: &mut Duration) -> Option<()> {
    if poll_fn(|cx| content.poll_room(cx)).await? == Room::ForAll {
        return Some(());
    }
    let since = Instant::now();
    let patience = CACHE_PATIENCE + Duration::from_millis(received.saturating_mul(1000) / CACHE_PACE);
    let caught_up = poll_fn(|cx| match content.poll_room(cx) {
        Poll::Ready(Some(Room::ForTheFastest)) => Poll::Pending,
        room => room.map(drop),
    });
    if timeout(patience.saturating_sub(*held_up), caught_up).await.is_err() {
        content.leave_behind();
    }
    *held_up += since.elapsed();
    Some(())
}

/// Whether a body is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    SoFar,
    /// It is too large. The fastest of its readers has waited so long for others.
    Not {
        held_up: Duration,
    },
}
