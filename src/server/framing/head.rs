//! One request's head, as far as it says where the request ends.
//!
//! In: bytes, from the request's first. Out: how long the body is, or why nobody can know. It must not validate what the
//! HTTP library validates.

use super::Refusal;
use crate::http::framing::fields::{Coding, Fields, Length, Upgrade};

/// What stands behind the target.
const VERSION: &[u8] = b" HTTP/1.1\r";

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    Known(u64),
    Chunked,
    /// The request asks to leave HTTP: what follows is of another protocol.
    Upgrade,
}

/// How large a head may be.
#[derive(Clone, Copy, Debug)]
pub struct HeadBounds {
    /// Bytes in all.
    pub head: usize,
    /// Bytes of the target.
    pub uri: usize,
}

/// A head of which not all has come.
#[derive(Debug)]
pub struct Head {
    at: At,
    /// Bytes so far.
    size: usize,
    /// Bytes of the first line behind the method.
    target_size: usize,
    target: Target,
    fields: Fields,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Empty lines may precede a request (section 2.2).
    Before,
    Method,
    Target,
    Fields,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Whole,
    Fragment,
}

impl Head {
    pub fn begin() -> Self {
        Self { at: At::Before, size: 0, target_size: 0, target: Target::Whole, fields: Fields::begin() }
    }

    /// Reads up to the head's end; tells how many bytes, and what follows if it has ended. Lines may end with a bare LF
    /// (section 2.2); a CR elsewhere is the library's to refuse.
    ///
    /// # Errors
    /// It is larger than it may be.
    pub fn read(
        &mut self,
        bytes: &[u8],
        bounds: HeadBounds,
    ) -> Result<(usize, Option<Result<BodyLength, Refusal>>), Refusal> {
        let (read, has_ended) = self.read_lines(bytes);
        self.size += read;
        match self {
            _ if self.target_size > bounds.uri.saturating_add(VERSION.len()) => Err(Refusal::UriTooLong),
            _ if self.size > bounds.head => Err(Refusal::HeadTooLarge),
            _ => Ok((read, has_ended.then(|| self.end()))),
        }
    }

    /// Whether any of it has come.
    pub fn has_begun(&self) -> bool {
        self.at != At::Before
    }

    fn read_lines(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut place = 0;
        while let Some(rest) = bytes.get(place..).filter(|rest| !rest.is_empty()) {
            place += match (self.at, rest[0]) {
                (At::Before, b'\r' | b'\n') => 1,
                (At::Before, _) => {
                    self.at = At::Method;
                    0
                }
                (At::Fields, _) => {
                    let (read, has_ended) = self.fields.read(rest);
                    return (place + read, has_ended);
                }
                _ => self.read_first_line(rest),
            };
        }
        (bytes.len(), false)
    }

    /// Reads up to the end of the method or of the line; tells how many bytes.
    fn read_first_line(&mut self, bytes: &[u8]) -> usize {
        let stop = if self.at == At::Method { b' ' } else { b'\n' };
        let end = memchr::memchr2(stop, b'\n', bytes);
        let read = &bytes[..end.unwrap_or(bytes.len())];
        if self.at == At::Target {
            self.target_size += read.len();
            if read.contains(&b'#') {
                self.target = Target::Fragment;
            }
        }
        match end.map(|end| bytes[end]) {
            None => {}
            Some(b' ') if self.at == At::Method => self.at = At::Target,
            Some(_) => self.at = At::Fields,
        }
        read.len() + usize::from(end.is_some())
    }

    fn end(&self) -> Result<BodyLength, Refusal> {
        if self.target == Target::Fragment {
            return Err(Refusal::Fragment);
        }
        let length = match (self.fields.length(), self.fields.coding()) {
            (Some(_), Some(_)) => return Err(Refusal::LengthAndCoding),
            (Some(Length::Bytes(length)), None) => BodyLength::Known(length),
            (Some(Length::Invalid), None) => return Err(Refusal::InvalidLength),
            (Some(Length::Repeated), None) => return Err(Refusal::Lengths),
            (None, Some(Coding::Chunked)) => BodyLength::Chunked,
            (None, Some(Coding::Other)) => return Err(Refusal::Coding),
            (None, Some(Coding::Invalid)) => return Err(Refusal::InvalidCoding),
            (None, None) => BodyLength::Known(0),
        };
        Ok(if self.fields.upgrade() == Upgrade::WebSocket { BodyLength::Upgrade } else { length })
    }
}
