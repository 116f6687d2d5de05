//! The closed loop: so many connections, each of which asks again as soon as it was answered. It finds what a server can do; a loop
//! that asks at a given rate, whatever the answers take, is `open`.
//!
//! In: a server and the pages that it must send. Out: what was measured. A wrong answer ends the run.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::Failure;
use crate::rows::Row;
use crate::server::{Server, processor_time};
use crate::subject::{self, Subject};
use crate::wire::{Coding, Connection, Prepared, Protocol, decoded};

/// Long enough for caches and pools to fill.
const WARM_UP: Duration = Duration::from_secs(1);
/// Of compressed answers every so many is decoded and compared; of plain ones each.
const COMPARED_OF_COMPRESSED: usize = 100;

/// What is asked of whom.
#[derive(Clone, Copy)]
pub struct Load<'a> {
    pub server: &'a Server,
    /// The site behind it.
    pub origin: &'a Server,
    pub row: Row,
    pub connections: usize,
}

/// What was measured of one server.
pub struct Measured {
    /// Microseconds.
    pub latencies: Histogram<u64>,
    /// Of bodies, without framing.
    pub bytes: u64,
    pub took: Duration,
    /// Processor time of the server.
    pub server_time: Duration,
    /// Processor time of the load and the origin, which share a core.
    pub load_time: Duration,
    /// Of the server, after the load.
    pub resident_bytes: u64,
}

/// Warms up, then measures for `duration`.
pub fn measure(load: &Load<'_>, subject: &Subject, duration: Duration) -> Result<Measured, Failure> {
    // The load has one core, so it has one thread.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let task = Task::new(load, subject)?;
    let load_time = || Ok::<_, Failure>(processor_time(std::process::id())? + load.origin.processor_time()?);
    runtime.block_on(run(load, &task, WARM_UP))?;
    let (server_before, load_before, started) = (load.server.processor_time()?, load_time()?, Instant::now());
    let (latencies, bytes) = runtime.block_on(run(load, &task, duration))?;
    Ok(Measured {
        latencies,
        bytes,
        took: started.elapsed(),
        server_time: load.server.processor_time()? - server_before,
        load_time: load_time()? - load_before,
        resident_bytes: load.server.resident_bytes()?,
    })
}

/// What every connection asks, and what it must be told.
#[derive(Clone)]
struct Task {
    address: SocketAddr,
    coding: Coding,
    protocol: Protocol,
    /// By visitor.
    requests: std::sync::Arc<[Prepared]>,
    /// By segment.
    expected: std::sync::Arc<[Bytes]>,
}

impl Task {
    fn new(load: &Load<'_>, subject: &Subject) -> Result<Self, Failure> {
        let Row { wanted, coding, protocol, .. } = load.row;
        let requests = subject::requests(wanted, coding);
        let requests = requests.iter().map(|asking| Prepared::new(asking, protocol)).collect::<Result<_, _>>()?;
        let expected = subject.expected(wanted).to_vec().into();
        Ok(Self { address: load.server.address, coding, protocol, requests, expected })
    }
}

async fn run(load: &Load<'_>, task: &Task, duration: Duration) -> Result<(Histogram<u64>, u64), Failure> {
    let until = Instant::now() + duration;
    let mut connections = JoinSet::new();
    for number in 0..load.connections {
        connections.spawn(ask(task.clone(), number, until));
    }
    let (mut latencies, mut bytes) = (histogram()?, 0);
    while let Some(ended) = connections.join_next().await {
        let (more_latencies, more_bytes) = ended??;
        latencies.add(more_latencies)?;
        bytes += more_bytes;
    }
    Ok((latencies, bytes))
}

/// From a microsecond to a minute, to three digits.
fn histogram() -> Result<Histogram<u64>, Failure> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

/// One connection's part. Connections begin at visitors far apart.
async fn ask(task: Task, number: usize, until: Instant) -> Result<(Histogram<u64>, u64), Failure> {
    let mut connection = Connection::open(task.address, task.protocol).await?;
    let (mut latencies, mut bytes, mut plain) = (histogram()?, 0, Vec::new());
    for turn in 0.. {
        let visitor = (number * 61 + turn) % task.requests.len();
        let began = Instant::now();
        if began >= until {
            break;
        }
        let body = connection.exchange(&task.requests[visitor]).await?;
        latencies.record(u64::try_from(began.elapsed().as_micros())?)?;
        bytes += body.len() as u64;
        let expected = &task.expected[subject::segment_of(visitor)];
        if task.coding == Coding::Identity {
            compare(body, expected, visitor)?;
        } else if turn % COMPARED_OF_COMPRESSED == 0 {
            decoded(body, task.coding, &mut plain)?;
            compare(&plain, expected, visitor)?;
        }
    }
    Ok((latencies, bytes))
}

fn compare(got: &[u8], expected: &[u8], visitor: usize) -> Result<(), Failure> {
    if got == expected {
        return Ok(());
    }
    let at = got.iter().zip(expected).take_while(|(got, expected)| got == expected).count();
    let around = String::from_utf8_lossy(&got[at.saturating_sub(40)..got.len().min(at + 80)]).into_owned();
    let (got, expected) = (got.len(), expected.len());
    Err(format!("visitor {visitor} got a wrong page: {got} bytes instead of {expected}, from byte {at}: …{around}…")
        .into())
}
