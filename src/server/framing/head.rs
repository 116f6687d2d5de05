//! One request's head, as far as it says where the request ends.
//!
//! In: bytes, from the request's first. Out: how long the body is, or why nobody can know. It must not validate what the
//! HTTP library validates.

use super::Refusal;

/// Bytes of a name or value that are looked at: longer than any that matters.
const TEXT_BYTES: usize = 32;

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    Known(u64),
    Chunked,
    /// The request asks to leave HTTP: what follows is of another protocol.
    Upgrade,
}

/// A head of which not all has come.
#[derive(Debug)]
pub struct Head {
    at: At,
    name: Text,
    value: Text,
    length: Option<Result<u64, Refusal>>,
    coding: Option<Result<(), Refusal>>,
    upgrade: Upgrade,
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Empty lines may precede a request (section 2.2).
    Before,
    Method,
    Target,
    LineStart,
    Name,
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upgrade {
    None,
    WebSocket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Whole,
    Fragment,
}

impl Head {
    pub fn begin() -> Self {
        Self {
            at: At::Before,
            name: Text::new(),
            value: Text::new(),
            length: None,
            coding: None,
            upgrade: Upgrade::None,
            target: Target::Whole,
        }
    }

    /// Reads up to the head's end; tells how many bytes, and what follows if it has ended. Lines may end with a bare LF
    /// (section 2.2); a CR elsewhere is the library's to refuse.
    pub fn read(&mut self, bytes: &[u8]) -> (usize, Option<Result<BodyLength, Refusal>>) {
        for (place, byte) in bytes.iter().enumerate() {
            match (self.at, *byte) {
                (At::Before | At::LineStart, b'\r') => {}
                (At::Before, b'\n') => {}
                (At::Before, _) => self.at = At::Method,
                (At::LineStart, b'\n') => return (place + 1, Some(self.end())),
                (At::Value, b'\n') => self.end_field(),
                (At::Method | At::Target | At::Name, b'\n') => self.begin_line(),
                (At::Method, b' ') => self.at = At::Target,
                (At::Target, b'#') => self.target = Target::Fragment,
                (At::Name, b':') => self.at = At::Value,
                (At::LineStart | At::Name, byte) => {
                    self.at = At::Name;
                    self.name.push(byte);
                }
                (At::Value, byte) => self.value.push(byte),
                (At::Method | At::Target, _) => {}
            }
        }
        (bytes.len(), None)
    }

    fn begin_line(&mut self) {
        self.at = At::LineStart;
        self.name.clear();
        self.value.clear();
    }

    fn end_field(&mut self) {
        let (name, value) = (self.name.trimmed(), self.value.trimmed());
        if name.eq_ignore_ascii_case(b"content-length") {
            self.length = Some(match self.length {
                None => length(value).ok_or(Refusal::InvalidLength),
                Some(_) => Err(Refusal::Lengths),
            });
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.coding = Some(match self.coding {
                None => coding(value),
                Some(_) => Err(Refusal::InvalidCoding),
            });
        } else if name.eq_ignore_ascii_case(b"upgrade") && value.eq_ignore_ascii_case(b"websocket") {
            self.upgrade = Upgrade::WebSocket;
        }
        self.begin_line();
    }

    fn end(&self) -> Result<BodyLength, Refusal> {
        if self.target == Target::Fragment {
            return Err(Refusal::Fragment);
        }
        let length = match (self.length, self.coding) {
            (Some(_), Some(_)) => return Err(Refusal::LengthAndCoding),
            (Some(length), None) => BodyLength::Known(length?),
            (None, Some(coding)) => coding.map(|()| BodyLength::Chunked)?,
            (None, None) => BodyLength::Known(0),
        };
        Ok(if self.upgrade == Upgrade::WebSocket { BodyLength::Upgrade } else { length })
    }
}

/// `1*DIGIT` (section 6.2).
fn length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |length, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })
}

/// `chunked`, once. Another coding before it is one that we do not undo; all else can't be framed (section 6.3).
fn coding(value: &[u8]) -> Result<(), Refusal> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut members = value.rsplit(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let last_is_chunked = members.next().is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"));
    let is_coding = |member: &[u8]| {
        [&b"gzip"[..], b"x-gzip", b"deflate", b"compress", b"x-compress"]
            .iter()
            .any(|known| member.eq_ignore_ascii_case(known))
    };
    if last_is_chunked && members.all(is_coding) { Err(Refusal::Coding) } else { Err(Refusal::InvalidCoding) }
}

/// The first bytes of a name or value; a longer one equals nothing that is looked for.
#[derive(Debug)]
struct Text {
    bytes: [u8; TEXT_BYTES],
    /// Past [`TEXT_BYTES`] it only says that there were more.
    length: usize,
}

impl Text {
    fn new() -> Self {
        Self { bytes: [0; TEXT_BYTES], length: 0 }
    }

    fn clear(&mut self) {
        self.length = 0;
    }

    /// White space before the text, of any length, is not part of it.
    fn push(&mut self, byte: u8) {
        if self.length == 0 && is_white(byte) {
            return;
        }
        if let Some(next) = self.bytes.get_mut(self.length) {
            *next = byte;
            self.length += 1;
        } else if !is_white(byte) {
            self.length = TEXT_BYTES + 1;
        }
    }

    fn trimmed(&self) -> &[u8] {
        // What is too long must equal nothing, and be no number.
        self.bytes.get(..self.length).map_or(b"?", <[u8]>::trim_ascii_end)
    }
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}
