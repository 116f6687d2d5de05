//! The walk of a request that nobody sent: as for a visitor, but nobody is served and nothing is counted.
//!
//! In: a request, and what is to be supposed of it. Out: the page that a visitor would get, and the explanation. It must not
//! decide anything, nor change what visitors get.

mod decisions;
mod inquiry;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};

use super::Exchange;
use super::account::Answered;
use super::explanation::{
    AnswerExplained, Explanation, OriginExplained, PlaceExplained, VisitorExplained, moment, sources,
};
use super::failure::{Failure, Told};
use super::fetch::Came;
use super::open::{Arrival, Unserved};
use super::plan::Plan;
use super::trace::{SlotTrace, TraceSink};
use crate::context::Context;
use crate::decide::supposed::Supposed;
use crate::http::Body;
use crate::http::annotations::{CACHE_STATUS, append_cache_status};
use crate::http::caching::has_directive;
use crate::limits::{EXPLAINED_PLACES, EXPLAINED_TEXT_BYTES, OWN_NAME, TRACE_PAGE_BYTES};
use crate::page::Outcome;
use crate::telemetry::{Causes, Metrics, Treatment};
use crate::visitor::{Identity, Purpose};
use decisions::decisions;

pub use inquiry::{Inquiry, InquiryError, Supposing};

/// What came of such a request.
#[derive(Debug)]
pub struct Walked {
    pub explanation: Explanation,
    pub headers: HeaderMap,
    /// The page that a visitor would get, before its coding; what there is of it, if it broke off.
    pub page: Bytes,
}

impl Exchange {
    /// Walks a request as for a visitor, and tells all of it. The origin is asked, but nobody is served: nothing is counted,
    /// no limit of clients is used up.
    pub async fn explain(&self, mut request: Request<Body>, supposed: Supposed) -> Walked {
        let sink = TraceSink::explaining();
        // What is shown is text, so it is asked for without a coding.
        request.headers_mut().remove(header::ACCEPT_ENCODING);
        request.extensions_mut().insert(sink.clone());
        request.extensions_mut().insert(Unserved { supposed });
        let arrival = Arrival::of(request, &self.trusted, &self.metrics);
        let (started, metrics) = (arrival.started, arrival.metrics.clone());
        sink.tell(|explanation| arrival.tell(explanation));
        let answered = match self.open(&arrival) {
            Ok(context) => {
                let walked = self.walk(&context, arrival).await;
                walked.unwrap_or_else(|failure| failed(&failure, &Told::visitor(&context), &sink, &metrics))
            }
            Err(failure) => {
                let sites = &self.revision.load().sites;
                failed(&failure, &Told::stranger(&arrival.request, sites), &sink, &metrics)
            }
        };
        read(answered, &sink, started).await
    }

    /// Follows an inquiry: the same, with the names and times in it looked up.
    ///
    /// # Errors
    /// It names what is not there.
    pub async fn inquire(&self, inquiry: &Inquiry) -> Result<Walked, InquiryError> {
        let request = inquiry.request()?;
        Ok(self.explain(request, self.supposed(inquiry)?).await)
    }

    /// What an inquiry supposes, with the names and times in it looked up.
    ///
    /// # Errors
    /// It names what is not there.
    pub(super) fn supposed(&self, inquiry: &Inquiry) -> Result<Supposed, InquiryError> {
        let revision = self.revision.load_full();
        let host = inquiry.uri()?.host().unwrap_or_default().to_ascii_lowercase();
        let site = revision.sites.of_host(&host).ok_or(InquiryError::Host(host))?;
        inquiry.suppose.supposed(&revision, site)
    }

    /// Tells what the rules said of a request. `plan`: those of its path.
    pub(super) fn tell_decisions(&self, context: &Context, plan: Option<&Plan>, sink: &TraceSink) {
        let mut told = Explanation::default();
        decisions(context, plan.map(Plan::rules).unwrap_or_default(), &mut told);
        told.untouched = match plan {
            Some(_) => None,
            None if self.is_off() => Some("personalisation is switched off".to_owned()),
            None if context.site.protects(context.request.path()) => Some("the path is protected".to_owned()),
            None => Some("no rule has this path".to_owned()),
        };
        sink.tell(|explanation| {
            explanation.site = context.site.name.to_string();
            explanation.revision = context.revision.id.to_string();
            explanation.at = moment(context.now);
            explanation.visitor = visitor(context);
            explanation.supposed = context.supposed.in_words();
            (explanation.rules, explanation.audiences) = (told.rules, told.audiences);
            explanation.untouched = told.untouched;
        });
    }
}

fn visitor(context: &Context) -> VisitorExplained {
    let identity = match context.visitor.identity {
        Identity::Nobody => "nobody",
        Identity::Withdrawn(_) => "withdrawn",
        Identity::New(_) => "new",
        Identity::Replaced(_) => "replaced",
        Identity::Known(_) => "known",
        Identity::Renewed(_) => "renewed",
    };
    VisitorExplained { identity: identity.to_owned(), consent: context.visitor.consent.allows(Purpose::Store) }
}

fn failed(failure: &Failure, told: &Told<'_>, sink: &TraceSink, metrics: &Metrics) -> Answered {
    sink.tell(|explanation| explanation.failure = Some(Causes(failure).to_string()));
    Answered::failed(failure, told, metrics)
}

