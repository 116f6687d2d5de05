//! The corpora of requests and responses: one file, one case. Each request goes through the proxy to an origin that keeps the
//! bytes it gets; nothing that two readers could read differently may arrive there. Each response comes from an origin that
//! sends exactly these bytes; nothing malformed may reach the client as whole, or the next request on the same connection.
//!
//! A file holds `# comments`, then `expect:` and what else its runner reads (see [`Case`]), then `--- bytes` and the bytes:
//! `\r`, `\n`, `\t`, `\0`, `\\` and `\xHH` stand for what they say, the ends of the file's own lines for nothing. `{N*text}` is
//! that text N times.

#[path = "net/house.rs"]
#[allow(dead_code, reason = "the house has furniture for the tests of the network too")]
mod house;
#[path = "strict/requests.rs"]
mod requests;
#[path = "strict/responses.rs"]
mod responses;

use std::path::Path;

/// One file of a corpus.
struct Case {
    name: String,
    /// The lines before the bytes, in their order.
    said: Vec<(String, String)>,
    bytes: Vec<u8>,
}

impl Case {
    /// All cases below `tests/corpus/FOLDER`, by name.
    fn all(folder: &str) -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).unwrap();
        let (head, bytes) = text.split_once("--- bytes\n").unwrap_or_else(|| panic!("{name}: no bytes"));
        let lines = head.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let said = lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{name}: {line}")));
        let said = said.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Self { said, bytes: unescaped(&repeated(&bytes.replace('\n', ""))), name }
    }

    fn all_said<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.said.iter().filter(move |(said, _)| said == key).map(|(_, value)| value.as_str())
    }

    fn said<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.all_said(key).next()
    }

    fn number(&self, key: &str, default: usize) -> usize {
        self.said(key).map_or(default, |number| number.parse().unwrap())
    }
}

fn repeated(text: &str) -> String {
    let Some((before, rest)) = text.split_once('{') else { return text.to_owned() };
    let (inner, after) = rest.split_once('}').expect("a closing brace");
    let (times, piece) = inner.split_once('*').expect("a number and a text");
    format!("{before}{}{}", piece.repeat(times.parse().unwrap()), repeated(after))
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next().expect("an escaped character") {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'0' => 0,
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            },
            byte => byte,
        });
    }
    bytes
}
