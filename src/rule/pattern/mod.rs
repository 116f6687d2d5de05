//! Path patterns: `*` within one segment, `**` over segments, `{name}` captures a segment or a part of one.
//!
//! In: the author's pattern, and a [normalised](crate::http::path::normalise) path. Out: whether it matches, and what was captured. It must
//! not know rules.

mod fitting;
mod glob;

use std::sync::Arc;

use smallvec::SmallVec;
use thiserror::Error;

use crate::http::path::segments_of;
pub use fitting::{Captures, Part, Segment};
pub use glob::{Closeness, Glob};

/// A compiled path pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern {
    source: Arc<str>,
    segments: Vec<Segment>,
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
        fitting::walk(&self.segments, &path, &mut found).then_some(found)
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
