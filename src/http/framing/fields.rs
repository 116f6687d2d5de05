//! The field lines of a head, as far as they say where the message ends (RFC 9112 section 6).
//!
//! In: bytes, from those behind the head's first line. Out: what the fields say, once the empty line has come. It must not
//! validate what the HTTP library validates, nor judge what is said.

use super::text::Text;

/// What the fields of a head say, as far as it has come.
#[derive(Debug)]
pub struct Fields {
    at: At,
    /// Of the name or value that is being read.
    text: Text,
    length: Option<Length>,
    coding: Option<Coding>,
    upgrade: Upgrade,
}

/// What `Content-Length` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Bytes(u64),
    /// Not `1*DIGIT`, or more than anybody counts.
    Invalid,
    /// More than one, also equal ones.
    Repeated,
}

/// What `Transfer-Encoding` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Chunked,
    /// Chunked over another coding, properly said.
    Other,
    /// Nothing that could be framed (section 6.3), or more than one line of it.
    Invalid,
}

/// What `Upgrade` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    None,
    WebSocket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    LineStart,
    Name,
    Value(Field),
    /// The value of any other field.
    Unread,
}

/// The fields that say where a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Length,
    Coding,
    Upgrade,
}

impl Fields {
    pub fn begin() -> Self {
        Self { at: At::LineStart, text: Text::new(), length: None, coding: None, upgrade: Upgrade::None }
    }

    pub fn length(&self) -> Option<Length> {
        self.length
    }

    pub fn coding(&self) -> Option<Coding> {
        self.coding
    }

    pub fn upgrade(&self) -> Upgrade {
        self.upgrade
    }

    /// Reads up to the empty line; tells how many bytes, and whether it has come. Lines may end with a bare LF (section 2.2);
    /// a CR elsewhere is the library's to refuse.
    pub fn read(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut rest = bytes;
        while let Some((first, behind)) = rest.split_first() {
            rest = match (self.at, *first) {
                (At::LineStart, b'\r') => behind,
                (At::LineStart, b'\n') => return (bytes.len() - behind.len(), true),
                (At::LineStart, _) => self.go(At::Name, rest),
                _ => self.read_line(rest),
            };
        }
        (bytes.len(), false)
    }

    /// Reads up to the end of what is being read, which is within one line, and gives what is left.
    fn read_line<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let stop = if self.at == At::Name { b':' } else { b'\n' };
        let end = bytes.iter().position(|byte| *byte == stop || *byte == b'\n');
        let (read, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        if self.at != At::Unread {
            self.text.push(read);
        }
        let Some((stopped_by, rest)) = rest.split_first() else { return rest };
        let then = match self.at {
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
            Field::Length if self.length.is_some() => self.length = Some(Length::Repeated),
            Field::Length => self.length = Some(length(value).map_or(Length::Invalid, Length::Bytes)),
            Field::Coding if self.coding.is_some() => self.coding = Some(Coding::Invalid),
            Field::Coding => self.coding = Some(coding(value)),
            Field::Upgrade if value.eq_ignore_ascii_case(b"websocket") => self.upgrade = Upgrade::WebSocket,
            Field::Upgrade => {}
        }
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
fn coding(value: &[u8]) -> Coding {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Coding::Chunked;
    }
    let mut members = value.rsplit(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let last_is_chunked = members.next().is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"));
    let is_coding = |member: &[u8]| {
        [&b"gzip"[..], b"x-gzip", b"deflate", b"compress", b"x-compress"]
            .iter()
            .any(|known| member.eq_ignore_ascii_case(known))
    };
    if last_is_chunked && members.all(is_coding) { Coding::Other } else { Coding::Invalid }
}
