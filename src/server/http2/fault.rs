//! Why an HTTP/2 connection ends, and what its client is told.
//!
//! In: a reason. Out: its error code, and the GOAWAY frame that says it. It must not look at frames; `rules` does.

use super::frame::{HEAD_BYTES, Kind};

/// Bytes of a GOAWAY frame without further words (RFC 9113 section 6.8).
pub const GOAWAY_BYTES: usize = HEAD_BYTES + 8;

/// What is wrong with a connection. RFC 9113.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Section 3.4.
    #[error("the connection does not begin with SETTINGS")]
    NoSettings,
    /// Section 4.2.
    #[error("a {0:?} frame has a length that it can't have")]
    FrameSize(Kind),
    /// Section 6.5.2.
    #[error("a window larger than 2^31-1 is asked for")]
    Window,
    /// Section 5.1.
    #[error("a {0:?} frame on a stream that the client has ended")]
    StreamClosed(Kind),
    /// Section 8.1.
    #[error("a pseudo-header field in trailers")]
    Trailers,
    /// Section 10.5.
    #[error("more frames that ask for nothing than an honest client has a use for")]
    Control,
    /// Section 10.5: whoever makes them, the work was for nothing.
    #[error("more streams were reset than an honest client has a use for")]
    Resets,
}

impl Fault {
    /// The error code (section 7).
    fn code(self) -> u32 {
        match self {
            Self::NoSettings | Self::Trailers => 0x1,
            Self::Window => 0x3,
            Self::StreamClosed(_) => 0x5,
            Self::FrameSize(_) => 0x6,
            Self::Control | Self::Resets => 0xb,
        }
    }

    /// What it is called in metrics.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoSettings => "http2_no_settings",
            Self::FrameSize(_) => "http2_frame_size",
            Self::Window => "http2_window",
            Self::StreamClosed(_) => "http2_stream_closed",
            Self::Trailers => "http2_trailers",
            Self::Control => "http2_control_frames",
            Self::Resets => "http2_resets",
        }
    }

    /// The GOAWAY frame; `last` is the highest stream that may have been acted on.
    pub fn goaway(self, last: u32) -> [u8; GOAWAY_BYTES] {
        let mut frame = [0; GOAWAY_BYTES];
        frame[2] = 8;
        frame[3] = Kind::Goaway.number();
        frame[9..13].copy_from_slice(&last.to_be_bytes());
        frame[13..].copy_from_slice(&self.code().to_be_bytes());
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_says_stream_and_code() {
        let frame = Fault::Resets.goaway(0x0102_0304);
        assert_eq!(frame, [0, 0, 8, 7, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0xb]);
    }
}