/// What is known of an answer before its body has ended.
pub struct Ending {
    status: StatusCode,
    headers: HeaderMap,
    treatment: Treatment,
    came: Option<Came>,
    started: Instant,
}

impl Ending {
    /// Of an answer whose body is to come.
    pub(super) fn of(answered: &Answered, started: Instant) -> Self {
        let (status, headers) = (answered.response.status(), answered.response.headers().clone());
        Self { status, headers, treatment: answered.treatment, came: answered.came.clone(), started }
    }

    /// The whole explanation, once the body has ended. `page`: what there is of it, for what stands in its slots; `broken`: why it
    /// broke off.
    pub(super) fn tell(&self, sink: &TraceSink, page: &[u8], bytes: usize, broken: Option<String>) -> Explanation {
        let (mut explanation, slots) = sink.take_explanation();
        if self.treatment == Treatment::Personalised && broken.is_none() {
            lay_out(&mut explanation, slots, page);
        }
        explanation.sources = sources(sink.witness(), self.started);
        explanation.origin = self.came.as_ref().map(origin);
        let text = |name| self.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
        explanation.answer = Some(AnswerExplained {
            status: self.status.as_u16(),
            treatment: format!("{:?}", self.treatment).to_ascii_lowercase(),
            content_type: text(header::CONTENT_TYPE),
            location: text(header::LOCATION),
            bytes,
            broken,
            cache_control: text(header::CACHE_CONTROL),
            cacheable: cacheable(&self.headers).to_owned(),
            private_by: private_by(&explanation),
        });
        explanation.milliseconds = self.started.elapsed().as_secs_f64() * 1000.0;
        explanation
    }
}

/// Reads the answer to its end, and completes the explanation.
pub(super) async fn read(answered: Answered, sink: &TraceSink, started: Instant) -> Walked {
    let ending = Ending::of(&answered, started);
    let (page, broken) = match answered.response.into_body().collect_at_most(TRACE_PAGE_BYTES).await {
        Ok(page) => (page, None),
        Err(error) => (Bytes::new(), Some(error.to_string())),
    };
    let explanation = ending.tell(sink, &page, page.len(), broken);
    Walked { explanation, headers: ending.headers, page }
}

fn origin(came: &Came) -> OriginExplained {
    let mut line = HeaderMap::new();
    append_cache_status(&mut line, OWN_NAME, &came.cache, None);
    let cache = line.get(CACHE_STATUS).and_then(|line| line.to_str().ok()).unwrap_or_default();
    let cache = cache.split_once("; ").map_or(cache, |(_, cache)| cache).to_owned();
    OriginExplained { cache, milliseconds: came.took.as_secs_f64() * 1000.0 }
}

/// Puts the elements that were found under their slots.
fn lay_out(explanation: &mut Explanation, settled: Vec<SlotTrace>, page: &[u8]) {
    explanation.slots.iter_mut().for_each(|slot| slot.found = Some(0));
    for trace in settled {
        let Some(slot) = explanation.slots.iter_mut().find(|slot| slot.name == *trace.injection) else { continue };
        *slot.found.get_or_insert(0) += 1;
        if slot.places.len() < EXPLAINED_PLACES {
            let text = page.get(trace.output.start as usize..trace.output.end as usize).unwrap_or_default();
            slot.places.push(PlaceExplained {
                outcome: trace.outcome.word().to_owned(),
                reason: trace.reason.filter(|_| trace.outcome != Outcome::Shown).map(|reason| reason.to_string()),
                filled: trace.filled.map(Arc::unwrap_or_clone).filter(|told| slot.filled.as_ref() != Some(told)),
                text: beginning(text),
            });
        }
    }
}

/// As much of it as is shown.
fn beginning(text: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&text[..text.len().min(EXPLAINED_TEXT_BYTES)]).into_owned();
    if text.len() > EXPLAINED_TEXT_BYTES { shown + "…" } else { shown }
}

/// Who may keep the answer, by what its head says.
fn cacheable(headers: &HeaderMap) -> &'static str {
    let says = |directive| has_directive(headers, directive);
    match () {
        () if says("no-store") => "nobody keeps it",
        () if says("private") => "the visitor's browser alone, which asks again each time",
        () if says("no-cache") => "caches, which ask again each time",
        () if says("max-age") || says("s-maxage") || headers.contains_key(header::EXPIRES) => {
            "caches, as long as it says"
        }
        () => "caches, for as long as they guess: nothing is said",
    }
}

/// What was read that depends on who asks, each once.
fn private_by(explanation: &Explanation) -> Vec<String> {
    let conditions = explanation.rules.iter().flat_map(|rule| &rule.conditions).flat_map(|condition| &condition.reads);
    let slots = explanation.slots.iter();
    let own = slots.clone().filter_map(|slot| slot.condition.as_ref()).flat_map(|condition| &condition.reads);
    let filled = slots.clone().filter_map(|slot| slot.filled.as_ref()).flat_map(|filled| &filled.reads);
    let placed = slots.flat_map(|slot| &slot.places).filter_map(|place| place.filled.as_ref());
    let reads = conditions.chain(own).chain(filled).chain(placed.flat_map(|filled| &filled.reads));
    let mut named: Vec<String> = reads.filter(|read| read.of_visitor).map(|read| read.asked.clone()).collect();
    named.extend(
        explanation.rules.iter().filter(|rule| rule.share.is_some()).map(|rule| format!("share of {}", rule.name)),
    );
    named.sort();
    named.dedup();
    named
}
