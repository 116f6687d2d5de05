//! Pages that were kept, to be compared with.
//!
//! In: a page, and the test whose it is. Out: whether it is as it was kept; if not, the lines that differ. It writes only where it was told
//! to. It must not judge which of the two is right.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use crate::limits::{COMPARED_DIFF_WAIT, SNAPSHOT_DIFF_LINES};

/// The snapshots of one file of tests: `snapshots/FILE.TEST.html` beside it.
#[derive(Debug)]
pub struct Snapshots {
    folder: PathBuf,
    stem: String,
    update: bool,
}

/// What came of a comparison.
#[derive(Debug, PartialEq, Eq)]
pub enum Compared {
    Same,
    /// It is kept now.
    Written,
    /// Lines that differ: `-` of what was kept, `+` of what is.
    Differs(Vec<String>),
    /// There is none, or it can't be read or written.
    Failed(String),
}

impl Snapshots {
    /// Those of a file of tests. `update`: they are written.
    pub fn beside(file: &Path, update: bool) -> Self {
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Self { folder: file.parent().unwrap_or(Path::new("")).join("snapshots"), stem, update }
    }

    /// Compares a page with the test's snapshot, or keeps it.
    pub fn compare(&self, case: &str, page: &[u8]) -> Compared {
        let file = self.folder.join(format!("{}.{case}.html", self.stem));
        let kept = fs::read(&file);
        match kept {
            Ok(kept) if kept == page => Compared::Same,
            _ if self.update => {
                let written = fs::create_dir_all(&self.folder).and_then(|()| fs::write(&file, page));
                written.map_or_else(|error| failed(&file, &error), |()| Compared::Written)
            }
            Ok(kept) => Compared::Differs(diff(&String::from_utf8_lossy(&kept), &String::from_utf8_lossy(page))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let file = file.display();
                Compared::Failed(format!("there is no snapshot {file}; `inlay test --update` keeps the page"))
            }
            Err(error) => failed(&file, &error),
        }
    }
}

fn failed(file: &Path, error: &std::io::Error) -> Compared {
    Compared::Failed(format!("the snapshot {} can't be used: {error}", file.display()))
}

/// The lines that differ, each change below its line number.
fn diff(kept: &str, page: &str) -> Vec<String> {
    let (kept, page): (Vec<&str>, Vec<&str>) = (kept.lines().collect(), page.lines().collect());
    let deadline = Instant::now() + COMPARED_DIFF_WAIT;
    let mut lines = Vec::new();
    for op in capture_diff_slices_deadline(Algorithm::Myers, &kept, &page, Some(deadline)) {
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        lines.push(format!("line {}", op.new_range().start + 1));
        lines.extend(kept[op.old_range()].iter().map(|line| format!("- {line}")));
        lines.extend(page[op.new_range()].iter().map(|line| format!("+ {line}")));
    }
    let more = lines.len().saturating_sub(SNAPSHOT_DIFF_LINES);
    lines.truncate(SNAPSHOT_DIFF_LINES);
    lines.extend((more > 0).then(|| format!("and {more} lines more")));
    if lines.is_empty() {
        lines.push("the ends of lines differ".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_kept_compared_and_shown_where_it_differs() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("home.yaml");
        let compare = |update, page: &str| Snapshots::beside(&file, update).compare("a", page.as_bytes());
        assert!(matches!(compare(false, "x"), Compared::Failed(error) if error.contains("--update")));
        assert_eq!(compare(true, "one\ntwo\nthree\n"), Compared::Written);
        assert_eq!(compare(false, "one\ntwo\nthree\n"), Compared::Same);
        let lines = ["line 2", "- two", "+ 2"].map(str::to_owned).to_vec();
        assert_eq!(compare(false, "one\n2\nthree\n"), Compared::Differs(lines));
    }
}
