//! Edge Side Includes in a page: where they stand, and the page as it reads without them.
//!
//! In: the page's bytes, chunk by chunk. Out: [`Mark`]s with offsets in the page, and the same bytes with blanks in the place of what is
//! marked, so that selectors see the page that the origin means. A tag that is cut off is none. It must not know what is included.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Element;
use crate::limits::ESI_TAG_BYTES;

/// Something begins or ends that does not stay as it is, in the order of the page.
#[derive(Debug)]
pub(super) enum Mark {
    /// `esi:include`, `esi:remove`, or markup of no further meaning (`esi:comment`, `!--esi`, `--`).
    Open {
        at: u64,
        element: Element,
    },
    Close {
        at: u64,
    },
}

impl Mark {
    /// Where it stands.
    pub fn at(&self) -> u64 {
        match self {
            Self::Open { at, .. } | Self::Close { at } => *at,
        }
    }
}

/// The look for ESI in one page.
#[derive(Debug, Default)]
pub(super) struct EsiScanner {
    /// Not decided yet: they may be the beginning of a tag.
    held: Vec<u8>,
    /// Offset in the page of the first of them.
    at: u64,
    within: Within,
    /// Whether a `<!--esi` is open.
    in_comment: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Page,
    /// `<esi:remove>`: all of it goes.
    Removed,
}

/// What stands at the beginning of some bytes.
enum Here {
    /// Ordinary text, so many bytes of it.
    Text(usize),
    /// A tag of so many bytes.
    Tag(usize, Option<Element>),
    /// More bytes are needed to tell.
    Cut,
}

const COMMENT: &[u8] = b"<!--esi";
const COMMENT_END: &[u8] = b"-->";
const REMOVED_END: &[u8] = b"</esi:remove";

impl EsiScanner {
    /// Reads on. What is decided, blanks in the place of what is marked.
    pub fn write(&mut self, chunk: &[u8], marks: &mut VecDeque<Mark>) -> Bytes {
        self.held.extend_from_slice(chunk);
        let held = std::mem::take(&mut self.held);
        let mut decided = Vec::with_capacity(held.len());
        while decided.len() < held.len() {
            let here = match self.within {
                Within::Page => self.look(&held[decided.len()..]),
                Within::Removed => removed(&held[decided.len()..]),
            };
            match here {
                Here::Cut => break,
                Here::Text(length) => match self.within {
                    Within::Page => decided.extend_from_slice(&held[decided.len()..decided.len() + length]),
                    Within::Removed => decided.resize(decided.len() + length, b' '),
                },
                Here::Tag(length, element) => {
                    let at = self.at + decided.len() as u64;
                    decided.resize(decided.len() + length, b' ');
                    self.mark(at, at + length as u64, element, marks);
                }
            }
        }
        self.held = held[decided.len()..].to_vec();
        self.at += decided.len() as u64;
        decided.into()
    }

    /// The page is over: what was not decided is text.
    pub fn end(&mut self) -> Bytes {
        let held = std::mem::take(&mut self.held);
        self.at += held.len() as u64;
        held.into()
    }

    /// Offset in the page up to which all is decided.
    pub fn decided(&self) -> u64 {
        self.at
    }

    fn mark(&mut self, at: u64, end: u64, element: Option<Element>, marks: &mut VecDeque<Mark>) {
        let Some(element) = element else {
            self.within = Within::Page;
            return marks.push_back(Mark::Close { at: end });
        };
        match element.tag.as_str() {
            "esi:remove" => self.within = Within::Removed,
            "!--esi" => self.in_comment = true,
            "--" => self.in_comment = false,
            _ => {}
        }
        marks.push_back(Mark::Open { at, element });
        if self.within == Within::Page {
            marks.push_back(Mark::Close { at: end });
        }
    }

    fn look(&self, bytes: &[u8]) -> Here {
        let tag = memchr::memchr(b'<', bytes).unwrap_or(bytes.len());
        if self.in_comment {
            let end = memchr::memmem::find(bytes, COMMENT_END).unwrap_or(bytes.len());
            match (end, end < tag) {
                (0, true) => return Here::Tag(COMMENT_END.len(), Some(bare("--"))),
                (end, true) => return Here::Text(end),
                _ if tag == bytes.len() => return text_but(bytes, COMMENT_END),
                _ => {}
            }
        }
        match tag {
            0 => at_bracket(bytes, self.in_comment),
            length => Here::Text(length),
        }
    }
}

/// What begins with `<`.
fn at_bracket(bytes: &[u8], in_comment: bool) -> Here {
    if !in_comment && bytes.starts_with(COMMENT) {
        return Here::Tag(COMMENT.len(), Some(bare("!--esi")));
    }
    if [&b"<esi:"[..], b"</esi:"].iter().any(|beginning| bytes.starts_with(beginning)) {
        return match end_of_tag(bytes) {
            None if bytes.len() > ESI_TAG_BYTES => Here::Text(1),
            None => Here::Cut,
            Some(end) => read(&bytes[..end]).map_or(Here::Text(end), |element| Here::Tag(end, Some(element))),
        };
    }
    let begins = [COMMENT, b"<esi:", b"</esi:"].iter().any(|whole| whole.starts_with(bytes));
    if begins { Here::Cut } else { Here::Text(1) }
}

