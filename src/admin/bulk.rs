//! Many profiles, events or members over the API: bodies of JSON lines, read as they come.
//!
//! In: `POST /api/v1/profiles`, `/api/v1/events` and `/api/v1/audiences/NAME/members`. Out: how many lines were accepted, once that is
//! safe, and what is wrong with the others, by their numbers. It must not hold a body whole.

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::document;
use crate::http::lines::Lines;
use crate::http::problem::problem;
use crate::http::{Body, BodyError};
use crate::limits::{BULK_BODY_STALL, BULK_LINE_BYTES, BULK_PROBLEMS};
use crate::profile::line::{Line, LineError};
use crate::profile::{Keep, Name};
use crate::store::{Bulk, Profiles, StoreError};

/// What lines are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lined {
    /// As exports write them.
    Profiles,
    Events,
    /// Who is on this list, and who is not any more.
    Members(Name),
}

/// What came of lines.
#[derive(Debug, Default)]
pub struct Told {
    pub accepted: u64,
    problems: Vec<Json>,
    /// Problems beyond those that are listed.
    more: u64,
}

impl Told {
    /// Notes that a line is refused.
    pub fn wrong(&mut self, line: u64, why: &str) {
        match self.problems.len() < BULK_PROBLEMS {
            true => self.problems.push(json!({ "line": line, "problem": why })),
            false => self.more += 1,
        }
    }

    /// The answer.
    pub fn document(self) -> Response<Body> {
        let refused = self.problems.len() as u64 + self.more;
        document(&json!({ "accepted": self.accepted, "refused": refused, "problems": self.problems }))
    }
}

/// Takes lines in; as an error, why not all of them were looked at.
pub async fn take(
    profiles: &Profiles,
    lined: &Lined,
    body: Body,
    now: Timestamp,
) -> Result<Response<Body>, Response<Body>> {
    let mut lines = Lines::new(body.stalling_at_most(BULK_BODY_STALL), BULK_LINE_BYTES);
    let mut bulk = Bulk::new(profiles.clone());
    let mut told = Told::default();
    while let Some(line) = lines.next().await.map_err(|error| broken(&error, &bulk))? {
        let Some(text) = line.text else {
            told.wrong(line.number, &format!("it has more than {BULK_LINE_BYTES} bytes"));
            continue;
        };
        match read(&text, lined, profiles.keep(), now) {
            Ok(Line { id, changes }) => {
                bulk.hand_over(&id, changes, text.len()).await.map_err(|error| failed(&error, &bulk))?
            }
            Err(error) => told.wrong(line.number, &error.to_string()),
        }
    }
    bulk.settle().await.map_err(|error| failed(&error, &bulk))?;
    told.accepted = bulk.safe();
    tracing::info!(accepted = told.accepted, ?lined, "lines came over the admin API");
    Ok(told.document())
}

fn read(text: &Bytes, lined: &Lined, keep: &Keep, now: Timestamp) -> Result<Line, LineError> {
    let json: Json = serde_json::from_slice(text).map_err(|error| LineError::NotJson(error.to_string()))?;
    match lined {
        Lined::Profiles => Line::read(json, keep, now),
        Lined::Events => Line::read_event(json, keep, now),
        Lined::Members(list) => Line::read_member(&json, list, now),
    }
}

fn broken(error: &BodyError, bulk: &Bulk) -> Response<Body> {
    problem(StatusCode::BAD_REQUEST, &format!("The body broke off after {} lines that are safe: {error}.", bulk.safe()))
}

fn failed(error: &StoreError, bulk: &Bulk) -> Response<Body> {
    let told = format!("{error}; {} lines are safe. Lines may be sent again: each counts once.", bulk.safe());
    problem(StatusCode::SERVICE_UNAVAILABLE, &told)
}
