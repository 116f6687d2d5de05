//! One call of a source: whether it may be made, room for it, tries, and what came.
//!
//! In: arguments. Out: a value with how long it is good, or why there is none, in the source's time. It must not keep anything.

use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::select_ok;
use http::StatusCode;
use serde_json::Value as Json;
use tokio::time::{sleep, timeout};

use super::ask::Arguments;
use super::auth::{Auth, Secret, admit};
use super::breaker::Change;
use super::exchange::{Bounds, exchange};
use super::failure::SourceError;
use super::keep::Window;
use super::patience::back_off;
use super::reading;
use super::request::Wire;
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

impl Source {
    /// Calls the source. Whatever it takes, with its tries, takes at most the source's `timeout`.
    ///
    /// # Errors
    /// [`SourceError`].
    pub(super) async fn call(self: &Arc<Self>, arguments: &Arguments) -> Result<Fetched, SourceError> {
        let begun = Instant::now();
        let bound = self.definition.timeout;
        let called = timeout(bound, self.call_in_turn(arguments)).await;
        let called = called.unwrap_or(Err(SourceError::Timeout(bound)));
        self.note(&called, begun);
        called
    }

    async fn call_in_turn(self: &Arc<Self>, arguments: &Arguments) -> Result<Fetched, SourceError> {
        let wire = Wire::of(&self.definition, arguments)?;
        if !self.breaker().admit(Instant::now(), self.definition.sparing.open) {
            return Err(SourceError::Open);
        }
        let _room = self.limiter.enter().await?;
        self.patience().begun();
        let mut tries = 0;
        loop {
            let failed = match self.perhaps_twice(&wire).await {
                Ok(fetched) => return Ok(fetched),
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
    async fn perhaps_twice(self: &Arc<Self>, wire: &Wire) -> Result<Fetched, SourceError> {
        let hedge = self.definition.sparing.hedge.filter(|_| self.definition.idempotent);
        let Some(patience) = hedge.and_then(|share| self.patience().percentile(share)) else {
            return self.once(wire).await;
        };
        let mut first = self.once(wire).boxed();
        match timeout(patience, &mut first).await {
            Ok(answered) => answered,
            Err(_) if self.patience().spend() => {
                self.figures.hedged(&self.definition.name);
                select_ok([first, self.once(wire).boxed()]).await.map(|(fetched, _)| fetched)
            }
            Err(_) => first.await,
        }
    }

    /// One exchange; with a token that is not taken, one more with another.
    async fn once(self: &Arc<Self>, wire: &Wire) -> Result<Fetched, SourceError> {
        let Some(Auth::Token(credentials)) = &self.definition.auth else { return self.exchange(wire, None).await };
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

    async fn exchange(self: &Arc<Self>, wire: &Wire, token: Option<&Secret>) -> Result<Fetched, SourceError> {
        let definition = &self.definition;
        let (begun, asked) = (Instant::now(), self.clock.now());
        let mut wire = wire.clone();
        if let Some(auth) = &definition.auth {
            admit(&mut wire, auth, token, asked)?;
        }
        let bounds = Bounds { redirects: &definition.redirects, bytes: definition.max_size };
        let wanted = |status| definition.expect.wants(status);
        let answer = exchange(&self.clients, wire, bounds, &wanted).await?;
        let received = Received { asked, at: self.clock.now() };
        let value = reading::value(definition, &answer.head.headers, &answer.body)?;
        self.patience().answered(begun.elapsed());
        let window = |terms| Window::of(terms, answer.head.status, &answer.head.headers, received);
        Ok(Fetched { value, window: definition.cache.as_ref().and_then(window), length: answer.body.len() })
    }

    /// Notes how a call went: for the breaker, for whoever looks.
    fn note(&self, called: &Result<Fetched, SourceError>, begun: Instant) {
        let name = &self.definition.name;
        self.figures.called(name, called.as_ref().map_or_else(SourceError::word, |_| "answered"), begun.elapsed());
        let sparing = &self.definition.sparing;
        let change = match called {
            Ok(_) => self.breaker().succeeded(),
            Err(error) if error.is_its_fault() => self.breaker().failed(Instant::now(), sparing.failures, sparing.open),
            // It answered, if not to our liking.
            Err(SourceError::Status { .. }) => self.breaker().succeeded(),
            Err(_) => None,
        };
        if let Err(error) = called {
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
