//! Finds the patterns that may match a path without trying each: a trie over segments.
//!
//! In: patterns with a number each. Out: for a path, the numbers of those whose segments fit. The cost follows the
//! path and what matches it, not the number of patterns. It must not know rules.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::pattern::{Captures, PathPattern, Segment};
use crate::http::path::segments_of;

/// Nodes that a path has led to, inline as many as most lead to.
type Nodes = SmallVec<[usize; 8]>;

/// The trie. Node 0 is the root.
#[derive(Clone, Debug)]
pub struct PathIndex {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    literal: HashMap<Arc<str>, usize>,
    mixed: Vec<(Segment, usize)>,
    /// The node behind a `**`; it takes any segment and stays.
    deep: Option<usize>,
    /// Whether this node stands behind a `**`.
    stays: bool,
    /// The patterns that end here.
    ends: Vec<usize>,
}

impl Default for PathIndex {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl PathIndex {
    /// Adds a pattern under `number`.
    pub fn add(&mut self, pattern: &PathPattern, number: usize) {
        let end = pattern.segments().iter().fold(0, |node, segment| self.step(node, segment));
        self.nodes[end].ends.push(number);
    }

    /// The numbers of the patterns that match a normalised path, ascending, each once.
    pub fn find(&self, path: &str) -> Vec<usize> {
        let mut here = self.with_deep(smallvec![0]);
        for text in segments_of(path) {
            let next = here.iter().flat_map(|node| self.nodes[*node].next(*node, text)).collect();
            here = self.with_deep(next);
            if here.is_empty() {
                return Vec::new();
            }
        }
        let mut found: Vec<usize> = here.iter().flat_map(|node| self.nodes[*node].ends.iter().copied()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The node behind `segment`, made if need be.
    fn step(&mut self, from: usize, segment: &Segment) -> usize {
        let next = self.nodes.len();
        let node = &mut self.nodes[from];
        let to = match segment {
            Segment::Literal(text) => *node.literal.entry(text.clone()).or_insert(next),
            Segment::Deep if node.stays => from,
            Segment::Deep => *node.deep.get_or_insert(next),
            Segment::Mixed(_) => match node.mixed.iter().find(|(known, _)| known == segment) {
                Some((_, to)) => *to,
                None => {
                    node.mixed.push((segment.clone(), next));
                    next
                }
            },
        };
        if to == next {
            self.nodes.push(Node { stays: *segment == Segment::Deep, ..Node::default() });
        }
        to
    }

    /// Adds the nodes that are reached without a segment, and drops repeats.
    fn with_deep(&self, mut nodes: Nodes) -> Nodes {
        nodes.sort_unstable();
        nodes.dedup();
        let deep: Nodes = nodes.iter().filter_map(|node| self.nodes[*node].deep).collect();
        for node in deep {
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        nodes
    }
}

impl Node {
    /// The nodes that one segment leads to from this one, whose number is `me`.
    fn next<'a>(&'a self, me: usize, text: &'a str) -> impl Iterator<Item = usize> + 'a {
        let literal = self.literal.get(text).copied();
        let mixed = self.mixed.iter().filter(|(segment, _)| segment.fits(text, &mut Captures::new()));
        let stay = self.stays.then_some(me);
        literal.into_iter().chain(mixed.map(|(_, to)| *to)).chain(stay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The index finds exactly the patterns that match by themselves.
        #[test]
        fn finds_what_matches(
            patterns in proptest::collection::vec("(/(a|b|c|\\*|\\{x\\}|a\\*|\\*\\*)){0,4}/?", 1..12),
            path in "(/(a|b|c|ab)){0,5}/?",
        ) {
            let patterns: Vec<PathPattern> = patterns.iter().filter_map(|p| PathPattern::parse(p).ok()).collect();
            let mut index = PathIndex::default();
            for (number, pattern) in patterns.iter().enumerate() {
                index.add(pattern, number);
            }
            let path = crate::http::path::normalise(&path);
            let expected: Vec<usize> = (0..patterns.len()).filter(|n| patterns[*n].matches(&path)).collect();
            prop_assert_eq!(index.find(&path), expected);
        }
    }
}
