//! HTTP/2 (RFC 9113, RFC 7541, RFC 8441) by hand-written frames: a corpus of what a server must and must not do, over TLS and
//! without it; attacks, each with a bound; WebSocket; gRPC; the drain. The way of a case's file is told in `http2/corpus.rs`.

#[path = "http2/attacks.rs"]
mod attacks;
#[path = "strict/case.rs"]
#[allow(dead_code, reason = "the corpora of bytes use the rest")]
mod case;
#[path = "http2/corpus.rs"]
mod corpus;
#[path = "http2/ending.rs"]
mod ending;
#[path = "net/house.rs"]
#[allow(dead_code, reason = "the house has furniture for the tests of the network too")]
mod house;
#[path = "strict/origin.rs"]
mod origin;
#[path = "restart/house.rs"]
#[allow(dead_code, reason = "hand-over has tests of its own")]
mod program;
#[path = "http2/secure.rs"]
mod secure;
#[path = "http2/stalling.rs"]
mod stalling;
#[path = "http2/websocket.rs"]
mod websocket;
#[path = "http2/wire.rs"]
#[allow(dead_code, reason = "a vocabulary")]
mod wire;

use std::sync::Arc;

use case::Case;
use house::Setup;
use inlay::telemetry::Metrics;
use origin::capturing_origin;
use secure::Identity;
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_corpus_holds_over_cleartext_and_tls() {
    let cases = Case::all("http2", "frames");
    assert!(cases.len() > 150, "only {} cases", cases.len());
    let identity = Identity::new();
    let runs = cases.iter().map(|case| async {
        let (plain, tls) = tokio::join!(run(case, None), run(case, Some(&identity)));
        [plain, tls].into_iter().flatten().collect::<Vec<_>>()
    });
    let problems: Vec<String> = futures_util::future::join_all(runs).await.into_iter().flatten().collect();
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

/// Plays a case against a proxy and an origin of its own, and tells what is wrong.
async fn run(case: &Case, identity: Option<&Identity>) -> Option<String> {
    let (origin, captured) = capturing_origin().await;
    let metrics = Arc::new(Metrics::new());
    let (tls, counting) = (identity.map(Identity::tls), Arc::clone(&metrics));
    let proxy = Setup { tls, metrics: counting, ..Setup::of(origin) }.proxy();
    let stream = TcpStream::connect(proxy.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (scheme, seen) = match identity {
        None => ("http", corpus::play(case, "http", stream).await),
        Some(identity) => ("https", corpus::play(case, "https", identity.connect(stream).await).await),
    };
    let uncounted = || (seen.is_blamed() && !has_counted(&metrics)).then(|| "what was wrong was not counted".into());
    let problem = corpus::judge(case, &seen, &captured).or_else(uncounted)?;
    Some(format!("{} ({scheme}): {problem}\n  {seen:?}\n  origin {:?}", case.name, captured.text()))
}

/// Whether a fault of HTTP/2 is in the metrics, with a reason.
fn has_counted(metrics: &Metrics) -> bool {
    metrics.text(&[], &[], &[], &[]).contains("inlay_refused_requests_total{reason=\"http2_")
}
