//! The labels that metrics are told apart by.
//!
//! In: names and words. Out: records that the registry can write. It must not count.

use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Treatment {
    /// The origin's answer, untouched.
    Passed,
    /// A page into which slots could be laid.
    Personalised,
    /// Answered by us.
    Own,
    /// The origin failed.
    Failed,
}

/// A name as a label's value, shared: counting must not copy it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(pub Arc<str>);

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        (&*self.0).encode(encoder)
    }
}

/// Labels of `inlay_requests_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    pub site: Name,
    pub treatment: Treatment,
    pub status: u16,
}

/// Labels of `inlay_slots_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SlotLabels {
    pub rule: Name,
    pub outcome: &'static str,
}

/// Labels of `inlay_failures_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FailureLabels {
    pub rule: Name,
    /// Empty where none was to blame.
    pub source: Name,
    /// Empty where it was none.
    pub function: Name,
    pub reason: &'static str,
}

/// Labels of `inlay_actions_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ActionLabels {
    pub rule: Name,
    /// `redirect`, `serve`, `request`, `response`.
    pub action: &'static str,
    pub outcome: &'static str,
}

/// Labels of `inlay_rate_limited_requests_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LimitLabels {
    pub site: Name,
    pub limit: Name,
}

/// One label: what something is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Kind {
    pub kind: &'static str,
}

/// One label: why something was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reason {
    pub reason: &'static str,
}

/// One label: the name of something.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct NameLabel {
    pub name: Name,
}
