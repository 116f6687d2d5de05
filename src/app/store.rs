//! The store of this process: opened at its start, kept tidy, closed last.
//!
//! In: settings. Out: a [`Store`]; the work that runs beside it. It must not look into profiles.

use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::clock::Clock;
use crate::config::Settings;
use crate::config::settings::StoreSettings;
use crate::limits::{STORE_CLOSE_WAIT, STORE_EXPIRY_PAUSE};
use crate::profile::Keep;
use crate::shutdown::Shutdown;
use crate::store::items::Items;
use crate::store::{EmbeddedStore, MemoryStore, OpeningStore, Profiles, RedisAddress, RedisStore, Store, StoreError};

/// Whether a process before this one is giving up what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predecessor {
    Nobody,
    HandsOver,
}

/// Opens the store that the settings name; without one it is in memory.
///
/// # Errors
/// [`StoreError`]: it can't be opened, and why. A Redis that is merely away is none: pages are served until it is back.
pub fn open(settings: &Settings, predecessor: Predecessor) -> Result<Arc<dyn Store>, StoreError> {
    let keep = settings.profiles.keep;
    match &settings.store {
        None => Ok(Arc::new(MemoryStore::new(keep))),
        Some(StoreSettings::Folder(folder)) => in_folder(folder, keep, predecessor),
        Some(StoreSettings::Redis(address)) => {
            probe(address)?;
            Ok(Arc::new(RedisStore::begin(address.clone(), keep)))
        }
    }
}

/// Looks whether a Redis can be used, on a thread of its own because nothing runs yet that could be waited on.
fn probe(address: &RedisAddress) -> Result<(), StoreError> {
    let looked = std::thread::scope(|scope| {
        let look = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| StoreError::Unreachable(error.to_string().into()))?;
            runtime.block_on(RedisStore::probe(address))
        };
        scope.spawn(look).join()
    });
    match looked {
        Ok(Err(error @ StoreError::Unusable(_))) => Err(error),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the store is away; pages are served without what it knows");
            Ok(())
        }
        Ok(Ok(())) | Err(_) => Ok(()),
    }
}

fn in_folder(folder: &Path, keep: Keep, predecessor: Predecessor) -> Result<Arc<dyn Store>, StoreError> {
    match EmbeddedStore::open(folder, keep) {
        Ok(store) => Ok(Arc::new(store)),
        Err(StoreError::Taken(_)) if predecessor == Predecessor::HandsOver => {
            tracing::info!("the store is opened as soon as the process before this one has closed it");
            Ok(Arc::new(OpeningStore::begin(folder.to_owned(), keep)?))
        }
        Err(error) => Err(error),
    }
}

/// Drops the profiles that were not seen for longer than they are kept, piece by piece, until the drain begins.
pub async fn expire(profiles: Profiles, kept: std::time::Duration, clock: Clock, shutdown: Shutdown) {
    let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
    loop {
        tokio::select! {
            () = shutdown.draining() => return,
            () = tokio::time::sleep(STORE_EXPIRY_PAUSE) => {}
        }
        let Ok(seen_before) = clock.now().checked_sub(kept) else { continue };
        match profiles.store().expire(seen_before).await {
            Ok(0) => {}
            Ok(expired) => tracing::info!(expired, "profiles that were not seen for long are gone"),
            Err(error) => tracing::debug!(%error, "profiles that were not seen for long stay for now"),
        }
    }
}

/// Closes the store when nobody uses it any more.
pub async fn close(profiles: &Profiles, items: &Items) {
    match items.settled(STORE_CLOSE_WAIT).await {
        0 => {}
        left => tracing::warn!(left, "readings of items are lost until their pages are read again"),
    }
    match profiles.close(STORE_CLOSE_WAIT).await {
        Ok(0) => {}
        Ok(left) => tracing::error!(left, "changes of profiles are lost: the store did not take them before the end"),
        Err(error) => tracing::error!(%error, "the store was not closed as it should be; nothing acknowledged is lost"),
    }
}
