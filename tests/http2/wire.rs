//! HTTP/2 by hand: frames as bytes, header lists as literals, and a client that notes every frame that comes.

use std::collections::HashMap;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

/// What a connection begins with (RFC 9113 section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const TYPES: [&str; 10] = [
    "data",
    "headers",
    "priority",
    "rst_stream",
    "settings",
    "push_promise",
    "ping",
    "goaway",
    "window_update",
    "continuation",
];

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

const CODES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// An error code's name (RFC 9113 section 7).
pub fn code(number: u32) -> String {
    CODES.get(number as usize).map_or_else(|| format!("{number:#x}"), |name| (*name).to_owned())
}

/// A frame as bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// One setting.
pub fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// A field as HPACK writes it without any table: literal without indexing, new name (RFC 7541 section 6.2.2).
pub fn field(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        integer(&mut bytes, text.len());
        bytes.extend(text);
    }
    bytes
}

/// An integer with a prefix of seven bits (RFC 7541 section 5.1).
fn integer(bytes: &mut Vec<u8>, mut value: usize) {
    if value < 127 {
        return bytes.push(value as u8);
    }
    bytes.push(127);
    value -= 127;
    while value >= 128 {
        bytes.push((value % 128) as u8 | 128);
        value /= 128;
    }
    bytes.push(value as u8);
}

/// The header block of a request.
pub fn request(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let pseudo = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a")];
    pseudo.iter().chain(more).flat_map(|(name, value)| field(name.as_bytes(), value.as_bytes())).collect()
}

/// The status in a header block by a peer that was told to keep no table: it stands first, and its name is one of the
/// static table.
fn status(block: &[u8]) -> Option<u16> {
    const KNOWN: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    // Changes of the table's size stand before it.
    let block = &block[block.iter().position(|byte| byte & 0xe0 != 0x20)?..];
    match block {
        [indexed @ 0x88..=0x8e, ..] => Some(KNOWN[usize::from(indexed - 0x88)]),
        [0x08 | 0x18 | 0x48, length, rest @ ..] => {
            let text = rest.get(..usize::from(length & 0x7f))?;
            if length & 0x80 == 0 { std::str::from_utf8(text).ok()?.parse().ok() } else { Some(digits(text)) }
        }
        _ => None,
    }
}

/// Digits in the Huffman code: five bits for those below three, six for the others (RFC 7541 appendix B).
fn digits(text: &[u8]) -> u16 {
    let bits: Vec<u16> = text.iter().flat_map(|byte| (0..8).rev().map(move |bit| u16::from(byte >> bit & 1))).collect();
    let (mut number, mut rest) = (0, &bits[..]);
    let value = |bits: &[u16]| bits.iter().fold(0, |value, bit| value << 1 | bit);
    while let Some(short) = rest.get(..5).map(value) {
        let (digit, length) = if short < 3 { (short, 5) } else { (value(&rest[..rest.len().min(6)]) - 0x16, 6) };
        // The rest is padding.
        let Some(next) = rest.get(length..).filter(|_| digit < 10) else { break };
        number = number * 10 + digit;
        rest = next;
    }
    number
}

/// What has come on one stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    pub status: Option<u16>,
    pub data: usize,
    pub ended: bool,
    pub reset: Option<String>,
}

/// All that has come.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub streams: HashMap<u32, Stream>,
    pub goaway: Option<String>,
    pub goaways: Vec<(u32, String)>,
    pub settings: Vec<Vec<u8>>,
    pub settings_acks: usize,
    pub pongs: Vec<Vec<u8>>,
    pub resets: usize,
    pub closed: bool,
}

/// A connection by hand.
pub struct Client<S> {
    stream: S,
    buffer: Vec<u8>,
    pub seen: Seen,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new(), seen: Seen::default() }
    }

    /// The preface, with settings that keep the server from using a table, and further ones.
    pub async fn greet(&mut self, settings: &[(u16, u32)]) {
        let settings: Vec<u8> = [(1, 0)].iter().chain(settings).flat_map(|(id, value)| setting(*id, *value)).collect();
        self.send(PREFACE).await;
        self.send(&frame(SETTINGS, 0, 0, &settings)).await;
    }

    /// Sends; the other side may have gone.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// Sends, and reads meanwhile what comes, so that neither waits for the other. Tells whether all was taken in time.
    pub async fn pour(&mut self, bytes: &[u8], patience: Duration) -> bool {
        let until = Instant::now() + patience;
        for piece in bytes.chunks(16 * 1024) {
            let sent = timeout_at(until, self.stream.write_all(piece)).await;
            if !matches!(sent, Ok(Ok(()))) {
                return false;
            }
            self.until(Duration::ZERO, |_| false).await;
            if self.seen.closed {
                return false;
            }
        }
        true
    }

    /// Reads until `enough`, the end, or for `patience`; tells whether it was enough.
    pub async fn until(&mut self, patience: Duration, enough: impl Fn(&Seen) -> bool) -> bool {
        let until = Instant::now() + patience;
        let mut piece = vec![0; 16 * 1024];
        while !enough(&self.seen) && !self.seen.closed {
            match timeout_at(until, self.stream.read(&mut piece)).await {
                Err(_) => break,
                Ok(Ok(0) | Err(_)) => self.seen.closed = true,
                Ok(Ok(length)) => {
                    self.buffer.extend(&piece[..length]);
                    self.take_frames();
                }
            }
        }
        enough(&self.seen)
    }

    fn take_frames(&mut self) {
        while let Some(head) = self.buffer.get(..9) {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let (kind, flags) = (head[3], head[4]);
            let stream = u32::from_be_bytes(head[5..9].try_into().unwrap()) & 0x7fff_ffff;
            let Some(payload) = self.buffer.get(9..9 + length).map(<[u8]>::to_vec) else { return };
            self.buffer.drain(..9 + length);
            self.seen.note(kind, flags, stream, &payload);
        }
    }
}

impl Seen {
    /// Whether the client was told that it did something wrong.
    pub fn is_blamed(&self) -> bool {
        let resets = self.streams.values().filter_map(|stream| stream.reset.as_ref());
        let is_blame = |code: &String| !["NO_ERROR", "INTERNAL_ERROR", "CANCEL"].contains(&code.as_str());
        resets.chain(&self.goaway).any(is_blame)
    }

    fn note(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let number = |place: usize| u32::from_be_bytes(payload[place..place + 4].try_into().unwrap());
        match kind {
            DATA | HEADERS => {
                let stream = self.streams.entry(stream).or_default();
                stream.ended |= flags & END_STREAM != 0;
                if kind == DATA {
                    stream.data += payload.len();
                } else {
                    stream.status = stream.status.or_else(|| status(payload));
                }
            }
            RST_STREAM => {
                self.resets += 1;
                self.streams.entry(stream).or_default().reset.get_or_insert(code(number(0)));
            }
            SETTINGS if flags & ACK != 0 => self.settings_acks += 1,
            SETTINGS => self.settings.push(payload.to_vec()),
            PING if flags & ACK != 0 => self.pongs.push(payload.to_vec()),
            GOAWAY => {
                self.goaways.push((number(0), code(number(4))));
                self.goaway = Some(code(number(4)));
            }
            _ => {}
        }
    }

    pub fn stream(&self, number: u32) -> Stream {
        self.streams.get(&number).cloned().unwrap_or_default()
    }
}
