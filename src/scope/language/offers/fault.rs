//! What is wrong with a call before anybody runs it: too much, too little, unknown names, constants that can't be right.
//!
//! In: a call as it stands in the source. Out: its faults, in words for the author. What is only known when it runs is not judged.

use std::ops::Range;

use minijinja::value::{Value, ValueKind};

use super::super::library::{dates, locales, numbers, patterns};
use super::{Kind, Offer, named};

/// A call of a filter, as it stands in the source.
#[derive(Clone, Debug, Default)]
pub struct Invocation {
    pub filter: String,
    /// Where the filter's name stands.
    pub at: Range<usize>,
    /// The parameters by position, with their values where they are constants.
    pub positional: Vec<(Option<Value>, Range<usize>)>,
    pub named: Vec<(String, Option<Value>, Range<usize>)>,
    /// Whether a list or map is spread into it, so that the rest can't be known.
    pub spread: bool,
}

/// A fault with its place and what to do about it.
pub type Fault = (Range<usize>, String, Option<String>);

/// The facts that a call reads besides what is written: the language of the request, the zone of the site, the present.
pub fn reads(call: &Invocation) -> Vec<&'static str> {
    let Some(offer) = named(&call.filter) else { return Vec::new() };
    let lacks = |name: &str| {
        let index = offer.takes.iter().position(|parameter| parameter.name == name);
        let by_name = call.named.iter().any(|(given, ..)| given == name);
        index.is_some_and(|index| index >= call.positional.len()) && !by_name
    };
    let present = matches!(offer.name, "relative" | "days_until" | "days_since");
    let zone = lacks("zone").then_some("now.zone");
    let today = present.then_some("now.date");
    lacks("locale").then_some("request.language").into_iter().chain(zone).chain(today).collect()
}

/// What is wrong with a call.
pub fn faults(call: &Invocation) -> Vec<Fault> {
    let Some(offer) = named(&call.filter) else { return Vec::new() };
    let mut faults = Vec::new();
    if let Some((_, at)) = call.positional.get(offer.takes.len()) {
        let what = format!("`{}` takes {}", offer.name, number_of(offer.takes.len()));
        faults.push((at.clone(), what, Some(format!("write `{}`", usage(offer)))));
    }
    for (name, _, at) in &call.named {
        if !offer.open && !offer.takes.iter().any(|parameter| parameter.name == name) {
            let near =
                offer.takes.iter().map(|parameter| (strsim::damerau_levenshtein(name, parameter.name), parameter.name));
            let near = near.min().filter(|(distance, _)| *distance <= 2 && distance * 2 < name.len());
            let hint =
                near.map_or_else(|| format!("write `{}`", usage(offer)), |(_, near)| format!("did you mean `{near}`?"));
            faults.push((at.clone(), format!("`{}` takes no `{name}`", offer.name), Some(hint)));
        }
    }
    for (index, parameter) in offer.takes.iter().enumerate() {
        let by_name = call.named.iter().find(|(name, ..)| name == parameter.name).map(|(_, value, at)| (value, at));
        let given = call.positional.get(index).map(|(value, at)| (value, at)).or(by_name);
        match given {
            Some((Some(value), at)) => {
                faults.extend(parameter.kind.fault(value).map(|(what, hint)| {
                    (at.clone(), format!("`{}` of `{}`: {what}", parameter.name, offer.name), hint)
                }));
            }
            None if parameter.needed && !call.spread => {
                let what = format!("`{}` needs `{}`", offer.name, parameter.name);
                faults.push((call.at.clone(), what, Some(format!("write `{}`", usage(offer)))));
            }
            _ => {}
        }
    }
    faults
}

fn number_of(count: usize) -> String {
    match count {
        0 => "nothing in brackets".to_owned(),
        1 => "one value".to_owned(),
        count => format!("at most {count} values"),
    }
}

/// `value|mask(keep, with)`; what need not be given stands in square brackets.
fn usage(offer: &Offer) -> String {
    let names = offer.takes.iter().map(|parameter| match parameter.needed {
        true => parameter.name.to_owned(),
        false => format!("[{}]", parameter.name),
    });
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        format!("value|{}", offer.name)
    } else {
        format!("value|{}({})", offer.name, names.join(", "))
    }
}

impl Kind {
    /// What is wrong with a constant of this kind, and what to do.
    fn fault(self, value: &Value) -> Option<(String, Option<String>)> {
        let text = value.as_str().unwrap_or_default();
        let plain = |what: &str| Some((what.to_owned(), None));
        // A refusal says after a semicolon what to do.
        let library = |refused: Option<String>| {
            refused.map(|said| match said.split_once("; ") {
                Some((what, remedy)) => (what.to_owned(), Some(remedy.to_owned())),
                None => (said, None),
            })
        };
        if value.is_none() {
            return None;
        }
        match self {
            Self::Any => None,
            Self::Text if matches!(value.kind(), ValueKind::Seq | ValueKind::Map) => plain("it must be a text"),
            Self::Text => None,
            Self::Number if !value.is_number() => plain("it must be a number"),
            Self::Count if !value.is_number() || value.as_usize().is_none() => {
                plain("it must be a whole number from 0")
            }
            Self::Integer if !value.is_number() || value.as_i64().is_none() => plain("it must be a whole number"),
            Self::Bool if value.kind() != ValueKind::Bool => plain("it must be true or false"),
            Self::Number | Self::Count | Self::Integer | Self::Bool => None,
            Self::Pattern => library(patterns::pattern(text).err().map(|refusal| refusal.to_string())),
            Self::Locale => library(locales::locale(text).err().map(|refusal| refusal.to_string())),
            Self::Currency => library(numbers::currency_type(text).err().map(|refusal| refusal.to_string())),
            Self::Zone => library(dates::zone(text).err().map(|refusal| refusal.to_string())),
            Self::DateStyle if text.contains('%') => None,
            Self::DateStyle => one_of(text, &dates::STYLES),
            Self::OneOf(known) => one_of(text, known),
        }
    }
}

fn one_of(text: &str, known: &[&str]) -> Option<(String, Option<String>)> {
    // Units may be in singular.
    if known.iter().any(|known| *known == text || known.strip_suffix('s') == Some(text)) {
        return None;
    }
    let near = known.iter().map(|known| (strsim::damerau_levenshtein(text, known), known)).min();
    let near = near.filter(|(distance, _)| *distance <= 2 && distance * 2 < text.len());
    let hint =
        near.map_or_else(|| format!("known: `{}`", known.join("`, `")), |(_, near)| format!("did you mean `{near}`?"));
    Some((format!("there is no `{text}`"), Some(hint)))
}
