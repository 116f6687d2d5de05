//! Connections that stopped being HTTP (WebSocket): bytes are copied both ways until one side is done.
//!
//! In: the two upgrades. Out: nothing; the tunnel runs by itself. It must not look at the bytes.

use std::io;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};

use super::activity::Activity;
use crate::limits;
use crate::shutdown::Shutdown;

/// Joins both sides once each has been upgraded, and drops `occupied` at the end. The tunnel ends when both directions have, when it was silent for
/// [`TUNNEL_IDLE_WAIT`](limits::TUNNEL_IDLE_WAIT), or when the shutdown cuts; a drain waits for it.
pub fn open(client: OnUpgrade, server: OnUpgrade, occupied: impl Send + 'static, shutdown: Shutdown) {
    let held = shutdown.hold();
    tokio::spawn(async move {
        let joined = async {
            let (client, server) = tokio::try_join!(client, server)?;
            Ok::<_, hyper::Error>(copy_both(client, server).await)
        };
        tokio::select! {
            joined = joined => tell(joined),
            () = shutdown.cut() => tracing::debug!("a tunnel was cut by the shutdown"),
        }
        drop((held, occupied));
    });
}

fn tell(joined: Result<io::Result<()>, hyper::Error>) {
    match joined {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a tunnel broke"),
        Err(error) => tracing::debug!(%error, "an upgrade did not come about"),
    }
}

async fn copy_both(client: Upgraded, server: Upgraded) -> io::Result<()> {
    let activity = Activity::begin();
    let (from_client, to_client) = split(TokioIo::new(client));
    let (from_server, to_server) = split(TokioIo::new(server));
    let both = async {
        tokio::try_join!(copy(from_client, to_server, &activity), copy(from_server, to_client, &activity))?;
        Ok(())
    };
    tokio::select! {
        done = both => done,
        () = activity.idle_for(limits::TUNNEL_IDLE_WAIT) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Copies until the end, and passes the end on.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    activity: &Activity,
) -> io::Result<()> {
    let mut buffer = vec![0; limits::TUNNEL_COPY_BYTES];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        activity.touch();
        to.write_all(&buffer[..read]).await?;
        // TLS may hold what was written until it is told.
        to.flush().await?;
    }
}
