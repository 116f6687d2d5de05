//! Another reading of HTTP/1.1 messages, after RFC 9112 and nothing of Inlay's: slow, plain, and only of what can be read in
//! one way. At the first thing that somebody could read differently it stops.

use http::Uri;

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    pub method: String,
    /// Path and query: what of the target both readers can compare.
    pub target: String,
    pub body: Vec<u8>,
    /// Whether the body has ended.
    pub whole: bool,
}

impl Read {
    pub fn of(method: &str, target: &Uri) -> Self {
        let path = target.path_and_query().map_or("", |path| path.as_str());
        Self { method: method.to_owned(), target: path.to_owned(), ..Self::default() }
    }

    /// Whether this is `other`, or what one has of it whose body broke off.
    pub fn is_within(&self, other: &Self) -> bool {
        let same = self.method == other.method && self.target == other.target;
        match self.whole {
            true => same && other.whole && self.body == other.body,
            false => same && other.body.starts_with(&self.body),
        }
    }
}

/// How a message says where its body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Known(u64),
    Chunked,
    /// Nothing is said.
    Unsaid,
}

/// Every request in `bytes` whose head has come, up to the first that could be read in two ways.
pub fn requests(bytes: &[u8]) -> Vec<Read> {
    let (mut found, mut rest) = (Vec::new(), bytes);
    while let Some((mut read, length, behind)) = head(rest) {
        let after = match length {
            Length::Unsaid => {
                read.whole = true;
                Some(behind)
            }
            Length::Known(length) => known(behind, length, &mut read),
            Length::Chunked => chunked(behind, Extensions::Written, &mut read),
        };
        found.push(read);
        match after {
            Some(after) => rest = after,
            None => break,
        }
    }
    found
}

fn head(bytes: &[u8]) -> Option<(Read, Length, &[u8])> {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(end) = request.parse(bytes).ok()? else { return None };
    let target: Uri = request.path?.parse().ok()?;
    let fields: Vec<_> = request.headers.iter().map(|field| (field.name, field.value)).collect();
    let hosts = named(&fields, "host").count();
    let version = request.version?;
    if request.path?.contains('#') || hosts > 1 || (version == 1 && hosts == 0) {
        return None;
    }
    let length = length(&fields)?;
    // Chunks are of 1.1: a server of 1.0 would take them for the content.
    if version == 0 && length == Length::Chunked {
        return None;
    }
    Some((Read::of(request.method?, &target), length, &bytes[end..]))
}

fn named<'a>(fields: &'a [(&'a str, &'a [u8])], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    fields.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

/// Section 6.3; `None` where two readers could differ.
pub fn length(fields: &[(&str, &[u8])]) -> Option<Length> {
    let lengths: Vec<_> = named(fields, "content-length").collect();
    let codings: Vec<_> = named(fields, "transfer-encoding").collect();
    match (&lengths[..], &codings[..]) {
        ([], []) => Some(Length::Unsaid),
        ([length], []) => {
            let text = std::str::from_utf8(length).ok()?;
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok().map(Length::Known))?
        }
        ([], [coding]) => coding.eq_ignore_ascii_case(b"chunked").then_some(Length::Chunked),
        _ => None,
    }
}

fn known<'a>(bytes: &'a [u8], length: u64, read: &mut Read) -> Option<&'a [u8]> {
    let have = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len());
    read.body.extend_from_slice(&bytes[..have]);
    read.whole = have as u64 == length;
    read.whole.then(|| &bytes[have..])
}

/// Section 7.1, by lines.
pub fn chunked<'a>(mut bytes: &'a [u8], extensions: Extensions, read: &mut Read) -> Option<&'a [u8]> {
    loop {
        let (line, rest) = line(bytes)?;
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let size = u64::from_str_radix(std::str::from_utf8(&line[..digits]).ok()?, 16).ok()?;
        if !extensions.allow(&line[digits..]) {
            return None;
        }
        if size == 0 {
            return trailers(rest, read);
        }
        let have = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        read.body.extend_from_slice(&rest[..have]);
        bytes = rest.get(usize::try_from(size).ok()?..)?.strip_prefix(b"\r\n")?;
    }
}

fn trailers<'a>(mut bytes: &'a [u8], read: &mut Read) -> Option<&'a [u8]> {
    loop {
        let (line, rest) = line(bytes)?;
        if line.is_empty() {
            read.whole = true;
            return Some(rest);
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        if colon == 0 || !line[..colon].iter().copied().all(is_token) || line.iter().copied().any(is_control) {
            return None;
        }
        bytes = rest;
    }
}

/// Up to CRLF; a CR or LF by itself ends no line here.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let line = &bytes[..end];
    (!line.contains(&b'\n') && !line.contains(&b'\r')).then(|| (line, &bytes[end + 2..]))
}

/// What may stand behind a chunk's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extensions {
    /// Section 7.1.1, loosely: nothing, or something behind a semicolon that holds no control.
    Written,
    /// The same with controls, but for the ends of lines, or white space alone. Of a response: they go no further than the client's
    /// library, which reads over them, and change nothing of where chunks end.
    ReadOver,
}

impl Extensions {
    fn allow(self, bytes: &[u8]) -> bool {
        let controls = |byte| is_control(byte) && (self == Self::Written || byte == b'\r');
        let behind = match bytes.trim_ascii_start().first() {
            Some(first) => *first == b';',
            None => self == Self::ReadOver,
        };
        bytes.is_empty() || (behind && !bytes.iter().copied().any(controls))
    }
}

fn is_control(byte: u8) -> bool {
    byte != b'\t' && (byte < b' ' || byte == 0x7f)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
