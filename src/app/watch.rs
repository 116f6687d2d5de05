//! Notices that something in the folders of rules changed.
//!
//! In: folders. Out: reloads. It must not read the files.
//!
//! The folders are looked at again and again rather than subscribed to: only so are symlinked folders (as in Kubernetes
//! ConfigMaps), network file systems, and editors that write by rename all noticed alike.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::reload::Reloader;
use crate::limits::{CONFIG_FILES, CONFIG_FOLDER_DEPTH, RULES_POLL, RULES_SETTLE};
use crate::shutdown::Shutdown;

/// Reloads the rules whenever they changed, until the shutdown. The first time it does so at once: what changed between
/// the start's reading and the first look would never be seen.
pub async fn reload_on_change(reloader: Arc<Reloader>, shutdown: Shutdown) {
    let mut read = None;
    loop {
        if look(&reloader).await != read {
            // Editors write several files, and one file in several steps.
            tokio::time::sleep(RULES_SETTLE).await;
            // Before the files are read: what is written meanwhile looks different the next time.
            read = look(&reloader).await;
            reload(&reloader).await;
        }
        tokio::select! {
            () = tokio::time::sleep(RULES_POLL) => {}
            () = shutdown.draining() => return,
        }
    }
}

/// How the folders look now. Off the worker threads, since files block.
async fn look(reloader: &Arc<Reloader>) -> Option<Look> {
    let reloader = reloader.clone();
    tokio::task::spawn_blocking(move || Look::at(&reloader.rules())).await.ok()
}

/// Reloads. Off the worker threads, since compiling takes longer than one should be held.
async fn reload(reloader: &Arc<Reloader>) {
    let reloader = reloader.clone();
    if let Err(error) = tokio::task::spawn_blocking(move || reloader.reload_rules()).await {
        tracing::error!(%error, "reloading the rules broke off, those from before still apply");
    }
}

/// What folders show without their files being read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Look {
    files: BTreeMap<PathBuf, Shape>,
    /// Where they really are; each is looked into once, however many links lead to it.
    folders: BTreeSet<PathBuf>,
}

/// What tells that a file was written, or that another took its place.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    /// Where links lead to in the end: a swap may bring a file of the same time and length.
    real: PathBuf,
    /// Compared for equality, not for order: a rollback brings an older one.
    modified: Option<SystemTime>,
    length: u64,
}

impl Look {
    fn at(folders: &[PathBuf]) -> Self {
        let mut look = Self::default();
        folders.iter().for_each(|folder| look.below(folder, 0));
        look
    }

    /// What can't be read shows nothing: that is a change, and reading it anew says why.
    fn below(&mut self, folder: &Path, depth: usize) {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            // Hidden files are not read either; the links beside `..data` lead into it.
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden || self.files.len() >= CONFIG_FILES {
                continue;
            }
            let (Ok(metadata), Ok(real)) = (fs::metadata(&path), fs::canonicalize(&path)) else { continue };
            if !metadata.is_dir() {
                let shape = Shape { real, modified: metadata.modified().ok(), length: metadata.len() };
                self.files.insert(path, shape);
            } else if depth < CONFIG_FOLDER_DEPTH && self.folders.insert(real) {
                self.below(&path, depth + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_tells_what_was_written_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |path: &str| folder.path().join(path);
        let look = || Look::at(&[folder.path().to_owned()]);
        fs::create_dir(at("more")).expect("a folder");
        fs::write(at("more/a.yaml"), "one").expect("a file");
        let before = look();
        assert_eq!(look(), before);
        fs::write(at(".hidden"), "x").expect("a file");
        assert_eq!(look(), before, "a hidden file is not read");
        let file = fs::File::options().write(true).open(at("more/a.yaml")).expect("a file");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("a time");
        let older = look();
        assert_ne!(older, before, "an older file is another");
        fs::write(at("b.yaml"), "two").expect("a file");
        assert_ne!(look(), older);
        fs::remove_file(at("b.yaml")).expect("removed");
        assert_eq!(look(), older);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_what_it_leads_to_and_one_to_itself_ends() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let at = |path: &str| folder.path().join(path);
        for version in ["..v1", "..v2"] {
            fs::create_dir(at(version)).expect("a folder");
            fs::write(at(version).join("a.yaml"), "same").expect("a file");
            let file = fs::File::options().write(true).open(at(version).join("a.yaml")).expect("a file");
            file.set_modified(SystemTime::UNIX_EPOCH).expect("a time");
        }
        symlink("..v1", at("..data")).expect("a link");
        symlink("..data/a.yaml", at("a.yaml")).expect("a link");
        symlink(".", at("loop")).expect("a link");
        let before = Look::at(&[folder.path().to_owned()]);
        fs::remove_file(at("..data")).expect("removed");
        symlink("..v2", at("..data")).expect("a link");
        assert_ne!(Look::at(&[folder.path().to_owned()]), before, "a swap of equal files is a change");
    }
}
