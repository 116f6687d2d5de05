//! One file of a corpus, and the text in it.

use std::path::Path;

/// One file of a corpus.
pub struct Case {
    pub name: String,
    /// The lines before the bytes, in their order.
    pub said: Vec<(String, String)>,
    /// What stands behind them.
    pub rest: String,
}

impl Case {
    /// All cases below `tests/corpus/FOLDER`, by name. `--- MARK` ends the lines.
    pub fn all(folder: &str, mark: &str) -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().flat_map(|path| Self::read(path, mark).each()).collect()
    }

    /// The case itself, or with `each: 01-08 7f` one for each of these bytes, which stands where the rest has `\?`.
    fn each(self) -> Vec<Self> {
        let Some(ranges) = self.said("each") else { return vec![self] };
        let byte = |text: &str| u8::from_str_radix(text, 16).unwrap();
        let bytes = ranges.split(' ').flat_map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            byte(first)..=byte(last)
        });
        let with = |byte: u8| Self {
            name: format!("{} {byte:02x}", self.name),
            said: self.said.clone(),
            rest: self.rest.replace("\\?", &format!("\\x{byte:02x}")),
        };
        bytes.map(with).collect()
    }

    fn read(path: &Path, mark: &str) -> Self {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).unwrap();
        let (head, rest) = text.split_once(&format!("--- {mark}\n")).unwrap_or_else(|| panic!("{name}: no {mark}"));
        let lines = head.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let said = lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{name}: {line}")));
        let said = said.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Self { said, rest: rest.to_owned(), name }
    }

    pub fn all_said<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.said.iter().filter(move |(said, _)| said == key).map(|(_, value)| value.as_str())
    }

    pub fn said<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.all_said(key).next()
    }

    /// The rest as bytes: the ends of lines are nothing.
    pub fn bytes(&self) -> Vec<u8> {
        unescaped(&repeated(&self.rest.replace('\n', "")))
    }

    pub fn number(&self, key: &str, default: usize) -> usize {
        self.said(key).map_or(default, |number| number.parse().unwrap())
    }
}

pub fn repeated(text: &str) -> String {
    let Some((before, rest)) = text.split_once('{') else { return text.to_owned() };
    let (inner, after) = rest.split_once('}').expect("a closing brace");
    let (times, piece) = inner.split_once('*').expect("a number and a text");
    format!("{before}{}{}", piece.repeat(times.parse().unwrap()), repeated(after))
}

pub fn unescaped(text: &str) -> Vec<u8> {
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
