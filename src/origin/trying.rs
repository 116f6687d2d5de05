//! One request, put to one server after another for as long as that is safe and of use.
//!
//! In: a request ready for the next hop. Out: the first good response, or what came last. It must not change the request.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{Request, Response};
use smallvec::SmallVec;

use super::balance::{self, By, Candidate};
use super::retry::{self, Progress, Verdict, is_gateway_failure, is_repeatable};
use super::server::Server;
use super::settings::{Balance, Cause, HashKey};
use super::{Hop, Origin, OriginError, outgoing};
use crate::http::Body;
use crate::http::client::{Needs, Unanswered};
use crate::http::cookies;

/// A try that was not answered well.
struct Missed {
    cause: Option<Cause>,
    progress: Progress,
    /// The request's, where nothing of it has left.
    body: Body,
    /// What the client gets if no other try is better.
    given: Result<Response<Body>, OriginError>,
}

impl Origin {
    /// By what the server for a request is chosen.
    pub(super) fn by(&self, request: &Request<Body>, hop: &Hop<'_>) -> By {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let key = match &self.settings.balance {
            Balance::RoundRobin => return By::Turn(turn),
            Balance::LeastConnections => return By::InFlight(turn),
            Balance::Hash(key) => key,
        };
        let value = match key {
            HashKey::Cookie(name) => cookies::cookies(request.headers())
                .find(|(found, _)| found == name)
                .map(|(_, value)| value.into_owned().into_bytes()),
            HashKey::Header(name) => request.headers().get(name).map(|value| value.as_bytes().to_vec()),
            HashKey::Ip => Some(hop.client.address.to_string().into_bytes()),
            HashKey::Path => Some(request.uri().path().as_bytes().to_vec()),
        };
        value.map_or(By::Turn(turn), |value| By::Key(balance::hash(&value)))
    }

    /// Asks one server after another, as long as that is allowed.
    ///
    /// # Errors
    /// What went wrong last, if no server answered at all.
    pub(super) async fn ask(
        &self,
        request: Request<Body>,
        needs: Needs,
        by: By,
    ) -> Result<Response<Body>, OriginError> {
        self.budget.earn();
        let repeatable = is_repeatable(request.method(), !http_body::Body::is_end_stream(request.body()));
        let (parts, mut body) = request.into_parts();
        let mut tried = Vec::with_capacity(self.settings.retry.attempts);
        let mut next = self.choose(by, &tried);
        let mut given = Err(OriginError::Target(Arc::clone(&self.settings.name)));
        while let Some(index) = next {
            let server = &self.servers[index];
            let Some(url) = outgoing::join(&server.base, &parts.uri) else { break };
            if !tried.is_empty() {
                server.count_retry();
            }
            tried.push(index);
            let mut request = Request::from_parts(parts.clone(), std::mem::take(&mut body));
            *request.uri_mut() = url;
            let missed = match self.try_at(server, request, needs).await {
                Ok(response) => return Ok(response),
                Err(missed) => missed,
            };
            next = self.again(by, &tried, &missed, repeatable);
            body = missed.body;
            // A server's own word, if only that it can't, stands above none.
            given = if given.is_ok() && missed.given.is_err() { given } else { missed.given };
        }
        given
    }

    async fn try_at(
        &self,
        server: &Arc<Server>,
        request: Request<Body>,
        needs: Needs,
    ) -> Result<Response<Body>, Box<Missed>> {
        let missed = match server.ask(request, needs).await {
            Ok(response) if is_gateway_failure(response.status()) => Missed {
                cause: Some(Cause::Status(response.status().as_u16())),
                progress: Progress::Sent,
                body: Body::empty(),
                given: Ok(response),
            },
            Ok(response) => return Ok(response),
            Err(Unanswered { error, unsent }) => {
                let progress = if unsent.is_some() { Progress::Unsent } else { Progress::Sent };
                let (origin, server) = (self.settings.name.clone(), server.name.clone());
                Missed {
                    cause: retry::cause(&error, progress),
                    progress,
                    body: unsent.map(|request| request.into_body()).unwrap_or_default(),
                    given: Err(OriginError::Send { origin, server, source: error }),
                }
            }
        };
        Err(Box::new(missed))
    }

    /// Where to try again, if that is of use and allowed.
    fn again(&self, by: By, tried: &[usize], missed: &Missed, repeatable: bool) -> Option<usize> {
        let elsewhere = self.choose(by, tried);
        // A connection that ended may have been the last of a process whose successor is there already.
        let back = || (missed.cause == Some(Cause::Reset)).then(|| self.choose(by, &[])).flatten();
        let next = elsewhere.or_else(back)?;
        let verdict = self.budget.judge(&self.settings.retry, tried.len(), missed.cause, missed.progress, repeatable);
        if verdict != Verdict::Again {
            tracing::debug!(origin = &*self.settings.name, cause = ?missed.cause, ?verdict, "not tried again");
        }
        (verdict == Verdict::Again).then_some(next)
    }

    fn choose(&self, by: By, tried: &[usize]) -> Option<usize> {
        // One alone is asked whatever is known of it.
        if let ([_], []) = (self.servers.as_slice(), tried) {
            return Some(0);
        }
        let candidates: SmallVec<[Candidate; 8]> = self.servers.iter().map(|server| server.candidate()).collect();
        let pick = balance::pick(by, &candidates, tried)?;
        tracing::trace!(origin = &*self.settings.name, server = &*self.servers[pick.server].name, ?pick.reason, "chosen");
        Some(pick.server)
    }
}
