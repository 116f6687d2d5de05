//! What was promised, beside what is stored.
//!
//! In: the number of each group of writes once it is on disk. Out: at the next start, the last number that was promised. A journal that
//! ends before it has lost something, which its library does not always see: it takes what it can't read for the end. It is not
//! handed to the disk each time: after a power cut it may promise less than it could, and never more.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The file's name in the store's folder.
pub const FILE: &str = "acknowledged";

/// The file, open.
pub struct Acknowledged(File);

impl Acknowledged {
    /// Opens it, or makes it.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(folder: &Path) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path(folder)).map(Self)
    }

    /// The last number that was promised; `None`: none was, or the file can't be understood.
    pub fn last(&self) -> Option<u64> {
        let mut bytes = [0; 16];
        self.0.read_exact_at(&mut bytes, 0).ok()?;
        let (number, check) = bytes.split_first_chunk::<8>()?;
        let number = u64::from_be_bytes(*number);
        (check == (!number).to_be_bytes()).then_some(number)
    }

    /// Notes that all up to this number is on disk.
    pub fn note(&self, number: u64) -> io::Result<()> {
        self.0.write_all_at(&[number.to_be_bytes(), (!number).to_be_bytes()].concat(), 0)
    }
}

/// Where it is.
pub fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}
