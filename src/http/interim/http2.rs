//! Interim responses over HTTP/2, told by their frames: hyper passes them over in silence.
//!
//! In: what a server sends, as it is read. Out: the same, or an error once a stream has too many heads. It must not decode heads.
//!
//! A stream has one head for each interim response, one for the answer, and trailers, which end it (RFC 9113 section 8.1): so heads
//! that do not end their stream, and come before its data, are counted.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::passing::writes_pass;
use crate::limits;

/// A connection to a server that breaks when interim responses flood it.
pub struct Watched<S> {
    stream: S,
    frames: Frames,
}

/// More than [`INTERIM_RESPONSES`](limits::INTERIM_RESPONSES) before an answer.
#[derive(Debug, thiserror::Error)]
#[error("the server sends interim responses and no answer")]
struct Flood;

/// Frames as they go by (RFC 9113 section 4.1), in whatever pieces.
#[derive(Default)]
struct Frames {
    head: [u8; HEAD],
    /// How much of the next frame's head is there.
    begun: usize,
    /// How much of the frame's payload is still to come.
    payload: usize,
    /// The heads of streams whose answer may still be to come, by stream.
    heads: BTreeMap<u32, usize>,
}

/// Bytes of a frame's head.
const HEAD: usize = 9;
const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const END_STREAM: u8 = 0x1;

impl<S> Watched<S> {
    /// Watches a connection from its first byte.
    pub fn new(stream: S) -> Self {
        Self { stream, frames: Frames::default() }
    }
}

impl Frames {
    fn see(&mut self, mut bytes: &[u8]) -> Result<(), Flood> {
        while !bytes.is_empty() {
            let passed = self.payload.min(bytes.len());
            self.payload -= passed;
            bytes = &bytes[passed..];
            let taken = (HEAD - self.begun).min(bytes.len());
            self.head[self.begun..self.begun + taken].copy_from_slice(&bytes[..taken]);
            self.begun += taken;
            bytes = &bytes[taken..];
            if self.begun == HEAD {
                self.begun = 0;
                self.begin()?;
            }
        }
        Ok(())
    }

    /// A frame begins: its head is there.
    fn begin(&mut self) -> Result<(), Flood> {
        let [long, middle, short, kind, flags, stream @ ..] = self.head;
        self.payload = usize::from(long) << 16 | usize::from(middle) << 8 | usize::from(short);
        let stream = u32::from_be_bytes(stream) & !(1 << 31);
        match kind {
            HEADERS if flags & END_STREAM == 0 => self.count(stream),
            HEADERS | DATA | RST_STREAM => {
                self.heads.remove(&stream);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, stream: u32) -> Result<(), Flood> {
        let heads = self.heads.entry(stream).or_default();
        *heads += 1;
        if *heads > limits::INTERIM_RESPONSES + 1 {
            return Err(Flood);
        }
        // Of streams that we gave up nothing more may come.
        if self.heads.len() > 2 * limits::ORIGIN_STREAMS {
            self.heads.pop_first();
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let seen = self.frames.see(&buffer.filled()[before..]);
        Poll::Ready(seen.map_err(|flood| io::Error::new(io::ErrorKind::InvalidData, flood)))
    }
}

writes_pass!(Watched<S: AsyncWrite>);

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), &vec![0x1; payload]].concat()
    }

    fn heads(stream: u32, count: usize) -> Vec<u8> {
        frame(HEADERS, 0x4, stream, 5).repeat(count)
    }

    #[test]
    fn as_many_as_there_may_be_pass_however_they_are_cut() {
        let most = limits::INTERIM_RESPONSES + 1;
        let answer = [heads(1, most), frame(DATA, 0, 1, 300), frame(HEADERS, 0x5, 1, 20)].concat();
        let interleaved = [heads(3, most), heads(5, most), frame(RST_STREAM, 0, 3, 4), heads(3, 1)].concat();
        for connection in [answer, interleaved] {
            for size in [1, 7, 9, 10, 4096, connection.len()] {
                let mut frames = Frames::default();
                assert!(connection.chunks(size).all(|piece| frames.see(piece).is_ok()), "in pieces of {size}");
                let flood = [frame(DATA, 0x1, 7, 1), heads(9, most), heads(9, 1)].concat();
                assert!(flood.chunks(size).any(|piece| frames.see(piece).is_err()), "in pieces of {size}");
            }
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut frames = Frames::default();
        for stream in 0..100_000 {
            frames.see(&heads(2 * stream + 1, 1)).unwrap();
        }
        assert!(frames.heads.len() <= 2 * limits::ORIGIN_STREAMS);
    }
}
