//! What is read in bytes of every kind, whatever the pieces in which they come.

use super::*;

/// The same, whatever the pieces in which the bytes arrive.
fn read(bytes: &[u8]) -> (Seen, Option<Broken>) {
    let by = |size: usize| {
        let mut framing = Framing::begin(HeadBounds { head: 65_536, uri: 8_192 });
        let mut before = 0;
        for piece in bytes.chunks(size) {
            if let Err(broken) = framing.read(piece) {
                return (framing.seen(), Some(Broken { good: before + broken.good, ..broken }));
            }
            before += piece.len();
        }
        (framing.seen(), None)
    };
    let whole = by(bytes.len());
    for size in [1, 2, 3, 7, 24] {
        assert_eq!(by(size), whole, "in pieces of {size}: {}", String::from_utf8_lossy(bytes));
    }
    whole
}

#[test]
fn requests_end_where_their_framing_says() {
    let two = b"\r\n\nPOST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nGETPOST / HTTP/1.1\nTransfer-Encoding:\tChunked \r\n\
                \r\n1;a=\"\\\"\r\n\r0\r\n\r\n";
    // The chunk's one byte is missing its line end.
    let (seen, broken) = read(two);
    assert_eq!(seen, Seen::Heads(2));
    assert_eq!(broken.map(|broken| broken.refusal), Some(Refusal::ChunkSize));
    let good = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1 ; a = \"\\\"\" ;b\r\nx\r\n00\r\nA: b\r\n\r\n\
                 GET / HTTP/1.1\r\n\r\n";
    assert_eq!(read(good), (Seen::Heads(2), None));
    assert_eq!(read(PREFACE), (Seen::Http2, None));
    assert_eq!(read(b"PRI / HTTP/1.1\r\n\r\n"), (Seen::Heads(1), None));
}

#[test]
fn what_follows_a_request_to_leave_http_is_not_read() {
    let upgrade = b"GET / HTTP/1.1\r\nUpgrade: WebSocket\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    assert_eq!(read(upgrade), (Seen::Heads(1), None));
    let other = b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    assert_eq!(read(other), (Seen::Heads(2), None));
}

#[test]
fn heads_that_are_too_large_are_told_as_such() {
    let head = |target: usize, value: usize| {
        format!("GET /{} HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(target), "b".repeat(value))
    };
    for (head, heads, refusal) in [
        (head(8, 200), 1, None),
        (head(9, 0), 0, Some(Refusal::UriTooLong)),
        (head(8, 400), 0, Some(Refusal::HeadTooLarge)),
    ] {
        for size in [1, 7, 1000] {
            let mut framing = Framing::begin(HeadBounds { head: 400, uri: 9 });
            let broken = head.as_bytes().chunks(size).find_map(|piece| framing.read(piece).err());
            assert_eq!(broken.map(|broken| broken.refusal), refusal);
            assert_eq!(framing.seen(), Seen::Heads(heads));
        }
    }
}

#[test]
fn two_framings_are_refused() {
    let asked = |lines: &str| read(format!("GET /a HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\n{lines}\r\n\r\n").as_bytes()).0;
    for (lines, refusal) in [
        ("Content-Length: 1\r\nTransfer-Encoding: chunked", Refusal::LengthAndCoding),
        ("transfer-encoding: chunked\nCONTENT-LENGTH: 1", Refusal::LengthAndCoding),
        ("Content-Length: 1\r\nContent-Length: 1", Refusal::Lengths),
        ("Content-Length: 1, 1", Refusal::InvalidLength),
        ("Content-Length: +1", Refusal::InvalidLength),
        ("Content-Length: 18446744073709551616", Refusal::InvalidLength),
        ("Content-Length:", Refusal::InvalidLength),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Refusal::InvalidCoding),
        ("Transfer-Encoding: chunked, chunked", Refusal::InvalidCoding),
        ("Transfer-Encoding: xchunked", Refusal::InvalidCoding),
        ("Transfer-Encoding: identity, chunked", Refusal::InvalidCoding),
        ("Transfer-Encoding: gzip, chunked", Refusal::Coding),
    ] {
        assert_eq!(asked(lines), Seen::Refused(2, refusal), "{lines}");
    }
    assert_eq!(read(b"G#T /#a HTTP/1.1\r\n\r\n").0, Seen::Refused(1, Refusal::Fragment));
    assert_eq!(read(b"G#T /a HTTP/1.1\r\n\r\n").0, Seen::Heads(1));
}

proptest::proptest! {
    /// `read` compares; here it gets what nobody thought of.
    #[test]
    fn pieces_make_no_difference(words in proptest::collection::vec(0..WORDS.len(), 1..40)) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| WORDS[*word]).copied().collect();
        read(&bytes);
    }
}

const WORDS: [&[u8]; 24] = [
    b"POST / HTTP/1.1\r\n",
    b"GET /#a HTTP/1.1\n",
    b"PRI * HTTP/2.0\r\n\r\n",
    b"SM\r\n\r\n",
    b"Content-Length",
    b"Transfer-Encoding: chunked\r\n",
    b"Upgrade: websocket\r\n",
    b"X: ",
    b":",
    b" ",
    b"3",
    b"0",
    b"a",
    b";",
    b"=",
    b"\"",
    b"\\",
    b",",
    b"chunked",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"0\r\n\r\n",
];

#[test]
fn broken_chunks_are_told_where_they_break() {
    let head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (body, good, refusal) in [
        (&b"+1\r\n"[..], 0, Refusal::ChunkSize),
        (b"1\n", 1, Refusal::ChunkSize),
        (b"1 \r\n", 2, Refusal::ChunkSize),
        (b"1;\r\n", 2, Refusal::ChunkSize),
        (b"1;a\0\r\n", 3, Refusal::ChunkSize),
        (b"1;a=\"\n", 5, Refusal::ChunkSize),
        (b"0x1\r\n", 1, Refusal::ChunkSize),
        (b"10000000000000000\r\n", 16, Refusal::ChunkSize),
        (b"1\r\nab", 4, Refusal::ChunkEnd),
        (b"1\r\na\n", 4, Refusal::ChunkEnd),
        (b"0\r\n\n", 3, Refusal::Trailer),
        (b"0\r\n a: b\r\n", 3, Refusal::Trailer),
        (b"0\r\na : b\r\n", 4, Refusal::Trailer),
        (b"0\r\na: b\n", 7, Refusal::Trailer),
        (b"0\r\na: \0", 6, Refusal::Trailer),
    ] {
        let (_, broken) = read(&[head, body].concat());
        assert_eq!(broken, Some(Broken { good: head.len() + good, refusal }), "{}", body.escape_ascii());
    }
}
