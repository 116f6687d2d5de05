//! What pages tell of the site's items, on its way to the store.
//!
//! In: what was read from a page that may be shared. Out: readings of items, handed over; nobody waits for them. It must not be
//! given what was read from a page that is one client's.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::clock::Clock;
use crate::context::Context;
use crate::page::{Extracted, Reading};
use crate::revision::{Collecting, Named, Revision};
use crate::scope::language::Escape;
use crate::store::items::{Items, Learnt};
use crate::store::{Item, ItemKey};
use crate::telemetry::{Kind, Metrics};

/// Who learns from one page.
#[derive(Clone, Debug)]
pub struct Learner {
    revision: Arc<Revision>,
    /// By the extraction's index: which definition it is of, and what that captures of the path; `None` where the request does not fit.
    collects: Vec<Option<(usize, Arc<Json>)>>,
    items: Items,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Learner {
    /// Who learns from the page of this exchange, which definitions of these numbers are for.
    pub fn of(context: &Context, numbers: &[usize], clock: &Clock, metrics: &Arc<Metrics>) -> Option<Arc<Self>> {
        let collects: Vec<_> = numbers.iter().map(|number| captured(context, *number)).collect();
        let learns = context.supposed.is_nothing() && collects.iter().any(Option::is_some);
        let learner = || Self {
            revision: context.revision.clone(),
            collects,
            items: context.items.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
        };
        learns.then(learner).map(Arc::new)
    }

    /// Learns what was read. Must be called within the runtime.
    pub fn learn(&self, extracted: &Extracted) {
        for (kind, count) in [("malformed", extracted.troubles.malformed), ("beyond", extracted.troubles.beyond)] {
            if count > 0 {
                self.metrics.extraction_troubles.get_or_create(&Kind { kind }).inc_by(u64::from(count));
            }
        }
        for (readings, collect) in extracted.readings.iter().zip(&self.collects) {
            let Some((number, params)) = collect else { continue };
            let collecting = &self.revision.collects.list[*number];
            let most = if collecting.item.named == Named::First { 1 } else { readings.len() };
            readings.iter().take(most).for_each(|reading| self.learn_one(collecting, params, reading));
        }
    }

    fn learn_one(&self, collecting: &Collecting, params: &Json, reading: &Reading) {
        let Some(key) = key(collecting, params, reading) else { return };
        let data = Json::Object((*reading.values).clone());
        if let Ok(item) = Item::new(key, self.clock.now(), data)
            && self.items.learn(item) == Learnt::Queued
        {
            tracing::trace!(collect = &*collecting.name, "an item was read from a page");
        }
    }
}

/// The number and what the path captures, if the request fits.
fn captured(context: &Context, number: usize) -> Option<(usize, Arc<Json>)> {
    let rule = context.revision.collects.book.rule(number);
    let captures = rule.place(&context.site.name, &context.request).ok()?;
    rule.matches.iter().all(|wanted| wanted.fits_request(&context.request).is_ok()).then_some(())?;
    let params = captures.into_iter().map(|(name, text)| (name.to_string(), Json::from(text)));
    Some((number, Arc::new(Json::Object(params.collect()))))
}

/// The item that a reading is of; `None` if it tells no name.
fn key(collecting: &Collecting, params: &Json, reading: &Reading) -> Option<ItemKey> {
    let mut values: BTreeMap<String, Json> =
        reading.values.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(key) = &reading.key {
        values.insert("key".to_owned(), (**key).into());
    }
    values.insert("params".to_owned(), params.clone());
    let said = collecting.phrases.say(&collecting.item.key, &values, Escape::Field).ok()?;
    ItemKey::new(collecting.item.kind.text(), said.trim()).ok()
}
