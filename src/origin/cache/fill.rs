//! Brings the body of a stored response in, for all who read it.
//!
//! In: the origin's body. Out: pieces in a [`Content`], and an index that holds only what is whole or still arriving. It goes
//! on when the client that asked has gone, within a bound. It must not answer anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};

use super::House;
use super::key::Key;
use super::stored::Stored;
use crate::http::{Body, BodyError};
use crate::limits::FILL_ALONE_WAIT;

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
        let mut reserved = Some(Reserved { budget: Arc::clone(&self.house.filling), bytes: 0 });
        let (mut trailers, mut received, mut alone) = (None, 0, None);
        loop {
            if reserved.is_none() {
                let content = &self.stored.content;
                std::future::poll_fn(|cx| content.poll_room(cx)).await.ok_or(Stopped::Unread)?;
            }
            let Some(frame) = self.next(&mut alone).await? else { break };
            match frame.into_data() {
                Ok(bytes) => {
                    received += bytes.len() as u64;
                    self.take(bytes, received, &mut reserved);
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
    fn take(&self, bytes: Bytes, received: u64, reserved: &mut Option<Reserved>) {
        let house = &self.house;
        let fits =
            |kept: &mut Reserved| received <= house.settings.object && kept.grow(bytes.len(), house.settings.bytes);
        if reserved.as_mut().is_some_and(|kept| !fits(kept)) {
            *reserved = None;
            house.index.remove(self.key, &self.stored);
            house.index.pass(self.flight, house.clock.now());
            self.stored.content.keep_no_longer();
        }
        self.stored.content.push(bytes);
    }
}

/// Bytes that arriving bodies hold beside what is stored.
struct Reserved {
    budget: Arc<AtomicU64>,
    bytes: u64,
}

impl Reserved {
    /// Takes more of the budget, if there is any left: all that arrives together may hold as much as all that is stored.
    fn grow(&mut self, bytes: usize, bound: u64) -> bool {
        self.bytes += bytes as u64;
        self.budget.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64 <= bound
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
