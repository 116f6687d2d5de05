//! Whose turn it is while a request is sent: the sender's body has a bound of its own, the server's answer another.
//!
//! In: the request's body. Out: the same body, and the moment when the server has been waited for too long. It must not judge the
//! sender.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::http::{Body, BodyError};

/// Who has to act next, before the response's head is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Whoever sends the request's body, which has its own bound.
    Sender,
    /// The server, since then.
    Server(Instant),
}

/// Ready when the server has had its turn for longer than `bound`.
pub async fn servers_turn_for(mut turn: watch::Receiver<Turn>, bound: Duration) {
    loop {
        let now = *turn.borrow_and_update();
        let due = async {
            match now {
                Turn::Sender => std::future::pending().await,
                Turn::Server(since) => tokio::time::sleep_until(since + bound).await,
            }
        };
        tokio::select! {
            () = due => return,
            // Fails once the body is gone; the server's last turn goes on.
            Ok(()) = turn.changed() => {}
        }
    }
}

/// A request's body that tells whose turn it is.
pub struct Sent {
    body: Body,
    turns: watch::Sender<Turn>,
}

impl Sent {
    pub fn telling(body: Body, turns: watch::Sender<Turn>) -> Self {
        Self { body, turns }
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.turns.send_replace(if frame.is_pending() { Turn::Sender } else { Turn::Server(Instant::now()) });
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
