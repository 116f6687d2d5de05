//! The same cases against a server of others, for comparing.
//!
//! In: where that server listens and where it looks for its origin. Out: a table on standard output. Cases of Inlay's own are
//! left out; all others run at once, because here waits are true.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::judge::Verdict;
use super::origin::Origin;
use super::play::play;
use super::script::{self, Case, Kind};
use super::time::Time;

/// Cases under way at once: enough that waits overlap, few enough that a busy machine does not stretch them.
const AT_ONCE: usize = 64;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures the server that INLAY_CACHE_PEER names"]
async fn a_peer_is_measured() {
    let address =
        |name: &str| std::env::var(name).ok().and_then(|value| value.trim_start_matches("http://").parse().ok());
    let (Some(peer), Some(behind)) = (address("INLAY_CACHE_PEER"), address("INLAY_CACHE_ORIGIN")) else {
        panic!("INLAY_CACHE_PEER and INLAY_CACHE_ORIGIN are addresses")
    };
    let origin = Origin::listen(behind, Time::True).await;
    let suites = script::read(&super::folder());
    let plain = suites.iter().filter(|suite| suite.deployment.is_empty());
    let cases: Vec<Arc<Case>> = plain
        .flat_map(super::chosen)
        .filter(|case| case.kind != Kind::Ours)
        .map(|case| Arc::new(case.clone()))
        .collect();
    let played = stream::iter(cases.iter().cloned()).map(|case| {
        let origin = origin.clone();
        async move { (case.id.clone(), play(&case, peer, &origin, &Time::True).await) }
    });
    let verdicts: BTreeMap<String, Verdict> = played.buffer_unordered(AT_ONCE).collect().await;
    assert!(!verdicts.is_empty(), "no case was played");
    report(&cases, &verdicts);
}

/// A line for each case that does not hold, then how many there are of each kind.
fn report(cases: &[Arc<Case>], verdicts: &BTreeMap<String, Verdict>) {
    let shown: BTreeSet<&str> =
        verdicts.iter().filter(|(_, verdict)| **verdict == Verdict::Holds).map(|(id, _)| id.as_str()).collect();
    let mut sums: BTreeMap<Kind, [usize; 3]> = BTreeMap::new();
    for case in cases {
        let sum = sums.entry(case.kind).or_default();
        match &verdicts[&case.id] {
            Verdict::Holds => sum[0] += 1,
            Verdict::Fails(why) if case.after.iter().all(|id| shown.contains(id.as_str())) => {
                sum[1] += 1;
                println!("{:?} {}: {why}", case.kind, case.id);
            }
            Verdict::Fails(why) | Verdict::Unshown(why) => {
                sum[2] += 1;
                println!("({:?} {}: {why})", case.kind, case.id);
            }
        }
    }
    for (kind, [holds, fails, unshown]) in sums {
        println!("{kind:?}: {holds} hold, {fails} fail, {unshown} not shown");
    }
}
