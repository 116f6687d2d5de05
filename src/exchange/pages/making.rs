//! Compiles one page for all who wait for it, and puts it on the shelf.
//!
//! In: the origin's plain body. Out: batches in a [`Growing`], and at the end a page that is kept, or a note that it can't be. It
//! goes on when its readers have gone, within a bound. It must not know who reads.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout, timeout_at};

use super::growing::Growing;
use super::{Shelf, Shelved, Wanted};
use crate::exchange::rewriting::label;
use crate::http::{Body, BodyError};
use crate::limits::{CHARSET_PRESCAN_WAIT, COMPILED_PAGE_BYTES, PAGE_ALONE_WAIT, PAGE_SCAN_BYTES, SLOTS_PER_PAGE};
use crate::page::{Charset, CompiledPage, Compiling, NotKept};
use crate::telemetry::{Causes, Kind};

/// One page being compiled. Dropped half-way, it breaks off for all.
pub struct Making {
    shelf: Arc<Shelf>,
    wanted: Wanted,
    page: Arc<Growing>,
    /// Since when nobody reads.
    alone: Option<Instant>,
}

/// What came of it.
enum Made {
    Page(Box<CompiledPage>),
    /// It can't be kept, and will not be another time.
    Never,
    /// Not this time: it has trailers, or its charset was not waited for.
    NotNow,
}

/// Why it ended early.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("nobody reads it, and it takes longer than {} s", .0.as_secs())]
    Alone(Duration),
    #[error("nobody reads what is too large to keep")]
    Unread,
}

/// A piece of the origin's body, or its end.
enum Piece {
    Bytes(Bytes),
    End(Option<HeaderMap>),
}

/// How the charset became known.
struct Settled {
    charset: Charset,
    /// The bytes that were looked at.
    held: Bytes,
    end: Option<Option<HeaderMap>>,
    /// More of the page might have told.
    hurried: bool,
}

impl Making {
    /// To be [run](Self::run) in a task of its own.
    pub fn new(shelf: Arc<Shelf>, wanted: Wanted, page: Arc<Growing>) -> Self {
        Self { shelf, wanted, page, alone: None }
    }

    /// Runs to the end of the page, or to where it is of no more use.
    pub async fn run(mut self, mut origin: Body) {
        let key = self.wanted.key;
        match self.compile(&mut origin).await {
            Ok((made, trailers)) => {
                match made {
                    Made::Page(page) => self.shelf.kept.insert(key, Arc::new(Shelved::new(*page))),
                    Made::Never => self.shelf.unkept.insert(key, ()),
                    Made::NotNow => {}
                }
                self.page.complete(trailers);
            }
            Err(stopped) => tracing::debug!(error = %Causes(&stopped), "a page was not compiled to its end"),
        }
    }

    async fn compile(&mut self, origin: &mut Body) -> Result<(Made, Option<HeaderMap>), Stopped> {
        let settled = self.settle(origin).await?;
        self.page.begin(settled.charset);
        let mut compiling = Compiling::new(self.wanted.markers.clone(), settled.charset, self.wanted.nonce.clone());
        let mut length = 0;
        self.write(&mut compiling, settled.held, &mut length).await?;
        let mut end = settled.end;
        let trailers = loop {
            if let Some(trailers) = end.take() {
                break trailers;
            }
            match self.next(origin).await? {
                Piece::Bytes(bytes) => self.write(&mut compiling, bytes, &mut length).await?,
                Piece::End(trailers) => end = Some(trailers),
            }
        };
        self.tell_early_end(&compiling);
        let (last, kept) = compiling.end();
        if let (Some(learner), Some(extracted)) = (&self.wanted.learner, last.extracted()) {
            learner.learn(extracted);
        }
        self.page.push(last);
        let made = match kept {
            Ok(_) if trailers.is_some() || settled.hurried => Made::NotNow,
            Ok(page) => Made::Page(Box::new(page)),
            Err(reason) => self.not_kept(&reason),
        };
        Ok((made, trailers))
    }

    fn not_kept(&self, reason: &NotKept) -> Made {
        tracing::debug!(reason = %Causes(reason), "a page can't be kept compiled");
        Made::Never
    }

    /// Reads until the charset is known, for a while.
    async fn settle(&mut self, origin: &mut Body) -> Result<Settled, Stopped> {
        let deadline = Instant::now() + CHARSET_PRESCAN_WAIT;
        let content_type = self.wanted.content_type.clone();
        let (mut held, mut end, mut hurried) = (BytesMut::new(), None, false);
        loop {
            match timeout_at(deadline, self.next(origin)).await {
                Ok(piece) => match piece? {
                    Piece::Bytes(bytes) => held.extend_from_slice(&bytes),
                    Piece::End(trailers) => end = Some(trailers),
                },
                Err(_) => hurried = true,
            }
            if let Some(charset) = Charset::settle(content_type.as_deref(), &held, end.is_some() || hurried) {
                hurried &= charset == Charset::Unknown;
                return Ok(Settled { charset, held: held.freeze(), end, hurried });
            }
        }
    }

    /// Compiles a piece, in steps, so that others have their turn.
    async fn write(&self, compiling: &mut Compiling, mut bytes: Bytes, length: &mut usize) -> Result<(), Stopped> {
        while !bytes.is_empty() {
            let step = bytes.split_to(bytes.len().min(PAGE_SCAN_BYTES));
            *length += step.len();
            if *length > COMPILED_PAGE_BYTES && *length - step.len() <= COMPILED_PAGE_BYTES {
                self.shelf.unkept.insert(self.wanted.key, ());
                self.shelf.forget(self.wanted.key, &self.page);
                self.page.keep_no_longer();
            }
            poll_fn(|cx| self.page.poll_room(cx)).await.ok_or(Stopped::Unread)?;
            self.page.push(compiling.write(step));
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// The next piece. Where nobody reads, the page is waited for only so long in all.
    async fn next(&mut self, origin: &mut Body) -> Result<Piece, Stopped> {
        loop {
            let bound = self.patience()?;
            let Ok(frame) = timeout(bound, origin.frame()).await else { continue };
            let Some(frame) = frame.transpose()? else { return Ok(Piece::End(None)) };
            match frame.into_data() {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Ok(Piece::Bytes(bytes)),
                Err(frame) => return Ok(Piece::End(frame.into_trailers().ok())),
            }
        }
    }

    /// How long to wait before looking again whether anybody reads.
    fn patience(&mut self) -> Result<Duration, Stopped> {
        if self.page.seats() > 0 {
            self.alone = None;
            return Ok(PAGE_ALONE_WAIT);
        }
        let since = *self.alone.get_or_insert_with(Instant::now);
        match PAGE_ALONE_WAIT.checked_sub(since.elapsed()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(Stopped::Alone(PAGE_ALONE_WAIT)),
        }
    }

    /// Says it if a part of the page went through as it is.
    fn tell_early_end(&self, compiling: &Compiling) {
        let kind = match compiling.broken() {
            Some(reason) => {
                tracing::warn!(reason = %Causes(reason), "compiling a page ended early; the rest of it is passed on as it is");
                label(reason)
            }
            None if compiling.is_full() => {
                tracing::warn!(
                    limit = SLOTS_PER_PAGE,
                    "a page has too many slots; the rest of it is passed on as it is"
                );
                "slots"
            }
            None => return,
        };
        self.shelf.metrics.broken_pages.get_or_create(&Kind { kind }).inc();
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        self.shelf.forget(self.wanted.key, &self.page);
        self.page.break_off();
    }
}
