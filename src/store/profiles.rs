//! Profiles at hand: those of the visitors who are here now, in memory before the store.
//!
//! In: ids of visitors, changes. Out: what is remembered, within a deadline. A change is seen by the very next look, and written
//! behind, in order, until the store has it or says that it never will. It must not decide what to remember.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use super::bounded::Bounded;
use super::{Erased, Found, Store, StoreError};
use crate::limits::{
    EVENTS_WRITE_WAIT, PROFILE_ALIASES, PROFILE_DEADLINE, PROFILE_HOT_BYTES, PROFILE_UNWRITTEN, PROFILE_USUAL_BYTES,
    PROFILE_WRITE_CHANGES, PROFILE_WRITE_RETRY,
};
use crate::profile::{Change, Keep, Profile, ProfileId};
use crate::telemetry::ProfileFigures;

/// Profiles at hand, before a store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Profiles(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Arc<dyn Store>,
    keep: Keep,
    deadline: Duration,
    figures: ProfileFigures,
    hot: Bounded<Arc<Cell>>,
    /// The customers for whom visitors stand, as far as that was met, and when.
    aliases: Bounded<(ProfileId, Instant)>,
    /// Cells with changes that are not written yet, which must not be lost from memory.
    writing: Mutex<HashMap<ProfileId, Arc<Cell>>>,
    /// How many changes are not written yet.
    unwritten: watch::Sender<usize>,
}

/// One profile at hand.
#[derive(Debug)]
struct Cell {
    id: ProfileId,
    state: Mutex<State>,
    /// One asks the store at a time; the others wait for what it gets.
    asking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct State {
    known: Option<Known>,
    unwritten: VecDeque<Unwritten>,
    /// Changes that were written while somebody was asking the store: the answer may be from before them.
    meanwhile: Vec<Change>,
    is_asked: bool,
    is_written: bool,
}

/// What was loaded, with all changes since.
#[derive(Debug)]
struct Known {
    profile: Arc<Profile>,
    at: Instant,
}

#[derive(Debug)]
struct Unwritten {
    change: Change,
    done: Option<oneshot::Sender<Result<(), StoreError>>>,
}

/// Becomes ready when a change is safe, or never will be. It need not be waited for.
#[derive(Debug)]
pub struct Written(Result<oneshot::Receiver<Result<(), StoreError>>, StoreError>);

impl Written {
    /// Waits until the store has acknowledged the change.
    ///
    /// # Errors
    /// Why it was not taken, or can't be written.
    pub async fn durably(self) -> Result<(), StoreError> {
        self.0?.await.map_err(|_| StoreError::Closed)?
    }
}

impl Profiles {
    /// Profiles of this store, of which `keep` must be what the store keeps.
    pub fn new(store: Arc<dyn Store>, keep: Keep, figures: ProfileFigures) -> Self {
        Self(Arc::new(Inner {
            store,
            keep,
            deadline: PROFILE_DEADLINE,
            figures,
            hot: Bounded::new(PROFILE_HOT_BYTES, PROFILE_USUAL_BYTES),
            aliases: Bounded::new(PROFILE_ALIASES, 1),
            writing: Mutex::default(),
            unwritten: watch::Sender::new(0),
        }))
    }

    /// The store behind, for what is not of one visitor: items, lists, timers, exports.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// What profiles keep of the past.
    pub fn keep(&self) -> &Keep {
        &self.0.keep
    }

    /// Notes that an id is new, so that nobody asks the store for it.
    pub fn fresh(&self, id: &ProfileId) {
        let cell = self.0.cell(id);
        let mut state = cell.state();
        state.known.get_or_insert_with(|| Known { profile: Arc::default(), at: Instant::now() });
    }

    /// What is at hand, without asking anybody.
    pub fn at_hand(&self, id: &ProfileId) -> Option<Arc<Profile>> {
        let cell = self.0.cell(&self.0.stands_for(id));
        cell.fresh(self.0.store.freshness())
    }

