//! What a process holds, and whether that grows.
//!
//! In: looks at it, each at its time. Out: nothing, or what grew. It must not look by itself.

use std::fmt;
use std::time::Duration;

use crate::Failure;

/// What the process holds at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    pub resident_bytes: u64,
    pub descriptors: u64,
    pub tasks: u64,
}

impl Held {
    pub fn mebibytes(self) -> f64 {
        self.resident_bytes as f64 / (1024.0 * 1024.0)
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MiB, {} descriptors, {} tasks", self.mebibytes(), self.descriptors, self.tasks)
    }
}

/// By how much memory may be more at the end than when it was warm: what allocators scatter.
const MEMORY_SHARE: f64 = 0.25;
/// The same in bytes, for those that hold little.
const MEMORY_BYTES: u64 = 24 * 1024 * 1024;
/// Descriptors and tasks of as many clients differ from moment to moment by this much.
const COUNT_SHARE: f64 = 0.5;
const COUNT: u64 = 64;
/// Descriptors and tasks that may be left when nobody comes any more: of the looks themselves, of a reload that goes on.
const LEFT: u64 = 3;

/// The most that was held when it was warm, and the most of the last quarter.
#[derive(Debug)]
pub struct Growth {
    warm: Held,
    last: Held,
}

impl Growth {
    pub fn over(looks: &[(Duration, Held)], warm_up: Duration) -> Self {
        let last = looks.len() - looks.len().div_ceil(4);
        let warm: Vec<Held> = looks.iter().filter(|(at, _)| *at <= warm_up).map(|(_, held)| *held).collect();
        // A soak that is shorter than its warm-up has nothing else to be compared with.
        let warm = if warm.is_empty() { looks.iter().take(1).map(|(_, held)| *held).collect() } else { warm };
        Self { warm: most(warm), last: most(looks[last..].iter().map(|(_, held)| *held)) }
    }

    /// # Errors
    /// What grew beyond its bound.
    pub fn check(&self) -> Result<(), Failure> {
        let Self { warm, last } = self;
        let share = |of: u64, share: f64| of + (of as f64 * share) as u64;
        let bounds = [
            (
                "bytes of memory",
                warm.resident_bytes,
                last.resident_bytes,
                share(warm.resident_bytes, MEMORY_SHARE) + MEMORY_BYTES,
            ),
            ("descriptors", warm.descriptors, last.descriptors, share(warm.descriptors, COUNT_SHARE) + COUNT),
            ("tasks", warm.tasks, last.tasks, share(warm.tasks, COUNT_SHARE) + COUNT),
        ];
        for (what, warm, last, bound) in bounds {
            if last > bound {
                return Err(format!("{last} {what} at the end, {warm} when it was warm: more than {bound}").into());
            }
        }
        Ok(())
    }

    /// Whether what clients had caused is gone.
    pub fn is_at_rest(before: Held, now: Held) -> bool {
        now.descriptors <= before.descriptors + LEFT && now.tasks <= before.tasks + LEFT
    }
}

fn most(looks: impl IntoIterator<Item = Held>) -> Held {
    looks.into_iter().fold(Held::default(), |most, held| Held {
        resident_bytes: most.resident_bytes.max(held.resident_bytes),
        descriptors: most.descriptors.max(held.descriptors),
        tasks: most.tasks.max(held.tasks),
    })
}
