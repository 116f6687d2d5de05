//! Path patterns: `*` within one segment, `**` over segments, `{name}` captures a segment or a part of one.
//!
//! In: the author's pattern, and a [normalised](crate::http::path::normalise) path. Out: whether it matches, and what was captured. It must
//! not know rules.

use std::sync::Arc;

use smallvec::SmallVec;
use thiserror::Error;

use crate::http::path::segments_of;

/// What a pattern captured: name to text, in the order of the pattern.
pub type Captures = Vec<(Arc<str>, String)>;

/// A compiled path pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern {
    source: Arc<str>,
    segments: Vec<Segment>,
}

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

/// A text pattern in which `*` stands for any text; for hosts and for values of headers, cookies and the query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob(Vec<Part>);

impl Glob {
    /// Every text is a pattern; `**` means no more than `*`.
    pub fn new(source: &str) -> Self {
        let mut parts = Vec::new();
        for (index, literal) in source.split('*').enumerate() {
            if index > 0 && parts.last() != Some(&Part::Any) {
                parts.push(Part::Any);
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.into()));
            }
        }
        Self(parts)
    }

    /// Whether all of `text` fits, letter for letter.
    pub fn matches(&self, text: &str) -> bool {
        fits(&self.0, text, &mut Captures::new())
    }

    /// Whether any letter stands in it; one without fits whatever comes.
    pub fn says_something(&self) -> bool {
        self.closeness().letters > 0
    }

    /// How closely it says what it wants, to choose among patterns that all match: one without `*` says more than any
    /// with one, and of those the one with more letters.
    pub fn closeness(&self) -> Closeness {
        let letters = |part: &Part| if let Part::Literal(text) = part { text.len() } else { 0 };
        Closeness { exact: !self.0.contains(&Part::Any), letters: self.0.iter().map(letters).sum() }
    }
}

/// How closely a [`Glob`] says what it wants; the greater, the closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Closeness {
    exact: bool,
    letters: usize,
}

/// Why a pattern is refused, in words for its author.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    #[error("a path pattern begins with `/`")]
    NoSlash,
    #[error("`**` stands alone between slashes, as in `/shop/**`")]
    DeepInside,
    #[error("`{{` without `}}`")]
    Unclosed,
    #[error("`{{{0}}}` is no name: use letters, digits and `_`")]
    BadName(String),
    #[error("`{{{0}}}` is captured twice")]
    Repeated(String),
    #[error("two wildcards side by side cannot tell where one ends: put text between them")]
    Adjacent,
    #[error("a path has no `{0}`: match the query with `query: {{ name: value }}`")]
    NotPath(char),
}

impl PathPattern {
    /// Compiles `source`.
    ///
    /// # Errors
    /// A [`PatternError`] that says what an author must change.
    pub fn parse(source: &str) -> Result<Self, PatternError> {
        let rest = source.strip_prefix('/').ok_or(PatternError::NoSlash)?;
        if let Some(bad) = source.chars().find(|c| matches!(c, '?' | '#')) {
            return Err(PatternError::NotPath(bad));
        }
        let segments = rest.split('/').map(segment).collect::<Result<Vec<_>, _>>()?;
        let mut names: Vec<&Arc<str>> = Vec::new();
        for name in segments.iter().flat_map(captures_of) {
            if names.contains(&name) {
                return Err(PatternError::Repeated(name.to_string()));
            }
            names.push(name);
        }
        Ok(Self { source: source.into(), segments })
    }

    /// The pattern as its author wrote it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The segments, for an index over many patterns.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Matches a normalised path; what was captured, or `None`.
    pub fn captures(&self, path: &str) -> Option<Captures> {
        let mut found = Captures::new();
        let path: SmallVec<[&str; 16]> = segments_of(path).collect();
        walk(&self.segments, &path, &mut found).then_some(found)
    }

    /// Whether it matches a normalised path.
    pub fn matches(&self, path: &str) -> bool {
        self.captures(path).is_some()
    }
}

