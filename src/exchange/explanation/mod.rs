//! The explanation of one exchange as data: every rule of the site, what it said and why, and what became of the page.
//!
//! In: what happened, from whoever knows it. Out: an [`Explanation`], the same for `inlay explain`, tests, previews and the admin
//! port. It must not decide anything, nor know how it is found out.

mod reads;
mod sources;
pub mod text;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub(super) use reads::{condition, moment, reads};
pub use sources::sources;

/// All that one exchange tells. Times are milliseconds, moments RFC 3339.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Explanation {
    pub method: String,
    /// As the client asked for it.
    pub url: String,
    /// Empty: the request is no site's.
    pub site: String,
    pub revision: String,
    /// The moment by which it was decided.
    pub at: String,
    pub visitor: VisitorExplained,
    /// What was supposed instead of found out, in words.
    pub supposed: Vec<String>,
    /// Why rules did not come to lay anything in: the path is protected, it is switched off, the answer is no page.
    pub untouched: Option<String>,
    /// Why there is no answer of the origin.
    pub failure: Option<String>,
    /// Highest first; those of the path and all others of the deployment.
    pub rules: Vec<RuleExplained>,
    pub audiences: Vec<AudienceExplained>,
    /// Of the rules that apply, in the order of precedence.
    pub slots: Vec<SlotExplained>,
    /// Questions to outside systems, in the order in which they were put.
    pub sources: Vec<SourceExplained>,
    pub origin: Option<OriginExplained>,
    pub answer: Option<AnswerExplained>,
    /// From the request's head to the last byte of the page.
    pub milliseconds: f64,
}

/// Who asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VisitorExplained {
    /// `nobody`, `new`, `replaced`, `known`, `renewed`.
    pub identity: String,
    pub consent: bool,
}

/// One rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleExplained {
    pub name: String,
    pub applies: bool,
    /// `applies`, or the reason in one word: `no_match`, `when`, `share`, `campaign` …
    pub verdict: String,
    /// Why it does not apply; empty if it does.
    pub reason: String,
    /// Until when time does not change the verdict.
    pub until: Option<String>,
    pub share: Option<ShareExplained>,
    /// In the order in which they were asked; those after the first that did not hold were not.
    pub conditions: Vec<ConditionExplained>,
    /// What the rule does besides laying in: `redirect`, `serve`, `headers`.
    pub actions: Vec<String>,
}

/// A rule's share of visitors, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShareExplained {
    pub share: f64,
    /// The visitor's place; within the share if it is below. `None`: nobody is recognised.
    pub place: Option<f64>,
}

/// A condition, and what it read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConditionExplained {
    /// Where it stands: `when`, `campaign christmas`.
    pub of: String,
    /// As its author wrote it.
    pub source: String,
    pub holds: bool,
    /// Why it could not be evaluated.
    pub error: Option<String>,
    pub reads: Vec<ReadExplained>,
}

/// An audience.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AudienceExplained {
    pub name: String,
    /// Whether the visitor is in.
    pub inside: bool,
    pub source: String,
    pub error: Option<String>,
    pub reads: Vec<ReadExplained>,
}

/// One question of code, with its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadExplained {
    /// As an author would write it: `request.cookies.tier`.
    pub asked: String,
    /// `null`: nothing stands there.
    pub answer: Json,
    /// Whether it depends on who asks.
    pub of_visitor: bool,
    /// Until when it holds.
    pub until: Option<String>,
    /// Whether what is made from it may be kept.
    pub kept: bool,
}

/// One injection of a rule that applies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlotExplained {
    pub rule: String,
    /// `rule.1`, or `rule` where it is the only one.
    pub name: String,
    /// With that of `each` before it.
    pub select: String,
    /// `prepend`, `attribute src`, `class` …
    pub place: String,
    /// Its own condition did not hold, or failed.
    pub condition: Option<ConditionExplained>,
    /// What was made before its element came; `None` for what hangs on the element, and where nothing was wanted.
    pub filled: Option<FilledExplained>,
    /// Elements of the page that its selector found; `None` where the page was not looked at.
    pub found: Option<usize>,
    /// The first of them.
    pub places: Vec<PlaceExplained>,
}

/// How content came to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FilledExplained {
    /// The content's name.
    pub content: String,
    /// `fixed`, `rendered`, `hit` (of the fragment cache), `blank`, `failed`.
    pub how: String,
    pub milliseconds: f64,
    /// Why the origin's content stays.
    pub reason: Option<String>,
    /// What was tried before, and why it was not shown.
    pub tried: Vec<TriedExplained>,
    /// The content that is shown in its place, by name.
    pub fallback: Option<String>,
    /// The key under which the result is kept: what was read for it.
    pub reads: Vec<ReadExplained>,
}

/// A content that was not shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TriedExplained {
    pub content: String,
    pub reason: String,
}

/// One element that a selector found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlaceExplained {
    /// `shown`, `kept`, `unclosed`, `covered`, `refused`.
    pub outcome: String,
    /// Why the origin's content stays: `late`, an error …
    pub reason: Option<String>,
    /// How it was filled, where that hung on the element.
    pub filled: Option<FilledExplained>,
    /// The beginning of what stands there now.
    pub text: String,
}

/// A question to an outside system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceExplained {
    pub name: String,
    /// Its arguments, as an author would write them.
    pub arguments: String,
    /// `fetched` for this, kept and `fresh`, kept and `stale`, its `fallback`, `failed`, or `late`: nothing has come yet.
    pub how: String,
    /// When it was asked, from the request's head on.
    pub asked: f64,
    /// Until its answer came.
    pub milliseconds: f64,
    /// Until when the answer is fresh.
    pub until: Option<String>,
    /// Why it does not answer; another answer may stand in.
    pub error: Option<String>,
    /// The call that was made for it; `None` for what was kept.
    pub call: Option<CallExplained>,
}

/// A call of an outside system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallExplained {
    /// From 1; those who share a call have the same one.
    pub number: usize,
    /// Questions that it was made for, of whatever request: more than one in a batch.
    pub asks: usize,
    /// From the request's head on; 0 for one that another request had begun.
    pub began: f64,
    pub milliseconds: f64,
}

/// The origin's part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OriginExplained {
    /// What the shared cache could do, as `Cache-Status` says it.
    pub cache: String,
    pub milliseconds: f64,
}

/// What the client gets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnswerExplained {
    pub status: u16,
    /// `passed`, `personalised`, `own`, `failed`.
    pub treatment: String,
    pub content_type: Option<String>,
    pub location: Option<String>,
    pub bytes: usize,
    /// Whether the body ended whole; if not, why.
    pub broken: Option<String>,
    pub cache_control: Option<String>,
    /// Who may keep it, in words.
    pub cacheable: String,
    /// What makes it one visitor's own.
    pub private_by: Vec<String>,
}

impl Explanation {
    /// The rule of a name.
    pub fn rule(&self, name: &str) -> Option<&RuleExplained> {
        self.rules.iter().find(|rule| rule.name == name)
    }
}