    /// What is remembered, all changes that were handed over before included. Within the deadline; an error means that the
    /// visitor is to be treated as unknown, and is counted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(&self, id: &ProfileId) -> Result<Arc<Profile>, StoreError> {
        if let Some(profile) = self.at_hand(id) {
            self.0.figures.hot.inc();
            return Ok(profile);
        }
        let loaded = timeout(self.0.deadline, self.0.ask(id)).await;
        let loaded = loaded.unwrap_or(Err(StoreError::Slow(self.0.deadline)));
        match &loaded {
            Ok(_) => self.0.figures.loaded.inc(),
            Err(_) => self.0.figures.missed.inc(),
        };
        // What was known a moment ago is nearer the truth than nothing.
        loaded.or_else(|error| self.0.cell(&self.0.stood_for(id)).fresh(None).ok_or(error))
    }

    /// What the store has, once it has all changes that were handed over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stored(&self, id: &ProfileId) -> Result<Found, StoreError> {
        // A store that takes nothing may still be read.
        let _ = timeout(EVENTS_WRITE_WAIT, self.0.settled(&self.0.stands_for(id))).await;
        self.0.store.load(id).await
    }

    /// Changes a profile: at hand at once, in the store as soon as it can. Must be called within the runtime.
    pub fn change(&self, id: &ProfileId, changes: Vec<Change>) -> Written {
        let count = changes.len();
        let waiting = *self.0.unwritten.borrow();
        if waiting + count > PROFILE_UNWRITTEN {
            self.0.figures.lost.inc_by(count as u64);
            return Written(Err(StoreError::Busy(waiting)));
        }
        self.0.unwritten.send_modify(|unwritten| *unwritten += count);
        // Where the next look will find it. If that is not true any more, the look before this change would have said so.
        let id = self.0.stood_for(id);
        let (cell, done, is_first) = {
            // Found and marked under one lock: a cell with something unwritten is the only one of its id.
            let mut writing = self.0.writing();
            let cell = writing.entry(id.clone()).or_insert_with(|| self.0.hot_cell(&id)).clone();
            let mut state = cell.state();
            let done = state.take(changes, &self.0.keep);
            let is_first = !std::mem::replace(&mut state.is_written, true);
            drop(state);
            (cell, done, is_first)
        };
        self.0.put_at_hand(&cell);
        if is_first {
            tokio::spawn(Inner::write(self.0.clone(), cell));
        }
        Written(Ok(done))
    }

    /// From now on the visitor is this customer. Out: what is known of the customer then.
    ///
    /// # Errors
    /// [`StoreError`]: nothing has changed then.
    pub async fn identify(
        &self,
        visitor: &ProfileId,
        customer: &ProfileId,
        now: Timestamp,
    ) -> Result<Arc<Profile>, StoreError> {
        let (from, to) = (self.0.cell(visitor), self.0.cell(customer));
        // Nobody asks the store for either until they are one.
        let _visitor = from.asking.clone().lock_owned().await;
        let _customer = to.asking.clone().lock_owned().await;
        from.forget();
        to.forget();
        self.0.settled(visitor).await;
        self.0.settled(customer).await;
        let asking = Asking::begin(&to);
        let found = self.0.store.identify(visitor, customer, now).await?;
        let profile = asking.end(&found.profile, &self.0.keep);
        self.0.note_alias(visitor, customer);
        Ok(profile)
    }

    /// From now on the visitor is nobody whom the site knows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn part(&self, visitor: &ProfileId) -> Result<(), StoreError> {
        self.0.settled(&self.0.stood_for(visitor)).await;
        self.0.store.part(visitor).await?;
        self.0.aliases.remove(visitor);
        self.0.cell(visitor).forget();
        Ok(())
    }

    /// Forgets everything of somebody, here and in the store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn erase(&self, id: &ProfileId) -> Result<Erased, StoreError> {
        self.0.settled(&self.0.stood_for(id)).await;
        let erased = self.0.store.erase(id).await?;
        for id in erased.ids.iter().chain([id]) {
            self.0.aliases.remove(id);
            self.0.cell(id).forget();
            self.0.hot.remove(id);
        }
        Ok(erased)
    }

    /// How many changes are not written yet.
    pub fn unwritten(&self) -> usize {
        *self.0.unwritten.borrow()
    }

    /// Waits at most `bound` until all is written, then closes the store. Out: how many changes were not.
    ///
    /// # Errors
    /// [`StoreError`] of the store's end.
    pub async fn close(&self, bound: Duration) -> Result<usize, StoreError> {
        let mut unwritten = self.0.unwritten.subscribe();
        // At the bound what is left is told, and lost.
        let _ = timeout(bound, unwritten.wait_for(|unwritten| *unwritten == 0)).await;
        let left = self.unwritten();
        self.0.store.close().await?;
        Ok(left)
    }
}

