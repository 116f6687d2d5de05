//! Where the requests on an HTTP/1.1 connection begin and end, read strictly (RFC 9112 sections 6 and 7).
//!
//! In: the bytes as they arrive, in any pieces. Out: how many heads have ended, the first request that must not be
//! served, and the place at which a body's framing breaks. It must not hold bytes or allocate. It sees what the HTTP
//! library throws away (a length beside a coding, a second length, a fragment, what stands behind a chunk's size) and
//! leaves to the library what it refuses by itself.

mod head;

use super::refusal::Refusal;
use crate::http::framing::chunks::{Chunks, Extensions};
pub use head::HeadBounds;
use head::{BodyLength, Head};

/// What an HTTP/2 connection begins with (RFC 9113 section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The reader of one connection.
#[derive(Debug)]
pub struct Framing {
    bounds: HeadBounds,
    state: State,
    heads: u64,
    refused: Option<Refusal>,
}

#[derive(Debug)]
enum State {
    /// So many bytes of the preface have come.
    Preface(usize),
    Head(Head),
    /// So many bytes of a body are to come.
    Length(u64),
    Chunked(Chunks),
    /// What comes is not HTTP/1.1 any more, or must not be served.
    Over(Over),
}

/// Why nothing is read any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Http2,
    /// After a request to leave HTTP, which is the connection's last whatever becomes of it.
    Upgrade,
    Refused,
}

/// What there is to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// So many heads have ended, and all may be served.
    Heads(u64),
    /// The last of so many heads must not be served.
    Refused(u64, Refusal),
    /// HTTP/2 frames itself.
    Http2,
}

/// Where in a request a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Midst {
    /// It has nothing more to send.
    Between,
    Head,
    /// In a body, or in what nobody reads.
    Beyond,
}

/// A head is too large, or a body's framing broke: what stands before this place in the bytes is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    pub good: usize,
    pub refusal: Refusal,
}

impl Framing {
    pub fn begin(bounds: HeadBounds) -> Self {
        Self { bounds, state: State::Preface(0), heads: 0, refused: None }
    }

    /// Where in a request the client is.
    pub fn midst(&self) -> Midst {
        match &self.state {
            State::Preface(0) => Midst::Between,
            State::Head(head) if !head.has_begun() => Midst::Between,
            State::Preface(_) | State::Head(_) => Midst::Head,
            State::Length(_) | State::Chunked(_) | State::Over(_) => Midst::Beyond,
        }
    }

    /// What has been seen so far.
    pub fn seen(&self) -> Seen {
        match (&self.state, self.refused) {
            (State::Over(Over::Http2), _) => Seen::Http2,
            (_, Some(refusal)) => Seen::Refused(self.heads, refusal),
            _ => Seen::Heads(self.heads),
        }
    }

    /// Reads on.
    ///
    /// # Errors
    /// [`Broken`] if a head is too large or a body can't end well; nothing after that is read.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let mut place = 0;
        while let Some(rest) = bytes.get(place..).filter(|rest| !rest.is_empty()) {
            let step = self.step(rest).map_err(|(good, refusal)| {
                self.state = State::Over(Over::Refused);
                Broken { good: place + good, refusal }
            });
            place += step?;
        }
        Ok(())
    }

    /// Reads some of `bytes`, which are not none, and tells how many; at an error, how many were good.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, (usize, Refusal)> {
        match &mut self.state {
            State::Over(_) => Ok(bytes.len()),
            State::Preface(seen) => {
                let seen = *seen;
                Ok(self.preface(seen, bytes))
            }
            State::Head(head) => {
                let (read, ended) = head.read(bytes, self.bounds).map_err(|refusal| (0, refusal))?;
                if let Some(ended) = ended {
                    self.heads += 1;
                    self.state = self.after_head(ended);
                }
                Ok(read)
            }
            State::Length(left) => {
                let read = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= read as u64;
                if *left == 0 {
                    self.state = State::Head(Head::begin());
                }
                Ok(read)
            }
            State::Chunked(chunks) => {
                let (read, ended) = chunks.read(bytes).map_err(|(good, malformed)| (good, malformed.into()))?;
                if ended {
                    self.state = State::Head(Head::begin());
                }
                Ok(read)
            }
        }
    }

    /// What began like the preface and was none is the beginning of a head.
    fn preface(&mut self, seen: usize, bytes: &[u8]) -> usize {
        let same = PREFACE[seen..].iter().zip(bytes).take_while(|(a, b)| a == b).count();
        if seen + same == PREFACE.len() {
            self.state = State::Over(Over::Http2);
        } else if same == bytes.len() {
            self.state = State::Preface(seen + same);
        } else {
            let mut head = Head::begin();
            // No head ends within the preface's first line; one that differs only later is refused by its version.
            let _ = head.read(&PREFACE[..seen + same], self.bounds);
            self.state = State::Head(head);
        }
        same
    }

    fn after_head(&mut self, ended: Result<BodyLength, Refusal>) -> State {
        match ended {
            Ok(BodyLength::Known(0)) => State::Head(Head::begin()),
            Ok(BodyLength::Known(length)) => State::Length(length),
            Ok(BodyLength::Chunked) => State::Chunked(Chunks::begin(Extensions::Judged)),
            Ok(BodyLength::Upgrade) => State::Over(Over::Upgrade),
            Err(refusal) => {
                self.refused = Some(refusal);
                State::Over(Over::Refused)
            }
        }
    }
}

#[cfg(test)]
mod tests;
