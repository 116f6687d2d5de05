//! One test after the other.
//!
//! In: a stage and files of tests. Out: what became of each. It must not print.

use std::time::{Duration, Instant};

use super::coverage::Coverage;
use super::judge::{self, Judged, Miss};
use super::snapshot::Snapshots;
use super::stage::Stage;
use crate::config::testing::{TestCase, TestFile};
use crate::telemetry::Causes;

/// What became of all tests.
#[derive(Debug)]
pub struct Results {
    pub files: Vec<FileResult>,
    pub coverage: Coverage,
    pub took: Duration,
}

/// What became of the tests of one file.
#[derive(Debug)]
pub struct FileResult {
    pub name: String,
    pub cases: Vec<CaseResult>,
}

/// What became of one test.
#[derive(Debug)]
pub struct CaseResult {
    pub name: String,
    /// Empty: it passed.
    pub misses: Vec<Miss>,
    /// Snapshots that were written.
    pub written: usize,
    pub took: Duration,
}

impl Results {
    fn cases(&self) -> impl Iterator<Item = &CaseResult> {
        self.files.iter().flat_map(|file| &file.cases)
    }

    /// Tests that were run.
    pub fn count(&self) -> usize {
        self.cases().count()
    }

    /// Tests that did not pass.
    pub fn failed(&self) -> usize {
        self.cases().filter(|case| !case.misses.is_empty()).count()
    }

    /// Snapshots that were written.
    pub fn written(&self) -> usize {
        self.cases().map(|case| case.written).sum()
    }
}

/// Runs all tests. `update`: snapshots are written, not compared.
pub async fn all(stage: &Stage, files: &[TestFile], update: bool) -> Results {
    let started = Instant::now();
    let mut coverage = Coverage::of(&stage.exchange().revision.load());
    let mut results = Vec::new();
    for file in files.iter().filter(|file| !file.cases.is_empty()) {
        let snapshots = Snapshots::beside(&file.path, update);
        let mut cases = Vec::new();
        for case in &file.cases {
            cases.push(one(stage, case, &snapshots, &mut coverage).await);
        }
        results.push(FileResult { name: file.name.clone(), cases });
    }
    Results { files: results, coverage, took: started.elapsed() }
}

async fn one(stage: &Stage, case: &TestCase, snapshots: &Snapshots, coverage: &mut Coverage) -> CaseResult {
    let started = Instant::now();
    let mut result = CaseResult { name: case.name.clone(), misses: Vec::new(), written: 0, took: Duration::ZERO };
    match stage.play(case).await {
        Ok(played) => {
            coverage.note(&played.walked.explanation);
            result.misses.extend(played.asked.unfaked.iter().map(|source| unfaked(case, source)));
            for expectation in &case.expected {
                match judge::judge(expectation, &played, &case.name, snapshots) {
                    Judged::Met => {}
                    Judged::Written => result.written += 1,
                    Judged::Missed(miss) => result.misses.push(miss),
                }
            }
        }
        Err(error) => result.misses.push(Miss::at(&case.place, &format!("it can't be run: {}", Causes(&error)))),
    }
    result.took = started.elapsed();
    result
}

/// A source that is asked, though the test does not say what it answers: the true one never is by accident.
fn unfaked(case: &TestCase, source: &str) -> Miss {
    let what = format!(
        "source `{source}` is asked, and the test does not say what it answers; write `sources: {{ {source}: {{ json: … }} }}`, or `{source}: real` to ask it"
    );
    Miss::at(&case.place, &what)
}
