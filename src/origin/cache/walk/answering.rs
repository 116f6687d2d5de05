//! What a walk does once the origin has to be asked.
//!
//! In: a walk that found nothing which will do. Out: the origin's answer, or a stored one in its place. It must not look
//! anything up.

use std::sync::Arc;

use http::{Method, StatusCode};

use super::Walk;
use crate::http::annotations::{CacheStatus, Forwarded};
use crate::http::problem::problem;
use crate::origin::OriginError;
use crate::origin::cache::errand::{self, Errand, Landed};
use crate::origin::cache::flight::Ticket;
use crate::origin::cache::index;
use crate::origin::cache::stored::Stored;
use crate::origin::cache::{Fetched, Whose, forwarded};
use crate::origin::policy::Received;
use crate::origin::policy::revalidation::{Confirmation, head_agrees};

impl Walk<'_> {
    /// Asks for this client only; if it leaves before the answer, so does the request.
    pub async fn ask_alone(self, reason: Forwarded, stored: Option<Arc<Stored>>) -> Result<Fetched, OriginError> {
        if self.asking.method == Method::HEAD {
            return self.ask_head(reason, stored).await;
        }
        let asked = self.errand(stored.clone()).run().await;
        self.answer(reason, stored, asked)
    }

    /// Asks, while others wait; in a task of its own, so that it goes on for them when this client leaves.
    pub async fn ask_for_all(
        self,
        ticket: Ticket,
        reason: Forwarded,
        stored: Option<Arc<Stored>>,
    ) -> Result<Fetched, OriginError> {
        let errand = Errand { ticket: Some(ticket), ..self.errand(stored.clone()) };
        let asked = tokio::spawn(errand.run()).await;
        self.answer(reason, stored, asked.unwrap_or_else(resumed))
    }

    /// The client's answer, once the origin has been asked.
    fn answer(
        &self,
        reason: Forwarded,
        before: Option<Arc<Stored>>,
        asked: Result<Landed, OriginError>,
    ) -> Result<Fetched, OriginError> {
        let status = |status, stored| CacheStatus::Forwarded { reason, status, stored, collapsed: false };
        match asked {
            Ok(Landed::New { stored, seat }) => {
                let fetched = self.stored(&stored, status(None, true));
                drop(seat);
                // It may have broken off already: while no head is sent the client can still be told, or given something older.
                let older = || before.and_then(|stored| self.stand_in(&stored, None));
                Ok(fetched.or_else(older).unwrap_or_else(|| broken(reason)))
            }
            Ok(Landed::Confirmed { stored }) => {
                let confirmed = status(Some(StatusCode::NOT_MODIFIED), true);
                Ok(self.stored(&stored, confirmed).unwrap_or_else(|| broken(reason)))
            }
            Ok(Landed::Alone { response, reason: unkept }) => {
                let down = errand::is_down(response.status()).then_some(response.status());
                match before.filter(|_| down.is_some()).and_then(|stored| self.stand_in(&stored, down)) {
                    Some(fetched) => Ok(fetched),
                    None => {
                        tracing::debug!(reason = ?unkept, url = self.url(), "not stored");
                        Ok(Fetched { response, status: status(None, false), entry: None, whose: unkept.whose() })
                    }
                }
            }
            Err(error) => match before.and_then(|stored| self.stand_in(&stored, None)) {
                Some(fetched) => {
                    tracing::warn!(error = %crate::telemetry::Causes(&error), "the origin gave no answer; a stale one stands in");
                    Ok(fetched)
                }
                None => Err(error),
            },
        }
    }

    /// The stored response in place of an origin that is down, if that is allowed.
    pub fn stand_in(&self, stored: &Stored, failed: Option<StatusCode>) -> Option<Fetched> {
        let allowed = stored.stands_in_for(failed, self.house.settings.stale_if_error, self.now);
        allowed.then(|| self.stored(stored, CacheStatus::StoodIn { status: failed })).flatten()
    }

    /// HEAD is answered by the origin, and tells of what is stored for GET (RFC 9111 section 4.3.5).
    async fn ask_head(self, reason: Forwarded, stored: Option<Arc<Stored>>) -> Result<Fetched, OriginError> {
        let (asked, turn) = (self.house.clock.now(), self.house.index.turn());
        let response = match self.origin.fetch(self.asking.request(), &self.hop).await {
            Ok(response) => response,
            Err(error) => return stored.and_then(|stored| self.stand_in(&stored, None)).ok_or(error),
        };
        let received = Received { asked, at: self.house.clock.now() };
        if let Some(before) = stored.filter(|before| before.status == response.status()) {
            match head_agrees(response.headers(), &before.headers) {
                Confirmation::Confirmed => {
                    drop(errand::renew(
                        self.house,
                        self.key,
                        &self.asking,
                        &before,
                        response.headers(),
                        received,
                        turn,
                    ));
                }
                Confirmation::Contradicted => {
                    self.house.index.replace(self.key, &before, &index::stale(&before, received.at));
                }
            }
        }
        Ok(Fetched { response, status: forwarded(reason), entry: None, whose: Whose::TheClients })
    }
}

/// What was stored is gone: its body broke off meanwhile.
fn broken(reason: Forwarded) -> Fetched {
    let response = problem(StatusCode::BAD_GATEWAY, "The website behind this proxy gave no usable answer.");
    Fetched { response, status: forwarded(reason), entry: None, whose: Whose::TheClients }
}

/// A panic goes on where it would have been without a task of its own.
fn resumed<T>(error: tokio::task::JoinError) -> T {
    std::panic::resume_unwind(error.into_panic())
}
