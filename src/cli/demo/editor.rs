//! The rules in the demo's copy, as the stage shows and changes them.
//!
//! In: names and texts. Out: texts; files that are written whole, by rename. It must not leave its folder, nor touch anything but files that were
//! there when the demo began.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Kinds of files that are shown.
const KINDS: [&str; 3] = ["yaml", "html", "js"];
/// The campaign that the stage switches, and where it stands.
const SALE: (&str, &str) = ("audiences.yaml", "  sample_sale:");

/// The files of a folder of rules.
#[derive(Debug)]
pub struct Editor {
    folder: PathBuf,
    /// By name, as they were when the demo began.
    originals: BTreeMap<String, String>,
    may_write: bool,
}

/// Why a file can't be had or changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    #[error("there is no file `{0}` among the demo's rules")]
    Unknown(String),
    #[error("these rules are your own: change them in your editor, and they are live on the next request")]
    Theirs,
    #[error("`{0}` does not hold the line of the campaign `sample_sale` any more")]
    NoSale(&'static str),
    #[error("`{0}` could not be read or written")]
    Io(String, #[source] io::Error),
}

impl Editor {
    /// The files below `folder`. `may_write`: it is a copy.
    pub fn new(folder: &Path, may_write: bool) -> Self {
        let mut originals = BTreeMap::new();
        for below in ["", "functions", "functions/lib", "templates"] {
            let entries = std::fs::read_dir(folder.join(below)).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()).filter(|path| is_shown(path)) {
                let name = path.strip_prefix(folder).map(|name| name.display().to_string().replace('\\', "/"));
                if let (Ok(name), Ok(text)) = (name, std::fs::read_to_string(&path)) {
                    originals.insert(name, text);
                }
            }
        }
        Self { folder: folder.to_owned(), originals, may_write }
    }

    /// Whether files can be changed here.
    pub fn may_write(&self) -> bool {
        self.may_write
    }

    /// The names of all files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.originals.keys().map(String::as_str)
    }

    /// A file's text as it is now.
    ///
    /// # Errors
    /// There is none of this name, or it can't be read.
    pub fn read(&self, name: &str) -> Result<String, EditError> {
        let path = self.path(name)?;
        std::fs::read_to_string(path).map_err(|error| EditError::Io(name.to_owned(), error))
    }

    /// A file's text as it was when the demo began.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn original(&self, name: &str) -> Result<&str, EditError> {
        self.originals.get(name).map(String::as_str).ok_or_else(|| EditError::Unknown(name.to_owned()))
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    /// It is not one of ours, or can't be written.
    pub fn write(&self, name: &str, text: &str) -> Result<(), EditError> {
        let path = self.path(name)?;
        if !self.may_write {
            return Err(EditError::Theirs);
        }
        let beside = path.with_extension("writing");
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, &path))
            .map_err(|error| EditError::Io(name.to_owned(), error))
    }

    /// Whether the sale is on; `None` where its line is not there.
    pub fn sale(&self) -> Option<bool> {
        let text = self.read(SALE.0).ok()?;
        let line = text.lines().find(|line| line.starts_with(SALE.1))?;
        Some(line.contains("state: live"))
    }

    /// Switches the sale, in its line of its file.
    ///
    /// # Errors
    /// The line is not there, or can't be written.
    pub fn switch_sale(&self, on: bool) -> Result<(), EditError> {
        let text = self.read(SALE.0)?;
        let (from, to) = if on { ("state: stopped", "state: live") } else { ("state: live", "state: stopped") };
        if self.sale().is_none() {
            return Err(EditError::NoSale(SALE.0));
        }
        let switched = text.split_inclusive('\n').map(|line| match line.starts_with(SALE.1) {
            true => line.replacen(from, to, 1),
            false => line.to_owned(),
        });
        self.write(SALE.0, &switched.collect::<String>())
    }

    fn path(&self, name: &str) -> Result<PathBuf, EditError> {
        self.original(name).map(|_| self.folder.join(name))
    }
}

fn is_shown(path: &Path) -> bool {
    let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
    path.is_file() && KINDS.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_changed_within_the_folder_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join(SALE.0),
            "campaigns:\n  other: { state: live }\n  sample_sale: { state: live }\n",
        )
        .unwrap();
        let editor = Editor::new(folder.path(), true);
        editor.switch_sale(false).unwrap();
        let text = editor.read(SALE.0).unwrap();
        assert_eq!(text, "campaigns:\n  other: { state: live }\n  sample_sale: { state: stopped }\n");
        assert_eq!(editor.sale(), Some(false));
        for wrong in ["../x.yaml", "new.yaml", "/etc/passwd"] {
            assert!(matches!(editor.write(wrong, ""), Err(EditError::Unknown(_))), "{wrong}");
        }
        editor.write(SALE.0, "").unwrap();
        assert!(matches!(editor.switch_sale(true), Err(EditError::NoSale(_))));
        assert!(matches!(Editor::new(folder.path(), false).write(SALE.0, ""), Err(EditError::Theirs)));
    }
}
