//! The threads on which functions run, with engines kept ready.
//!
//! In: steps of calls. Out: what each came to, to whoever waits for it. It must not wait for sources: a call that does holds no
//! thread. What waits here is bounded by the calls that are let in.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::call::{Ask, Call};
use super::cell::{Cell, Step};
use super::error::FunctionError;
use super::meter::Meter;
use super::thread::Thread;
use super::turns::Turns;
use crate::limits;
use crate::scope::ledger::Fingerprint;

/// What the threads share.
pub(super) struct Shop {
    state: Mutex<State>,
    work: Condvar,
}

/// What is to be done, and what is being done.
pub(super) struct State {
    turns: Turns<Fingerprint, Work>,
    /// Engines for calls to come.
    ready: Vec<Cell>,
    running: HashMap<u64, Running>,
    steps: u64,
    /// Threads that stand in for such as don't come back.
    stand_ins: usize,
    /// Functions of which a step could not be ended, and until when none of theirs begins.
    resting: HashMap<Fingerprint, Instant>,
    closed: bool,
}

/// A step that runs.
struct Running {
    function: Fingerprint,
    thread: Thread,
    since: Instant,
    meter: Meter,
    stood_in_for: bool,
}

/// Something to do for a call.
pub(super) enum Work {
    Begin {
        call: Call,
        path: Arc<str>,
        with: Arc<str>,
        meter: Meter,
        answer: oneshot::Sender<Stepped>,
    },
    Settle {
        cell: Cell,
        asks: Vec<Ask>,
        answer: oneshot::Sender<Stepped>,
    },
    /// An engine that nobody wants any longer: taking one down takes a while.
    Bury(Cell),
}

/// What a step came to. A call that waits leaves its engine with whoever brings the answers.
pub(super) enum Stepped {
    Ended { call: Box<Call>, cpu: Duration },
    Waits { cell: Cell, asks: Vec<Ask>, racing: bool },
    Failed(FunctionError),
}

impl Shop {
    /// Opens it with so many threads.
    pub fn open(threads: usize) -> Arc<Self> {
        let state = State {
            turns: Turns::new(threads),
            ready: Vec::new(),
            running: HashMap::new(),
            steps: 0,
            stand_ins: 0,
            resting: HashMap::new(),
            closed: false,
        };
        let shop = Arc::new(Self { state: Mutex::new(state), work: Condvar::new() });
        (0..threads).for_each(|_| hire(&shop));
        shop
    }

    /// The threads end when they have done what they do.
    pub fn close(&self) {
        self.state().closed = true;
        self.work.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the threads something to do.
    pub fn put(&self, function: Fingerprint, work: Work) {
        self.state().turns.wait(function, work);
        self.work.notify_one();
    }

    /// Whether a step of this function runs on though it was told to end, or one did so a while ago. For each such step another thread
    /// begins, and its own gets what time the others leave.
    pub fn is_stuck(self: &Arc<Self>, function: Fingerprint) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        let State { running, stand_ins, resting, .. } = &mut *state;
        resting.retain(|_, until| *until > now);
        for running in running.values_mut().filter(|running| running.is_overdue(now)) {
            running.meter.give_up();
            running.thread.step_far_back();
            resting.insert(running.function, now + limits::FUNCTION_REST);
            if !running.stood_in_for && *stand_ins < limits::FUNCTION_STAND_INS {
                running.stood_in_for = true;
                *stand_ins += 1;
                hire(self);
            }
        }
        resting.contains_key(&function)
    }

