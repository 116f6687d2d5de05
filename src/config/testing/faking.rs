//! What sources say in a test, out of what its author wrote.
//!
//! In: fakes as written, of the file and of the test, which comes before it. Out: fakes by source. It must not answer.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;

use super::reading::{Reading, entries};
use crate::config::raw::fakes::{RawFake, RawFaked};
use crate::config::raw::wanted::Keyed;
use crate::config::read::At;
use crate::config::read::record::Field;
use crate::config::yaml::Text;
use crate::content::source::definition::Format;
use crate::content::source::fakes::{Comes, Fake, Faked};

impl Reading<'_> {
    /// The fakes of these maps, of which the later ones count.
    pub fn fakes(&mut self, maps: [&Field<Keyed<Text, RawFake>>; 2]) -> BTreeMap<String, Fake> {
        let mut fakes = BTreeMap::new();
        for (name, fake) in maps.into_iter().flat_map(entries) {
            self.must_be("source", &name.value, fake.key);
            let made = match &fake.value {
                RawFake::Real => Some(Fake::Real),
                RawFake::Faked(faked) => self.comes(&name.value, fake, faked).map(|comes| {
                    let delay = faked.delay.as_ref().map_or(Duration::ZERO, |delay| delay.value.0);
                    Fake::Answers(Faked { delay, comes })
                }),
            };
            fakes.extend(made.map(|made| (name.value.clone(), made)));
        }
        fakes
    }

    fn comes(&mut self, source: &str, at: &At<RawFake>, faked: &RawFaked) -> Option<Comes> {
        let RawFaked { json, body, content_type, status, error, .. } = faked;
        let told = match (json, body, error, status) {
            (None, None, Some(error), None) => return Some(Comes::Failure(error.value)),
            (Some(json), None, None, _) => Some((Bytes::from(json.value.0.to_string()), "application/json")),
            (None, Some(body), None, _) => Some((Bytes::from(body.value.value.clone()), self.type_of(source))),
            (None, None, None, Some(_)) => Some((Bytes::new(), self.type_of(source))),
            _ => None,
        };
        let Some((bytes, kind)) = told else {
            if !faked.unreadable.any(&["json", "body", "error", "status"]) {
                let remedy = "write one of `json`, `body` and `error`, or a `status` alone";
                self.report.error(at.span, format!("it is not clear what source `{source}` says"), remedy);
            }
            return None;
        };
        let kind = match content_type {
            None => HeaderValue::from_static(kind),
            Some(kind) => match HeaderValue::try_from(kind.value.value.as_str()) {
                Ok(kind) => kind,
                Err(_) => {
                    self.report.error(kind.span, "this is no media type", "write one such as `text/html`");
                    return None;
                }
            },
        };
        Some(Comes::Response { status: self.status(status.as_ref())?, content_type: kind, body: bytes })
    }

    /// The type of a body of which the test does not say it.
    fn type_of(&self, source: &str) -> &'static str {
        let format = self.rules.sources.iter().find(|known| *known.name == *source).map(|known| known.format);
        match format {
            Some(Format::Text) => "text/plain; charset=utf-8",
            Some(Format::Xml) => "application/xml",
            Some(Format::Json | Format::Told) | None => "application/json",
        }
    }
}
