//! What folders and files look like from outside: which there are, and what tells a changed one.
//!
//! In: paths. Out: a [`Look`], to be compared with another. It must not read the files.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::limits::{CONFIG_FILES, CONFIG_FOLDER_DEPTH};

/// Some files, in a fixed order. Two that are equal mean that nothing changed in between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look(Vec<(PathBuf, Stamp)>);

/// What changes when a file's text does. Its time is kept as finely as the file system tells it: changes come several
/// in a second.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    /// Another file under the same name, by a rename or a link that leads elsewhere: its number, and when that was.
    identity: (u64, i64, i64),
}

impl Look {
    /// Looks at all that lies in these folders but what is hidden. Links are followed.
    pub fn at(folders: &[PathBuf]) -> Self {
        let mut look = Self::default();
        let mut entered = BTreeSet::new();
        folders.iter().for_each(|folder| look.enter(folder, 0, &mut entered));
        look.0.sort_by(|(a, _), (b, _)| a.cmp(b));
        look
    }

    /// Looks at these files. Links are followed; one that is not there is left out.
    pub fn at_files(files: &[PathBuf]) -> Self {
        let stamp = |file: &PathBuf| Some((file.clone(), Stamp::of(&fs::metadata(file).ok()?)));
        Self(files.iter().filter_map(stamp).collect())
    }

    /// A folder that can't be read looks empty: it is the reading of it that tells why.
    fn enter(&mut self, folder: &Path, depth: usize, entered: &mut BTreeSet<PathBuf>) {
        // Each once, however many links lead to it, or it to itself.
        let is_new = fs::canonicalize(folder).is_ok_and(|real| entered.insert(real));
        let Some(entries) = fs::read_dir(folder).ok().filter(|_| is_new) else { return };
        for entry in entries.flatten() {
            if self.0.len() > CONFIG_FILES {
                return;
            }
            // Editors keep hidden files beside those that they edit.
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() && depth < CONFIG_FOLDER_DEPTH => {
                    self.enter(&path, depth + 1, entered)
                }
                Ok(metadata) if metadata.is_file() => self.0.push((path, Stamp::of(&metadata))),
                Ok(_) | Err(_) => {}
            }
        }
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { bytes: metadata.len(), modified: metadata.modified().ok(), identity: identity(metadata) }
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, i64, i64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, i64, i64) {
    (0, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_change_is_seen_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let look = || Look::at(&[folder.path().to_owned()]);
        let mut before = look();
        let mut differs = |what: &str| {
            let now = look();
            assert_ne!(now, before, "{what}");
            assert_eq!(now, look(), "{what}, twice");
            before = now;
        };
        fs::write(path("a.yaml"), "one").unwrap();
        differs("a new file");
        fs::write(path("b.tmp"), "two").unwrap();
        fs::rename(path("b.tmp"), path("a.yaml")).unwrap();
        differs("another file of the same length, by rename");
        fs::create_dir(path("templates")).unwrap();
        fs::write(path("templates/x.html"), "").unwrap();
        differs("a file in a folder");
        fs::remove_file(path("templates/x.html")).unwrap();
        differs("a file that is gone");
        fs::write(path(".a.yaml.swp"), "").unwrap();
        assert_eq!(look(), before, "a hidden file");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_elsewhere_is_a_change_and_one_to_itself_ends() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for version in ["1", "2"] {
            fs::create_dir(path(version)).unwrap();
            fs::write(path(version).join("a.yaml"), version).unwrap();
        }
        symlink("1", path("rules")).unwrap();
        let before = Look::at(&[path("rules")]);
        symlink("2", path("next")).unwrap();
        fs::rename(path("next"), path("rules")).unwrap();
        assert_ne!(Look::at(&[path("rules")]), before);
        symlink(".", path("2/itself")).unwrap();
        assert_eq!(Look::at(&[path("rules")]).0.len(), 1);
    }
}
