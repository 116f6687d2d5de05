//! `collect` of rule files: what is read from which pages, and under which names it is known.
//!
//! In: definitions as written. Out: [`Collects`]. It must not look at a page.

use std::sync::Arc;

use super::matching;
use super::units::Units;
use super::world::World;
use crate::config::raw::collect::{RawCollect, RawExtract, RawItem, RawLookup};
use crate::config::read::At;
use crate::config::report::Report;
use crate::page::{Extraction, Lookup, check_attribute, check_selector};
use crate::profile::Name;
use crate::revision::{Collecting, ItemName, Named};
use crate::rule::fuse::OnError;
use crate::rule::schedule::Schedule;
use crate::rule::{Rule, State};
use crate::scope::language::Language;

/// What `auto` reads.
const AUTO: [&str; 8] = ["sku", "name", "price", "currency", "availability", "image", "url", "brand"];

/// All definitions, with the pages of each, whose phrases are not compiled yet.
#[derive(Debug, Default)]
pub struct Compiled {
    pub rules: Vec<Rule>,
    pub list: Vec<Collecting>,
}

/// Compiles all of them; their templates are given to `phrases`. What has problems is left out.
pub fn compile(world: &World<'_>, phrases: &mut Units, report: &mut Report) -> Compiled {
    let mut compiled = Compiled::default();
    for (name, raw) in &world.collect {
        let matches = matching::all(&None, &raw.matches, world, report);
        let Some(extraction) = raw.extract.as_ref().and_then(|at| extraction(at, report)) else { continue };
        let Some(item) = raw.item.as_ref().and_then(|at| item(name, at, &extraction, raw, phrases, report)) else {
            continue;
        };
        compiled.rules.push(Rule {
            name: name.as_str().into(),
            state: State::Live,
            matches,
            except: Vec::new(),
            when: Vec::new(),
            campaigns: Vec::new(),
            active: Schedule::default(),
            share: None,
            priority: 0,
            on_error: OnError::default(),
        });
        compiled.list.push(Collecting { name: name.as_str().into(), extraction, item, phrases: Language::empty() });
    }
    compiled
}

fn extraction(at: &At<RawExtract>, report: &mut Report) -> Option<Extraction> {
    let (each, lookups) = match &at.value {
        RawExtract::Auto => return Some(Extraction::Auto),
        RawExtract::Lookups { each, lookups } => (each, lookups),
    };
    let mut made = Vec::with_capacity(lookups.len());
    let mut key = None;
    for (name, at) in lookups {
        let lookup = lookup(name, at, each.is_some(), report)?;
        match name.as_str() {
            "key" if each.is_some() => key = Some(lookup),
            "key" => {
                let what = "`key` tells the readings of a listing apart, and there is only one here";
                report.error(at.key, what, "add `each: SELECTOR`, or give the value another name");
            }
            "params" => {
                report.error(at.key, "`params` is what the path captures", "give the value another name");
            }
            _ => made.push(lookup),
        }
    }
    let Some(each) = each else {
        if made.is_empty() {
            report.error(at.span, "nothing is read here", "name a value: `price: { select: .price, as: number }`");
        }
        return (!made.is_empty()).then_some(Extraction::Page(made));
    };
    if let Err(error) = check_selector(&each.value.value) {
        report.error(each.span, error.to_string(), "select the element of each reading");
        return None;
    }
    if key.is_none() {
        let what = "nothing tells the readings of this listing apart";
        report.error(each.key, what, "add `key`, as in `key: { attribute: data-sku }`");
    }
    Some(Extraction::Each { each: each.value.value.as_str().into(), key: key?, lookups: made })
}

fn lookup(name: &str, at: &At<RawLookup>, in_listing: bool, report: &mut Report) -> Option<Lookup> {
    if let Some(select) = &at.select {
        if let Err(error) = check_selector(&select.value.value) {
            report.error(select.span, error.to_string(), "select an element of the page");
            return None;
        }
    } else if !in_listing && !at.unreadable.any(&["select"]) {
        let what = format!("nothing says where `{name}` stands");
        report.error(at.span, what, "add `select`, or `each` for a listing");
        return None;
    }
    let attribute = at.attribute.as_ref();
    if let Some((attribute, Err(error))) = attribute.map(|it| (it, check_attribute(&it.value.value))) {
        report.error(attribute.span, error.to_string(), "name an attribute of the element");
        return None;
    }
    Some(Lookup {
        name: name.into(),
        select: at.select.as_ref().map(|select| select.value.value.as_str().into()),
        attribute: attribute.map(|attribute| attribute.value.value.to_ascii_lowercase().into()),
        kind: at.kind.as_ref().map(|kind| kind.value).unwrap_or_default(),
    })
}

fn item(
    name: &str,
    at: &At<RawItem>,
    extraction: &Extraction,
    raw: &At<RawCollect>,
    phrases: &mut Units,
    report: &mut Report,
) -> Option<ItemName> {
    let (kind, key) = (at.value.kind.as_ref()?, at.value.key.as_ref()?);
    let Ok(of_kind) = Name::parse(&kind.value.value) else {
        let what = format!("`{}` is no kind of item", kind.value.value);
        report.error(kind.span, what, "use lower-case letters, digits and `_`: `product`");
        return None;
    };
    let text = key.value.value.as_str();
    let by_key = says(text, "key");
    let names = match extraction {
        Extraction::Page(lookups) | Extraction::Each { lookups, .. } => {
            lookups.iter().map(|lookup| lookup.name.to_string()).collect()
        }
        Extraction::Auto => AUTO.map(str::to_owned).to_vec(),
    };
    let own = matches!(extraction, Extraction::Each { .. } | Extraction::Auto).then(|| "key".to_owned());
    let names: Vec<String> = names.into_iter().chain(own).chain(["params".to_owned()]).collect();
    if matches!(extraction, Extraction::Each { .. }) && !names.iter().any(|name| *name != "params" && says(text, name))
    {
        let what = "all readings of this listing would be the same item";
        report.error(key.span, what, "write `key: \"{{ key }}\"`").see(raw.extract.as_ref()?.key, "the listing");
        return None;
    }
    let unit = format!("collect.{name}.item.key");
    phrases.key(unit.clone(), &key.value, &names);
    let named = if by_key || matches!(extraction, Extraction::Each { .. }) { Named::All } else { Named::First };
    Some(ItemName { kind: of_kind, key: unit.into(), named })
}

/// Whether a template says a name.
fn says(text: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        !text[..at].ends_with(|c: char| is_word(c) || c == '.') && !text[at + name.len()..].starts_with(is_word)
    })
}

impl Compiled {
    /// The same, with the language in which their keys are said.
    pub fn said_in(mut self, phrases: &Arc<Language>) -> Self {
        self.list.iter_mut().for_each(|collecting| collecting.phrases = phrases.clone());
        self
    }
}
