//! Feeds: files with one record after the other, to be imported.
//!
//! In: a file of CSV, JSON lines or XML. Out: its records with their lines, and those that can't be read with why. It holds one
//! record at a time, and must not know what the records are of.
//!
//! ```text
//! source → the bytes, counted, and no record without end
//! table  → CSV          lines → JSON, one to a line          markup → XML
//! cell   → what a cell of text means
//! import → records handed over in batches; what is wrong is told, and skipped or fatal
//! ```

mod cell;
pub mod import;
mod lines;
mod markup;
mod source;
mod table;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::limits::FEED_RECORD_BYTES;
use source::Source;

/// What a feed is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table with a line of names; separated by commas, semicolons or tabs. A name `a.b` is `b` in `a`.
    Csv,
    /// A JSON object to a line.
    Jsonl,
    /// An element for each record (`item`, `entry` or `product`, or as `--record` says), with an element for each field.
    Xml,
}

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where it begins; the first line is 1.
    pub line: u64,
    pub fields: Map<String, Json>,
}

/// A record that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    pub line: u64,
    pub why: String,
}

/// Why a feed can't be read, or not any further.
#[derive(Debug, Error)]
pub enum FeedError {
    #[error("cannot read {0}")]
    Open(PathBuf, #[source] std::io::Error),
    #[error("{0} does not end in .csv, .jsonl or .xml: say by --format what it is")]
    Unknown(PathBuf),
    #[error("the feed can't be read on at line {0}")]
    Read(u64, #[source] std::io::Error),
    #[error("the feed has no line of names that can be read")]
    Names(#[source] csv::Error),
    #[error("the feed is no XML from line {0} on")]
    Markup(u64, #[source] quick_xml::Error),
    #[error("a record of the feed has more than {FEED_RECORD_BYTES} bytes, at line {0}")]
    TooLong(u64),
}

/// What of a feed is asked for.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What it is written in; `None`: as its name says.
    pub format: Option<Format>,
    /// The element of an XML record; `None`: the usual ones.
    pub record: Option<String>,
    /// Fields that stay text even where they look like numbers: keys.
    pub texts: Vec<String>,
}

/// A feed that is open.
pub struct Feed {
    source: source::Told,
    records: Records,
}

enum Records {
    Table(table::Table),
    Lines(lines::Lines),
    Markup(markup::Markup),
}

impl Feed {
    /// Opens a feed; `-` is standard input.
    ///
    /// # Errors
    /// [`FeedError`].
    pub fn open(path: &Path, reading: Reading) -> Result<Self, FeedError> {
        let format = match reading.format.or_else(|| format_of(path)) {
            Some(format) => format,
            None => return Err(FeedError::Unknown(path.to_owned())),
        };
        let source = Source::open(path).map_err(|error| FeedError::Open(path.to_owned(), error))?;
        let told = source.told();
        let records = match format {
            Format::Csv => Records::Table(table::Table::begin(source, reading.texts)?),
            Format::Jsonl => Records::Lines(lines::Lines::new(source)),
            Format::Xml => Records::Markup(markup::Markup::new(source, reading.record, reading.texts)),
        };
        Ok(Self { source: told, records })
    }

    /// The next record, or what is wrong with it; `None` at the end.
    ///
    /// # Errors
    /// [`FeedError`]: nothing more can be read.
    pub fn next(&mut self) -> Result<Option<Result<Row, BadLine>>, FeedError> {
        self.source.begin_record();
        match &mut self.records {
            Records::Table(table) => table.next(),
            Records::Lines(lines) => lines.next(),
            Records::Markup(markup) => markup.next(),
        }
    }

    /// How much of the file has been read, from 0 to 1; `None` where its length is not known.
    pub fn share(&self) -> Option<f64> {
        self.source.share()
    }
}

fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "csv" | "tsv" | "txt" => Some(Format::Csv),
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        "xml" | "rss" | "atom" => Some(Format::Xml),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(name: &str, text: &str, texts: &[&str]) -> Vec<Result<(u64, Json), u64>> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        let texts = texts.iter().map(|name| (*name).to_owned()).collect();
        let mut feed = Feed::open(&path, Reading { texts, ..Reading::default() }).expect("a feed");
        let mut found = Vec::new();
        while let Some(row) = feed.next().expect("a feed that can be read") {
            found.push(row.map(|row| (row.line, Json::Object(row.fields))).map_err(|bad| bad.line));
        }
        found
    }

    #[test]
    fn a_table_is_read_cell_by_cell() {
        let text = "\u{feff}sku;name;price;tags;size.eu\n007;\"A; \"\"b\"\"\";12.50;[\"a\"];\n9;short\n8;x;true;;41\n";
        let expected = [
            Ok((2, json!({"sku": "007", "name": "A; \"b\"", "price": 12.5, "tags": ["a"]}))),
            Err(3),
            Ok((4, json!({"sku": "8", "name": "x", "price": true, "size": {"eu": 41}}))),
        ];
        assert_eq!(read("a.csv", text, &["sku"]), expected);
    }

    #[test]
    fn lines_of_json_are_objects() {
        let text = "{\"a\":1}\r\n\n[1]\n{\"b\":\n{\"c\":null}";
        assert_eq!(read("a.jsonl", text, &[]), [Ok((1, json!({"a": 1}))), Err(3), Err(4), Ok((5, json!({"c": null})))]);
    }

    #[test]
    fn elements_are_fields_and_repeated_ones_are_lists() {
        let text = "<?xml version='1.0'?>\n<rss><channel><title>Shop</title>\n<item>\n <g:id>07</g:id><title>A &amp; B&#33;</title>\
                    <g:price>9.95 EUR</g:price><g:link><![CDATA[https://x/?a&b]]></g:link><tag>a</tag><tag>2</tag>\
                    <g:shipping><g:country>BE</g:country></g:shipping><empty/></item>\n<item><g:id>8</g:id></item></channel></rss>";
        let first = json!({"id": "07", "title": "A & B!", "price": "9.95 EUR", "link": "https://x/?a&b", "tag": ["a", 2],
            "shipping": {"country": "BE"}});
        assert_eq!(read("a.xml", text, &["id"]), [Ok((3, first)), Ok((5, json!({"id": "8"})))]);
    }

    #[test]
    fn a_record_without_end_ends_the_reading() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.csv");
        std::fs::write(&path, format!("a,b\n1,\"{}", "x\n".repeat(FEED_RECORD_BYTES))).expect("a file");
        let mut feed = Feed::open(&path, Reading::default()).expect("a feed");
        assert!(matches!(feed.next(), Err(FeedError::TooLong(_))));
    }
}
