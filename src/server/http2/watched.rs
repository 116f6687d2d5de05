//! A connection whose frames are read along, if it is one of HTTP/2.
//!
//! In: a stream. Out: the same stream, which fails at the first fault of the client's, after the client was told of it; faults
//! counted, the library's too. It must not change bytes or judge them: `rules` does.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::fault::Fault;
use super::rules::{Broken, Rules};
use crate::server::framing::PREFACE;
use crate::server::terms::Terms;

/// The stream.
pub struct Watched<I> {
    stream: I,
    terms: Arc<Terms>,
    state: State,
}

enum State {
    /// So many bytes of the preface have come.
    Preface(usize),
    /// Not HTTP/2: nothing is looked at.
    Other,
    Open(Box<Rules>),
    /// What is good is handed on first.
    Broken(Box<Rules>, Fault),
    /// The client has been told as well as it could be.
    Ended(Fault),
}

impl<I> Watched<I> {
    /// Reads along with whoever reads `stream`, from its beginning.
    pub fn new(stream: I, terms: &Arc<Terms>) -> Self {
        Self { stream, terms: Arc::clone(terms), state: State::Preface(0) }
    }

    /// Looks at what has come; tells how many of `bytes` may be handed on.
    fn look(&mut self, bytes: &[u8]) -> usize {
        let mut begin = 0;
        if let State::Preface(seen) = self.state {
            begin = bytes.len().min(PREFACE.len() - seen);
            if bytes[..begin] != PREFACE[seen..seen + begin] {
                self.state = State::Other;
            } else if seen + begin == PREFACE.len() {
                self.state = State::Open(Box::new(Rules::begin()));
            } else {
                self.state = State::Preface(seen + begin);
            }
        }
        let State::Open(rules) = &mut self.state else { return bytes.len() };
        match rules.received(&bytes[begin..]) {
            Ok(()) => bytes.len(),
            Err(Broken { good, fault }) => {
                self.fail(fault);
                begin + good
            }
        }
    }

    fn fail(&mut self, fault: Fault) {
        self.state = match std::mem::replace(&mut self.state, State::Other) {
            State::Open(rules) => State::Broken(rules, fault),
            other => other,
        };
    }
}

impl<I: AsyncWrite + Unpin> Watched<I> {
    /// Tells the client, if that is possible at once: a frame of ours must not stand within another, and a client that
    /// does not read is not waited for.
    fn tell(&mut self, cx: &mut Context<'_>) {
        let State::Broken(rules, fault) = &self.state else { return };
        let fault = *fault;
        self.terms.count_reason(fault.reason());
        tracing::info!(reason = %fault, "an HTTP/2 connection was ended");
        if rules.may_speak() {
            let goaway = fault.goaway(rules.last_stream());
            if let Poll::Ready(Ok(_)) = Pin::new(&mut self.stream).poll_write(cx, &goaway) {
                let _ = Pin::new(&mut self.stream).poll_flush(cx);
            }
        }
        self.state = State::Ended(fault);
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncRead for Watched<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if !matches!(self.state, State::Broken(..) | State::Ended(_)) {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
            let good = self.look(&buffer.filled()[before..]);
            buffer.set_filled(before + good);
        }
        // What is good goes first; an empty read would be the end.
        if buffer.filled().len() == before {
            self.tell(cx);
        }
        match self.state {
            State::Ended(fault) => Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault))),
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.wrote(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        let mut left = written;
        for slice in slices {
            let of_it = left.min(slice.len());
            self.wrote(&slice[..of_it]);
            left -= of_it;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<I> Watched<I> {
    fn wrote(&mut self, bytes: &[u8]) {
        let failed = match &mut self.state {
            State::Open(rules) => rules.sent(bytes, |blame| self.terms.count_reason(blame.reason())).err(),
            State::Broken(rules, _) => {
                // Only where its frames end is still of interest.
                let _ = rules.sent(bytes, |_| ());
                None
            }
            State::Preface(_) | State::Other | State::Ended(_) => None,
        };
        if let Some(fault) = failed {
            self.fail(fault);
        }
    }
}
