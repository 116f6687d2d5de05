//! Notices that something in the folders of rules changed, or a certificate.
//!
//! In: paths. Out: reloads, once what changed has settled. It must not read the files.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use super::look::Look;
use super::reload::Reloader;
use crate::limits::{CERTIFICATES_POLL, RULES_POLL, RULES_SETTLE, RULES_SETTLE_LOOKS};
use crate::shutdown::Shutdown;

/// Reloads the rules whenever they changed, until the shutdown. The folders are looked at again and again rather than
/// subscribed to: only so are symlinked folders (as in Kubernetes ConfigMaps), network file systems, and editors that write
/// by rename all noticed alike.
pub async fn reload_on_change(reloader: Arc<Reloader>, shutdown: Shutdown) {
    // The first look counts as a change: files may have changed since they were read.
    let mut seen = Look::default();
    loop {
        tokio::select! {
            () = tokio::time::sleep(RULES_POLL) => {}
            () = shutdown.draining() => return,
        }
        let reloader = reloader.clone();
        // Reading and compiling takes longer than a worker thread should be held.
        let before = seen.clone();
        match tokio::task::spawn_blocking(move || look_again(&reloader, before)).await {
            Ok(looked) => seen = looked,
            Err(error) => tracing::error!(%error, "reloading the rules broke off, those from before still apply"),
        }
    }
}

/// Reads the certificates again whenever their files are not as they were `seen`, until the shutdown. A wrong file is not
/// tried again before it changes.
pub async fn reload_certificates_on_change(reloader: Arc<Reloader>, mut seen: Look, shutdown: Shutdown) {
    let files = reloader.certificate_files();
    loop {
        tokio::select! {
            () = tokio::time::sleep(CERTIFICATES_POLL) => {}
            () = shutdown.draining() => return,
        }
        let (reloader, files, before) = (reloader.clone(), files.clone(), seen.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let now = Look::at_files(&files);
            if now == before {
                return before;
            }
            // A certificate and its key are two files.
            let settled = settle(now, || Look::at_files(&files));
            reloader.reload_certificates();
            settled
        });
        match looked.await {
            Ok(looked) => seen = looked,
            Err(error) => tracing::error!(%error, "reading the certificates broke off, those from before still serve"),
        }
    }
}

/// Reads the geo database again whenever its file changed, until the shutdown. Which file it is may change with a reload.
pub async fn reload_geo_on_change(reloader: Arc<Reloader>, shutdown: Shutdown) {
    let mut seen: Option<(Vec<PathBuf>, Look)> = None;
    loop {
        let (files, before) = (reloader.geo_files(), seen.take());
        let again = reloader.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let now = Look::at_files(&files);
            match before {
                // Another file has just been opened.
                Some((known, _)) if known != files => (files, now),
                Some((_, before)) if before != now => {
                    let settled = settle(now, || Look::at_files(&files));
                    again.reload_geo();
                    (files, settled)
                }
                _ => (files, now),
            }
        });
        match looked.await {
            Ok(looked) => seen = Some(looked),
            Err(error) => tracing::error!(%error, "reading the geo database broke off"),
        }
        tokio::select! {
            () = tokio::time::sleep(CERTIFICATES_POLL) => {}
            () = shutdown.draining() => return,
        }
    }
}

/// Reloads if the folders are not as they were `before`. Out: how they were when they were read.
fn look_again(reloader: &Reloader, before: Look) -> Look {
    let folders = reloader.rules();
    let now = Look::at(&folders);
    if now == before {
        return before;
    }
    let settled = settle(now, || Look::at(&folders));
    // What changes while it is read is left to the next look, so that no revision holds the half of a change.
    reloader.reload_rules(|| Look::at(&folders) == settled);
    settled
}

/// Waits until two looks agree: editors write several files, and one file in several steps.
fn settle(mut looked: Look, look: impl Fn() -> Look) -> Look {
    for _ in 0..RULES_SETTLE_LOOKS {
        thread::sleep(RULES_SETTLE);
        let again = look();
        if again == looked {
            break;
        }
        looked = again;
    }
    looked
}
