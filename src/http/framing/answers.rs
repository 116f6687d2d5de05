//! Where the responses on an HTTP/1.1 connection to a server begin and end, read along with the HTTP library.
//!
//! In: the bytes as they arrive, in any pieces, and whether the request was one for a head alone. Out: the place at which a
//! chunked body's framing breaks. It must not hold bytes or allocate, nor judge heads: [`check`](super::check) does.
//!
//! The library takes what follows the last chunk for trailers up to two CRLFs, and stops reading them at an empty line that
//! ends with a bare LF: what stands between would be nobody's, and part of a next response to another reader.

use super::chunks::{Chunks, Extensions, Malformed};
use super::fields::{Coding, Fields, Length};

/// The reader of one connection.
#[derive(Debug)]
pub struct Answers(State);

#[derive(Debug)]
enum State {
    Head(Head),
    /// So many bytes of a body are to come.
    Length(u64),
    Chunked(Chunks),
    /// The rest is one body or no HTTP, or a head is in no form that passes.
    Over,
}

/// What stands before this place in the bytes is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    pub good: usize,
    pub malformed: Malformed,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Response,
    /// `HEAD`: no body whatever the head says.
    Head,
}

impl Answers {
    pub fn begin() -> Self {
        Self(State::Head(Head::begin()))
    }

    /// Reads on, where `wanted` is what the request was for whose response is due.
    ///
    /// # Errors
    /// [`Broken`] if a chunked body can't end well; nothing after that is read.
    pub fn read(&mut self, bytes: &[u8], wanted: Wanted) -> Result<(), Broken> {
        let mut place = 0;
        while let Some(rest) = bytes.get(place..).filter(|rest| !rest.is_empty()) {
            let step = self.step(rest, wanted).map_err(|(good, malformed)| {
                self.0 = State::Over;
                Broken { good: place + good, malformed }
            });
            place += step?;
        }
        Ok(())
    }

    /// Reads some of `bytes`, which are not none, and tells how many; at an error, how many were good.
    fn step(&mut self, bytes: &[u8], wanted: Wanted) -> Result<usize, (usize, Malformed)> {
        let (read, then) = match &mut self.0 {
            State::Over => (bytes.len(), None),
            State::Head(head) => {
                let (read, has_ended) = head.read(bytes);
                (read, has_ended.then(|| head.body(wanted)))
            }
            State::Length(left) => {
                let read = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= read as u64;
                (read, (*left == 0).then(Self::next))
            }
            State::Chunked(chunks) => {
                let (read, has_ended) = chunks.read(bytes)?;
                (read, has_ended.then(Self::next))
            }
        };
        if let Some(then) = then {
            self.0 = then;
        }
        Ok(read)
    }

    fn next() -> State {
        State::Head(Head::begin())
    }
}

/// `HTTP/1.1 200`: what of the first line matters.
const STATUS: std::ops::Range<usize> = 9..12;

/// A response's head of which not all has come.
#[derive(Debug)]
struct Head {
    /// Of the first line.
    line: [u8; STATUS.end],
    line_length: usize,
    /// Once the first line has ended.
    fields: Option<Fields>,
}

impl Head {
    fn begin() -> Self {
        Self { line: [0; STATUS.end], line_length: 0, fields: None }
    }

    /// Reads up to the head's end; tells how many bytes, and whether it has come.
    fn read(&mut self, bytes: &[u8]) -> (usize, bool) {
        if let Some(fields) = &mut self.fields {
            return fields.read(bytes);
        }
        for (place, byte) in bytes.iter().enumerate() {
            match byte {
                // Empty lines may precede a response as they may a request (section 2.2).
                b'\r' | b'\n' if self.line_length == 0 => {}
                b'\n' => {
                    self.fields = Some(Fields::begin());
                    return (place + 1, false);
                }
                _ => {
                    if let Some(next) = self.line.get_mut(self.line_length) {
                        *next = *byte;
                        self.line_length += 1;
                    }
                }
            }
        }
        (bytes.len(), false)
    }

    /// What follows the head (section 6.3).
    fn body(&self, wanted: Wanted) -> State {
        let said = |fields: &Fields| (fields.length(), fields.coding());
        let said = self.fields.as_ref().map_or((None, None), said);
        match (&self.line[STATUS], wanted, said) {
            (b"101", ..) => State::Over,
            ([b'1', ..] | b"204" | b"304", ..) | (_, Wanted::Head, _) => Answers::next(),
            (.., (None, Some(Coding::Chunked))) => State::Chunked(Chunks::begin(Extensions::Skipped)),
            (.., (Some(Length::Bytes(0)), None)) => Answers::next(),
            (.., (Some(Length::Bytes(length)), None)) => State::Length(length),
            // Refused, or up to the end.
            _ => State::Over,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same, whatever the pieces in which the bytes arrive.
    fn read(bytes: &[u8], wanted: Wanted) -> Result<(), Broken> {
        let by = |size: usize| {
            let (mut answers, mut before) = (Answers::begin(), 0);
            for piece in bytes.chunks(size) {
                if let Err(broken) = answers.read(piece, wanted) {
                    return Err(Broken { good: before + broken.good, ..broken });
                }
                before += piece.len();
            }
            Ok(())
        };
        let whole = by(bytes.len());
        for size in [1, 2, 3, 7, 24] {
            assert_eq!(by(size), whole, "in pieces of {size}: {}", String::from_utf8_lossy(bytes));
        }
        whole
    }

    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const BARE: &str = "2\r\nhi\r\n0\r\n\nx\r\n\r\n";

    #[test]
    fn chunks_end_as_they_must_behind_whatever_came_before() {
        for before in [
            "",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n0\n\n",
            "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 204 No Content\nContent-Length: 5\n\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 ;a=\0\r\nhi\r\n0\r\nX: a\r\n\r\n",
        ] {
            let good = format!("{before}{CHUNKED}2\r\nhi\r\n0\r\n");
            assert_eq!(read(format!("{good}\r\n").as_bytes(), Wanted::Response), Ok(()));
            let broken = read(format!("{before}{CHUNKED}{BARE}").as_bytes(), Wanted::Response);
            assert_eq!(broken, Err(Broken { good: good.len(), malformed: Malformed::Trailer }), "{before:?}");
        }
    }

    #[test]
    fn what_is_no_chunked_body_is_not_read_as_one() {
        for head in [
            "HTTP/1.1 101 Switching Protocols\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX-Transfer-Encoding: chunked\r\n\r\n",
        ] {
            assert_eq!(read(format!("{head}{BARE}").as_bytes(), Wanted::Response), Ok(()), "{head:?}");
        }
        let next = format!("{CHUNKED}{CHUNKED}");
        assert_eq!(read(next.as_bytes(), Wanted::Head), Ok(()));
    }
}
