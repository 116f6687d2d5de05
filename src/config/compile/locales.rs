//! Files of messages: given to the language by the language that they are written in, and what it says led back to the files.
//!
//! In: the files below `locales`. Out: messages, or problems at their places. It must not know their syntax.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::world::{Deployment, Surroundings};
use crate::config::report::Report;
use crate::config::source::SourceId;
use crate::scope::language::library::locales;
use crate::scope::language::messages::{Fault, MessageFile, Messages};

/// The messages of all languages; what is wrong with them is noted.
pub fn messages(files: &BTreeMap<String, SourceId>, around: &Surroundings<'_>, report: &mut Report) -> Arc<Messages> {
    let named: Vec<(&str, SourceId)> =
        files.iter().filter_map(|(name, id)| Some((tag(name, *id, report)?, *id))).collect();
    let sources: Vec<_> = named.iter().map(|(_, id)| report.sources.get(*id).clone()).collect();
    let read = named.iter().zip(&sources).map(|((language, _), source)| MessageFile { language, text: source.text() });
    let (messages, faults) = Messages::read(&read.collect::<Vec<_>>());
    for fault in faults {
        let Fault { file, at, what, remedy, warning } = fault;
        let span = named[file].1.span(at);
        match warning {
            true => report.warn(span, what, remedy),
            false => report.error(span, what, remedy),
        };
    }
    if let Some(deployment) = around.deployment {
        unheard(&named, deployment, report);
    }
    Arc::new(messages)
}

/// The language of a file: `nl.ftl`, `nl/shop.ftl`.
fn tag<'n>(name: &'n str, id: SourceId, report: &mut Report) -> Option<&'n str> {
    let tag = name.split('/').next().unwrap_or(name);
    let tag = tag.strip_suffix(".ftl").unwrap_or(tag);
    match locales::locale(tag) {
        Ok(_) => Some(tag),
        Err(refusal) => {
            report.error(
                id.start(),
                refusal.to_string(),
                "name the file or its folder by the language: `nl.ftl`, `nl/shop.ftl`",
            );
            None
        }
    }
}

/// Warns of languages that nobody is ever spoken to in.
fn unheard(named: &[(&str, SourceId)], deployment: &Deployment, report: &mut Report) {
    let primary = |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let mut told: Vec<&str> = Vec::new();
    for (tag, id) in named {
        let heard = deployment.languages.iter().any(|language| primary(language) == primary(tag));
        if heard || told.contains(tag) {
            continue;
        }
        told.push(tag);
        let what = format!("no site has the language `{tag}`, so nobody asks for it");
        report.warn(id.start(), what, "add it to `languages` in inlay.yaml");
    }
}
