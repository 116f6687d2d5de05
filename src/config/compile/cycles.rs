//! Definitions that lead to themselves: audiences made of audiences, fragments that fall back on fragments.
//!
//! In: who leads to whom. Out: each circle once, noted where it begins. It must not know what a definition says.

use std::collections::{BTreeMap, BTreeSet};

use super::world::World;
use crate::config::raw::contents::{RawContent, RawFallback};
use crate::config::report::Report;
use crate::scope::language::{Language, Mentions, Unit};

/// Notes audiences that lead to themselves, and those that may lead to any.
pub fn audiences(language: &Language, world: &World<'_>, report: &mut Report) {
    let mut edges = BTreeMap::new();
    for (name, definition) in &world.audiences {
        let unit = Unit::Condition(format!("audiences.{name}").into());
        let Some(mentions) = language.mentions(&unit) else { continue };
        if mentions.open || mentions.paths.contains("audiences") {
            let what = format!("the audience `{name}` may be made of any audience, itself included");
            report.error(definition.span, what, "name the audiences: `audiences.gold or audiences.silver`");
        }
        let others: BTreeSet<&str> = named_audiences(mentions).collect();
        edges.insert(name.as_str(), others.into_iter().collect());
    }
    for circle in circles(&edges) {
        let at = world.audiences[circle[0]].key;
        report.error(
            at,
            format!("the audience `{}` is made of itself: {}", circle[0], shown(&circle)),
            "break the circle",
        );
    }
}

/// The audiences that a source names, perhaps more than once.
pub fn named_audiences(mentions: &Mentions) -> impl Iterator<Item = &str> {
    let below = mentions.paths.iter().filter_map(|path| path.strip_prefix("audiences."));
    below.filter_map(|rest| rest.split('.').next())
}

/// Notes fragments that lead to themselves through their content or their fallbacks.
pub fn fragments(world: &World<'_>, report: &mut Report) {
    let edges = world.fragments.iter().map(|(name, definition)| (name.as_str(), leads_to(&definition.value)));
    for circle in circles(&edges.collect()) {
        let at = world.fragments[circle[0]].key;
        report.error(
            at,
            format!("the fragment `{}` leads to itself: {}", circle[0], shown(&circle)),
            "break the circle",
        );
    }
}

fn leads_to(content: &RawContent) -> Vec<&str> {
    let own = content.fragment.iter().map(|at| at.value.value.as_str());
    let fallbacks = match content.fallback.as_ref().map(|at| &at.value) {
        Some(RawFallback::Try(contents)) => contents.as_slice(),
        _ => &[],
    };
    own.chain(fallbacks.iter().flat_map(|content| leads_to(content))).collect()
}

fn shown(circle: &[&str]) -> String {
    circle.iter().chain(circle.first()).copied().collect::<Vec<_>>().join(" → ")
}

/// Every circle once, beginning with its first name.
fn circles<'a>(edges: &BTreeMap<&'a str, Vec<&'a str>>) -> Vec<Vec<&'a str>> {
    let mut found = Vec::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in edges.keys().copied() {
        // A walk with a stack of its own: a chain of definitions may be longer than the program's.
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        let mut on_path: BTreeMap<&str, usize> = BTreeMap::from([(start, 0)]);
        while let Some((name, next)) = path.last_mut() {
            let target = if done.contains(*name) { None } else { edges.get(*name).and_then(|to| to.get(*next)) };
            *next += 1;
            match target.map(|target| (*target, on_path.get(target))) {
                Some((_, Some(at))) => found.push(path[*at..].iter().map(|(name, _)| *name).collect()),
                Some((target, None)) => {
                    on_path.insert(target, path.len());
                    path.push((target, 0));
                }
                None => {
                    done.insert(*name);
                    on_path.remove(*name);
                    path.pop();
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_circle_is_found_once() {
        let edges = BTreeMap::from([
            ("a", vec!["b", "c"]),
            ("b", vec!["c"]),
            ("c", vec!["missing"]),
            ("d", vec!["e"]),
            ("e", vec!["f", "a"]),
            ("f", vec!["d"]),
            ("g", vec!["g"]),
        ]);
        assert_eq!(circles(&edges), [vec!["d", "e", "f"], vec!["g"]]);
    }

    #[test]
    fn long_chains_need_no_stack() {
        let names: Vec<String> = (0..100_000).map(|number| number.to_string()).collect();
        let edges: BTreeMap<&str, Vec<&str>> =
            names.windows(2).map(|pair| (pair[0].as_str(), vec![pair[1].as_str()])).collect();
        assert!(circles(&edges).is_empty());
    }
}