    /// Waits for something to do; while there is nothing, engines are made ready. `None` when the shop is closed.
    fn next(&self) -> Option<(Fingerprint, Work)> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some(next) = state.turns.next() {
                return Some(next);
            }
            if state.ready.len() >= limits::FUNCTION_ENGINES_READY {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            drop(state);
            let made = Cell::new();
            state = self.state();
            match made {
                Ok(cell) => state.ready.push(cell),
                Err(error) => {
                    tracing::error!(%error, "no engine for functions could be made ready");
                    state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    fn note(&self, function: Fingerprint, meter: Meter) -> u64 {
        let mut state = self.state();
        state.steps += 1;
        let number = state.steps;
        let (thread, since) = (Thread::own(), Instant::now());
        let running = Running { function, thread, since, meter, stood_in_for: false };
        state.running.insert(number, running);
        number
    }

    /// Whether the thread that did this step goes on.
    fn done(self: &Arc<Self>, function: Fingerprint, number: Option<u64>) -> bool {
        let mut state = self.state();
        state.turns.done(function);
        let step = number.and_then(|number| state.running.remove(&number));
        let overdue = step.as_ref().is_some_and(|step| step.is_overdue(Instant::now()));
        match step.is_some_and(|step| step.stood_in_for) {
            true => state.stand_ins -= 1,
            // It may have been made to step back, for good.
            false if overdue => hire(self),
            false => {}
        }
        drop(state);
        // What waited for this function's share of the threads may have its turn now.
        self.work.notify_one();
        !overdue
    }
}

impl Running {
    fn is_overdue(&self, now: Instant) -> bool {
        self.stood_in_for || now.saturating_duration_since(self.since) > limits::FUNCTION_OVERDUE
    }
}

/// Starts a thread.
fn hire(shop: &Arc<Shop>) {
    let shop = shop.clone();
    let thread = std::thread::Builder::new()
        .name("inlay-function".to_owned())
        .stack_size(limits::FUNCTION_STACK_BYTES + limits::FUNCTION_NATIVE_STACK_BYTES);
    let worked = thread.spawn(move || {
        Thread::own().step_back();
        while shop.next().is_some_and(|(function, work)| shop.work_on(function, work)) {}
    });
    if let Err(error) = worked {
        tracing::error!(%error, "a thread for functions could not be started");
    }
}

impl Shop {
    /// One piece of work; whether the thread goes on.
    fn work_on(self: &Arc<Self>, function: Fingerprint, work: Work) -> bool {
        let (number, spent) = match work {
            Work::Bury(cell) => (None, Some(cell)),
            Work::Begin { call, path, with, meter, answer } => {
                if answer.is_closed() {
                    return self.done(function, None);
                }
                let ready = self.state().ready.pop();
                let cell = ready.map_or_else(Cell::new, Ok);
                let number = self.note(function, meter.clone());
                let stepped = cell.map(|mut cell| {
                    let step = guarded(|| cell.begin(call, meter, &path, &with));
                    (cell, step)
                });
                (Some(number), hand_back(stepped, answer))
            }
            Work::Settle { mut cell, asks, answer } => {
                let number = self.note(function, cell.meter().clone());
                let step = guarded(|| cell.settle(&asks));
                (Some(number), hand_back(Ok((cell, step)), answer))
            }
        };
        // Nobody waits for an engine to be taken down.
        drop(spent);
        self.done(function, number)
    }
}

/// A panic in a step is that call's alone.
fn guarded(step: impl FnOnce() -> Step) -> Result<Step, FunctionError> {
    catch_unwind(AssertUnwindSafe(step)).map_err(|_| FunctionError::Engine("it panicked".into()))
}

/// Tells what a step came to; what is left of an engine that is spent.
fn hand_back(
    stepped: Result<(Cell, Result<Step, FunctionError>), FunctionError>,
    answer: oneshot::Sender<Stepped>,
) -> Option<Cell> {
    let (told, spent) = match stepped {
        Err(error) => (Stepped::Failed(error), None),
        Ok((cell, Err(error))) => (Stepped::Failed(error), Some(cell)),
        Ok((cell, Ok(Step::Ended(call)))) => (Stepped::Ended { call, cpu: cell.used() }, Some(cell)),
        Ok((cell, Ok(Step::Waits { asks, racing }))) => (Stepped::Waits { cell, asks, racing }, None),
    };
    match answer.send(told) {
        Err(Stepped::Waits { cell, .. }) => Some(cell),
        _ => spent,
    }
}
