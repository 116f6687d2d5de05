//! One call of a source: whether it may be made, room for it, tries, and what came.
//!
//! In: arguments. Out: a value with how long it is good, or why there is none, in the source's time. It must not keep anything.

use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::select_ok;
use http::StatusCode;
use serde_json::Value as Json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};

use super::auth::{Auth, Secret, admit};
use super::breaker::Change;
use super::exchange::{Begun, begin};
use super::failure::SourceError;
use super::keep::Window;
use super::patience::back_off;
use super::reading;
use super::request::{Said, Wire};
use super::running::Source;
use crate::http::policy::age::Received;

/// What a call brought.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    pub value: Json,
    /// `None`: it is not kept.
    pub window: Option<Window>,
    /// Bytes that it came in.
    pub length: usize,
}

/// What is made of an answer whose head has come with a status that is wanted: a try has failed where that fails.
pub(super) trait Taking: Sized + Send {
    fn take(
        source: &Source,
        begun: Begun,
        received: Received,
    ) -> impl Future<Output = Result<Self, SourceError>> + Send;
}

/// The whole of it, as a value.
impl Taking for Fetched {
    async fn take(source: &Source, begun: Begun, received: Received) -> Result<Self, SourceError> {
        let (definition, Begun { head, body }) = (&source.definition, begun);
        let body = body.collect_at_most(definition.max_size).await.map_err(SourceError::Body)?;
        let received = Received { at: source.clock.now(), ..received };
        let value = reading::value(definition, &head.headers, &body)?;
        let window = |terms| Window::of(terms, head.status, &head.headers, received);
        Ok(Self { value, window: definition.cache.as_ref().and_then(window), length: body.len() })
    }
}

impl Source {
    /// Calls the source. Whatever it takes, with its tries, takes at most the source's `timeout`.
    ///
    /// # Errors
    /// [`SourceError`].
    pub(super) async fn call(self: &Arc<Self>, said: Said<'_>) -> Result<Fetched, SourceError> {
        let begun = Instant::now();
        let bound = self.definition.timeout;
        let called = timeout(bound, self.call_in_turn(said)).await;
        let called = called.unwrap_or(Err(SourceError::Timeout(bound))).map(|(fetched, _)| fetched);
        self.note(called.as_ref().err(), begun);
        called
    }

    /// Calls it within its room, which is given back with the permit.
    ///
    /// # Errors
    /// [`SourceError`].
    pub(super) async fn call_in_turn<T: Taking>(
        self: &Arc<Self>,
        said: Said<'_>,
    ) -> Result<(T, OwnedSemaphorePermit), SourceError> {
        let wire = Wire::of(&self.definition, said)?;
        if !self.breaker().admit(Instant::now(), self.definition.sparing.open) {
            return Err(SourceError::Open);
        }
        let room = self.limiter.enter().await?;
        self.patience().begun();
        let mut tries = 0;
        loop {
            let failed = match self.perhaps_twice(&wire).await {
                Ok(taken) => return Ok((taken, room)),
                Err(failed) => failed,
            };
            let again = self.definition.idempotent && failed.may_pass() && tries < self.definition.sparing.retries;
            if !again || !self.patience().spend() {
                return Err(failed);
            }
            let after = match &failed {
                SourceError::Status { after, .. } => *after,
                _ => None,
            };
            self.figures.retried(&self.definition.name);
            sleep(back_off(tries, after)).await;
            tries += 1;
        }
    }

    /// One try; where it takes longer than most did, a second beside it, of which the first good answer counts.
    async fn perhaps_twice<T: Taking>(self: &Arc<Self>, wire: &Wire) -> Result<T, SourceError> {
        let hedge = self.definition.sparing.hedge.filter(|_| self.definition.idempotent);
        let Some(patience) = hedge.and_then(|share| self.patience().percentile(share)) else {
            return self.once(wire).await;
        };
        let mut first = self.once(wire).boxed();
        match timeout(patience, &mut first).await {
            Ok(answered) => answered,
            Err(_) if self.patience().spend() => {
                self.figures.hedged(&self.definition.name);
                select_ok([first, self.once(wire).boxed()]).await.map(|(taken, _)| taken)
            }
            Err(_) => first.await,
        }
    }

    /// One exchange; with a token that is not taken, one more with another.
    async fn once<T: Taking>(self: &Arc<Self>, wire: &Wire) -> Result<T, SourceError> {
        let auth = self.definition.auth.as_ref().filter(|_| !self.clients.are_faked());
        let Some(Auth::Token(credentials)) = auth else { return self.exchange(wire, None).await };
        let token = self.tokens.get(&self.clients, credentials).await?;
        match self.exchange(wire, Some(&token)).await {
            Err(SourceError::Status { status: StatusCode::UNAUTHORIZED, .. }) => {
                self.tokens.forget(&token);
                let token = self.tokens.get(&self.clients, credentials).await?;
                self.exchange(wire, Some(&token)).await
            }
            answered => answered,
        }
    }

    async fn exchange<T: Taking>(self: &Arc<Self>, wire: &Wire, token: Option<&Secret>) -> Result<T, SourceError> {
        let definition = &self.definition;
        let (begun, asked) = (Instant::now(), self.clock.now());
        let mut wire = wire.clone();
        if let Some(auth) = definition.auth.as_ref().filter(|_| !self.clients.are_faked()) {
            admit(&mut wire, auth, token, asked)?;
        }
        let wanted = |status| definition.expect.wants(status);
        let answered = begin(&self.clients, wire, &definition.redirects, &wanted).await?;
        let taken = T::take(self, answered, Received { asked, at: self.clock.now() }).await?;
        self.patience().answered(begun.elapsed());
        Ok(taken)
    }

    /// Notes how a call went: for the breaker, for whoever looks.
    pub(super) fn note(&self, failed: Option<&SourceError>, begun: Instant) {
        let name = &self.definition.name;
        self.figures.called(name, failed.map_or("answered", SourceError::word), begun.elapsed());
        let sparing = &self.definition.sparing;
        let change = match failed {
            None => self.breaker().succeeded(),
            Some(error) if error.is_its_fault() => {
                self.breaker().failed(Instant::now(), sparing.failures, sparing.open)
            }
            // It answered, if not to our liking.
            Some(SourceError::Status { .. }) => self.breaker().succeeded(),
            Some(_) => None,
        };
        if let Some(error) = failed {
            tracing::debug!(source = &**name, reason = error.told(name), "a call of a source failed");
        }
        match change {
            Some(Change::Opened { length }) => {
                tracing::warn!(source = &**name, seconds = length.as_secs(), "a source failed and is left alone");
            }
            Some(Change::Closed) => tracing::info!(source = &**name, "a source is back"),
            None => {}
        }
        self.figures.open(name, self.breaker().is_open());
    }
}
