//! `fetch` of a content: the source that it names, held against what laying in its answer takes.
//!
//! In: it as written. Out: a [`Kind`], with its templates given to the language. It must not ask a source.

use std::sync::Arc;

use serde_json::Value as Json;

use super::making::Making;
use super::purpose::Purpose;
use crate::config::raw::fetches::RawFetch;
use crate::config::raw::sources::RawSource;
use crate::config::read::At;
use crate::config::read::names::{listed, suggestion};
use crate::config::source::Span;
use crate::config::yaml::Text;
use crate::content::{Fetch, Kind};

/// The content; `unit` is the beginning of the names of its templates.
pub fn compile(at: &At<RawFetch>, unit: &str, making: &mut Making<'_, '_>) -> Option<Kind> {
    let (name, with) = at.value.call();
    let name = name?;
    let source = making.world.find("source", &making.world.sources, &name.value, name.span, making.report)?;
    let params: Vec<&str> =
        source.params.iter().flat_map(|at| &at.value.0).map(|text| text.value.value.as_str()).collect();
    let given = with.map_or(&[][..], |with| &with.0);
    check_params(&name.value, &params, given, at.span, making);
    check_source(&source.value, name, making);
    let purpose = match making.purpose {
        Purpose::Injection { each: false } => Purpose::Argument { each: false },
        _ => Purpose::Argument { each: true },
    };
    let with = given.iter().map(|(param, template)| {
        let unit = format!("{unit}.fetch.{}", param.value);
        (Arc::from(param.value.as_str()), making.units.template(unit, &template.value, purpose))
    });
    Some(Kind::Fetch(Fetch { source: name.value.as_str().into(), with: with.collect() }))
}

/// A source is called with all of its params, and with nothing else.
fn check_params(name: &str, params: &[&str], given: &[(Text, At<Text>)], span: Span, making: &mut Making<'_, '_>) {
    for (param, _) in given.iter().filter(|(param, _)| !params.contains(&param.value.as_str())) {
        let remedy =
            suggestion(&param.value, params.iter().copied(), "add it to `params` of the source, or leave it out");
        making.report.error(param.span, format!("source `{name}` has no param `{}`", param.value), remedy);
    }
    let missing: Vec<&str> =
        params.iter().copied().filter(|param| !given.iter().any(|(given, _)| given.value == *param)).collect();
    if !missing.is_empty() {
        let what = format!("source `{name}` is called with {}", listed(&missing));
        let example = format!("write `fetch: {{ source: {name}, with: {{ {}: … }} }}`", missing.join(": …, "));
        making.report.error(span, what, example);
    }
}

/// What the source's answer must not be for it to be laid in as it comes.
fn check_source(source: &RawSource, name: &Text, making: &mut Making<'_, '_>) {
    if let Some(batch) = &source.batch {
        let what =
            format!("source `{}` is asked in batches, and the answer to many is no HTML for one place", name.value);
        making.report.error(name.span, what, "define another source without `batch`").see(batch.key, "the batch");
    }
    if let Some(fallback) = source.fallback.as_ref().filter(|at| !matches!(at.value.0, Json::String(_))) {
        let what = format!("the fallback of source `{}` is no text, so it can't be laid in", name.value);
        making
            .report
            .error(name.span, what, "write it as HTML, or give the content a `fallback` instead")
            .see(fallback.span, "the fallback");
    }
}
