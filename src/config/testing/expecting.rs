//! What must be so, out of what authors wrote.
//!
//! In: expectations as written. Out: expectations with their places, in the order of the file. It must not judge.

use http::HeaderName;

use super::reading::{Reading, entries};
use super::{Check, Expectation, Expected};
use crate::config::problem::Place;
use crate::config::raw::tests::{RawElement, RawExpect};
use crate::config::read::At;
use crate::config::read::scalars::Integer;
use crate::config::read::shapes::OneOrMany;
use crate::config::report::Report;
use crate::config::source::Span;
use crate::config::yaml::Text;
use crate::page::check_selector;
use crate::rule::pattern::Glob;

impl Reading<'_> {
    pub fn expected(&mut self, at: &At<RawExpect>) -> Vec<Expectation> {
        let RawExpect { rules, audiences, elements, status, headers, snapshot, sources, .. } = &at.value;
        let mut expected = Vec::new();
        let mut add = |span: Span, what: Expected, report: &Report| {
            expected.push(Expectation { place: Place::of(span, &report.sources), what });
        };
        for (name, verdict) in entries(rules) {
            self.must_be("rule", &name.value, verdict.key);
            add(verdict.key, Expected::Rule { name: name.value.clone(), verdict: verdict.value }, self.report);
        }
        for (name, inside) in entries(audiences) {
            self.must_be("audience", &name.value, inside.key);
            add(inside.key, Expected::Audience { name: name.value.clone(), inside: inside.value }, self.report);
        }
        if let Some(status) = status {
            add(status.span, Expected::Status(u16::try_from(status.value.0).unwrap_or_default()), self.report);
        }
        for (name, value) in entries(headers) {
            let Ok(name) = HeaderName::try_from(name.0.as_str()) else { continue };
            let written = value.value.value.clone();
            add(value.span, Expected::Header { name, value: Glob::new(&written), written }, self.report);
        }
        for element in elements.iter().flat_map(|elements| &elements.value.0) {
            for (span, what) in self.element(element) {
                add(span, what, self.report);
            }
        }
        if let Some(snapshot) = snapshot.as_ref().filter(|snapshot| snapshot.value) {
            add(snapshot.span, Expected::Snapshot, self.report);
        }
        for (name, count) in entries(sources) {
            self.must_be("source", &name.value, count.key);
            let (source, count) =
                (name.value.clone(), (count.span, usize::try_from(count.value.0).unwrap_or_default()));
            add(count.0, Expected::Calls { source, count: count.1 }, self.report);
        }
        expected.sort_by_key(|expectation| expectation.place.position());
        let any = !expected.is_empty();
        let unread = ["rules", "audiences", "elements", "status", "headers", "snapshot", "sources"];
        if !any && !at.value.unreadable.any(&unread) && !self.report.failed() {
            self.report.error(at.span, "nothing is expected", "write what must be so, such as `rules` or `elements`");
        }
        expected
    }

    fn element(&mut self, at: &At<RawElement>) -> Vec<(Span, Expected)> {
        let RawElement { select, nth, count, text, contains, lacks, html, attributes, .. } = &at.value;
        let Some(select) = select else { return Vec::new() };
        if let Err(error) = check_selector(&select.value.value) {
            self.report.error(select.span, error.to_string(), "");
            return Vec::new();
        }
        let number = |at: &At<Integer>| usize::try_from(at.value.0).unwrap_or_default();
        let mut checks: Vec<(Span, Check)> = Vec::new();
        checks.extend(count.iter().map(|count| (count.span, Check::Count(number(count)))));
        checks.extend(text.iter().map(|text| (text.span, Check::Text(text.value.value.clone()))));
        let all = |texts: &Option<At<OneOrMany<Text>>>, check: fn(String) -> Check| {
            let texts = texts.iter().flat_map(|texts| &texts.value.0);
            texts.map(|text| (text.span, check(text.value.value.clone()))).collect::<Vec<_>>()
        };
        checks.extend(all(contains, Check::Contains));
        checks.extend(all(lacks, Check::Lacks));
        checks.extend(html.iter().map(|html| (html.span, Check::Html(html.value.value.clone()))));
        checks.extend(entries(attributes).map(|(name, value)| {
            let written = value.value.value.clone();
            let name = name.value.to_ascii_lowercase();
            (value.span, Check::Attribute { name, value: Glob::new(&written), written })
        }));
        if checks.is_empty() {
            checks.push((select.span, Check::Present));
        }
        let nth = nth.as_ref().map_or(1, number).max(1);
        let element = |check| Expected::Element { select: select.value.value.clone(), nth, check };
        checks.into_iter().map(|(span, check)| (span, element(check))).collect()
    }
}
