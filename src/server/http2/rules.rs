//! The rules of a connection that the library leaves out, or tells with the wrong code; and floods, which it serves.
//!
//! In: the frames both ways. Out: the first [`Fault`], if there is one. It must not repeat what the library checks well, nor
//! grow with what it is sent.

use std::collections::VecDeque;

use super::allowance::Allowance;
use super::blame::{Blame, Codes};
use super::fault::Fault;
use super::frame::{Frames, Head, Kind, Piece};
use super::trailers::{Named, Trailers};
use crate::limits;

/// The setting of a stream's first window (RFC 9113 section 6.5.2).
const INITIAL_WINDOW_SIZE: u16 = 4;
/// The largest window.
const LARGEST_WINDOW: u32 = 0x7fff_ffff;
/// Bytes of one setting.
const SETTING_BYTES: usize = 6;

/// The reader of one connection, after the preface.
#[derive(Debug)]
pub struct Rules {
    received: Frames,
    sent: Frames,
    codes: Codes,
    stage: Stage,
    /// The setting that is being read: its bytes, and how many of them.
    setting: Option<([u8; SETTING_BYTES], usize)>,
    /// The trailers that are being read.
    trailers: Option<Trailers>,
    /// The streams that the client ended last.
    ended: VecDeque<u32>,
    /// The highest stream that the client has opened.
    last: u32,
    control: Allowance,
    resets: Allowance,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing has come but the preface.
    Preface,
    Open,
}

/// A fault, and how many of the bytes stand before the frame that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    pub good: usize,
    pub fault: Fault,
}

impl Rules {
    pub fn begin() -> Self {
        Self {
            received: Frames::default(),
            sent: Frames::default(),
            codes: Codes::default(),
            stage: Stage::Preface,
            setting: None,
            trailers: None,
            ended: VecDeque::with_capacity(limits::ENDED_STREAMS_KNOWN),
            last: 0,
            control: Allowance::full(limits::CONTROL_FRAMES, limits::CONTROL_FRAMES_PER_SECOND),
            resets: Allowance::full(limits::RESETS, limits::RESETS_PER_SECOND),
        }
    }

    /// The highest stream that the client has opened.
    pub fn last_stream(&self) -> u32 {
        self.last
    }

    /// Whether what was sent ends with a frame.
    pub fn may_speak(&self) -> bool {
        self.sent.is_between()
    }

    /// Reads what the client sends.
    ///
    /// # Errors
    /// [`Broken`]; nothing after that is to be read.
    pub fn received(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let (mut place, mut good) = (0, 0);
        while place < bytes.len() {
            let (read, piece) = self.received.read(&bytes[place..]);
            let judged = match piece {
                Piece::Part => Ok(()),
                Piece::Head(head) => self.head(head),
                Piece::Payload(payload) => self.payload(payload),
            };
            let whole = self.received.is_between();
            let judged = judged.and_then(|()| if whole { self.end() } else { Ok(()) });
            judged.map_err(|fault| Broken { good, fault })?;
            place += read;
            if whole {
                good = place;
            }
        }
        Ok(())
    }

    /// Reads what the client is sent, and tells what it is blamed for there.
    ///
    /// # Errors
    /// The [`Fault`] of a client that makes us reset too many streams.
    pub fn sent(&mut self, bytes: &[u8], mut blamed: impl FnMut(Blame)) -> Result<(), Fault> {
        let (mut place, mut judged) = (0, Ok(()));
        while place < bytes.len() {
            let (read, piece) = self.sent.read(&bytes[place..]);
            match piece {
                Piece::Part => {}
                Piece::Head(head) => judged = judged.and(self.answered(&head)),
                Piece::Payload(payload) => self.codes.payload(payload).into_iter().for_each(&mut blamed),
            }
            place += read;
        }
        judged
    }

    /// Follows what the client is sent.
    fn answered(&mut self, head: &Head) -> Result<(), Fault> {
        self.codes.head(head);
        match head.kind {
            Kind::Data | Kind::Headers => self.control.earn(earned(head)),
            Kind::RstStream => self.resets.spend().map_err(|_| Fault::Resets)?,
            _ => {}
        }
        Ok(())
    }

    fn head(&mut self, head: Head) -> Result<(), Fault> {
        if self.stage == Stage::Preface {
            if head.kind != Kind::Settings || head.is_ack() {
                return Err(Fault::NoSettings);
            }
            self.stage = Stage::Open;
        }
        check_size(&head)?;
        self.setting = (head.kind == Kind::Settings).then_some(([0; SETTING_BYTES], 0));
        self.count(&head)?;
        self.follow(&head)
    }

    /// Counts what asks for nothing.
    fn count(&mut self, head: &Head) -> Result<(), Fault> {
        match head.kind {
            // Counted by the library, which sees the padding: empty ones, and blocks in pieces.
            Kind::Data | Kind::Headers | Kind::Continuation | Kind::PushPromise => Ok(()),
            Kind::RstStream => self.resets.spend().map_err(|_| Fault::Resets),
            _ => self.control.spend().map_err(|_| Fault::Control),
        }
    }

