//! What the library blames a client for, so that it can be counted: it tells only the client.
//!
//! In: the frames that a client is sent. Out: for each GOAWAY and RST_STREAM frame the error that it tells, if it is one of the
//! client's. It must not know why the library tells it.

use super::frame::{Head, Kind};

/// Errors that are the client's (RFC 9113 section 7). That a request came to nothing on our side is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    Protocol,
    FlowControl,
    SettingsTimeout,
    StreamClosed,
    FrameSize,
    RefusedStream,
    Compression,
    Calm,
}

impl Blame {
    fn of(code: u32) -> Option<Self> {
        Some(match code {
            0x1 => Self::Protocol,
            0x3 => Self::FlowControl,
            0x4 => Self::SettingsTimeout,
            0x5 => Self::StreamClosed,
            0x6 => Self::FrameSize,
            0x7 => Self::RefusedStream,
            0x9 => Self::Compression,
            0xb => Self::Calm,
            _ => return None,
        })
    }

    /// What it is called in metrics.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Protocol => "http2_protocol",
            Self::FlowControl => "http2_flow_control",
            Self::SettingsTimeout => "http2_settings_timeout",
            Self::StreamClosed => "http2_stream_closed",
            Self::FrameSize => "http2_frame_size",
            Self::RefusedStream => "http2_refused_stream",
            Self::Compression => "http2_compression",
            Self::Calm => "http2_calm",
        }
    }
}

/// The reader of the codes in what is sent.
#[derive(Debug, Default)]
pub struct Codes {
    /// Bytes of the payload that stand before the code.
    before: usize,
    /// Bytes of the code that are to come.
    missing: usize,
    code: u32,
}

impl Codes {
    /// A frame begins.
    pub fn head(&mut self, head: &Head) {
        (self.before, self.missing) = match head.kind {
            Kind::RstStream => (0, 4),
            // The last stream comes first.
            Kind::Goaway => (4, 4),
            _ => (0, 0),
        };
        self.code = 0;
    }

    /// Some of its payload has come.
    pub fn payload(&mut self, payload: &[u8]) -> Option<Blame> {
        let skipped = self.before.min(payload.len());
        self.before -= skipped;
        let code = payload[skipped..].iter().take(self.missing);
        let came = code.len();
        self.code = code.fold(self.code, |code, byte| code << 8 | u32::from(*byte));
        self.missing -= came;
        (came > 0 && self.missing == 0).then(|| Blame::of(self.code)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Frames, Piece};
    use super::*;

    /// What is found in `bytes`, in pieces of `size`.
    fn blames(bytes: &[u8], size: usize) -> Vec<Blame> {
        let (mut frames, mut codes, mut found) = (Frames::default(), Codes::default(), Vec::new());
        for mut piece in bytes.chunks(size) {
            while !piece.is_empty() {
                let (read, what) = frames.read(piece);
                match what {
                    Piece::Part => {}
                    Piece::Head(head) => codes.head(&head),
                    Piece::Payload(payload) => found.extend(codes.payload(payload)),
                }
                piece = &piece[read..];
            }
        }
        found
    }

    #[test]
    fn codes_are_found_in_any_pieces_and_only_where_they_stand() {
        let reset = |code| vec![0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, code];
        let goaway = vec![0, 0, 10, 7, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0xb, b'h', b'i'];
        let ping = vec![0, 0, 8, 6, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
        let bytes = [reset(1), ping, goaway, reset(0), reset(8), reset(7)].concat();
        for size in 1..bytes.len() {
            assert_eq!(blames(&bytes, size), [Blame::Protocol, Blame::Calm, Blame::RefusedStream]);
        }
    }
}
