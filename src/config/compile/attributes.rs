//! Templates that are whole values of attributes: which they are, and what the attributes are to a browser.
//!
//! In: injections and fragments, compiled. Out: the templates that may be laid into an attribute which is no plain text, also those that
//! stand in for others. It must not look into templates.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::content::{Content, Fallback, Kind};
use crate::page::Target;
use crate::revision::Injection;
use crate::scope::language::AttributeKind;

/// Each template with the kind of attribute that it may be the value of.
pub fn standing<'i>(
    injections: impl Iterator<Item = &'i Injection>,
    fragments: &BTreeMap<Arc<str>, Content>,
) -> BTreeSet<(Arc<str>, AttributeKind)> {
    let mut found = BTreeSet::new();
    for injection in injections {
        let Target::Attribute(name) = &injection.marker.target else { continue };
        let kind = AttributeKind::of(name);
        if kind == AttributeKind::Plain {
            continue;
        }
        let mut templates = BTreeSet::new();
        let mut entered = BTreeSet::new();
        if let Some(content) = &injection.content {
            collect(content, fragments, &mut entered, &mut templates);
        }
        found.extend(templates.into_iter().map(|template| (template, kind)));
    }
    found
}

/// The templates of a content and of all that may stand in for it. Fragments may name one another in circles, which are told elsewhere.
fn collect<'c>(
    content: &'c Content,
    fragments: &'c BTreeMap<Arc<str>, Content>,
    entered: &mut BTreeSet<&'c str>,
    templates: &mut BTreeSet<Arc<str>>,
) {
    match &content.kind {
        Kind::Template(name) => {
            templates.insert(name.clone());
        }
        Kind::Fragment(name) if entered.insert(name) => {
            if let Some(content) = fragments.get(name) {
                collect(content, fragments, entered, templates);
            }
        }
        _ => {}
    }
    if let Fallback::Try(others) = &content.fallback {
        others.iter().for_each(|other| collect(other, fragments, entered, templates));
    }
    content.on_error.iter().for_each(|other| collect(other, fragments, entered, templates));
}
