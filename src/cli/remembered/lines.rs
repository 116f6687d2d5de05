//! What an import of profiles or members hands over.
//!
//! In: the rows of a feed. Out: lines as the store takes them, each judged here before any is sent. It must not read files.

use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::{Lined, Remembered};
use crate::cli::feed::import::{Destination, Line};
use crate::cli::feed::{BadLine, Row};
use crate::limits::REPLACED_MEMBERS;
use crate::profile::line::Line as Said;
use crate::profile::{Keep, Name};

/// What a row has that is a line of a profile already; of any other row all fields are traits.
const LINE: [&str; 4] = ["traits", "lists", "events", "counters"];

/// The profile of a row, whose id stands in the field `id`. Whether events are too old is the store's to say.
///
/// # Errors
/// What is wrong with it.
pub fn profile(row: Row, id: &str) -> Result<Json, String> {
    let mut fields = row.fields;
    let whose = fields.shift_remove(id).ok_or_else(|| format!("it has no `{id}`"))?;
    let mut line = Map::from_iter([("id".to_owned(), whose)]);
    match LINE.iter().any(|key| fields.contains_key(*key)) {
        true => line.extend(fields),
        false => {
            line.insert("traits".to_owned(), Json::Object(fields));
        }
    }
    let line = Json::Object(line);
    let keep = Keep { age: Duration::MAX, ..Keep::default() };
    Said::read(line.clone(), &keep, Timestamp::now()).map_err(|error| error.to_string())?;
    Ok(line)
}

/// The member of a row, whose id stands in the field `id`.
///
/// # Errors
/// What is wrong with it.
pub fn member(row: &Row, id: &str, list: &Name) -> Result<Json, String> {
    let whose = row.fields.get(id).ok_or_else(|| format!("it has no `{id}`"))?;
    let said = Said::read_member(whose, list, Timestamp::now()).map_err(|error| error.to_string())?;
    Ok(json!({ "id": said.id.text() }))
}

/// Hands lines over as they come.
pub struct HandOver<'a> {
    pub remembered: &'a mut Remembered,
    pub lined: Lined,
}

impl Destination for HandOver<'_> {
    fn take(&mut self, batch: &[Line]) -> Result<Vec<BadLine>, Box<dyn StdError + Send + Sync>> {
        self.remembered.take(&self.lined, batch).map_err(Into::into)
    }
}

/// Keeps the lines, for whoever must know all of them first.
#[derive(Default)]
pub struct Gathered(pub BTreeSet<String>);

impl Destination for Gathered {
    fn take(&mut self, batch: &[Line]) -> Result<Vec<BadLine>, Box<dyn StdError + Send + Sync>> {
        self.0.extend(batch.iter().map(|line| line.json.clone()));
        match self.0.len() <= REPLACED_MEMBERS {
            true => Ok(Vec::new()),
            false => Err(format!("`--replace` takes at most {REPLACED_MEMBERS} members").into()),
        }
    }
}
