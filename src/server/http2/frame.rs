//! Where frames begin and end (RFC 9113 section 4.1).
//!
//! In: bytes in any pieces. Out: the head of each frame, then its payload as it comes. It must not judge frames or hold bytes
//! but those of one head.

/// Bytes of a frame's head.
pub const HEAD_BYTES: usize = 9;

/// What a frame is for (section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    Goaway,
    WindowUpdate,
    Continuation,
    /// Of an extension that we don't know.
    Unknown(u8),
}

impl Kind {
    const KNOWN: [Self; 10] = [
        Self::Data,
        Self::Headers,
        Self::Priority,
        Self::RstStream,
        Self::Settings,
        Self::PushPromise,
        Self::Ping,
        Self::Goaway,
        Self::WindowUpdate,
        Self::Continuation,
    ];

    fn of(number: u8) -> Self {
        Self::KNOWN.get(usize::from(number)).copied().unwrap_or(Self::Unknown(number))
    }

    /// As it stands in a frame.
    pub fn number(self) -> u8 {
        match self {
            Self::Unknown(number) => number,
            known => Self::KNOWN.iter().position(|kind| *kind == known).unwrap_or_default() as u8,
        }
    }
}

/// A frame's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub kind: Kind,
    flags: u8,
    pub stream: u32,
    /// Bytes of the payload.
    pub length: u32,
}

impl Head {
    fn parse(bytes: [u8; HEAD_BYTES]) -> Self {
        let [a, b, c, kind, flags, stream @ ..] = bytes;
        Self {
            kind: Kind::of(kind),
            flags,
            // The first bit is reserved and says nothing.
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
            length: u32::from_be_bytes([0, a, b, c]),
        }
    }

    /// Whether the sender's side of the stream ends with it.
    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, Kind::Data | Kind::Headers) && self.flags & 1 != 0
    }

    /// Whether a header block ends with it.
    pub fn ends_block(&self) -> bool {
        matches!(self.kind, Kind::Headers | Kind::Continuation) && self.flags & 4 != 0
    }

    /// The part of a HEADERS or CONTINUATION frame's payload that is a header block: the former's without padding and priority
    /// (section 6.2). `None` where the padding is longer than the frame.
    pub fn block<'a>(&self, payload: &'a [u8]) -> Option<&'a [u8]> {
        if self.kind == Kind::Continuation {
            return Some(payload);
        }
        let (padding, rest) = match payload {
            [padding, rest @ ..] if self.flags & 8 != 0 => (usize::from(*padding), rest),
            rest => (0, rest),
        };
        let priority = if self.flags & 0x20 != 0 { 5 } else { 0 };
        rest.get(priority..rest.len().checked_sub(padding)?)
    }

    /// Whether it answers another frame.
    pub fn is_ack(&self) -> bool {
        matches!(self.kind, Kind::Settings | Kind::Ping) && self.flags & 1 != 0
    }
}

/// The reader of one direction of a connection.
#[derive(Debug, Default)]
pub struct Frames {
    head: [u8; HEAD_BYTES],
    /// Bytes of the head that have come.
    have: usize,
    /// Bytes of the payload that are to come.
    left: u32,
}

/// What some bytes are.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A part of a head.
    Part,
    /// The rest of a head.
    Head(Head),
    /// Some of the payload of the frame whose head was the last.
    Payload(&'a [u8]),
}

impl Frames {
    /// Reads some of `bytes`, which are not none; tells how many, and what they are.
    pub fn read<'a>(&mut self, bytes: &'a [u8]) -> (usize, Piece<'a>) {
        if self.left > 0 {
            let read = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= read as u32;
            return (read, Piece::Payload(&bytes[..read]));
        }
        let read = bytes.len().min(HEAD_BYTES - self.have);
        self.head[self.have..self.have + read].copy_from_slice(&bytes[..read]);
        self.have += read;
        if self.have < HEAD_BYTES {
            return (read, Piece::Part);
        }
        let head = Head::parse(self.head);
        (self.have, self.left) = (0, head.length);
        (read, Piece::Head(head))
    }

    /// Whether what was read ends with a frame.
    pub fn is_between(&self) -> bool {
        self.have == 0 && self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_in_any_pieces() {
        let bytes = [0, 0, 2, 0, 1, 0x80, 0, 0, 5, b'a', b'b', 0, 0, 0, 0x16, 0xff, 0, 0, 0, 0];
        for size in 1..bytes.len() {
            let (mut frames, mut heads, mut payload) = (Frames::default(), Vec::new(), Vec::new());
            for mut piece in bytes.chunks(size) {
                while !piece.is_empty() {
                    let (read, what) = frames.read(piece);
                    match what {
                        Piece::Part => {}
                        Piece::Head(head) => heads.push(head),
                        Piece::Payload(bytes) => payload.extend_from_slice(bytes),
                    }
                    piece = &piece[read..];
                }
            }
            assert!(frames.is_between());
            assert_eq!(payload, b"ab");
            assert_eq!(heads[0], Head { kind: Kind::Data, flags: 1, stream: 5, length: 2 });
            assert_eq!(heads[1], Head { kind: Kind::Unknown(0x16), flags: 0xff, stream: 0, length: 0 });
            assert!(heads[0].ends_stream() && !heads[1].ends_stream());
        }
    }

    #[test]
    fn kinds_keep_their_numbers() {
        for number in 0..=255 {
            assert_eq!(Kind::of(number).number(), number);
        }
    }
}