fn segment(source: &str) -> Result<Segment, PatternError> {
    if source == "**" {
        return Ok(Segment::Deep);
    }
    if source.contains("**") {
        return Err(PatternError::DeepInside);
    }
    let mut parts = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['*', '{']) {
        if at > 0 {
            parts.push(Part::Literal(rest[..at].into()));
        } else if matches!(parts.last(), Some(Part::Any | Part::Capture(_))) {
            return Err(PatternError::Adjacent);
        }
        if rest.as_bytes()[at] == b'*' {
            parts.push(Part::Any);
            rest = &rest[at + 1..];
        } else {
            let end = rest[at..].find('}').ok_or(PatternError::Unclosed)? + at;
            parts.push(Part::Capture(name(&rest[at + 1..end])?));
            rest = &rest[end + 1..];
        }
    }
    Ok(match parts.is_empty() {
        true => Segment::Literal(rest.into()),
        false => {
            if !rest.is_empty() {
                parts.push(Part::Literal(rest.into()));
            }
            Segment::Mixed(parts)
        }
    })
}

fn name(text: &str) -> Result<Arc<str>, PatternError> {
    let word = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match word && !text.is_empty() {
        true => Ok(text.into()),
        false => Err(PatternError::BadName(text.to_owned())),
    }
}

fn captures_of(segment: &Segment) -> impl Iterator<Item = &Arc<str>> {
    let parts: &[Part] = match segment {
        Segment::Mixed(parts) => parts,
        _ => &[],
    };
    parts.iter().filter_map(|part| match part {
        Part::Capture(name) => Some(name),
        _ => None,
    })
}

/// Matches the blocks between `**` from the left: the first where the path begins, each further one where it first
/// fits, the last where the path ends. The leftmost fit leaves the most to the blocks behind it, so nothing is ever
/// tried again, and a path made to be slow costs no more than another.
fn walk(pattern: &[Segment], path: &[&str], found: &mut Captures) -> bool {
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
    pub(super) fn fits(&self, text: &str, found: &mut Captures) -> bool {
        match self {
            Segment::Literal(literal) => **literal == *text,
            Segment::Mixed(parts) => fits(parts, text, found),
            Segment::Deep => false,
        }
    }
}

/// Matches the parts of one segment: each wildcard ends where the text behind it first occurs, the last one at the end.
fn fits(parts: &[Part], text: &str, found: &mut Captures) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::path::normalise;

    fn captured(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
        let found = PathPattern::parse(pattern).expect("pattern").captures(&normalise(path))?;
        Some(found.into_iter().map(|(name, text)| (name.to_string(), text)).collect())
    }

    #[test]
    fn patterns_match_what_authors_mean() {
        let table = [
            ("/", "/", true),
            ("/", "/a", false),
            ("/**", "/", true),
            ("/**", "/a/b", true),
            ("/shop/**", "/shop", true),
            ("/shop/**", "/shop/", true),
            ("/shop/**", "/shop/a/b", true),
            ("/shop/**", "/shopping", false),
            ("/shop", "/shop/", false),
            ("/*/list", "/nl/list", true),
            ("/*/list", "/nl/be/list", false),
            ("/a/**/z", "/a/z", true),
            ("/a/**/z", "/a/b/c/z", true),
            ("/a/**/z", "/a/b/c", false),
            ("/p-*.html", "/p-1.html", true),
            ("/p-*.html", "/p-1.htm", false),
            ("/caf\u{e9}", "/caf%C3%A9", true),
            ("/checkout/**", "/a/..//checkout/%70ay", true),
        ];
        for (pattern, path, expected) in table {
            assert_eq!(captured(pattern, path).is_some(), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn captures_are_named() {
        let found = captured("/{lang}/products/{sku}-{size}.html", "/nl/products/A1-XL.html").expect("match");
        assert_eq!(found, [("lang", "nl"), ("sku", "A1"), ("size", "XL")].map(|(k, v)| (k.to_owned(), v.to_owned())));
        assert_eq!(captured("/products/{sku}", "/products/"), None);
    }

    #[test]
    fn globs_fit_all_of_a_text() {
        let table = [
            ("*.brand-a.be", "www.brand-a.be", true),
            ("*.brand-a.be", "brand-a.be", false),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("plain", "plain", true),
            ("plain", "plainer", false),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        use PatternError::*;
        let table = [
            ("shop", NoSlash),
            ("/a**", DeepInside),
            ("/{sku", Unclosed),
            ("/{a b}", BadName("a b".into())),
            ("/{a}/{a}", Repeated("a".into())),
            ("/{a}{b}", Adjacent),
            ("/a?b=1", NotPath('?')),
        ];
        for (source, error) in table {
            assert_eq!(PathPattern::parse(source), Err(error), "{source}");
        }
    }
}