/// Within `<esi:remove>`.
fn removed(bytes: &[u8]) -> Here {
    match memchr::memmem::find(bytes, REMOVED_END) {
        Some(0) => match end_of_tag(bytes) {
            Some(end) => Here::Tag(end, None),
            None if bytes.len() > ESI_TAG_BYTES => Here::Text(1),
            None => Here::Cut,
        },
        Some(at) => Here::Text(at),
        None => text_but(bytes, REMOVED_END),
    }
}

/// All of it, but for what may be the beginning of `end`.
fn text_but(bytes: &[u8], end: &[u8]) -> Here {
    let longest = bytes.len().min(end.len() - 1);
    let tail = (1..=longest).rev().find(|length| bytes.ends_with(&end[..*length])).unwrap_or_default();
    if tail == bytes.len() { Here::Cut } else { Here::Text(bytes.len() - tail) }
}

/// Behind the tag's `>`; one in quotes does not count.
fn end_of_tag(bytes: &[u8]) -> Option<usize> {
    let mut quoted = None;
    for (at, byte) in bytes.iter().enumerate() {
        match (quoted, byte) {
            (Some(quote), byte) if quote == byte => quoted = None,
            (None, b'"' | b'\'') => quoted = Some(byte),
            (None, b'>') => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The tag as an element; `None` for one that is not ours to know.
fn read(tag: &[u8]) -> Option<Element> {
    let text = String::from_utf8_lossy(tag);
    let inside = text.strip_prefix('<')?.strip_suffix('>')?;
    let inside = inside.strip_suffix('/').unwrap_or(inside);
    let (name, rest) = inside.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((inside, ""));
    match name {
        "esi:include" => Some(Element { tag: name.to_owned(), attributes: attributes(rest) }),
        "esi:remove" => Some(bare(name)),
        "esi:comment" | "/esi:include" | "/esi:comment" => Some(bare("esi:comment")),
        _ => None,
    }
}

fn attributes(text: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|quote| matches!(quote, '"' | '\'')) else { break };
        let Some((value, behind)) = after[1..].split_once(quote) else { break };
        attributes.push((name.trim().to_owned(), htmlize::unescape_attribute(value).into_owned()));
        rest = behind;
    }
    attributes
}

fn bare(tag: &str) -> Element {
    Element { tag: tag.to_owned(), attributes: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page without what is marked, and the marks in words, the same at any chunking.
    fn scanned(page: &str) -> (String, Vec<String>) {
        let scan = |step: usize| {
            let (mut scanner, mut marks) = (EsiScanner::default(), VecDeque::new());
            let mut text = Vec::new();
            for chunk in page.as_bytes().chunks(step.max(1)) {
                text.extend_from_slice(&scanner.write(chunk, &mut marks));
                assert_eq!(scanner.decided(), text.len() as u64);
            }
            text.extend_from_slice(&scanner.end());
            let said = marks.iter().map(|mark| match mark {
                Mark::Open { at, element } => format!("{at} {} {:?}", element.tag, element.attributes),
                Mark::Close { at } => format!("{at}"),
            });
            (String::from_utf8(text).unwrap(), said.collect::<Vec<_>>())
        };
        let whole = scan(page.len());
        assert_eq!(whole.0.len(), page.len(), "offsets are those of the page");
        for step in 1..8 {
            assert_eq!(scan(step), whole, "chunks of {step}");
        }
        whole
    }

    #[test]
    fn what_is_esi_is_marked_and_blanked() {
        let (text, marks) = scanned("<p>a</p><esi:include src=\"/x?a=1&amp;b=2\" onerror='continue'/><b>");
        assert_eq!(text.trim_end(), format!("<p>a</p>{}<b>", " ".repeat(54)));
        assert_eq!(marks, ["8 esi:include [(\"src\", \"/x?a=1&b=2\"), (\"onerror\", \"continue\")]", "62"]);
        let (text, marks) = scanned("a<esi:remove><i>x</i><esi:include src='/n'/></esi:remove>b");
        assert_eq!(text, format!("a{}b", " ".repeat(56)));
        assert_eq!(marks, ["1 esi:remove []", "57"]);
        let (text, marks) = scanned("<!--esi <p>x</p>--><!-- <i>kept</i> -->");
        assert_eq!(text, "        <p>x</p>   <!-- <i>kept</i> -->");
        assert_eq!(marks, ["0 !--esi []", "7", "16 -- []", "19"]);
    }

    #[test]
    fn what_is_no_esi_stays() {
        for page in [
            "",
            "<",
            "<es",
            "a <esi:include src=",
            "<esi:vars>$(X)</esi:vars>",
            "<!-- x -->-->",
            "<!-",
            "a<b",
            "</esi:remove x",
        ] {
            let (text, marks) = scanned(page);
            assert_eq!((text.as_str(), marks.len()), (page, 0), "{page}");
        }
    }

    #[test]
    fn what_is_not_closed_is_told_by_a_mark_that_is_missing() {
        assert_eq!(scanned("a<esi:remove>bc").1, ["1 esi:remove []"]);
        assert_eq!(
            scanned("<esi:comment text='>'/>x</esi:include>").1,
            ["0 esi:comment []", "23", "24 esi:comment []", "38"]
        );
    }
}
