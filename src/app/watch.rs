//! Notices that something in the folders of rules changed.
//!
//! In: folders. Out: reloads. It must not read the files.

use std::path::PathBuf;
use std::sync::Arc;

use notify::{Config, PollWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::reload::Reloader;
use crate::limits::{RULES_POLL, RULES_SETTLE};
use crate::shutdown::Shutdown;

/// Changes of folders, for as long as this is held.
pub struct Changes {
    seen: Arc<Notify>,
    _watcher: PollWatcher,
}

/// Watches folders and all below them. They are looked at again and again rather than subscribed to: only so are symlinked folders (as in
/// Kubernetes ConfigMaps), network file systems, and editors that write by rename all noticed alike.
///
/// # Errors
/// If a folder can't be read.
pub fn changes(folders: &[PathBuf]) -> notify::Result<Changes> {
    let seen = Arc::new(Notify::new());
    let notice = seen.clone();
    // Times alone would not do: the watcher compares whole seconds, so that a second change within one would be missed, and
    // asks only for later ones, so that a swap to an older file (a rollback) would be, too.
    let every = Config::default().with_poll_interval(RULES_POLL).with_compare_contents(true);
    // Whatever it was, also an error on the way, the files are read anew: they alone say what is so.
    let mut watcher = PollWatcher::new(move |_event| notice.notify_one(), every)?;
    folders.iter().try_for_each(|folder| watcher.watch(folder, RecursiveMode::Recursive))?;
    // The files were read before they were watched; what changed in between would never be seen.
    seen.notify_one();
    Ok(Changes { seen, _watcher: watcher })
}

/// Reloads the rules whenever they changed, until the shutdown.
pub async fn reload_on(changes: Changes, reloader: Arc<Reloader>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = changes.seen.notified() => {}
            () = shutdown.draining() => return,
        }
        // Editors write several files, and one file in several steps.
        tokio::time::sleep(RULES_SETTLE).await;
        let reloader = reloader.clone();
        // Reading and compiling takes longer than a worker thread should be held.
        let reloaded = tokio::task::spawn_blocking(move || reloader.reload_rules()).await;
        if let Err(error) = reloaded {
            tracing::error!(%error, "reloading the rules broke off, those from before still apply");
        }
    }
}
