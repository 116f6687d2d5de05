//! One case, played from its first step to its last.
//!
//! In: a case, the server in question, the origin behind it. Out: the verdict. It must not know which server it is.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use super::client::send;
use super::judge::{Outcome, Verdict};
use super::origin::Origin;
use super::script::{Case, Check, Step};
use super::time::{Time, dated};

/// How often it is looked whether the origin was asked as often as it should, and how long between.
const LOOKS: usize = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Plays `case` against the server at `to`.
pub async fn play(case: &Case, to: SocketAddr, origin: &Origin, time: &Time) -> Verdict {
    static PLAYED: AtomicUsize = AtomicUsize::new(0);
    // A server that keeps its store over restarts must not know the resource from an earlier run.
    let run = jiff::Timestamp::now().as_millisecond();
    let key = format!("{}-{run:x}-{}", case.id, PLAYED.fetch_add(1, Ordering::Relaxed));
    origin.play(&key, &filled(case, &format!("/{key}")));
    for (index, step) in case.steps.iter().enumerate() {
        let base = origin.seen(&key).first().map_or_else(|| time.now(), |seen| seen.at);
        let mut headers: Vec<_> = step.headers.iter().map(|(name, value)| (name.clone(), dated(value, base))).collect();
        headers.push(("case-step".to_owned(), (index + 1).to_string()));
        let path = format!("/{key}{}", step.suffix);
        let sent = (0..step.times).map(|_| send(to, &step.method, &path, &headers, &step.body));
        let answers = join_all(sent).await;
        settle(step, origin, &key).await;
        let seen = origin.seen(&key);
        for answer in answers {
            let verdict = match answer {
                Ok(answer) => Outcome { case, key: &key, step: index + 1, answer: &answer, seen: &seen }.verdict(),
                Err(why) => Verdict::Fails(format!("step {}: {why}", index + 1)),
            };
            if verdict != Verdict::Holds {
                return verdict;
            }
        }
        time.pass(step.wait).await;
    }
    Verdict::Holds
}

/// A case whose replies say `{path}` for its own path.
fn filled(case: &Case, path: &str) -> Case {
    let mut case = case.clone();
    for (_, value) in case.steps.iter_mut().flat_map(|step| &mut step.reply.headers) {
        *value = value.replace("{path}", path);
    }
    case
}

/// What the server does behind the client's back has its time, if the step counts on it.
async fn settle(step: &Step, origin: &Origin, key: &str) {
    let counted = step.checks.iter().find_map(|line| match line.check {
        Check::AskedTimes(times) => Some(times),
        _ => None,
    });
    let Some(times) = counted else { return };
    for _ in 0..LOOKS {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        if origin.seen(key).len() >= times {
            // It has been asked; now it has yet to hear and to keep the answer.
            return tokio::time::sleep(2 * BETWEEN_LOOKS).await;
        }
    }
}