impl Inner {
    fn writing(&self) -> MutexGuard<'_, HashMap<ProfileId, Arc<Cell>>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For whom an id stood when somebody last looked.
    fn stood_for(&self, id: &ProfileId) -> ProfileId {
        self.aliases.get(id).map_or_else(|| id.clone(), |(customer, _)| customer)
    }

    /// For whom it stands now, as far as that is still to be believed; else itself.
    fn stands_for(&self, id: &ProfileId) -> ProfileId {
        let is_fresh = |at: Instant| self.store.freshness().is_none_or(|most| at.elapsed() < most);
        let fresh = self.aliases.get(id).filter(|(_, at)| is_fresh(*at));
        fresh.map_or_else(|| id.clone(), |(customer, _)| customer)
    }

    fn note_alias(&self, visitor: &ProfileId, customer: &ProfileId) {
        self.aliases.insert(visitor.clone(), (customer.clone(), Instant::now()), 1);
    }

    /// Puts a cell at hand with the weight that it has now.
    fn put_at_hand(&self, cell: &Arc<Cell>) {
        self.hot.insert(cell.id.clone(), cell.clone(), cell.weight());
    }

    /// The cell of an id: the one with something unwritten, or the one at hand, or a new one.
    fn cell(&self, id: &ProfileId) -> Arc<Cell> {
        let writing = self.writing();
        writing.get(id).cloned().unwrap_or_else(|| self.hot_cell(id))
    }

    fn hot_cell(&self, id: &ProfileId) -> Arc<Cell> {
        self.hot.get_or_insert(id, || {
            let cell = Cell::new(id.clone());
            let weight = cell.weight();
            (Arc::new(cell), weight)
        })
    }

    /// Asks the store; of many who ask for one profile one does. A visitor who turns out to stand for a customer leads to theirs.
    async fn ask(&self, id: &ProfileId) -> Result<Arc<Profile>, StoreError> {
        let asked_for = id;
        let mut id = self.stands_for(id);
        loop {
            let asked = self.cell(&id);
            let _turn = asked.asking.lock().await;
            if let Some(profile) = asked.fresh(self.store.freshness()) {
                return Ok(profile);
            }
            let asking = Asking::begin(&asked);
            let Found { id: of, profile } = self.store.load(&id).await?;
            if of == id {
                if id == *asked_for {
                    self.aliases.remove(&id);
                }
                let profile = asking.end(&profile, &self.keep);
                self.is_at_hand(&asked);
                return Ok(profile);
            }
            self.note_alias(&id, &of);
            id = of;
        }
    }

    /// Puts a cell at hand again with the weight that it has now, unless another has taken its place.
    fn is_at_hand(&self, cell: &Arc<Cell>) {
        let _writing = self.writing();
        if self.hot.get(&cell.id).is_none_or(|hot| Arc::ptr_eq(&hot, cell)) {
            self.put_at_hand(cell);
        }
    }

    /// Waits until nothing of an id is unwritten.
    async fn settled(&self, id: &ProfileId) {
        let mut unwritten = self.unwritten.subscribe();
        while self.writing().contains_key(id) {
            // The sender is ours: it can't be gone.
            let _ = unwritten.changed().await;
        }
    }

