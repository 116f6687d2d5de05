//! `inject`: markers for pages, with the content that goes there.
//!
//! In: a rule's injections as written. Out: [`Injection`]s; what cannot be streamed or does not go together is noted. It
//! must not compile selectors together: which of them meet in a page is known per request.

use std::sync::Arc;

use super::making::Making;
use super::on_error;
use super::purpose::Purpose;
use crate::config::raw::rules::{RawClass, RawInjection, RawRule};
use crate::config::read::At;
use crate::config::read::shapes::OneOrMany;
use crate::config::yaml::Text;
use crate::page::{Marker, Place, SelectorError, Target, Which, check_attribute, check_class, check_selector};
use crate::revision::Injection;

/// The places, for messages.
const PLACES: &str = "`place: append` (or before, prepend, after, inner, replace, remove), `attribute` or `class`";

/// A rule's injections. Those with problems are left out.
pub fn compile(rule: &str, raw: &RawRule, making: &mut Making<'_, '_>) -> Vec<Injection> {
    let Some(inject) = &raw.inject else { return Vec::new() };
    let list = &inject.value.0;
    if list.is_empty() {
        making.report.warn(
            inject.key,
            format!("the rule `{rule}` lays nothing in"),
            "add an injection, or remove the rule",
        );
    }
    let name = |number: usize| if list.len() == 1 { rule.to_owned() } else { format!("{rule}.{}", number + 1) };
    let numbered = list.iter().enumerate();
    let mut injections: Vec<Injection> =
        numbered.filter_map(|(number, at)| injection(name(number).into(), at, making)).collect();
    let on_error = on_error::content(&raw.on_error, rule, making);
    for content in injections.iter_mut().filter_map(|injection| injection.content.as_mut()) {
        content.on_error.clone_from(&on_error);
    }
    injections
}

fn injection(name: Arc<str>, raw: &At<RawInjection>, making: &mut Making<'_, '_>) -> Option<Injection> {
    let unit = format!("rules.{name}");
    // What cannot be read may name an element.
    let each = raw.each.is_some() || raw.unreadable.any(&["each"]);
    making.purpose = Purpose::Injection { each };
    let select = raw.select.as_ref().and_then(|at| selector(at, making));
    let each = match &raw.each {
        Some(at) => selector(at, making).map(Some),
        None => Some(None),
    };
    // The only injection of a rule bears the rule's name, and `rules.NAME.when` is the rule's own condition.
    let when = raw
        .when
        .as_ref()
        .map(|when| making.units.condition(format!("{unit}.inject.when"), &when.value, making.purpose));
    let target = target(raw, making);
    let content = match target {
        Some(Target::Place(Place::Remove) | Target::Class { .. }) => {
            refuse_content(raw, making);
            Some(None)
        }
        _ => making.content(&raw.content, raw.span, name.clone(), &unit).map(Some),
    };
    let marker = Marker {
        select: select?,
        each: each?,
        which: raw.which.as_ref().map_or(Which::All, |at| at.value),
        target: target?,
        // Settled once the language is there: see `Rules::revision`.
        wants_element: false,
    };
    Some(Injection { name, marker, when, content: content? })
}

fn selector(at: &At<Text>, making: &mut Making<'_, '_>) -> Option<Arc<str>> {
    noted(check_selector(&at.value.value), at, making).then(|| at.value.value.as_str().into())
}

/// Whether a check passed; its error is noted at the part of the text that it names.
fn noted(result: Result<(), SelectorError>, at: &At<Text>, making: &mut Making<'_, '_>) -> bool {
    let Err(error) = result else { return true };
    let span = match &error {
        SelectorError::Unsupported { part, .. } => {
            at.value.value.find(part.as_str()).map(|start| start..start + part.len())
        }
        _ => None,
    };
    let span = span.map_or(at.span, |part| at.value.place(&making.report.sources, part));
    let message = error.to_string();
    let (what, remedy) = message.split_once("; ").unwrap_or((&message, ""));
    making.report.error(span, what, remedy);
    false
}

/// What is changed: exactly one of `place`, `attribute` and `class`.
fn target(raw: &At<RawInjection>, making: &mut Making<'_, '_>) -> Option<Target> {
    let (place, attribute, class) = (&raw.place, &raw.attribute, &raw.class);
    let keys = [place.as_ref().map(|at| at.key), attribute.as_ref().map(|at| at.key), class.as_ref().map(|at| at.key)];
    let keys: Vec<_> = keys.into_iter().flatten().collect();
    if let [first, second, ..] = keys.as_slice() {
        let what = "only one of `place`, `attribute` and `class` can stand here";
        making.report.error(*second, what, "make an injection of each").see(*first, "the first");
        return None;
    }
    if let Some(at) = place {
        return Some(Target::Place(at.value));
    }
    if let Some(at) = attribute {
        return noted(check_attribute(&at.value.value), at, making)
            .then(|| Target::Attribute(at.value.value.to_lowercase().into()));
    }
    if let Some(at) = class {
        return classes(at, making);
    }
    if !raw.unreadable.any(&["place", "attribute", "class"]) {
        making.report.error(raw.span, "nothing says where it goes", format!("add {PLACES}"));
    }
    None
}

fn classes(at: &At<RawClass>, making: &mut Making<'_, '_>) -> Option<Target> {
    let mut tokens = |list: &Option<At<OneOrMany<Text>>>| -> Vec<Arc<str>> {
        let texts = list.iter().flat_map(|at| &at.value.0);
        texts
            .filter(|text| noted(check_class(&text.value.value), text, making))
            .map(|text| text.value.value.as_str().into())
            .collect()
    };
    let (add, remove) = (tokens(&at.add), tokens(&at.remove));
    if at.add.is_none() && at.remove.is_none() && !at.unreadable.any(&["add", "remove"]) {
        making.report.error(at.span, "`class` says neither `add` nor `remove`", "write `class: { add: [is-gold] }`");
    }
    Some(Target::Class { add, remove })
}

fn refuse_content(raw: &At<RawInjection>, making: &mut Making<'_, '_>) {
    let by = if raw.class.is_some() { "`class`" } else { "`place: remove`" };
    for (kind, span) in raw.content.kinds() {
        making.report.error(
            span,
            format!("{by} takes no content, so `{kind}` has no meaning"),
            "remove it, or make an injection of each",
        );
    }
    let others = [
        raw.content.deadline.as_ref().map(|at| ("deadline", at.key)),
        raw.content.blank.as_ref().map(|at| ("blank", at.key)),
        raw.content.fallback.as_ref().map(|at| ("fallback", at.key)),
    ];
    for (key, span) in others.into_iter().flatten() {
        making.report.error(span, format!("{by} takes no content, so `{key}` has no meaning"), "remove it");
    }
}
