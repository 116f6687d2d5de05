//! The store of one process on one machine: a folder, with nothing to install.
//!
//! In and out: as every [`Store`]. Changes are written behind each other as they come, and folded into profiles later; what was
//! acknowledged has been handed to the disk with `fsync`, many changes at a time. All writing is one thread's (`writer`), reading is
//! everybody's. It must not be opened by two processes.

mod acknowledged;
mod beside;
mod journal;
mod keys;
mod reading;
mod writer;
mod writing;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::{Answer, Batch, Cursor, Erased, Found, Item, ItemKey, Store, StoreError, Timer, record};
use crate::limits::{STORE_CACHE_BYTES, STORE_FOLD_CHANGES, STORE_QUEUE};
use crate::profile::{Change, Keep, Name, ProfileId};
use acknowledged::Acknowledged;
use writer::{Command, Reply, Writer};

/// The trees of the folder.
#[derive(Clone)]
struct Trees {
    database: Database,
    /// The format's number and how often the store was opened.
    about: Keyspace,
    /// Profiles by id.
    profiles: Keyspace,
    /// Changes that are not folded into the profile yet, by id and number.
    changes: Keyspace,
    /// The customers for whom visitors stand.
    aliases: Keyspace,
    /// The same, by customer.
    bearers: Keyspace,
    /// Who is on which list.
    members: Keyspace,
    items: Keyspace,
    /// By profile and name.
    timers: Keyspace,
    /// The same, by time.
    due: Keyspace,
}

/// A store in a folder.
pub struct EmbeddedStore {
    trees: Trees,
    keep: Keep,
    queue: Mutex<Option<mpsc::Sender<Command>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedStore").field("keep", &self.keep).finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// Opens the store in `folder`, which is made if it is not there. What a process that was killed had acknowledged is in it.
    ///
    /// # Errors
    /// [`StoreError::Unusable`]: another process has it open, a newer version of Inlay wrote it, it is damaged, the disk says no.
    pub fn open(folder: &Path, keep: Keep) -> Result<Self, StoreError> {
        let told = |error: fjall::Error| unusable(folder, &error);
        let torn = journal::mend(folder).map_err(|error| told(fjall::Error::Io(error)))?;
        let trees = Trees::open(folder).map_err(told)?;
        trees.check_format(folder)?;
        let acknowledged = trees.check_promises(folder)?;
        if let Some(torn) = torn {
            tracing::warn!(
                bytes = torn.bytes,
                "the store's journal ended in the middle of a write, of which nobody was told"
            );
            // It may hold what is to be forgotten later, and nobody would look for it there.
            let _ = std::fs::remove_file(torn.file);
        }
        let epoch = trees.next_epoch().map_err(told)?;
        let (queue, commands) = mpsc::channel(STORE_QUEUE);
        let writer = Writer::new(trees.clone(), keep, epoch, acknowledged);
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(move || writer.run(commands));
        let thread =
            thread.map_err(|error| StoreError::Unusable(format!("no thread for the store: {error}").into()))?;
        Ok(Self { trees, keep, queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)) })
    }

    /// Hands a command to the writer, when there is room, and waits until it is done and safe.
    fn command<T: Send + 'static>(&self, make: impl FnOnce(Reply<T>) -> Command + Send + 'static) -> Answer<'_, T> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        async move {
            let queue = queue.ok_or(StoreError::Closed)?;
            let (reply, done) = oneshot::channel();
            queue.send(make(reply)).await.map_err(|_| StoreError::Closed)?;
            done.await.map_err(|_| StoreError::Closed)?
        }
        .boxed()
    }

    /// Reads beside the tasks, because a disk may take its time.
    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Trees, &Keep) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'_, T> {
        let is_open = self.queue.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let (trees, keep) = (self.trees.clone(), self.keep);
        async move {
            if !is_open {
                return Err(StoreError::Closed);
            }
            tokio::task::spawn_blocking(move || read(&trees, &keep)).await.map_err(|_| StoreError::Closed)?
        }
        .boxed()
    }
}

