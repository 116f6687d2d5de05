//! The fuses of rules, and what is told of them.
//!
//! In: how a rule's part of a page came out. Out: whether a rule may apply. A fuse is that of one revision's rule: who mends a rule has it
//! back at once. It must not decide what a failure is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use serde_json::json;
use tokio::runtime::Handle;

use crate::content::source::Sources;
use crate::limits::FUSE_TELL_WAIT;
use crate::revision::Revision;
use crate::rule::Rule;
use crate::rule::fuse::{Admission, Change, Fuse, OnError, Outcome};
use crate::telemetry::{Metrics, Name, NameLabel};

/// The fuses of all rules that ever came to something and have one, by the rule's name.
#[derive(Debug)]
pub struct Fuses {
    fuses: Mutex<HashMap<Arc<str>, OfRevision>>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct OfRevision {
    revision: Arc<str>,
    fuse: Fuse,
}

/// How an exchange looks at fuses.
#[derive(Clone, Debug)]
pub enum Gate {
    /// Its page may be the one that finds out.
    Serving(Arc<Fuses>),
    /// It only looks: nobody is served.
    Looking(Arc<Fuses>),
    /// It does not mind: what it shows is supposed.
    Open,
}

impl Gate {
    /// For how long a rule is off; `None` if it may apply.
    pub fn off_for(&self, rule: &Rule, revision: &Revision) -> Option<Duration> {
        let threshold = rule.on_error.off.as_ref()?;
        let fuses = match self {
            Self::Serving(fuses) | Self::Looking(fuses) => fuses,
            Self::Open => return None,
        };
        let now = Instant::now();
        let mut all = fuses.lock();
        let known = all.get_mut(&rule.name).filter(|known| known.revision == revision.id)?;
        match self {
            Self::Serving(_) => match known.fuse.admit(now, threshold) {
                Admission::Closed | Admission::Probe => None,
                Admission::Off { left } => Some(left),
            },
            Self::Looking(_) | Self::Open => known.fuse.off_for(now),
        }
    }
}

impl Fuses {
    /// None has failed yet.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { fuses: Mutex::default(), metrics }
    }

    /// Notes how a rule's part of a page came out; what that changes is told.
    pub fn note(&self, rule: &Rule, outcome: Outcome, revision: &Revision) {
        let OnError { off: Some(threshold), tell } = &rule.on_error else { return };
        let now = Instant::now();
        let change = {
            let mut all = self.lock();
            let begun = || OfRevision { revision: revision.id.clone(), fuse: Fuse::new(now) };
            let known = all.entry(rule.name.clone()).or_insert_with(begun);
            if known.revision != revision.id {
                *known = begun();
                self.metrics.rules_off.remove(&NameLabel { name: Name(rule.name.clone()) });
            }
            known.fuse.note(outcome, now, threshold)
        };
        let Some(change) = change else { return };
        let state = said(rule, change);
        let label = NameLabel { name: Name(rule.name.clone()) };
        self.metrics.rules_off.get_or_create(&label).set(i64::from(matches!(change, Change::SwitchedOff { .. })));
        if let Some(source) = tell {
            tell_of(rule, state, source, &revision.sources);
        }
    }

    /// Brings the figures up to date: rules of another revision are not off.
    pub fn measure(&self, revision: &Revision) {
        let stale: Vec<_> = self.lock().extract_if(|_, known| known.revision != revision.id).collect();
        for (name, _) in stale {
            self.metrics.rules_off.remove(&NameLabel { name: Name(name) });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, OfRevision>> {
        // Nothing that runs under the lock can panic half-way.
        self.fuses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs what changed; the state in one word.
fn said(rule: &Rule, change: Change) -> &'static str {
    let rule = &*rule.name;
    match change {
        Change::SwitchedOff { length } => {
            tracing::error!(rule, seconds = length.as_secs(), "a rule failed too often and is switched off");
            "off"
        }
        Change::Back => {
            tracing::info!(rule, "a rule that was switched off is back");
            "on"
        }
    }
}

/// Calls the source that wants to know, with its own bounds, retries and limits. Nobody waits for it.
fn tell_of(rule: &Rule, state: &'static str, source: &Arc<str>, sources: &Sources) {
    let (rule, source, sources) = (rule.name.clone(), source.clone(), sources.clone());
    let Ok(runtime) = Handle::try_current() else { return };
    runtime.spawn(async move {
        let arguments = json!([[], { "rule": &*rule, "state": state }]).to_string();
        let deadline = tokio::time::Instant::now() + FUSE_TELL_WAIT;
        let told = match sources.ask(&source, &arguments, &HeaderMap::new()) {
            Ok(ask) => sources.read(&ask, deadline).await.map(|_| ()).map_err(|error| error.told(&source)),
            Err(error) => Err(error.to_string()),
        };
        if let Err(reason) = told {
            tracing::warn!(rule = &*rule, state, reason, "the source that wants to know of a rule could not be told");
        }
    });
}
