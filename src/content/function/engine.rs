//! A call from its beginning to its end: steps on the threads, and between them what it asks of sources.
//!
//! In: a function and the scope it reads. Out: a [`Ran`]. It must not judge the result, nor know deadlines: whoever waits less
//! long lets the future go, and the call ends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::FutureExt;
use futures_util::stream::FuturesUnordered;

use super::allowance::Allowance;
use super::call::{Ask, Call, Line, Output};
use super::error::FunctionError;
use super::functions::{Functions, path_of};
use super::pool::{Place, Pool};
use super::worker::Stepped;
use crate::scope::ledger::{Ledger, Reader};
use crate::scope::{Question, Scope};

/// What runs functions. Cheap to clone; all clones share its threads, which begin with the first call and end with the last clone.
#[derive(Clone)]
pub struct Engine {
    pool: Arc<std::sync::OnceLock<Pool>>,
    threads: usize,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("threads", &self.threads).finish_non_exhaustive()
    }
}

/// A call to be made.
#[derive(Clone, Debug)]
pub struct Errand {
    pub functions: Arc<Functions>,
    /// The function's name: its file without `.js`.
    pub function: Arc<str>,
    /// What stands under `input.with`, as JSON.
    pub with: Arc<str>,
    pub scope: Scope,
    pub allowance: Allowance,
}

/// What a call came to.
#[derive(Debug)]
pub struct Ran {
    pub result: Result<Output, FunctionError>,
    /// What it read, whether it succeeded or not.
    pub ledger: Ledger,
    pub console: Vec<Line>,
    /// How long it computed.
    pub cpu: Duration,
}

impl Default for Engine {
    /// As many threads as the machine runs at once, within [limits](crate::limits::FUNCTION_THREADS).
    fn default() -> Self {
        let (fewest, most) = crate::limits::FUNCTION_THREADS;
        Self::new(std::thread::available_parallelism().map_or(fewest, |threads| threads.get().clamp(fewest, most)))
    }
}

impl Engine {
    /// An engine of so many threads, at least one.
    pub fn new(threads: usize) -> Self {
        Self { pool: Arc::default(), threads: threads.max(1) }
    }

    /// Makes a call. It is ended when the future is dropped.
    pub async fn run(&self, errand: Errand) -> Ran {
        let Some(identity) = errand.functions.identity(&errand.function) else {
            return Ran::refused(FunctionError::Missing(errand.function));
        };
        let pool = self.pool.get_or_init(|| Pool::start(self.threads));
        match pool.admit(identity) {
            Ok(place) => walk(place, errand).await,
            Err(error) => Ran::refused(error),
        }
    }
}

impl Ran {
    fn refused(error: FunctionError) -> Self {
        let mut ledger = Ledger::new();
        ledger.forbid_keeping();
        Self { result: Err(error), ledger, console: Vec::new(), cpu: Duration::ZERO }
    }

    fn of(call: Call, cpu: Duration) -> Self {
        let result = call.ended.unwrap_or(Err(FunctionError::Unsettled));
        Self { result, ledger: call.reader.take(), console: call.console, cpu }
    }
}

async fn walk(mut place: Place, errand: Errand) -> Ran {
    let Errand { functions, function, with, scope, allowance } = errand;
    let reader = Reader::new(scope.clone());
    let call = Call::new(functions, reader.clone(), allowance);
    let mut asked = Asked::new(scope);
    let mut stepped = place.begin(call, path_of(&function).into(), with).await;
    loop {
        match stepped {
            Stepped::Ended { call, cpu } => return Ran::of(*call, cpu),
            Stepped::Failed(error) => return Ran { ledger: reader.take(), ..Ran::refused(error) },
            Stepped::Waits { cell, asks, racing } => {
                place.keep(cell);
                asked.add(asks);
                let brought = if racing { asked.first(&reader).await } else { asked.all().await };
                stepped = place.settle(brought).await;
            }
        }
    }
}

/// What a call waits for.
///
/// All that was asked is brought before the call goes on, and handed over in the order of the asking: then nothing that it does
/// can hang on which source was faster, and its result can be kept. Only a call that lets sources race is told of each as it
/// comes, and its result is not kept.
struct Asked {
    scope: Scope,
    waiting: Vec<Ask>,
    racers: FuturesUnordered<futures_util::future::BoxFuture<'static, usize>>,
}

impl Asked {
    fn new(scope: Scope) -> Self {
        Self { scope, waiting: Vec::new(), racers: FuturesUnordered::new() }
    }

    fn add(&mut self, asks: Vec<Ask>) {
        self.waiting.extend(asks);
    }

    async fn all(&mut self) -> Vec<Ask> {
        let asks = std::mem::take(&mut self.waiting);
        let missing: Vec<Question> = asks.iter().flat_map(|ask| ask.missing.iter().cloned()).collect();
        self.scope.bring(&missing).await;
        asks
    }

    async fn first(&mut self, reader: &Reader) -> Vec<Ask> {
        reader.ledger().forbid_keeping();
        for ask in self.waiting.iter().filter(|ask| !ask.missing.is_empty()) {
            let number = ask.number;
            self.racers.push(self.scope.bring(&ask.missing).map(move |()| number).boxed());
        }
        for ask in &mut self.waiting {
            ask.missing = Arc::new([]);
        }
        let number = self.racers.next().await;
        let at = self.waiting.iter().position(|ask| Some(ask.number) == number);
        at.map(|at| self.waiting.remove(at)).into_iter().collect()
    }
}
