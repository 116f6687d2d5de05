//! The bytes of a feed, counted.
//!
//! In: a file, or standard input. Out: its bytes, how many of them and of its lines were taken; an end to records that have none.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::limits::FEED_RECORD_BYTES;

/// A feed's bytes.
pub(super) struct Source {
    inner: Box<dyn BufRead>,
    counts: Told,
}

/// What is known of a [`Source`] while somebody else reads it.
#[derive(Clone)]
pub(super) struct Told(Arc<Counts>);

#[derive(Default)]
struct Counts {
    /// Bytes in all; 0: not known.
    length: u64,
    taken: AtomicU64,
    lines: AtomicU64,
    /// Up to where the record that is being read may go.
    until: AtomicU64,
    too_long: AtomicBool,
}

impl Source {
    pub fn open(path: &Path) -> io::Result<Self> {
        let (inner, length): (Box<dyn BufRead>, u64) = match path.as_os_str() == "-" {
            true => (Box::new(BufReader::new(io::stdin())), 0),
            false => {
                let file = File::open(path)?;
                let length = file.metadata()?.len();
                (Box::new(BufReader::new(file)), length)
            }
        };
        let counts = Told(Arc::new(Counts { length, ..Counts::default() }));
        counts.begin_record();
        Ok(Self { inner, counts })
    }

    pub fn told(&self) -> Told {
        self.counts.clone()
    }
}

impl Told {
    /// The line that is being read; the first is 1.
    pub fn line(&self) -> u64 {
        self.0.lines.load(Ordering::Relaxed) + 1
    }

    /// Whether the reading was ended because a record did not.
    pub fn is_too_long(&self) -> bool {
        self.0.too_long.load(Ordering::Relaxed)
    }

    /// Another record begins.
    pub fn begin_record(&self) {
        let taken = self.0.taken.load(Ordering::Relaxed);
        self.0.until.store(taken + FEED_RECORD_BYTES as u64, Ordering::Relaxed);
    }

    /// How much of all has been taken, from 0 to 1.
    pub fn share(&self) -> Option<f64> {
        let taken = self.0.taken.load(Ordering::Relaxed);
        (self.0.length > 0).then(|| (taken as f64 / self.0.length as f64).min(1.0))
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let counts = &self.counts.0;
        if counts.taken.load(Ordering::Relaxed) >= counts.until.load(Ordering::Relaxed) {
            counts.too_long.store(true, Ordering::Relaxed);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a record does not end"));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // What was given out before is still there, so this reads nothing.
        if let Ok(taken) = self.inner.fill_buf() {
            let lines = memchr::memchr_iter(b'\n', &taken[..amount.min(taken.len())]).count();
            self.counts.0.lines.fetch_add(lines as u64, Ordering::Relaxed);
        }
        self.counts.0.taken.fetch_add(amount as u64, Ordering::Relaxed);
        self.inner.consume(amount);
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let here = self.fill_buf()?;
        let amount = here.len().min(into.len());
        into[..amount].copy_from_slice(&here[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}
