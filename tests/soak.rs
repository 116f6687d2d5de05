//! A small soak: the traffic of `benches/soak` for some seconds. Every answer must be right, and when nobody comes any more
//! nothing is left behind. What takes long to grow is for the long one.

#[path = "../benches/soak/chance.rs"]
mod chance;
#[path = "../benches/soak/held.rs"]
mod held;
#[path = "../benches/soak/origin.rs"]
mod origin;
#[path = "../benches/soak/run.rs"]
mod run;
#[path = "../benches/soak/site.rs"]
mod site;
#[path = "../benches/soak/subject.rs"]
mod subject;
#[path = "../benches/soak/visits.rs"]
mod visits;

use std::path::Path;
use std::time::Duration;

use chance::Chance;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mixed_traffic_is_answered_right_and_leaves_nothing_behind() {
    let plan = run::Plan {
        duration: Duration::from_secs(6),
        clients: 12,
        seed: 7,
        every: Duration::from_secs(1),
        warm_up: Duration::from_secs(3),
        cache: "320MiB",
    };
    let mut rows = Vec::new();
    let ran = run::run(Path::new(env!("CARGO_BIN_EXE_inlay")), plan, |row| rows.push(row)).await;
    assert!(ran.is_ok(), "{}\n{}", ran.unwrap_err(), rows.join("\n"));
}
