//! The next process: started by this one, given its listening sockets, and waited for until it serves.
//!
//! In: sockets. Out: the process that has them, once it says that it is ready. Both accept from the same queues then, so
//! that no connection is lost when this one stops. It must not stop anything itself.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use command_fds::{CommandFdExt, FdMapping};
use sd_notify::NotifyState;
use tokio::io::AsyncReadExt;

use crate::limits::HAND_OVER_WAIT;

/// Where socket activation begins to count, after the standard streams.
const FIRST_SOCKET: i32 = 3;
/// Set in a process whose standard input leads to the one that it succeeds.
const SUCCEEDS: &str = "INLAY_SUCCEEDS";
/// What a process says to the one that it succeeds.
const READY: u8 = b'r';

/// Why there is no next process; this one goes on.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    #[error("how this process was started is not known")]
    NoProgram,
    #[error("the next process can't be started")]
    Start(#[source] io::Error),
    #[error("the sockets can't be given to it")]
    Sockets(#[source] command_fds::FdMappingCollision),
    /// Its own log says why.
    #[error("the next process ended before it was ready")]
    Ended,
    #[error("the next process was not ready within {} s", HAND_OVER_WAIT.as_secs())]
    TooSlow,
}

/// A process that is not ready yet. Dropping it ends it.
struct Starting(Option<Child>);

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended by itself; either way it must not be left unreaped.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts this program again as this one was started, with `sockets`, and waits until it serves. Out: its number.
///
/// # Errors
/// [`HandOverError`]; what was started has been ended then.
pub async fn start(sockets: Vec<OwnedFd>) -> Result<u32, HandOverError> {
    let (ours, theirs) = UnixStream::pair().map_err(HandOverError::Start)?;
    ours.set_nonblocking(true).map_err(HandOverError::Start)?;
    let mut line = tokio::net::UnixStream::from_std(ours).map_err(HandOverError::Start)?;
    let child = command(sockets, theirs)?.spawn().map_err(HandOverError::Start)?;
    let (number, mut starting) = (child.id(), Starting(Some(child)));
    let mut said = [0];
    match tokio::time::timeout(HAND_OVER_WAIT, line.read_exact(&mut said)).await {
        Err(_) => return Err(HandOverError::TooSlow),
        Ok(Err(_)) => return Err(HandOverError::Ended),
        Ok(Ok(_)) => {}
    }
    starting.0 = None;
    // A supervisor must not take this one's end for the service's.
    tell_supervisor(&[NotifyState::MainPid(number)]);
    Ok(number)
}

fn command(sockets: Vec<OwnedFd>, line: UnixStream) -> Result<Command, HandOverError> {
    let arguments: Vec<OsString> = env::args_os().collect();
    // By the name that was called, which may be another file by now: that is what an upgrade is.
    let (program, arguments) = arguments.split_first().ok_or(HandOverError::NoProgram)?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::from(OwnedFd::from(line)));
    command.env("LISTEN_FDS", sockets.len().to_string()).env(SUCCEEDS, "1");
    // Its number is not known yet, and names belong to whoever gave them.
    command.env_remove("LISTEN_PID").env_remove("LISTEN_FDNAMES");
    let mapped = (FIRST_SOCKET..).zip(sockets).map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd });
    command.fd_mappings(mapped.collect()).map_err(HandOverError::Sockets)?;
    Ok(command)
}

/// Says that this process serves: to the one that it succeeds, and to systemd.
pub fn announce() {
    if env::var_os(SUCCEEDS).is_some()
        && let Ok(line) = io::stdin().as_fd().try_clone_to_owned()
        && let Err(error) = UnixStream::from(line).write_all(&[READY])
    {
        tracing::warn!(%error, "the process before this one was not told, and goes on");
    }
    tell_supervisor(&[NotifyState::Ready]);
}

/// Tells systemd that this process is about to end, for good.
pub fn announce_end() {
    tell_supervisor(&[NotifyState::Stopping]);
}

/// Does nothing without `NOTIFY_SOCKET`.
fn tell_supervisor(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd was not told");
    }
}
