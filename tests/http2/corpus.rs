//! The corpus: one file, one case. After `# comments` come the lines that say what must be, then `--- frames` and the frames.
//!
//! `expect: goaway CODE`, `expect: reset STREAM CODE` (several codes with `|` between them; a `goaway` is more than a
//! `reset` asks for), `expect: closed` (or `goaway`, whatever the code), `expect: status STREAM STATUS`,
//! `expect: data STREAM BYTES` (so many and no more), `expect: ended STREAM`, `expect: pong HEX`, `expect: settings ack`.
//! All of them must come. `forwarded: N` says how many requests reach the origin whole, or `any`; unless said, as many as
//! statuses are expected. `never: …` is the contrary of `expect`. Each `sees: TEXT` is among the bytes there, no `lacks: TEXT` is. If no error is expected the connection must
//! still answer a ping at the end.
//!
//! A frame is `TYPE STREAM OPTIONS PAYLOAD`. The type is a name or `type=N`. Options: `end_stream`, `end_headers`, `ack`,
//! `padded`, `priority`, `flags=HEX`, `length=N` (what the frame says, whatever it has), `times=N` (the stream grows by two
//! each time). Payload: `"text"`, `hex:…`, `u8:N`, `u16:N`, `u32:N` in any order; text as in the other corpora. On the
//! indented lines that follow stand fields, `name: value`, or `hex:…` for HPACK by hand, or `@METHOD` for the pseudo-header
//! fields of a request. `bare` as the first line leaves the preface to the case, which sends bytes with `raw PAYLOAD`.
//! `wait STREAM` waits for a status there, `wait settings` for the server's.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::Case;
use crate::origin::{Captured, ambiguity};
use crate::wire::{Client, PING, Seen, TYPES, field, frame};

/// Longer than any answer takes.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// What must not come gets this long to come nevertheless.
const GLANCE: Duration = Duration::from_millis(150);

/// One step of a case.
#[derive(Debug)]
pub enum Step {
    Bare,
    Bytes(Vec<u8>),
    Wait(String),
}

/// The steps of a case, for a connection of this scheme.
pub fn steps(text: &str, scheme: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).peekable();
    while let Some(line) = lines.next() {
        let mut fields = Vec::new();
        while let Some(indented) = lines.next_if(|line| line.starts_with(' ')) {
            fields.extend(header(indented.trim_start(), scheme));
        }
        steps.push(match line.split_once(' ') {
            None => Step::Bare,
            Some(("wait", what)) => Step::Wait(what.to_owned()),
            Some(("raw", rest)) => Step::Bytes(words(rest).iter().flat_map(|word| payload(word).unwrap()).collect()),
            Some((kind, rest)) => Step::Bytes(frames(kind, &words(rest), &fields)),
        });
    }
    steps
}

fn header(line: &str, scheme: &str) -> Vec<u8> {
    if let Some(bytes) = line.strip_prefix("hex:") {
        return hex(bytes);
    }
    if let Some(method) = line.strip_prefix('@') {
        let pseudo = [(":method", method), (":scheme", scheme), (":path", "/"), (":authority", "a")];
        return pseudo.iter().flat_map(|(name, value)| field(name.as_bytes(), value.as_bytes())).collect();
    }
    let line = if line.ends_with(':') { format!("{line} ") } else { line.to_owned() };
    let end = 1 + line[1..].find(": ").unwrap_or_else(|| panic!("no field: {line}"));
    let value = line[end + 2..].replace("{scheme}", scheme);
    field(&text(&line[..end]), &text(&value))
}

fn frames(kind: &str, words: &[String], fields: &[u8]) -> Vec<u8> {
    let kind = match kind.strip_prefix("type=") {
        Some(number) => number.parse().unwrap(),
        None => TYPES.iter().position(|name| *name == kind).unwrap_or_else(|| panic!("no type: {kind}")) as u8,
    };
    let stream: u32 = words[0].parse().unwrap();
    let (mut flags, mut bytes, mut length, mut times) = (0, Vec::new(), None, 1);
    for word in &words[1..] {
        match word.split_once('=').unwrap_or((word, "")) {
            ("end_stream" | "ack", "") => flags |= 1,
            ("end_headers", "") => flags |= 4,
            ("padded", "") => flags |= 8,
            ("priority", "") => flags |= 32,
            ("flags", bits) => flags |= u8::from_str_radix(bits, 16).unwrap(),
            ("length", said) => length = Some(said.parse::<u32>().unwrap()),
            ("times", said) => times = said.parse().unwrap(),
            _ => bytes.extend(payload(word).unwrap_or_else(|| panic!("no word: {word}"))),
        }
    }
    bytes.extend(fields);
    (0..times)
        .flat_map(|number| {
            let mut frame = frame(kind, flags, stream + 2 * number, &bytes);
            if let Some(length) = length {
                frame[..3].copy_from_slice(&length.to_be_bytes()[1..]);
            }
            frame
        })
        .collect()
}

