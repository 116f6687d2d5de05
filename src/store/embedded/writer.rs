//! The one thread that writes.
//!
//! In: [`Command`]s from a bounded queue. Out: their answers, once what they wrote is on disk. It takes all that waits, does it, and
//! asks the disk once for all of it: the more who write at once, the less each costs. It must not answer before that.

use std::sync::Arc;
use std::time::Duration;

use fjall::PersistMode;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::acknowledged::Acknowledged;
use super::beside::Beside;
use super::{Trees, failed};
use crate::limits::STORE_GROUP;
use crate::profile::{Change, Keep, Name, ProfileId};
use crate::store::{Erased, Found, Item, ItemKey, StoreError, Timer};

/// Where the answer to a command goes.
pub type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked to do.
pub enum Command {
    Apply(ProfileId, Vec<Change>, Reply<()>),
    Identify(ProfileId, ProfileId, Timestamp, Reply<Found>),
    Part(ProfileId, Reply<()>),
    Erase(ProfileId, Reply<Erased>),
    PutItems(Vec<Item>, Reply<u64>),
    RemoveItems(Vec<ItemKey>, Reply<u64>),
    Schedule(Vec<Timer>, Reply<()>),
    GiveOut {
        now: Timestamp,
        lease: Duration,
        most: usize,
        reply: Reply<Vec<Timer>>,
    },
    Cancel(ProfileId, Name, Reply<bool>),
    Expire(Timestamp, Reply<u64>),
    /// Somebody read a profile beside which many changes lie; nobody waits.
    Fold(ProfileId),
}

/// Gives an answer; told `Some` failure, that instead.
type Answering = Box<dyn FnOnce(Option<StoreError>) + Send>;

/// The writer's state.
pub struct Writer {
    pub(super) trees: Trees,
    pub(super) keep: Keep,
    /// The number of the next change.
    pub(super) number: u64,
    /// Changes on disk beside each profile, as far as this process wrote them, about.
    pub(super) beside: Beside,
    /// Where the search for those not seen for long goes on.
    pub(super) expiring: Vec<u8>,
    /// The number of the last group of writes.
    group: u64,
    acknowledged: Acknowledged,
    /// Why nothing is written any more.
    failure: Option<Arc<str>>,
}

impl Writer {
    /// A writer whose numbers begin with how often the store was opened.
    pub fn new(trees: Trees, keep: Keep, epoch: u64, acknowledged: Acknowledged) -> Self {
        let (number, group) = (epoch << 40, epoch << 40);
        Self { trees, keep, number, beside: Beside::new(), expiring: Vec::new(), group, acknowledged, failure: None }
    }

    /// Writes until nobody can hand it anything any more.
    pub fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(first) = commands.blocking_recv() {
            let mut answers = vec![self.obey(first)];
            while answers.len() < STORE_GROUP {
                let Ok(next) = commands.try_recv() else { break };
                answers.push(self.obey(next));
            }
            let failure = self.settle();
            answers.into_iter().for_each(|answer| answer(failure.clone()));
        }
    }

    /// Hands the group to the disk. From the first failure on nothing is acknowledged any more: what is on disk then is not known.
    fn settle(&mut self) -> Option<StoreError> {
        if self.failure.is_none()
            && let Err(error) = self.persist()
        {
            self.fail(failed(error));
        }
        self.failure.clone().map(StoreError::Failed)
    }

    fn persist(&mut self) -> fjall::Result<()> {
        self.group += 1;
        self.trees.about.insert("group", self.group.to_be_bytes())?;
        self.trees.database.persist(PersistMode::SyncData)?;
        if let Err(error) = self.acknowledged.note(self.group) {
            // It only makes a later loss known.
            tracing::debug!(%error, "it could not be noted what is on disk");
        }
        Ok(())
    }

    fn fail(&mut self, error: StoreError) {
        let why: Arc<str> = match error {
            StoreError::Failed(why) => why,
            other => other.to_string().into(),
        };
        tracing::error!(%why, "the store can't write any more; nothing is lost that was acknowledged");
        self.failure = Some(why);
    }

    fn obey(&mut self, command: Command) -> Answering {
        match command {
            Command::Apply(id, changes, reply) => self.answer(reply, |writer| writer.apply(&id, &changes)),
            Command::Identify(visitor, customer, now, reply) => {
                self.answer(reply, |writer| writer.identify(&visitor, &customer, now))
            }
            Command::Part(visitor, reply) => self.answer(reply, |writer| writer.part(&visitor)),
            Command::Erase(id, reply) => self.answer(reply, |writer| writer.erase(&id)),
            Command::PutItems(items, reply) => self.answer(reply, |writer| writer.put_items(items)),
            Command::RemoveItems(keys, reply) => self.answer(reply, |writer| writer.remove_items(&keys)),
            Command::Schedule(timers, reply) => self.answer(reply, |writer| writer.schedule(timers)),
            Command::GiveOut { now, lease, most, reply } => {
                self.answer(reply, |writer| writer.give_out(now, lease, most))
            }
            Command::Cancel(id, name, reply) => self.answer(reply, |writer| writer.cancel(&id, &name)),
            Command::Expire(seen_before, reply) => self.answer(reply, |writer| writer.expire(seen_before)),
            Command::Fold(id) => self.answer(oneshot::channel().0, |writer| writer.tidy(&id)),
        }
    }

    /// Does something now, and answers when the group is on disk.
    fn answer<T: Send + 'static>(
        &mut self,
        reply: Reply<T>,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Answering {
        let done = match &self.failure {
            Some(why) => Err(StoreError::Failed(why.clone())),
            None => work(self),
        };
        if let (None, Err(error @ StoreError::Failed(_))) = (&self.failure, &done) {
            self.fail(error.clone());
        }
        // Who asked may have gone away: that is theirs to decide.
        Box::new(move |failure| drop(reply.send(failure.map_or(done, Err))))
    }
}
