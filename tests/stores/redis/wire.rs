//! A wire to a server that somebody can slow down, or cut after so many pieces.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// A port that leads to another. Dropped, nothing is accepted any more.
pub struct Wire {
    pub port: u16,
    state: Arc<State>,
    accepting: AbortHandle,
}

#[derive(Default)]
struct State {
    /// Milliseconds that each piece waits.
    delay: AtomicU64,
    /// Pieces that still go through, questions and answers; behind them the wire is cut.
    left: AtomicU64,
}

impl Wire {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let state = Arc::new(State { left: AtomicU64::new(u64::MAX), ..State::default() });
        let own = listener.local_addr().expect("an address").port();
        let accepting = tokio::spawn(accept(listener, port, state.clone())).abort_handle();
        Self { port: own, state, accepting }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Every piece takes so long from now on.
    pub fn delay(&self, delay: Duration) {
        self.state.delay.store(delay.as_millis() as u64, Ordering::Relaxed);
    }

    /// So many pieces still go through, and no more.
    pub fn cut_after(&self, pieces: u64) {
        self.state.left.store(pieces, Ordering::Relaxed);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut_after(0);
    }
}

async fn accept(listener: TcpListener, port: u16, state: Arc<State>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { return };
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
        let ((client_reads, client_writes), (server_reads, server_writes)) = (client.into_split(), server.into_split());
        let (there, back) = (state.clone(), state.clone());
        tokio::spawn(async move {
            // Cut in one direction is cut in both.
            tokio::select! {
                () = pump(client_reads, server_writes, &there) => {}
                () = pump(server_reads, client_writes, &back) => {}
            }
        });
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut bytes).await else { return };
        let left = state.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(state.delay.load(Ordering::Relaxed))).await;
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
