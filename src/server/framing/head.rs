//! One request's head, as far as it says where the request ends.
//!
//! In: bytes, from the request's first. Out: how long the body is, or why nobody can know. It must not validate what the
//! HTTP library validates.

use super::Refusal;

/// Bytes of a name or value that are looked at: longer than any that matters.
const TEXT_BYTES: usize = 32;

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
    /// Of the name or value that is being read.
    text: Text,
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
    Value(Field),
    /// The value of any other field.
    Unread,
}

/// The fields that say where a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Length,
    Coding,
    Upgrade,
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
            size: 0,
            target_size: 0,
            text: Text::new(),
            length: None,
            coding: None,
            upgrade: Upgrade::None,
            target: Target::Whole,
        }
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
        let (read, ended) = self.read_lines(bytes);
        self.size += read;
        match self {
            _ if self.target_size > bounds.uri.saturating_add(VERSION.len()) => Err(Refusal::UriTooLong),
            _ if self.size > bounds.head => Err(Refusal::HeadTooLarge),
            _ => Ok((read, ended)),
        }
    }

    /// Whether any of it has come.
    pub fn has_begun(&self) -> bool {
        self.at != At::Before
    }

    fn read_lines(&mut self, bytes: &[u8]) -> (usize, Option<Result<BodyLength, Refusal>>) {
        let mut rest = bytes;
        while let Some((first, behind)) = rest.split_first() {
            rest = match (self.at, *first) {
                (At::Before, b'\r' | b'\n') | (At::LineStart, b'\r') => behind,
                (At::Before, _) => self.go(At::Method, rest),
                (At::LineStart, b'\n') => return (bytes.len() - behind.len(), Some(self.end())),
                (At::LineStart, _) => self.go(At::Name, rest),
                _ => self.read_line(rest),
            };
        }
        (bytes.len(), None)
    }

    /// Reads up to the end of what is being read, which is within one line, and gives what is left.
    fn read_line<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let stop = match self.at {
            At::Method => b' ',
            At::Name => b':',
            _ => b'\n',
        };
        let end = memchr::memchr2(stop, b'\n', bytes);
        let (read, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        if self.at == At::Target {
            self.target_size += read.len();
        }
        match self.at {
            At::Target if read.contains(&b'#') => self.target = Target::Fragment,
            At::Name | At::Value(_) => self.text.push(read),
            _ => {}
        }
        let Some((stopped_by, rest)) = rest.split_first() else { return rest };
        let then = match self.at {
            At::Method if *stopped_by == b' ' => At::Target,
            At::Name if *stopped_by == b':' => self.value(),
            At::Value(field) => {
                self.end_field(field);
                At::LineStart
            }
            _ => At::LineStart,
        };
        self.go(then, rest)
    }

    fn go<'a>(&mut self, then: At, rest: &'a [u8]) -> &'a [u8] {
        self.at = then;
        self.text.clear();
        rest
    }

    /// Where a name that has ended leads.
    fn value(&self) -> At {
        let name = self.text.trimmed();
        if name.eq_ignore_ascii_case(b"content-length") {
            At::Value(Field::Length)
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            At::Value(Field::Coding)
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            At::Value(Field::Upgrade)
        } else {
            At::Unread
        }
    }

    fn end_field(&mut self, field: Field) {
        let value = self.text.trimmed();
        match field {
            Field::Length => {
                self.length = Some(match self.length {
                    None => length(value).ok_or(Refusal::InvalidLength),
                    Some(_) => Err(Refusal::Lengths),
                });
            }
            Field::Coding => {
                self.coding = Some(match self.coding {
                    None => coding(value),
                    Some(_) => Err(Refusal::InvalidCoding),
                });
            }
            Field::Upgrade if value.eq_ignore_ascii_case(b"websocket") => self.upgrade = Upgrade::WebSocket,
            Field::Upgrade => {}
        }
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
    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.length == 0 && is_white(*byte) {
                continue;
            }
            if let Some(next) = self.bytes.get_mut(self.length) {
                *next = *byte;
                self.length += 1;
            } else if !is_white(*byte) {
                self.length = TEXT_BYTES + 1;
            }
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
