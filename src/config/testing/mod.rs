//! The files below `tests` of a folder of rules: what the rules must do.
//!
//! In: folders of rules, and the rules in them, compiled. Out: tests, each expectation with its place; or every problem of every
//! file. It must not run anything. `reading` makes tests of what is written, `expecting` their expectations, `faking` what sources say.

mod expecting;
mod faking;
mod reading;

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::Problems;
use super::compile::Rules;
use super::files;
use super::problem::Place;
use super::report::Report;
use super::variables::Environment;
use crate::content::source::fakes::Fake;
use crate::rule::pattern::Glob;
use crate::rule::schedule::Moment;
use reading::Reading;

pub use super::raw::tests::{Arriving, WantedVerdict};

/// One file of tests.
#[derive(Clone, Debug)]
pub struct TestFile {
    pub path: PathBuf,
    /// As shown.
    pub name: String,
    /// In the order of the file.
    pub cases: Vec<TestCase>,
}

/// One test.
#[derive(Clone, Debug)]
pub struct TestCase {
    pub name: String,
    pub place: Place,
    pub url: Uri,
    pub method: Method,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub visitor: Arriving,
    pub at: Option<Moment>,
    pub audiences: BTreeMap<String, bool>,
    pub shares: BTreeMap<String, bool>,
    pub previews: bool,
    pub page: Page,
    /// What sources say.
    pub fakes: BTreeMap<String, Fake>,
    pub expected: Vec<Expectation>,
}

/// What the origin answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    Given {
        status: StatusCode,
        headers: Vec<(HeaderName, HeaderValue)>,
        html: Bytes,
    },
    /// A website is asked.
    Origin(Uri),
}

/// One thing that must be so, and where that is written.
#[derive(Clone, Debug)]
pub struct Expectation {
    pub place: Place,
    pub what: Expected,
}

/// What must be so.
#[derive(Clone, Debug)]
pub enum Expected {
    Rule {
        name: String,
        verdict: WantedVerdict,
    },
    Audience {
        name: String,
        inside: bool,
    },
    Status(u16),
    Header {
        name: HeaderName,
        value: Glob,
        written: String,
    },
    /// `nth` from 1.
    Element {
        select: String,
        nth: usize,
        check: Check,
    },
    Snapshot,
    /// How many calls a source had.
    Calls {
        source: String,
        count: usize,
    },
}

/// What an element must be like.
#[derive(Clone, Debug)]
pub enum Check {
    /// It is there.
    Present,
    Count(usize),
    Text(String),
    Contains(String),
    Lacks(String),
    Html(String),
    Attribute {
        name: String,
        value: Glob,
        written: String,
    },
}

/// Reads the tests of all folders. `rules`: those in the same folders.
///
/// # Errors
/// Every problem of every file.
pub fn tests(folders: &[PathBuf], rules: &Rules, environment: &Environment) -> Result<Vec<TestFile>, Problems> {
    let mut report = Report::default();
    let mut found = Vec::new();
    for folder in folders.iter().map(|folder| folder.join("tests")).filter(|folder| folder.is_dir()) {
        for path in files::yaml_files(&folder, &mut report) {
            let mut reading = Reading { path: &path, rules, report: &mut report };
            found.extend(reading.file(environment));
        }
    }
    match report.failed() {
        true => Err(Problems(report.finish())),
        false => Ok(found),
    }
}
