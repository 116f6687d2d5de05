//! A feed of JSON lines.
//!
//! In: bytes. Out: an object to a line; blank lines are passed over.

use std::io::BufRead;

use super::source::{Source, Told};
use super::{BadLine, FeedError, Row};

pub(super) struct Lines {
    source: Source,
    told: Told,
    held: Vec<u8>,
}

impl Lines {
    pub fn new(source: Source) -> Self {
        Self { told: source.told(), source, held: Vec::new() }
    }

    pub fn next(&mut self) -> Result<Option<Result<Row, BadLine>>, FeedError> {
        loop {
            self.told.begin_record();
            let line = self.told.line();
            self.held.clear();
            let read = self.source.read_until(b'\n', &mut self.held).map_err(|error| self.failed(line, error))?;
            if read == 0 {
                return Ok(None);
            }
            let text = self.held.trim_ascii();
            if !text.is_empty() {
                let object = serde_json::from_slice(text).map(|fields| Row { line, fields });
                let bad = |error| BadLine { line, why: format!("it is no JSON object: {error}") };
                return Ok(Some(object.map_err(bad)));
            }
        }
    }

    fn failed(&self, line: u64, error: std::io::Error) -> FeedError {
        if self.told.is_too_long() { FeedError::TooLong(line) } else { FeedError::Read(line, error) }
    }
}
