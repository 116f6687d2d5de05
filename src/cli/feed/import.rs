//! An import: the records of a feed handed over in batches, with what is wrong told by its line.
//!
//! In: a feed, what a record becomes, and where it goes. Out: how many went well; progress on standard error for who looks on. It
//! must not know what the records are of, nor hold more than one batch.

use std::error::Error as StdError;
use std::io::{IsTerminal, Write, stderr};
use std::path::PathBuf;
use std::time::Instant;

use clap::ValueEnum;
use serde_json::Value as Json;
use thiserror::Error;

use super::{BadLine, Feed, FeedError, Format, Reading, Row};
use crate::limits::{FEED_BAD_TOLD, FEED_BATCH_BYTES, FEED_BATCH_LINES, FEED_PROGRESS_PAUSE};

/// What is imported, and how.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The feed: CSV with a line of names, JSON lines, or XML; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the feed is written in [default: as its name says].
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// The element that is a record, in XML [default: `item`, `entry` or `product`].
    #[arg(long, value_name = "ELEMENT")]
    record: Option<String>,
    /// Reads all of it, says what is wrong, and changes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// What becomes of the rest when a line can't be used.
    #[arg(long, value_name = "WHAT", default_value = "stop")]
    bad: Bad,
}

/// What a line that can't be used does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Bad {
    /// It is told and left out.
    Skip,
    /// It ends the import; what came before it stays imported.
    Stop,
}

/// A record as it is handed over: one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it stands in the feed.
    pub number: u64,
    pub json: String,
}

/// Where records go.
pub trait Destination {
    /// Takes a batch. Out: those that were refused after all. Everything else is safe.
    ///
    /// # Errors
    /// None of the batch may be safe, and no other will be.
    fn take(&mut self, batch: &[Line]) -> Result<Vec<BadLine>, Box<dyn StdError + Send + Sync>>;
}

/// How an import went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub imported: u64,
    pub skipped: u64,
}

/// Why an import ended before its feed.
#[derive(Debug, Error)]
pub enum ImportError {
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error("line {line}: {why}\n{imported} before it are imported; `--bad skip` leaves such lines out")]
    Bad { line: u64, why: String, imported: u64 },
    #[error("{imported} are imported; what comes after line {after} is not")]
    Destination { imported: u64, after: u64, source: Box<dyn StdError + Send + Sync> },
}

struct Import<'a> {
    bad: Bad,
    destination: Option<&'a mut dyn Destination>,
    batch: Vec<Line>,
    bytes: usize,
    /// The last line that is known to be safe.
    after: u64,
    told: Told,
    shown: Option<Instant>,
}

/// Imports a feed. `record` makes of a row the JSON that is handed over, or says what is wrong with it. `texts`: the fields that are
/// keys, and stay text. Without a destination nothing is handed over.
///
/// # Errors
/// [`ImportError`].
pub fn run(
    args: &Args,
    texts: &[&str],
    record: impl Fn(Row) -> Result<Json, String>,
    destination: Option<&mut dyn Destination>,
) -> Result<Told, ImportError> {
    let texts = texts.iter().map(|name| (*name).to_owned()).collect();
    let mut feed = Feed::open(&args.file, Reading { format: args.format, record: args.record.clone(), texts })?;
    let mut import = Import {
        bad: args.bad,
        destination,
        batch: Vec::new(),
        bytes: 0,
        after: 0,
        told: Told::default(),
        shown: stderr().is_terminal().then(Instant::now),
    };
    while let Some(row) = feed.next()? {
        let line = row.and_then(|row| {
            let number = row.line;
            let json = record(row).map_err(|why| BadLine { line: number, why })?;
            Ok(Line { number, json: json.to_string() })
        });
        match line {
            Ok(line) => import.add(line)?,
            Err(bad) => import.leave_out(bad)?,
        }
        import.show(feed.share());
    }
    import.hand_over()?;
    import.clear();
    Ok(import.told)
}