/// Splits at spaces outside quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in text.chars() {
        quoted ^= character == '"';
        if character == ' ' && !quoted {
            words.push(String::new());
        } else {
            words.last_mut().unwrap().push(character);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn payload(word: &str) -> Option<Vec<u8>> {
    if let Some(quoted) = word.strip_prefix('"') {
        return Some(text(quoted.strip_suffix('"')?));
    }
    let (kind, value) = word.split_once(':')?;
    Some(match kind {
        "hex" => hex(value),
        "u8" => value.parse::<u8>().ok()?.to_be_bytes().to_vec(),
        "u16" => value.parse::<u16>().ok()?.to_be_bytes().to_vec(),
        "u32" => value.parse::<u32>().ok()?.to_be_bytes().to_vec(),
        _ => return None,
    })
}

fn text(text: &str) -> Vec<u8> {
    crate::case::unescaped(&crate::case::repeated(text))
}

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Takes a case's steps on a connection, and reads until all that is expected has come.
pub async fn play<S: AsyncRead + AsyncWrite + Unpin>(case: &Case, scheme: &str, stream: S) -> Seen {
    let mut client = Client::new(stream);
    let steps = steps(&case.rest, scheme);
    if !matches!(steps.first(), Some(Step::Bare)) {
        client.greet(&[]).await;
    }
    for step in &steps {
        match step {
            Step::Bare => {}
            Step::Bytes(bytes) => {
                client.send(bytes).await;
            }
            Step::Wait(what) if what == "settings" => {
                client.until(PATIENCE, |seen| !seen.settings.is_empty()).await;
            }
            Step::Wait(stream) => {
                let stream = stream.parse().unwrap();
                client.until(PATIENCE, |seen| seen.stream(stream).status.is_some()).await;
            }
        }
    }
    let expected: Vec<&str> = case.all_said("expect").collect();
    client.until(PATIENCE, |seen| expected.iter().all(|line| has_come(line, seen))).await;
    if !ends(case) {
        client.send(&frame(PING, 0, 0, b"the last")).await;
        client.until(PATIENCE, |seen| seen.pongs.iter().any(|pong| pong == b"the last")).await;
    }
    client.until(GLANCE, |_| false).await;
    client.seen
}

/// Whether the connection, or a stream by way of it, may end in this case.
fn ends(case: &Case) -> bool {
    case.all_said("expect").any(|line| line.starts_with("goaway") || line == "closed")
}

fn has_come(line: &str, seen: &Seen) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    let stream = || seen.stream(words[1].parse().unwrap());
    let is_one_of = |code: &Option<String>, codes: &str| {
        code.as_ref().is_some_and(|code| codes.split('|').any(|wanted| wanted == code || wanted == "*"))
    };
    match words[0] {
        "goaway" => is_one_of(&seen.goaway, words[1]),
        "closed" => seen.closed || seen.goaway.is_some(),
        "reset" => is_one_of(&stream().reset, words[2]) || is_one_of(&seen.goaway, words[2]),
        "status" => stream().status == Some(words[2].parse().unwrap()),
        "data" => stream().data == words[2].parse::<usize>().unwrap(),
        "ended" => stream().ended,
        "pong" => seen.pongs.contains(&hex(words[1])),
        "settings" => seen.settings_acks > 1,
        other => panic!("{other} is nothing to expect"),
    }
}

/// What is wrong, if anything is.
pub fn judge(case: &Case, seen: &Seen, captured: &Captured) -> Option<String> {
    if let Some(line) = case.all_said("expect").find(|line| !has_come(line, seen)) {
        return Some(format!("not {line:?}"));
    }
    let is_reset = case.all_said("expect").any(|line| line.starts_with("reset"));
    let answered = seen.pongs.iter().any(|pong| pong == b"the last");
    let ended_as_it_may = ends(case) || (is_reset && seen.goaway.is_some());
    if !ended_as_it_may && !answered {
        return Some("the connection is of no more use".into());
    }
    let whole = captured.whole();
    if let Some(ambiguous) = whole.iter().find_map(|request| ambiguity(request)) {
        return Some(format!("{ambiguous} was forwarded"));
    }
    let statuses = case.all_said("expect").filter(|line| line.starts_with("status")).count();
    let forwarded = case.said("forwarded").map_or(Some(statuses), |number| number.parse().ok());
    if let Some(forwarded) = forwarded.filter(|forwarded| *forwarded != whole.len()) {
        return Some(format!("{} requests were forwarded, not {forwarded}", whole.len()));
    }
    if let Some(line) = case.all_said("never").find(|line| has_come(line, seen)) {
        return Some(format!("{line:?} came"));
    }
    let text = captured.text();
    if let Some(line) = case.all_said("sees").find(|line| !text.contains(*line)) {
        return Some(format!("the origin did not see {line:?}"));
    }
    case.all_said("lacks").find(|line| text.contains(*line)).map(|line| format!("the origin saw {line:?}"))
}
