//! The open loop: requests leave at a given rate, whatever the answers take, so that a slow server can't slow the load down and look
//! fast. A latency counts from the moment at which its request was due.
//!
//! In: a URL and a pace. Out: a progress line, a table of latencies, a picture of them. Answers that are no success are counted apart.

use std::io::{IsTerminal, Write, stderr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use http::{Request, Uri, header};
use http_body_util::BodyExt;
use inlay::http::Body;
use inlay::http::client::{HttpClient, Needs};
use tokio::sync::mpsc;

use crate::Failure;
use crate::plot;

/// Requests under way at once, at most; past it the load says that it could not keep up.
const UNDER_WAY: usize = 10_000;

/// How fast, and how long.
pub struct Pace {
    /// Requests per second.
    pub rate: u32,
    pub duration: Duration,
}

/// How one request ended.
struct Ended {
    /// When it was due, from the start.
    due: Duration,
    latency: Duration,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Success,
    /// An answer that is none: 4xx, 5xx.
    Refused,
    /// No answer, or half of one.
    Broken,
}

/// What came of all of them.
pub struct Told {
    pub whole: Histogram<u64>,
    /// By second of the run.
    pub seconds: Vec<Histogram<u64>>,
    refused: u64,
    broken: u64,
    /// Requests that could not be sent because too many were under way.
    skipped: usize,
}

/// Puts the load on `url`, prints what it came to and draws it into the file `picture`.
pub fn run(url: &Uri, pace: &Pace, picture: &Path) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let told = runtime.block_on(load(url, pace))?;
    print(&told, pace);
    plot::draw(&told.seconds, picture)?;
    println!("latencies by second: {}", picture.display());
    Ok(())
}

async fn load(url: &Uri, pace: &Pace) -> Result<Told, Failure> {
    let client = HttpClient::new(None)?;
    let (under_way, skipped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (ended, results) = mpsc::unbounded_channel();
    let counting = tokio::spawn(count(results, pace.duration));
    let started = Instant::now();
    let total = u64::from(pace.rate) * u64::try_from(pace.duration.as_millis())? / 1000;
    for number in 0..total {
        let due = Duration::from_nanos(number * 1_000_000_000 / u64::from(pace.rate));
        tokio::time::sleep_until((started + due).into()).await;
        if under_way.load(Ordering::Relaxed) >= UNDER_WAY {
            skipped.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        under_way.fetch_add(1, Ordering::Relaxed);
        let (client, url, ended, under_way) = (client.clone(), url.clone(), ended.clone(), under_way.clone());
        tokio::spawn(async move {
            let outcome = ask(&client, url).await;
            under_way.fetch_sub(1, Ordering::Relaxed);
            // The counter lives as long as there are senders.
            let _ = ended.send(Ended { due, latency: started.elapsed().saturating_sub(due), outcome });
        });
    }
    drop(ended);
    let mut told = counting.await??;
    told.skipped = skipped.load(Ordering::Relaxed);
    Ok(told)
}

async fn ask(client: &HttpClient, url: Uri) -> Outcome {
    let request = Request::get(url).header(header::ACCEPT, "text/html").header(header::USER_AGENT, "load");
    let Ok(request) = request.body(Body::empty()) else { return Outcome::Broken };
    let Ok(response) = client.send(request, Needs::Nothing).await else { return Outcome::Broken };
    let (head, mut body) = response.into_parts();
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return Outcome::Broken;
        }
    }
    match head.status.is_client_error() || head.status.is_server_error() {
        true => Outcome::Refused,
        false => Outcome::Success,
    }
}

/// Collects what ended, and shows once a second how it goes.
async fn count(mut results: mpsc::UnboundedReceiver<Ended>, duration: Duration) -> Result<Told, Failure> {
    let mut told = Told { whole: histogram()?, seconds: Vec::new(), refused: 0, broken: 0, skipped: 0 };
    while let Some(Ended { due, latency, outcome }) = results.recv().await {
        match outcome {
            Outcome::Success => {}
            Outcome::Refused => told.refused += 1,
            Outcome::Broken => told.broken += 1,
        }
        let second = usize::try_from(due.as_secs())?;
        while told.seconds.len() <= second {
            if let Some(last) = told.seconds.last() {
                show_progress(told.seconds.len(), duration, last);
            }
            told.seconds.push(histogram()?);
        }
        let micros = u64::try_from(latency.as_micros())?.max(1);
        told.whole.saturating_record(micros);
        told.seconds[second].saturating_record(micros);
    }
    if stderr().is_terminal() {
        eprintln!();
    }
    Ok(told)
}

fn show_progress(second: usize, duration: Duration, last: &Histogram<u64>) {
    if stderr().is_terminal() {
        let (p50, p99) = (last.value_at_quantile(0.5), last.value_at_quantile(0.99));
        eprint!("\r{second} of {} s: {} answers/s, p50 {p50} µs, p99 {p99} µs   ", duration.as_secs(), last.len());
        // A progress line that does not show is no loss.
        let _ = stderr().flush();
    }
}

fn print(told: &Told, pace: &Pace) {
    let Told { whole, refused, broken, skipped, .. } = told;
    println!("{} answers at {} requests/s over {:?}", whole.len(), pace.rate, pace.duration);
    for quantile in [0.5, 0.9, 0.99, 0.999, 0.9999, 1.0] {
        println!("  p{:<7} {:>10} µs", quantile * 100.0, whole.value_at_quantile(quantile));
    }
    println!("  answers of 400 and above: {refused}; broken: {broken}");
    if *skipped > 0 {
        println!("  {skipped} requests were not sent: {UNDER_WAY} were under way. The latencies are too good.");
    }
}

/// From a microsecond to a minute, to three digits.
fn histogram() -> Result<Histogram<u64>, Failure> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}
