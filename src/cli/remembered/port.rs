//! What is remembered, over the admin port of the running process.
//!
//! In: what commands want. Out: calls of the API, and their answers. It must not judge what the process judges.

use std::io::Write;

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value as Json;

use super::{Lined, RememberedError, is_not_found};
use crate::cli::admin_port::Caller;
use crate::cli::feed::BadLine;
use crate::cli::feed::import::Line;
use crate::profile::ProfileId;

/// An id as a part of a path.
pub(super) const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_');

/// A process that runs.
pub struct Port(pub(super) Caller);

/// What it answers to lines.
#[derive(Deserialize)]
struct Taken {
    refused: u64,
    problems: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    line: usize,
    problem: String,
}

impl Port {
    /// The process that is called so.
    pub fn new(caller: Caller) -> Self {
        Self(caller)
    }

    pub fn known(&self, id: &ProfileId) -> Result<Option<Json>, RememberedError> {
        match self.0.call(Method::GET, &profile(id), "") {
            Ok(answer) => document(&answer).map(Some),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub fn erase(&self, id: &ProfileId) -> Result<Json, RememberedError> {
        document(&self.0.call(Method::DELETE, &profile(id), "")?)
    }

    pub fn take(&self, lined: &Lined, batch: &[Line]) -> Result<Vec<BadLine>, RememberedError> {
        let body: String = batch.iter().flat_map(|line| [line.json.as_str(), "\n"]).collect();
        taken(&self.0.call(Method::POST, &path(lined), body)?, batch)
    }

    pub fn export(&self, lined: &Lined, out: &mut dyn Write) -> Result<(), RememberedError> {
        self.0.read(&path(lined), |piece| out.write_all(piece).map_err(RememberedError::Write))
    }

    pub fn audiences(&self) -> Result<Json, RememberedError> {
        document(&self.0.call(Method::GET, "/api/v1/audiences", "")?)
    }
}

fn profile(id: &ProfileId) -> String {
    format!("/api/v1/profiles/{}", utf8_percent_encode(id.text(), IN_PATH))
}

fn path(lined: &Lined) -> String {
    match lined {
        Lined::Profiles => "/api/v1/profiles".to_owned(),
        Lined::Members(audience) => format!("/api/v1/audiences/{}/members", utf8_percent_encode(audience, IN_PATH)),
    }
}

pub(super) fn document(answer: &[u8]) -> Result<Json, RememberedError> {
    serde_json::from_slice(answer).map_err(RememberedError::Answer)
}

/// The lines of a batch that were refused, by the process's answer to it.
pub(super) fn taken(answer: &[u8], batch: &[Line]) -> Result<Vec<BadLine>, RememberedError> {
    let taken: Taken = serde_json::from_slice(answer).map_err(RememberedError::Answer)?;
    let number = |line: usize| batch.get(line.wrapping_sub(1)).or(batch.last()).map_or(0, |line| line.number);
    let unlisted = usize::try_from(taken.refused).unwrap_or(usize::MAX).saturating_sub(taken.problems.len());
    let bad = |problem: Problem| BadLine { line: number(problem.line), why: problem.problem };
    let mut refused: Vec<BadLine> = taken.problems.into_iter().map(bad).collect();
    let more = BadLine { line: number(batch.len()), why: "this line, or one before it, is refused too".to_owned() };
    refused.extend(std::iter::repeat_n(more, unlisted.min(batch.len())));
    Ok(refused)
}