    /// Writes what is unwritten of one profile, in order, until nothing is.
    async fn write(self: Arc<Self>, cell: Arc<Cell>) {
        let mut patience = PROFILE_WRITE_RETRY.0;
        while let Some(changes) = self.next_unwritten(&cell) {
            let count = changes.len();
            match self.store.apply(&cell.id, changes).await {
                Err(error) if error.may_pass() => {
                    tracing::debug!(%error, "a change of a profile waits");
                    sleep(patience).await;
                    patience = (patience * 2).min(PROFILE_WRITE_RETRY.1);
                }
                done => {
                    patience = PROFILE_WRITE_RETRY.0;
                    match &done {
                        Ok(()) => self.figures.written.inc_by(count as u64),
                        Err(error) => {
                            tracing::error!(%error, count, "changes of a profile are lost");
                            self.figures.lost.inc_by(count as u64)
                        }
                    };
                    cell.state().written(count, &done);
                    self.unwritten.send_modify(|unwritten| *unwritten -= count);
                }
            }
        }
        // For whoever waits until nothing is left of this one.
        self.unwritten.send_modify(|_| {});
    }

    fn next_unwritten(&self, cell: &Arc<Cell>) -> Option<Vec<Change>> {
        let mut writing = self.writing();
        let mut state = cell.state();
        if state.unwritten.is_empty() {
            state.is_written = false;
            drop(state);
            writing.remove(&cell.id);
            self.put_at_hand(cell);
            return None;
        }
        Some(state.unwritten.iter().take(PROFILE_WRITE_CHANGES).map(|one| one.change.clone()).collect())
    }
}

/// Somebody is asking the store; dropped without an answer, nobody is any more.
struct Asking<'a>(&'a Cell);

impl<'a> Asking<'a> {
    fn begin(cell: &'a Cell) -> Self {
        let mut state = cell.state();
        state.is_asked = true;
        state.meanwhile.clear();
        Self(cell)
    }

    fn end(self, profile: &Arc<Profile>, keep: &Keep) -> Arc<Profile> {
        self.0.state().answered(profile.clone(), keep)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_asked = false;
        state.meanwhile.clear();
    }
}

impl Cell {
    fn new(id: ProfileId) -> Self {
        Self { id, state: Mutex::default(), asking: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic left behind is loaded anew or written again.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known, if it is not older than this.
    fn fresh(&self, freshness: Option<Duration>) -> Option<Arc<Profile>> {
        let state = self.state();
        let known = state.known.as_ref()?;
        freshness.is_none_or(|most| known.at.elapsed() < most).then(|| known.profile.clone())
    }

    fn forget(&self) {
        self.state().known = None;
    }

    fn weight(&self) -> u64 {
        let weight = self.state().known.as_ref().map_or(0, |known| known.profile.weight());
        (weight + size_of::<Self>()) as u64
    }
}

impl State {
    /// Takes changes: into what is known, and among those to be written.
    fn take(&mut self, changes: Vec<Change>, keep: &Keep) -> oneshot::Receiver<Result<(), StoreError>> {
        let (done, receiver) = oneshot::channel();
        if let Some(known) = &mut self.known {
            let profile = Arc::make_mut(&mut known.profile);
            for change in &changes {
                profile.apply(change, keep);
            }
        }
        let mut done = Some(done);
        if changes.is_empty() {
            let _ = done.take().map(|done| done.send(Ok(())));
        }
        let last = changes.len().saturating_sub(1);
        for (index, change) in changes.into_iter().enumerate() {
            let done = if index == last { done.take() } else { None };
            self.unwritten.push_back(Unwritten { change, done });
        }
        receiver
    }

    /// The store's answer, with all changes that it may not know: each counts once, so one that it does know does no harm.
    fn answered(&mut self, mut profile: Arc<Profile>, keep: &Keep) -> Arc<Profile> {
        let changes = self.meanwhile.iter().chain(self.unwritten.iter().map(|one| &one.change));
        for change in changes {
            Arc::make_mut(&mut profile).apply(change, keep);
        }
        self.known = Some(Known { profile: profile.clone(), at: Instant::now() });
        profile
    }

    fn written(&mut self, count: usize, done: &Result<(), StoreError>) {
        for one in self.unwritten.drain(..count).collect::<Vec<_>>() {
            if self.is_asked {
                self.meanwhile.push(one.change);
            }
            if let Some(told) = one.done {
                // Whoever wanted to know may have gone.
                let _ = told.send(done.clone());
            }
        }
    }
}