impl Import<'_> {
    fn add(&mut self, line: Line) -> Result<(), ImportError> {
        self.bytes += line.json.len();
        self.batch.push(line);
        match self.batch.len() >= FEED_BATCH_LINES || self.bytes >= FEED_BATCH_BYTES {
            true => self.hand_over(),
            false => Ok(()),
        }
    }

    fn hand_over(&mut self) -> Result<(), ImportError> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        let Some(last) = batch.last() else { return Ok(()) };
        let taken = self.destination.as_mut().map_or(Ok(Vec::new()), |destination| destination.take(&batch));
        let refused = taken.map_err(|source| {
            self.clear();
            ImportError::Destination { imported: self.told.imported, after: self.after, source }
        })?;
        self.after = last.number;
        self.told.imported += (batch.len() - refused.len().min(batch.len())) as u64;
        refused.into_iter().try_for_each(|bad| self.leave_out(bad))
    }

    /// A line can't be used: tells it, or ends the import with those before it handed over.
    fn leave_out(&mut self, bad: BadLine) -> Result<(), ImportError> {
        self.clear();
        if self.bad == Bad::Stop {
            self.bad = Bad::Skip;
            self.hand_over()?;
            return Err(ImportError::Bad { line: bad.line, why: bad.why, imported: self.told.imported });
        }
        self.told.skipped += 1;
        if self.told.skipped <= FEED_BAD_TOLD {
            eprintln!("line {}: {}", bad.line, bad.why);
        }
        Ok(())
    }

    /// Shows how far it is, to somebody who looks on.
    fn show(&mut self, share: Option<f64>) {
        if self.shown.is_none_or(|shown| shown.elapsed() < FEED_PROGRESS_PAUSE) {
            return;
        }
        self.shown = Some(Instant::now());
        let lines = self.told.imported + self.batch.len() as u64;
        let share = share.map(|share| format!(", {:.0} %", share * 100.0)).unwrap_or_default();
        eprint!("\r{lines} read{share}   ");
        // Nobody looks on any more.
        let _ = stderr().flush();
    }

    fn clear(&self) {
        if self.shown.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes all but what says no.
    #[derive(Default)]
    struct Kept(Vec<Line>);

    impl Destination for Kept {
        fn take(&mut self, batch: &[Line]) -> Result<Vec<BadLine>, Box<dyn StdError + Send + Sync>> {
            let (refused, kept): (Vec<_>, Vec<_>) = batch.iter().cloned().partition(|line| line.json.contains("no"));
            self.0.extend(kept);
            Ok(refused.into_iter().map(|line| BadLine { line: line.number, why: "no".to_owned() }).collect())
        }
    }

    fn import(text: &str, bad: Bad, dry_run: bool) -> (Vec<u64>, Result<Told, ImportError>) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("feed.jsonl");
        std::fs::write(&file, text).expect("a file");
        let args = Args { file, format: None, record: None, dry_run, bad };
        let record = |row: Row| match row.fields.contains_key("wrong") {
            true => Err("it is wrong".to_owned()),
            false => Ok(Json::Object(row.fields)),
        };
        let mut kept = Kept::default();
        let told = run(&args, &[], record, (!dry_run).then_some(&mut kept as &mut dyn Destination));
        (kept.0.iter().map(|line| line.number).collect(), told)
    }

    const FEED: &str = "{\"a\":1}\n{\"wrong\":1}\n{\"a\":\"no\"}\nx\n{\"a\":2}\n";

    #[test]
    fn bad_lines_are_left_out_or_end_it_where_they_stand() {
        let (kept, told) = import(FEED, Bad::Skip, false);
        assert_eq!((kept, told.ok()), (vec![1, 5], Some(Told { imported: 2, skipped: 3 })));
        let (kept, told) = import(FEED, Bad::Stop, false);
        assert_eq!(kept, [1]);
        assert!(matches!(told, Err(ImportError::Bad { line: 2, imported: 1, .. })), "{told:?}");
    }

    #[test]
    fn a_dry_run_hands_nothing_over() {
        let (kept, told) = import(FEED, Bad::Skip, true);
        assert_eq!((kept, told.ok()), (vec![], Some(Told { imported: 3, skipped: 2 })));
    }

    #[test]
    fn many_lines_go_in_batches() {
        let text: String = (0..FEED_BATCH_LINES * 2 + 7).map(|number| format!("{{\"a\":{number}}}\n")).collect();
        let (kept, told) = import(&text, Bad::Stop, false);
        assert_eq!(kept.len(), FEED_BATCH_LINES * 2 + 7);
        assert!(kept.is_sorted());
        assert_eq!(told.expect("a good feed").imported, kept.len() as u64);
    }
}