    /// Follows the streams, as far as the client's side of them goes.
    fn follow(&mut self, head: &Head) -> Result<(), Fault> {
        if matches!(head.kind, Kind::Data | Kind::Headers) && self.ended.contains(&head.stream) {
            return Err(Fault::StreamClosed(head.kind));
        }
        match head.kind {
            Kind::Headers => {
                // A stream that is open has had its request.
                self.trailers = (head.stream <= self.last).then(|| Trailers::begin(*head));
                self.last = self.last.max(head.stream);
            }
            Kind::Continuation => self.trailers.iter_mut().for_each(|trailers| trailers.go_on(*head)),
            // Nothing stands between the pieces of a block.
            _ => self.trailers = None,
        }
        if (head.ends_stream() || head.kind == Kind::RstStream) && !self.ended.contains(&head.stream) {
            if self.ended.len() == limits::ENDED_STREAMS_KNOWN {
                self.ended.pop_front();
            }
            self.ended.push_back(head.stream);
        }
        Ok(())
    }

    /// A frame is whole.
    fn end(&mut self) -> Result<(), Fault> {
        match self.trailers.as_mut().and_then(Trailers::end_frame) {
            Some(Named::Pseudo) => Err(Fault::Trailers),
            Some(Named::Others) | None => Ok(()),
        }
    }

    fn payload(&mut self, payload: &[u8]) -> Result<(), Fault> {
        if let Some(trailers) = &mut self.trailers {
            trailers.push(payload);
        }
        let Some((setting, have)) = &mut self.setting else { return Ok(()) };
        for byte in payload {
            setting[*have] = *byte;
            *have += 1;
            if *have == SETTING_BYTES {
                *have = 0;
                check_setting(*setting)?;
            }
        }
        Ok(())
    }
}

/// What a frame of a response allows the client to send besides: its windows are wider by at least as much as it took, and
/// some clients say so for each frame, for the stream and for the connection.
fn earned(head: &Head) -> u32 {
    limits::CONTROL_FRAMES_PER_FRAME + head.length / limits::BYTES_PER_CONTROL_FRAME
}

/// Lengths that the library tells as another error (section 4.2).
fn check_size(head: &Head) -> Result<(), Fault> {
    let is_right = match head.kind {
        Kind::Priority => head.length == 5,
        Kind::RstStream | Kind::WindowUpdate => head.length == 4,
        Kind::Ping => head.length == 8,
        Kind::Settings if head.is_ack() => head.length == 0,
        Kind::Settings => head.length.is_multiple_of(SETTING_BYTES as u32),
        Kind::Goaway => head.length >= 8,
        _ => true,
    };
    if is_right { Ok(()) } else { Err(Fault::FrameSize(head.kind)) }
}

fn check_setting([a, b, value @ ..]: [u8; SETTING_BYTES]) -> Result<(), Fault> {
    let is_window = u16::from_be_bytes([a, b]) == INITIAL_WINDOW_SIZE;
    if is_window && u32::from_be_bytes(value) > LARGEST_WINDOW { Err(Fault::Window) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Kind, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0, 0, payload.len() as u8, kind.number(), flags, 0, 0, 0, stream];
        frame.extend_from_slice(payload);
        frame
    }

    fn open() -> Rules {
        let mut rules = Rules::begin();
        rules.received(&frame(Kind::Settings, 0, 0, &[])).unwrap();
        rules
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_before_the_fault_is_good() {
        let good = frame(Kind::Ping, 0, 0, &[0; 8]);
        let bytes = [good.clone(), frame(Kind::Settings, 0, 0, &[0, 4, 0xff, 0, 0, 0])].concat();
        assert_eq!(open().received(&bytes), Err(Broken { good: good.len(), fault: Fault::Window }));
        let mut rules = open();
        let broken = bytes.iter().find_map(|byte| rules.received(&[*byte]).err()).unwrap();
        assert_eq!(broken, Broken { good: 0, fault: Fault::Window });
    }

    #[tokio::test(start_paused = true)]
    async fn pings_are_an_allowance_and_responses_earn_more() {
        let ping = frame(Kind::Ping, 0, 0, &[0; 8]);
        let mut rules = open();
        let sent = (0..2 * limits::CONTROL_FRAMES).take_while(|_| rules.received(&ping).is_ok()).count();
        // The first SETTINGS was one.
        assert_eq!(sent, limits::CONTROL_FRAMES as usize - 1);
        rules.sent(&frame(Kind::Data, 0, 1, &[0; 100]), |_| ()).unwrap();
        rules.received(&ping).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn resets_count_whoever_sends_them() {
        let mut rules = open();
        for number in 0..limits::RESETS {
            let reset = frame(Kind::RstStream, 0, 1, &[0, 0, 0, 8]);
            if number % 2 == 0 { rules.received(&reset).unwrap() } else { rules.sent(&reset, |_| ()).unwrap() }
        }
        assert_eq!(rules.sent(&frame(Kind::RstStream, 0, 1, &[0; 4]), |_| ()), Err(Fault::Resets));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_was_ended_stays_so_as_long_as_it_is_known() {
        let mut rules = open();
        rules.received(&frame(Kind::Headers, 5, 1, &[])).unwrap();
        let broken = rules.received(&frame(Kind::Data, 0, 1, b"x")).unwrap_err();
        assert_eq!(broken.fault, Fault::StreamClosed(Kind::Data));
        assert_eq!(rules.last_stream(), 1);
    }
}
