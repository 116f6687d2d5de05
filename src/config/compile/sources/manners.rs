//! How a source is spared, kept and held to what is expected, as written → with its defaults.
//!
//! In: the keys of one source. Out: plain data. It must not know how any of it is done.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::{Compiling, params};
use crate::config::compile::fields::{Edit, Head, Refusal, refusal};
use crate::config::raw::sources::RawTtl;
use crate::config::read::At;
use crate::config::read::scalars::Integer;
use crate::config::yaml::Text;
use crate::content::source::definition::{Batch, CacheTerms, Redirects, Sparing, Ttl};
use crate::content::source::expect::Expect;
use crate::limits;

impl Compiling<'_> {
    pub(super) fn sparing(&mut self) -> Sparing {
        let raw = self.raw;
        let usual = Sparing::default();
        let breaker = raw.breaker.as_ref().map(|at| &at.value);
        let rate = raw.rate.as_ref().map(|at| {
            let interval = at.value.per / at.value.count.get();
            (interval.max(Duration::from_nanos(1)), at.value.count)
        });
        Sparing {
            concurrency: self.number(&raw.concurrency, usual.concurrency, 1..=10_000),
            queue: self.number(&raw.queue, usual.queue, 0..=100_000),
            rate: rate.map(|(interval, burst): (Duration, NonZeroU32)| (interval, burst)),
            retries: self.number(&raw.retries, usual.retries as usize, 0..=10) as u32,
            hedge: self.hedge(),
            failures: self.number(&breaker.and_then(|at| at.failures.clone()), usual.failures as usize, 0..=1_000)
                as u32,
            open: breaker.and_then(|at| at.open.as_ref()).map_or(usual.open, |at| at.value.0),
        }
    }

    fn hedge(&mut self) -> Option<f64> {
        let at = self.raw.hedge.as_ref()?;
        // A share is read as a part of one.
        let share = at.value.0;
        if share <= 0.0 || share >= 1.0 {
            self.report.error(at.span, "this is not a part of past calls", "write `95%`, or remove it");
            return None;
        }
        Some(share)
    }

    /// A whole number within a range.
    fn number(&mut self, at: &Option<At<Integer>>, usual: usize, range: std::ops::RangeInclusive<usize>) -> usize {
        let Some(at) = at else { return usual };
        match usize::try_from(at.value.0).ok().filter(|number| range.contains(number)) {
            Some(number) => number,
            None => {
                let remedy = format!("write a number from {} to {}", range.start(), range.end());
                self.report.error(at.span, format!("`{}` is out of range", at.value.0), remedy);
                usual
            }
        }
    }

    pub(super) fn redirects(&mut self) -> Redirects {
        let Some(at) = &self.raw.redirects else { return Redirects::default() };
        Redirects {
            follow: self.number(&at.follow, 0, 0..=limits::SOURCE_REDIRECTS),
            hosts: texts(at.hosts.as_ref().map(|at| &at.value.0[..])),
        }
    }

    pub(super) fn cache(&mut self) -> Option<CacheTerms> {
        let raw = &self.raw.cache.as_ref()?.value;
        let span = |at: &Option<At<crate::config::read::scalars::Duration>>| {
            at.as_ref().map_or(Duration::ZERO, |at| at.value.0)
        };
        let ttl = match raw.ttl.as_ref()?.value {
            RawTtl::For(ttl) => Ttl::For(ttl.0),
            RawTtl::Origin => Ttl::Origin,
        };
        if let (Ttl::For(ttl), Some(ahead)) = (ttl, &raw.refresh_ahead)
            && ahead.value.0 >= ttl
        {
            let what = "every use would ask for it anew";
            self.report.error(ahead.span, what, "write less than `ttl`");
        }
        Some(CacheTerms {
            ttl,
            stale_while_revalidate: span(&raw.stale_while_revalidate),
            stale_if_error: span(&raw.stale_if_error),
            refresh_ahead: span(&raw.refresh_ahead),
        })
    }

    /// Fields of the visitor's request; none that belongs to its connection, or that we write ourselves.
    pub(super) fn forward(&mut self) -> Vec<http::HeaderName> {
        let Some(at) = &self.raw.forward else { return Vec::new() };
        if let Some(batch) = &self.raw.batch {
            let what = "a batch is one call for several visitors, so nothing of one of them can go on with it";
            self.report.error(at.key, what, "remove one of them").see(batch.key, "the batch");
        }
        let mut names = Vec::new();
        for name in &at.value.0 {
            let text = name.value.0.to_ascii_lowercase();
            match refusal(Head::Request, Edit::Remove, &text) {
                Some(Refusal { reason, .. }) => {
                    self.report.error(name.span, format!("`{text}` does not go on: {reason}"), "leave it out");
                }
                None => names.extend(http::HeaderName::try_from(text)),
            }
        }
        names
    }

    /// `None` after noting what is wrong.
    pub(super) fn batch(&mut self) -> Option<Option<Batch>> {
        let Some(at) = self.raw.batch.as_ref().map(|at| &at.value) else { return Some(None) };
        let param = at.param.as_ref()?;
        let name = param.value.value.as_str();
        if !params(self.raw).iter().any(|known| known.value.value == name) {
            let what = format!("the source has no param `{name}`");
            self.report.error(param.span, what, format!("add it: `params: [{name}]`"));
            return None;
        }
        Some(Some(Batch {
            param: name.into(),
            max: self.number(&at.max, limits::SOURCE_BATCH_MAX, 1..=10_000),
            window: at.window.as_ref().map_or(limits::SOURCE_BATCH_WINDOW, |at| at.value.0),
            key: self.text(&at.key),
        }))
    }

    pub(super) fn expect(&mut self) -> Expect {
        let Some(at) = &self.raw.expect else { return Expect::default() };
        let usual = Expect::default();
        let status = at.status.as_ref().map(|at| at.value.0.iter().map(|span| span.value.0.clone()).collect());
        let types = texts(at.content_type.as_ref().map(|at| &at.value.0[..]));
        Expect {
            status: status.unwrap_or(usual.status),
            content_type: types.iter().map(|text| text.to_ascii_lowercase().into()).collect(),
            required: texts(at.required.as_ref().map(|at| &at.value.0[..])),
        }
    }
}

fn texts(list: Option<&[At<Text>]>) -> Vec<Arc<str>> {
    list.unwrap_or_default().iter().map(|text| text.value.value.as_str().into()).collect()
}
