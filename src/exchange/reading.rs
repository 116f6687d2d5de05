//! A page that is passed on untouched, and read beside that.
//!
//! In: the body as it passes, coded or not. Out: the same body, byte for byte and as soon as it comes; what the page tells goes to a
//! [`Learner`]. Where reading can't keep up it is given up. It must not hold a byte back.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::stream::poll_fn;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::learning::Learner;
use crate::http::coding::{Coding, DecodedBody};
use crate::http::{Body, BodyError};
use crate::limits::{CHARSET_PRESCAN_WAIT, COMPILED_PAGE_BYTES, PAGE_SCAN_BYTES, READING_PIECES, READING_STALL};
use crate::page::{Charset, Markers, PageReader};

/// A body that is read while it passes.
pub struct ReadBody {
    body: Body,
    /// `None` once nobody reads.
    pieces: Option<mpsc::Sender<Piece>>,
    /// Bytes that are still to come, where the head says how many: nobody asks for more than that.
    left: Option<u64>,
}

/// A piece of the page, or its end: what breaks off is not read.
enum Piece {
    Bytes(Bytes),
    End,
}

/// What it takes to read a page.
pub struct Reading {
    pub markers: Arc<Markers>,
    pub codings: Vec<Coding>,
    pub content_type: Option<String>,
    pub learner: Arc<Learner>,
}

impl ReadBody {
    /// The same body, which is read while it passes.
    pub fn new(body: Body, length: Option<u64>, reading: Reading) -> Self {
        let (pieces, coming) = mpsc::channel(READING_PIECES);
        tokio::spawn(reading.run(coming));
        Self { left: length.or(body.size_hint().exact()), body, pieces: Some(pieces) }
    }

    fn hand_over(&mut self, piece: Piece) {
        self.pieces.take_if(|pieces| pieces.try_send(piece).is_err());
    }
}

impl HttpBody for ReadBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(bytes) = frame.data_ref() {
                    let bytes = bytes.clone();
                    self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
                    self.hand_over(Piece::Bytes(bytes));
                }
                // It may not be asked again.
                if self.left == Some(0) || self.body.is_end_stream() {
                    self.hand_over(Piece::End);
                }
            }
            Poll::Ready(None) => self.hand_over(Piece::End),
            Poll::Ready(Some(Err(_))) => self.pieces = None,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Reading {
    async fn run(self, mut coming: mpsc::Receiver<Piece>) {
        let mut is_over = false;
        let pieces = poll_fn(move |cx| match is_over {
            true => Poll::Ready(None),
            false => coming.poll_recv(cx).map(|piece| match piece {
                Some(Piece::Bytes(bytes)) => Some(Ok(bytes)),
                Some(Piece::End) => {
                    is_over = true;
                    None
                }
                None => {
                    is_over = true;
                    Some(Err(BodyError::TooSlow))
                }
            }),
        });
        let body = Body::stream(pieces);
        let plain = if self.codings.is_empty() { body } else { Body::wrap(DecodedBody::new(body, &self.codings)) };
        match self.read(plain.stalling_at_most(READING_STALL)).await {
            Ok(()) => {}
            Err(error) => tracing::debug!(%error, "a page that was passed on was not read to its end"),
        }
    }

    async fn read(&self, mut page: Body) -> Result<(), BodyError> {
        let (charset, mut held) = self.settle(&mut page).await?;
        let mut reader = PageReader::new(self.markers.clone(), charset);
        let mut length = 0;
        loop {
            length += held.len();
            if length > COMPILED_PAGE_BYTES {
                return Ok(());
            }
            while !held.is_empty() {
                reader.write(held.split_to(held.len().min(PAGE_SCAN_BYTES)));
                tokio::task::yield_now().await;
            }
            match next(&mut page).await? {
                Some(bytes) => held = bytes,
                None => break,
            }
        }
        if let Some(extracted) = reader.end() {
            self.learner.learn(&extracted);
        }
        Ok(())
    }

    /// Reads until the charset is known, for a while.
    async fn settle(&self, page: &mut Body) -> Result<(Charset, Bytes), BodyError> {
        let deadline = Instant::now() + CHARSET_PRESCAN_WAIT;
        let mut held = BytesMut::new();
        loop {
            let more = timeout_at(deadline, next(page)).await;
            let is_complete = !matches!(more, Ok(Ok(Some(_))));
            if let Ok(more) = more {
                held.extend_from_slice(&more?.unwrap_or_default());
            }
            if let Some(charset) = Charset::settle(self.content_type.as_deref(), &held, is_complete) {
                return Ok((charset, held.freeze()));
            }
        }
    }
}

async fn next(page: &mut Body) -> Result<Option<Bytes>, BodyError> {
    while let Some(frame) = page.frame().await {
        if let Ok(bytes) = frame?.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}
