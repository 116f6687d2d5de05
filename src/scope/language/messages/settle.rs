//! What was read from all files, put together: every message that another leads to is there, and no circle is.
//!
//! In: files by language. Out: [`Messages`], with all faults. A regional language (`nl-BE`) says what its parent (`nl`) says,
//! except where it says otherwise itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::super::library::locales::{FALLBACK, locale};
use super::fault::{Fault, nearest};
use super::pattern::Reference;
use super::read::{Item, read};
use super::{Message, MessageFile, Messages, Spoken};
use crate::limits;
use crate::scope::ledger::Fingerprint;

/// The items of one language by their keys.
type Items = HashMap<Arc<str>, Item>;

/// Everything.
pub(super) fn settle(files: &[MessageFile<'_>]) -> (Messages, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut own: BTreeMap<String, Items> = BTreeMap::new();
    for (number, file) in files.iter().enumerate() {
        let read = read(number, file.text);
        faults.extend(read.faults);
        let items = own.entry(file.language.to_ascii_lowercase()).or_default();
        for item in read.items {
            let (key, at) = (item.key.clone(), item.at.clone());
            if items.insert(key.clone(), item).is_some() {
                let remedy = "rename one of them: the last would count";
                faults.push(Fault::error(number, at, format!("`{key}` is said twice in `{}`", file.language), remedy));
            }
        }
    }
    faults.extend(lacking(&own));
    let all: BTreeMap<String, Items> = own.keys().map(|tag| (tag.clone(), with_parents(tag, &own))).collect();
    let languages = all.iter().map(|(tag, items)| (tag.clone(), spoken(tag, items, &own[tag], &mut faults))).collect();
    let texts: Vec<_> = files.iter().map(|file| (file.language, file.text)).collect();
    let identity = (!files.is_empty()).then(|| Fingerprint::of(("messages", texts)));
    faults.sort_by_key(|fault| (fault.file, fault.at.start));
    faults.dedup();
    (Messages { languages, identity }, faults)
}

/// The tag with fewer and fewer subtags.
fn parents(tag: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(tag.rsplit_once('-').map(|(parent, _)| parent), |tag| {
        tag.rsplit_once('-').map(|(parent, _)| parent)
    })
}

fn with_parents(tag: &str, own: &BTreeMap<String, Items>) -> Items {
    let mut items = own[tag].clone();
    for inherited in parents(tag).filter_map(|parent| own.get(parent)).flatten() {
        items.entry(inherited.0.clone()).or_insert_with(|| inherited.1.clone());
    }
    items
}

/// One language, with what is wrong among its own messages.
fn spoken(tag: &str, items: &Items, own: &Items, faults: &mut Vec<Fault>) -> Spoken {
    let mut depths = HashMap::new();
    for item in own.values() {
        for reference in item.pattern.references() {
            faults.extend(unknown(item, &reference, items));
        }
        if let Err(deep) = depth(item, items, &mut vec![&item.key], &mut depths) {
            let remedy = "let one of them say it itself";
            faults.push(Fault::error(item.file, item.at.clone(), deep, remedy));
        }
    }
    let message = |item: &Item| Message { pattern: item.pattern.clone(), values: values(item, items) };
    let said = items.iter().map(|(key, item)| (key.clone(), message(item))).collect();
    Spoken { locale: locale(tag).unwrap_or(FALLBACK), said }
}

/// What is wrong with a way to another message.
fn unknown(from: &Item, reference: &Reference, items: &Items) -> Option<Fault> {
    let Some(to) = items.get(&reference.key) else {
        let kind = if reference.key.starts_with('-') { "term" } else { "message" };
        let remedy = nearest(&reference.key, items.keys().map(|key| &**key), "write it in this language too");
        let what = format!("there is no {kind} `{}` in this language", reference.key);
        return Some(Fault::error(from.file, reference.at.clone(), what, remedy));
    };
    // A term sees what it is given there and then, and nothing else; one that it does not name is left as it stands.
    let given = reference.with.as_ref()?;
    let name = to.pattern.values().into_iter().find(|name| !given.iter().any(|(given, _)| given == name))?;
    let what = format!("the term `{}` takes `{name}`, which it is not given here", reference.key);
    let remedy = format!("write `{{ {}({name}: \"…\") }}`", reference.key);
    Some(Fault::error(from.file, reference.at.clone(), what, remedy))
}

/// Through how many others a message leads; fails where there is no end to it, or too many are.
fn depth<'i>(
    item: &'i Item,
    items: &'i Items,
    way: &mut Vec<&'i Arc<str>>,
    known: &mut HashMap<&'i Arc<str>, usize>,
) -> Result<usize, String> {
    if let Some(depth) = known.get(&item.key) {
        return Ok(*depth);
    }
    let mut deepest = 0;
    for reference in item.pattern.references() {
        let Some((key, next)) = items.get_key_value(&reference.key) else { continue };
        if way.contains(&key) {
            return Err(format!("`{}` leads to itself, by way of `{}`", key, item.key));
        }
        way.push(key);
        let long = way.len() > limits::MESSAGE_NESTING;
        deepest = deepest.max(if long { way.len() } else { 1 + depth(next, items, way, known)? });
        way.pop();
        if deepest > limits::MESSAGE_NESTING {
            return Err(format!("`{}` leads through more than {} others", item.key, limits::MESSAGE_NESTING));
        }
    }
    known.insert(&item.key, deepest);
    Ok(deepest)
}

/// The values that a message takes, with those of messages that it leads to; terms see only what they are given.
fn values(item: &Item, items: &Items) -> BTreeSet<Arc<str>> {
    let mut values = BTreeSet::new();
    let mut seen = BTreeSet::from([item.key.clone()]);
    let mut next = vec![item];
    while let Some(item) = next.pop() {
        values.extend(item.pattern.values());
        for reference in item.pattern.references().into_iter().filter(|reference| reference.with.is_none()) {
            if let Some(item) = items.get(&reference.key).filter(|item| seen.insert(item.key.clone())) {
                next.push(item);
            }
        }
    }
    values
}

/// What one language says and another does not, where it has no parent that would.
fn lacking(own: &BTreeMap<String, Items>) -> Vec<Fault> {
    let messages =
        |items: &Items| -> BTreeSet<Arc<str>> { items.keys().filter(|key| !key.starts_with('-')).cloned().collect() };
    let roots = || own.iter().filter(|(tag, _)| !parents(tag).any(|parent| own.contains_key(parent)));
    let all: BTreeSet<Arc<str>> = roots().flat_map(|(_, items)| messages(items)).collect();
    let mut faults = Vec::new();
    for (tag, items) in roots() {
        let lacking: Vec<&Arc<str>> = all.iter().filter(|key| !items.contains_key(*key)).collect();
        let Some(first) = lacking.first() else { continue };
        let Some(said) = own.values().find_map(|items| items.get(*first)) else { continue };
        let names: Vec<String> = lacking.iter().take(limits::MESSAGES_NAMED).map(|key| format!("`{key}`")).collect();
        let more = if lacking.len() > names.len() { ", …" } else { "" };
        let what = match lacking.len() {
            1 => format!("{} is not said in `{tag}`", names[0]),
            many => format!("{many} messages are not said in `{tag}`: {}{more}", names.join(", ")),
        };
        let remedy = format!("add them to the files of `{tag}`; until then another language speaks there");
        faults.push(Fault::error(said.file, said.at.clone(), what, remedy).warning());
    }
    faults
}
