//! What Inlay holds in memory for clients that do nothing: connections that are kept open, and pages that stand still half-way.
//!
//! In: Inlay and an origin. Out: bytes for each, printed: the growth of the process divided by how many there are. What the kernel holds
//! for a socket is not in it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::Failure;
use crate::server::{Cores, Role, Server};
use crate::subject::{self, Wanted};
use crate::wire::{Coding, Prepared, Protocol};

const IDLE: usize = 10_000;
const STREAMS: usize = 1_000;
/// Clients of the loopback network, so that none is one too many of its address.
const CLIENTS: usize = 8;
/// Until what was freed and what is yet to come have shown.
const SETTLE: Duration = Duration::from_secs(2);

/// Both figures.
pub fn measure(cores: Cores) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let origin = Server::start(Role::Origin, None, cores.of_load())?;
    for (what, count, path) in
        [("idle connections", IDLE, Wanted::OwnSegment.path()), ("pages in mid-stream", STREAMS, subject::STALLING)]
    {
        let inlay = Server::start(Role::Inlay, Some(origin.address), cores.of_server())?;
        let grown = runtime.block_on(hold(&inlay, path, count))?;
        println!("{count} {what}: {} bytes each", grown / count as u64);
    }
    Ok(())
}

/// Opens so many connections, each with one request. Out: by how many bytes Inlay grew.
async fn hold(inlay: &Server, path: &'static str, count: usize) -> Result<u64, Failure> {
    let asking = subject::requests(Wanted::OwnSegment, Coding::Identity).swap_remove(0);
    let Prepared::Http1(request) = Prepared::new(&subject::Asking { path, ..asking }, Protocol::Http1)? else {
        return Err("an HTTP/1.1 request is one".into());
    };
    // What is made once is there before.
    let mut open: Vec<TcpStream> = Vec::with_capacity(count + CLIENTS);
    for number in 0..CLIENTS {
        open.push(ask(inlay.address, number, &request).await?);
    }
    tokio::time::sleep(SETTLE).await;
    let before = inlay.resident_bytes()?;
    for number in 0..count {
        open.push(ask(inlay.address, number, &request).await?);
    }
    tokio::time::sleep(SETTLE).await;
    Ok(inlay.resident_bytes()?.saturating_sub(before))
}

/// One connection whose client has read the beginning of the answer, or all of it where it is all there.
async fn ask(inlay: SocketAddr, number: usize, request: &[u8]) -> Result<TcpStream, Failure> {
    let socket = TcpSocket::new_v4()?;
    let client = u8::try_from(number % CLIENTS)? + 1;
    socket.bind((Ipv4Addr::new(127, 0, 0, client), 0).into())?;
    let mut stream = socket.connect(inlay).await?;
    stream.write_all(request).await?;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        // A page that stands still has sent all that it will when nothing comes for a moment.
        match tokio::time::timeout(Duration::from_millis(2), stream.read(&mut buffer)).await {
            Ok(Ok(1..)) => {}
            Ok(_) => return Err("the connection was closed".into()),
            Err(_) => return Ok(stream),
        }
    }
}
