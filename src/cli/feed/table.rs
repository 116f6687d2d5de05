//! A feed that is a table: CSV with a line of names.
//!
//! In: bytes. Out: its rows. What separates the cells is whatever the line of names has most of: commas, semicolons, tabs.

use std::io::BufRead;

use csv::{ErrorKind, StringRecord};
use serde_json::Map;

use super::source::{Source, Told};
use super::{BadLine, FeedError, Row, cell};

pub(super) struct Table {
    reader: csv::Reader<Source>,
    told: Told,
    names: StringRecord,
    texts: Vec<String>,
    record: StringRecord,
}

impl Table {
    /// Reads the line of names.
    pub fn begin(mut source: Source, texts: Vec<String>) -> Result<Self, FeedError> {
        let told = source.told();
        let separator = separator(&mut source).map_err(|error| FeedError::Read(told.line(), error))?;
        let mut reader = csv::ReaderBuilder::new().delimiter(separator).trim(csv::Trim::Headers).from_reader(source);
        let names = reader.headers().map_err(FeedError::Names)?.clone();
        Ok(Self { reader, told, names, texts, record: StringRecord::new() })
    }

    pub fn next(&mut self) -> Result<Option<Result<Row, BadLine>>, FeedError> {
        match self.reader.read_record(&mut self.record) {
            Ok(true) => Ok(Some(Ok(self.row()))),
            Ok(false) => Ok(None),
            Err(error) => self.bad(error).map(|bad| Some(Err(bad))),
        }
    }

    fn row(&self) -> Row {
        let mut fields = Map::new();
        for (name, text) in self.names.iter().zip(&self.record).filter(|(name, _)| !name.is_empty()) {
            let as_text = self.texts.iter().any(|text| text == name);
            if let Some(value) = cell::read(text, as_text) {
                cell::put(&mut fields, name, value);
            }
        }
        Row { line: self.record.position().map_or(0, csv::Position::line), fields }
    }

    /// What is wrong with a row; as an error, why nothing can be read any more.
    fn bad(&self, error: csv::Error) -> Result<BadLine, FeedError> {
        let line = error.position().map_or_else(|| self.told.line(), csv::Position::line);
        let why = match error.kind() {
            ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("it has {len} cells, and the line of names has {expected_len}")
            }
            ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
            _ if self.told.is_too_long() => return Err(FeedError::TooLong(line)),
            _ => return Err(FeedError::Read(line, error.into())),
        };
        Ok(BadLine { line, why })
    }
}

fn separator(source: &mut Source) -> std::io::Result<u8> {
    let first = source.fill_buf()?;
    let names = first.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |separator: u8| names.iter().filter(|byte| **byte == separator).count();
    // Of those that stand there equally often the last counts: the comma.
    Ok([b'\t', b';', b','].into_iter().max_by_key(|separator| count(*separator)).unwrap_or(b','))
}