impl Trees {
    fn open(folder: &Path) -> fjall::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let database = Database::builder(folder).cache_size(STORE_CACHE_BYTES).open()?;
        let tree = |name: &str| database.keyspace(name, KeyspaceCreateOptions::default);
        Ok(Self {
            about: tree("about")?,
            profiles: tree("profiles")?,
            changes: tree("changes")?,
            aliases: tree("aliases")?,
            bearers: tree("bearers")?,
            members: tree("members")?,
            items: tree("items")?,
            timers: tree("timers")?,
            due: tree("due")?,
            database,
        })
    }

    /// Whether all is there that was promised.
    fn check_promises(&self, folder: &Path) -> Result<Acknowledged, StoreError> {
        let told = |error: std::io::Error| unusable(folder, &fjall::Error::Io(error));
        let acknowledged = Acknowledged::open(folder).map_err(told)?;
        let group = self.number("group").map_err(|error| unusable(folder, &error))?;
        match acknowledged.last() {
            Some(promised) if promised > group => Err(StoreError::Unusable(
                format!(
                    "the store in `{}` is damaged: its journal ends before the last change that was acknowledged. Bring the folder back \
                     from a backup; or, to go on without what is lost, remove the file `{}`",
                    folder.display(),
                    acknowledged::path(folder).display()
                )
                .into(),
            )),
            _ => Ok(acknowledged),
        }
    }

    fn number(&self, name: &str) -> fjall::Result<u64> {
        let number = self.about.get(name)?.and_then(|bytes| Some(u64::from_be_bytes((&*bytes).try_into().ok()?)));
        Ok(number.unwrap_or_default())
    }

    /// A new store gets this version's format, one of an older version too; one of a newer version is refused.
    fn check_format(&self, folder: &Path) -> Result<(), StoreError> {
        let told = |error: fjall::Error| unusable(folder, &error);
        let number = |bytes: &[u8]| bytes.try_into().map(u32::from_be_bytes).unwrap_or(u32::MAX);
        match self.about.get("format").map_err(told)?.map(|bytes| number(&bytes)) {
            Some(record::FORMAT) => Ok(()),
            Some(older @ 1..record::FORMAT) => {
                // Of all formats so far each only knows more than the one before it, so nothing is converted.
                tracing::info!(older, now = record::FORMAT, "the store is brought to this version's format");
                self.about.insert("format", record::FORMAT.to_be_bytes()).map_err(told)
            }
            Some(other) => Err(StoreError::Unusable(
                format!(
                    "the store in `{}` has format {other}, and this version of Inlay knows {}: run the version that wrote it, \
                     export the profiles and import them here",
                    folder.display(),
                    record::FORMAT
                )
                .into(),
            )),
            None => self.about.insert("format", record::FORMAT.to_be_bytes()).map_err(told),
        }
    }

    /// How often the store has been opened, this time included: numbers of changes begin with it, so that they ascend without a
    /// look at those that are there.
    fn next_epoch(&self) -> fjall::Result<u64> {
        let epoch = self.number("epoch")? + 1;
        self.about.insert("epoch", epoch.to_be_bytes())?;
        self.database.persist(PersistMode::SyncAll)?;
        Ok(epoch)
    }
}

fn unusable(folder: &Path, error: &fjall::Error) -> StoreError {
    let folder = folder.display();
    let told = match error {
        fjall::Error::Locked => {
            let told = format!(
                "another process has the store in `{folder}` open: end it, or give this one a folder of its own; processes that \
                 share visitors need a store that they can share"
            );
            return StoreError::Taken(told.into());
        }
        fjall::Error::Io(error) => format!("the store in `{folder}` can't be opened: {error}"),
        fjall::Error::InvalidVersion(_) => format!("`{folder}` is no store that this version of Inlay can read"),
        error => format!(
            "the store in `{folder}` is damaged and can't be opened ({error}): bring the folder back from a backup, or name another"
        ),
    };
    StoreError::Unusable(told.into())
}

