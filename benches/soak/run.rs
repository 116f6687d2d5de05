//! One soak: clients come again and again while the rules change, and what Inlay holds is looked at from time to time.
//!
//! In: how long, how many. Out: rows while it goes on; at its end, nothing or why it failed: a wrong answer, or more memory,
//! descriptors or tasks than after the warm-up.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::held::{Growth, Held};
use crate::origin::Origins;
use crate::subject::Subject;
use crate::visits::{Clients, Visit};
use crate::{Chance, Failure};

/// How a soak is to be.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    pub duration: Duration,
    /// Clients at a time.
    pub clients: usize,
    pub seed: u64,
    /// Between two looks at what Inlay holds, each a row.
    pub every: Duration,
    /// How long what it holds may still grow.
    pub warm_up: Duration,
    /// What all caches may take together, as the file says it.
    pub cache: &'a str,
}

/// Between two revisions of the rules.
const REVISION_EVERY: Duration = Duration::from_secs(2);
/// Wrong answers that are kept as text.
const TOLD: usize = 10;

/// What the clients did so far.
#[derive(Default)]
struct Done {
    visits: [AtomicU64; Visit::MIX.len()],
    wrong: Mutex<Vec<String>>,
}

/// Runs it against `program`; `row` is called with each line of the report.
///
/// # Errors
/// What went wrong first: an answer, or a bound.
pub async fn run(program: &Path, plan: Plan<'_>, mut row: impl FnMut(String)) -> Result<(), Failure> {
    let origins = Origins::start().await?;
    let subject = Subject::start(program, &origins, plan.cache).await?;
    let (done, revision) = (Arc::new(Done::default()), Arc::new(AtomicU64::new(0)));
    let at_rest = subject.held().await?;
    let mut clients = JoinSet::new();
    for number in 0..plan.clients {
        let chance = Chance::new(plan.seed + number as u64);
        clients.spawn(come_again(Clients::new(subject.address, Arc::clone(&revision)), Arc::clone(&done), chance));
    }
    let (started, mut looks) = (Instant::now(), Vec::new());
    row(Done::head());
    while started.elapsed() < plan.duration {
        soak_for(plan.every.min(plan.duration - started.elapsed()), &subject, &revision).await?;
        let held = subject.held().await.map_err(|error| format!("{error}; the log:\n{}", subject.log()))?;
        looks.push((started.elapsed(), held));
        row(done.row(started.elapsed(), held, &origins, revision.load(Ordering::Relaxed)));
        done.check()?;
        if let Some(ended) = clients.try_join_next() {
            return Err(format!("a client ended: {ended:?}").into());
        }
    }
    clients.shutdown().await;
    row(done.totals());
    done.check_mix()?;
    Growth::over(&looks, plan.warm_up).check()?;
    row(rested(&subject, at_rest).await?);
    done.check()
}

/// Lets the clients go on while the rules change.
async fn soak_for(period: Duration, subject: &Subject, revision: &AtomicU64) -> Result<(), Failure> {
    let until = Instant::now() + period;
    while Instant::now() < until {
        tokio::time::sleep(REVISION_EVERY.min(until - Instant::now())).await;
        // First the number: an answer of the new rules may come at once.
        let next = revision.fetch_add(1, Ordering::AcqRel) + 1;
        subject.write_rules(next)?;
    }
    Ok(())
}

async fn come_again(clients: Clients, done: Arc<Done>, mut chance: Chance) {
    loop {
        let visit = Visit::any(&mut chance);
        match clients.visit(visit, &mut chance).await {
            Ok(()) => done.count(visit),
            Err(wrong) => done.wrong.lock().expect("no panic").push(wrong.to_string()),
        }
    }
}

/// When nobody comes any more, the tasks of the exchanges must end too.
async fn rested(subject: &Subject, before: Held) -> Result<String, Failure> {
    /// Longer than anything that ends by a timer: a body or page that nobody reads goes on for 30 s, and the file bounds kept
    /// connections and hanging origins to seconds.
    const REST: Duration = Duration::from_secs(45);
    let ended = Instant::now();
    loop {
        let held = subject.held().await?;
        if Growth::is_at_rest(before, held) {
            return Ok(format!(
                "at rest after {:.0} s: {held} (before the first visit: {before})",
                ended.elapsed().as_secs_f64()
            ));
        }
        if ended.elapsed() > REST {
            return Err(
                format!("after {REST:?} of rest it still holds {held}; before the first visit: {before}").into()
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

impl Done {
    fn count(&self, visit: Visit) {
        let number = Visit::MIX.iter().position(|(known, _)| *known == visit).unwrap_or_default();
        self.visits[number].fetch_add(1, Ordering::Relaxed);
    }

    fn visited(&self, which: impl Fn(Visit) -> bool) -> u64 {
        let counts = Visit::MIX.iter().zip(&self.visits).filter(|((visit, _), _)| which(*visit));
        counts.map(|(_, count)| count.load(Ordering::Relaxed)).sum()
    }

    fn head() -> String {
        format!(
            "{:>7} {:>9} {:>6} {:>8} {:>6} {:>6} {:>6} {:>6} {:>6} {:>9} {:>9} {:>5} {:>6}",
            "seconds",
            "visits",
            "wrong",
            "refused",
            "nonsns",
            "died",
            "hung",
            "left",
            "rules",
            "at origin",
            "RSS MiB",
            "fds",
            "tasks"
        )
    }

    fn row(&self, at: Duration, held: Held, origins: &Origins, revision: u64) -> String {
        let of = |visit| self.visited(|known| known == visit);
        format!(
            "{:>7.0} {:>9} {:>6} {:>8} {:>6} {:>6} {:>6} {:>6} {:>6} {:>9} {:>9.1} {:>5} {:>6}",
            at.as_secs_f64(),
            self.visited(|_| true),
            self.wrong.lock().expect("no panic").len(),
            of(Visit::Refused),
            of(Visit::Garbage),
            of(Visit::Dies),
            of(Visit::Hangs),
            of(Visit::Leaver) + of(Visit::LeavingSender),
            revision,
            origins.asked.load(Ordering::Relaxed),
            held.mebibytes(),
            held.descriptors,
            held.tasks,
        )
    }

    fn totals(&self) -> String {
        let counts = Visit::MIX.iter().zip(&self.visits);
        let counts = counts.map(|((visit, _), count)| format!("{visit:?} {}", count.load(Ordering::Relaxed)));
        format!("by kind: {}", counts.collect::<Vec<_>>().join(", "))
    }

    /// Whether clients came for everything there is.
    fn check_mix(&self) -> Result<(), Failure> {
        match Visit::MIX.iter().find(|(visit, _)| self.visited(|known| known == *visit) == 0) {
            Some((visit, _)) => Err(format!("nobody was answered who came for {visit:?}: make it longer").into()),
            None => Ok(()),
        }
    }

    fn check(&self) -> Result<(), Failure> {
        let wrong = self.wrong.lock().expect("no panic");
        if wrong.is_empty() {
            return Ok(());
        }
        let told = &wrong[..wrong.len().min(TOLD)];
        Err(format!("{} visits went wrong:\n  {}", wrong.len(), told.join("\n  ")).into())
    }
}
