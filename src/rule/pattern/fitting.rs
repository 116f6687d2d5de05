//! Whether a path fits a compiled pattern, from the left and without trying again.
//!
//! In: segments of a pattern and of a path. Out: whether they fit, and what was captured. It must not read patterns.

use std::sync::Arc;

/// What a pattern captured: name to text, in the order of the pattern.
pub type Captures = Vec<(Arc<str>, String)>;

/// One segment of a pattern, between two slashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Exactly this text.
    Literal(Arc<str>),
    /// Any number of segments, none included.
    Deep,
    /// Text with `*` or `{name}` in it.
    Mixed(Vec<Part>),
}

/// A part of a mixed segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    Literal(Arc<str>),
    /// `*`: any text, also none.
    Any,
    /// `{name}`: any text but none.
    Capture(Arc<str>),
}

/// Matches the blocks between `**` from the left: the first where the path begins, each further one where it first
/// fits, the last where the path ends. The leftmost fit leaves the most to the blocks behind it, so nothing is ever
/// tried again, and a path made to be slow costs no more than another.
pub(super) fn walk(pattern: &[Segment], path: &[&str], found: &mut Captures) -> bool {
    let mut blocks = pattern.split(|segment| *segment == Segment::Deep);
    let first = blocks.next().unwrap_or_default();
    if !block_at(first, path, 0, found) {
        return false;
    }
    let mut at = first.len();
    let Some(mut block) = blocks.next() else {
        return at == path.len();
    };
    for next in blocks {
        let last_start = path.len().saturating_sub(block.len());
        let Some(start) = (at..=last_start).find(|start| block_at(block, path, *start, found)) else {
            return false;
        };
        at = start + block.len();
        block = next;
    }
    let start = path.len().saturating_sub(block.len());
    start >= at && block_at(block, path, start, found)
}

/// Whether a block of segments without `**` stands at `start`; keeps its captures only if it does.
fn block_at(block: &[Segment], path: &[&str], start: usize, found: &mut Captures) -> bool {
    let Some(here) = path.get(start..start + block.len()) else {
        return false;
    };
    let mark = found.len();
    let fit = block.iter().zip(here).all(|(segment, text)| segment.fits(text, found));
    if !fit {
        found.truncate(mark);
    }
    fit
}

impl Segment {
    /// Whether one segment of a path fits; pushes what it captures. `**` fits none by itself.
    pub(in crate::rule) fn fits(&self, text: &str, found: &mut Captures) -> bool {
        match self {
            Segment::Literal(literal) => **literal == *text,
            Segment::Mixed(parts) => fits(parts, text, found),
            Segment::Deep => false,
        }
    }
}

/// Matches the parts of one segment: each wildcard ends where the text behind it first occurs, the last one at the end.
pub(super) fn fits(parts: &[Part], text: &str, found: &mut Captures) -> bool {
    let mut rest = text;
    let mut parts = parts.iter().peekable();
    while let Some(part) = parts.next() {
        let least = match part {
            Part::Literal(literal) => match rest.strip_prefix(&**literal) {
                Some(tail) => {
                    rest = tail;
                    continue;
                }
                None => return false,
            },
            Part::Any => 0,
            Part::Capture(_) => rest.chars().next().map_or(1, char::len_utf8),
        };
        let Some(end) = wildcard_end(rest, least, parts.next(), parts.peek().is_none()) else {
            return false;
        };
        if let Part::Capture(name) = part {
            found.push((name.clone(), rest[..end.wildcard].to_owned()));
        }
        rest = &rest[end.literal..];
    }
    rest.is_empty()
}

/// Where a wildcard ends, and where the literal behind it does.
struct End {
    wildcard: usize,
    literal: usize,
}

fn wildcard_end(rest: &str, least: usize, behind: Option<&Part>, last: bool) -> Option<End> {
    let tail = rest.get(least..)?;
    let Some(Part::Literal(literal)) = behind else {
        return Some(End { wildcard: rest.len(), literal: rest.len() });
    };
    let wildcard = least + if last { tail.strip_suffix(&**literal)?.len() } else { tail.find(&**literal)? };
    Some(End { wildcard, literal: wildcard + literal.len() })
}