impl Store for EmbeddedStore {
    fn load(&self, id: &ProfileId) -> Answer<'_, Found> {
        let id = id.clone();
        let loading = self.read(move |trees, keep| trees.load(&id, keep));
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        async move {
            let (found, beside) = loading.await?;
            if let Some(queue) = queue.filter(|_| beside > STORE_FOLD_CHANGES) {
                // Where the writer is busy, the next who reads asks again.
                let _ = queue.try_send(Command::Fold(found.id.clone()));
            }
            Ok(found)
        }
        .boxed()
    }

    fn apply(&self, id: &ProfileId, changes: Vec<Change>) -> Answer<'_, ()> {
        let id = id.clone();
        self.command(|reply| Command::Apply(id, changes, reply))
    }

    fn identify(&self, visitor: &ProfileId, customer: &ProfileId, now: Timestamp) -> Answer<'_, Found> {
        let (visitor, customer) = (visitor.clone(), customer.clone());
        self.command(move |reply| Command::Identify(visitor, customer, now, reply))
    }

    fn part(&self, visitor: &ProfileId) -> Answer<'_, ()> {
        let visitor = visitor.clone();
        self.command(|reply| Command::Part(visitor, reply))
    }

    fn erase(&self, id: &ProfileId) -> Answer<'_, Erased> {
        let id = id.clone();
        self.command(|reply| Command::Erase(id, reply))
    }

    fn export(&self, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<Found>> {
        self.read(move |trees, keep| trees.export(from, most, keep))
    }

    fn members(&self, list: &Name, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<ProfileId>> {
        let list = list.clone();
        self.read(move |trees, _| trees.members(&list, from, most))
    }

    fn member_count(&self, list: &Name) -> Answer<'_, u64> {
        let list = list.clone();
        self.read(move |trees, _| trees.member_count(&list))
    }

    fn items(&self, keys: &[ItemKey]) -> Answer<'_, Vec<Option<Item>>> {
        let keys = keys.to_vec();
        self.read(move |trees, _| keys.iter().map(|key| trees.item(key)).collect())
    }

    fn put_items(&self, items: Vec<Item>) -> Answer<'_, u64> {
        self.command(|reply| Command::PutItems(items, reply))
    }

    fn remove_items(&self, keys: Vec<ItemKey>) -> Answer<'_, u64> {
        self.command(|reply| Command::RemoveItems(keys, reply))
    }

    fn list_items(&self, kind: &Name, from: Option<Cursor>, most: usize) -> Answer<'_, Batch<Item>> {
        let kind = kind.clone();
        self.read(move |trees, _| trees.items_of(&kind, from, most))
    }

    fn schedule(&self, timers: Vec<Timer>) -> Answer<'_, ()> {
        self.command(|reply| Command::Schedule(timers, reply))
    }

    fn due(&self, now: Timestamp, lease: Duration, most: usize) -> Answer<'_, Vec<Timer>> {
        self.command(move |reply| Command::GiveOut { now, lease, most, reply })
    }

    fn cancel(&self, profile: &ProfileId, name: &Name) -> Answer<'_, bool> {
        let (profile, name) = (profile.clone(), name.clone());
        self.command(|reply| Command::Cancel(profile, name, reply))
    }

    fn expire(&self, seen_before: Timestamp) -> Answer<'_, u64> {
        self.command(move |reply| Command::Expire(seen_before, reply))
    }

    fn close(&self) -> Answer<'_, ()> {
        // The writer ends when nobody can hand it anything any more, and has done all by then.
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move {
            let Some(thread) = thread else { return Ok(()) };
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            joined.map_err(|_| StoreError::Closed)?.map_err(|_| StoreError::Failed("its thread panicked".into()))
        }
        .boxed()
    }
}

/// What a failure of the library means for whoever asked.
fn failed(error: fjall::Error) -> StoreError {
    StoreError::Failed(match error {
        fjall::Error::Io(error) => error.to_string().into(),
        fjall::Error::Poisoned => "a write failed before; mend the disk and start again".into(),
        error => format!("{error:?}").into(),
    })
}

fn damaged(what: &'static str) -> impl Fn(record::RecordError) -> StoreError {
    move |error| StoreError::Damaged { what, why: error.to_string().into() }
}

// The handle is shared with nobody but the writer.
const _: fn() = || {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Arc<EmbeddedStore>>();
};
