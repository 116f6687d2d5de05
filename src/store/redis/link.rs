//! The connection to a Redis, kept up.
//!
//! In: an address, then scripts and commands. Out: their answers; while there is no connection, at once why. It connects again by
//! itself, at growing intervals, and asks sentinels anew each time, so that a failover is a reconnection like any other. It must
//! not repeat what was asked: whether that does harm only the asker knows.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, Role, ScriptInvocation, ServerErrorKind};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::address::RedisAddress;
use super::connect::{Connection, connect};
use crate::limits::{REDIS_PING, REDIS_RECONNECT};
use crate::store::StoreError;

/// How things stand.
#[derive(Clone, Debug)]
enum State {
    /// It is being tried, for the first time or for the first time since it was lost: worth waiting for.
    Connecting,
    Up(Connection),
    Down(StoreError),
}

/// A connection that comes back. Whoever drops it ends it.
pub struct Link {
    state: watch::Sender<State>,
    /// Somebody found that the connection is of no use any more.
    broken: Arc<Notify>,
    keeper: AbortHandle,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Link").field(&*self.state.borrow()).finish()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Link {
    /// Begins to connect. Must be called within the runtime.
    pub fn begin(address: RedisAddress) -> Self {
        let state = watch::Sender::new(State::Connecting);
        let broken = Arc::new(Notify::new());
        let keeper = tokio::spawn(keep(address, state.clone(), broken.clone())).abort_handle();
        Self { state, broken, keeper }
    }

    /// Ends it.
    pub fn close(&self) {
        self.keeper.abort();
        self.state.send_replace(State::Down(StoreError::Closed));
    }

    /// Runs a script.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`]: it may or may not have run; anything else: it has not.
    pub async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        let mut connection = self.connection().await?;
        script.invoke_async(&mut connection).await.map_err(|error| self.failed(&error))
    }

    /// Runs a command.
    ///
    /// # Errors
    /// As [`Link::run`].
    pub async fn ask<T: FromRedisValue>(&self, cmd: &Cmd) -> Result<T, StoreError> {
        let mut connection = self.connection().await?;
        cmd.query_async(&mut connection).await.map_err(|error| self.failed(&error))
    }

    async fn connection(&self) -> Result<Connection, StoreError> {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state, State::Connecting)).await;
        match settled.as_deref() {
            Ok(State::Up(connection)) => Ok(connection.clone()),
            Ok(State::Down(error)) => Err(error.clone()),
            // The sender is ours: it can't be gone.
            Ok(State::Connecting) | Err(_) => Err(StoreError::Closed),
        }
    }

    fn failed(&self, error: &RedisError) -> StoreError {
        if error.is_unrecoverable_error() || error.is_timeout() || error.code() == Some("READONLY") {
            self.broken.notify_one();
        }
        match error.kind() {
            // What we sent is wrong for what is there: sent again, it is still.
            ErrorKind::Server(ServerErrorKind::ResponseError | ServerErrorKind::CrossSlot)
            | ErrorKind::UnexpectedReturnType
            | ErrorKind::Client => StoreError::Failed(error.to_string().into()),
            ErrorKind::Extension if error.code() == Some("WRONGTYPE") => StoreError::Failed(error.to_string().into()),
            // A full memory, a disk that fails, a server that still loads, a right that is missing: somebody mends it.
            _ => StoreError::Unreachable(error.to_string().into()),
        }
    }
}

/// Connects, watches, and begins again.
async fn keep(address: RedisAddress, state: watch::Sender<State>, broken: Arc<Notify>) {
    let mut pause = REDIS_RECONNECT.0;
    let mut told = String::new();
    loop {
        match connect(&address).await {
            Ok(connection) => {
                tracing::info!(%address, "the store is reached");
                (pause, told) = (REDIS_RECONNECT.0, String::new());
                state.send_replace(State::Up(connection.clone()));
                let why = watched(connection, &broken).await;
                tracing::warn!(%address, %why, "the store is lost; what is to be written waits");
                state.send_replace(State::Connecting);
            }
            Err(error) => {
                // Each reason once: it is tried many times.
                if told != error.to_string() {
                    told = error.to_string();
                    tracing::warn!(%error, "the store is not reached; visitors are unknown, and what is to be written waits");
                }
                state.send_replace(State::Down(passing(error)));
            }
        }
        sleep(jittered(pause)).await;
        pause = (pause * 2).min(REDIS_RECONNECT.1);
    }
}

/// Once the process runs, whatever is wrong with a store may be mended.
fn passing(error: StoreError) -> StoreError {
    match error {
        StoreError::Unusable(why) => StoreError::Unreachable(why),
        other => other,
    }
}

/// Ready with the reason when a connection is of no use any more.
async fn watched(connection: Connection, broken: &Notify) -> Arc<str> {
    let Connection::One(mut one) = connection else {
        broken.notified().await;
        return "the Cluster can't be reached".into();
    };
    loop {
        // Now and then, and when somebody noticed something.
        let _ = timeout(REDIS_PING, broken.notified()).await;
        match timeout(REDIS_PING, redis::cmd("ROLE").query_async::<Role>(&mut one)).await {
            Ok(Ok(Role::Primary { .. })) => {}
            Ok(Ok(_)) => return "it is no primary any more".into(),
            // Whoever may not ask learns it from what fails.
            Ok(Err(error)) if error.code() == Some("NOPERM") => {}
            Ok(Err(error)) => return error.to_string().into(),
            Err(_) => return "it does not answer".into(),
        }
    }
}

/// Between half of it and all of it, so that many processes do not come at once.
fn jittered(pause: Duration) -> Duration {
    let [random, ..] = crate::ids::random_128();
    pause / 2 + pause / 2 * u32::from(random) / 255
}
