//! Whether a request that was not answered well is tried again.
//!
//! In: what went wrong, and what of the request has left. Out: yes or no, with the reason. It must not send anything.

use std::sync::atomic::{AtomicI64, Ordering};

use http::{Method, StatusCode};

use super::settings::{Cause, Retry};
use crate::http::client::SendError;
use crate::limits;

/// How much of a request has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing: it can be sent elsewhere whatever it is.
    Unsent,
    /// Perhaps all of it: only what may be done twice can be sent again (RFC 9110 section 9.2.2), and only without a body,
    /// because a body is not kept.
    Sent,
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Again,
    /// As often as it may be tried.
    Attempts,
    /// Of what went wrong the settings do not speak, or it would go wrong again.
    Final,
    /// Doing it twice may not be the same as once.
    NotRepeatable,
    /// Too many of late.
    Budget,
}

/// What a failure is for the settings; `None` if another try can't help.
pub fn cause(error: &SendError, progress: Progress) -> Option<Cause> {
    match (error, progress) {
        (SendError::Unreachable(_) | SendError::Tls(_) | SendError::ConnectTimeout(_) | SendError::Full(_), _) => {
            Some(Cause::Connect)
        }
        (SendError::Aborted(_), Progress::Unsent) => Some(Cause::Connect),
        (SendError::Aborted(_), Progress::Sent) => Some(Cause::Reset),
        (SendError::ResponseTimeout(_), _) => Some(Cause::Timeout),
        (SendError::Protocol(_) | SendError::Framing(_) | SendError::RequestBody(_), _) => None,
    }
}

/// Whether a server that answers so may be the only one that does.
pub fn is_gateway_failure(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

/// Whether a request may be sent again after it may have been received.
pub fn is_repeatable(method: &Method, has_body: bool) -> bool {
    method.is_idempotent() && !has_body
}

/// Tokens that tries cost and requests bring in: of a hundred requests that come, so many may be tried again, so that an origin
/// which is dying is not asked a multiple.
#[derive(Debug)]
pub struct Budget(AtomicI64);

const TOKEN: i64 = 1_000;

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicI64::new(limits::RETRY_BURST * TOKEN))
    }
}

impl Budget {
    /// A request has come.
    pub fn earn(&self) {
        let earned = (limits::RETRY_RATIO * TOKEN as f64) as i64;
        let add = |tokens: i64| Some((tokens + earned).min(limits::RETRY_BURST * TOKEN));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    fn spend(&self) -> bool {
        let take = |tokens: i64| (tokens >= TOKEN).then_some(tokens - TOKEN);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Judges, and spends what the try costs if there is to be one. `made`: tries so far.
    pub fn judge(
        &self,
        settings: &Retry,
        made: usize,
        cause: Option<Cause>,
        progress: Progress,
        repeatable: bool,
    ) -> Verdict {
        if !cause.is_some_and(|cause| settings.on.contains(&cause)) {
            return Verdict::Final;
        }
        if made >= settings.attempts {
            return Verdict::Attempts;
        }
        if progress == Progress::Sent && !repeatable {
            return Verdict::NotRepeatable;
        }
        if self.spend() { Verdict::Again } else { Verdict::Budget }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_safe_is_tried_again() {
        let (budget, retry) = (Budget::default(), Retry::default());
        let judge = |made, cause, progress, repeatable| budget.judge(&retry, made, Some(cause), progress, repeatable);
        assert_eq!(judge(1, Cause::Connect, Progress::Unsent, false), Verdict::Again);
        assert_eq!(judge(1, Cause::Reset, Progress::Sent, false), Verdict::NotRepeatable);
        assert_eq!(judge(1, Cause::Reset, Progress::Sent, true), Verdict::Again);
        assert_eq!(judge(1, Cause::Status(503), Progress::Sent, true), Verdict::Again);
        assert_eq!(judge(1, Cause::Status(500), Progress::Sent, true), Verdict::Final);
        assert_eq!(judge(1, Cause::Timeout, Progress::Sent, true), Verdict::Final);
        assert_eq!(judge(2, Cause::Connect, Progress::Unsent, true), Verdict::Attempts);
        assert_eq!(budget.judge(&retry, 1, None, Progress::Unsent, true), Verdict::Final);
        assert!(is_repeatable(&Method::PUT, false) && !is_repeatable(&Method::PUT, true));
        assert!(!is_repeatable(&Method::POST, false) && !is_repeatable(&Method::PATCH, false));
    }

    #[test]
    fn a_dying_origin_is_not_asked_a_multiple() {
        let (budget, retry) = (Budget::default(), Retry::default());
        let mut again = 0;
        for _ in 0..1_000 {
            budget.earn();
            let verdict = budget.judge(&retry, 1, Some(Cause::Connect), Progress::Unsent, true);
            again += usize::from(verdict == Verdict::Again);
        }
        assert!((200..=210).contains(&again), "{again} of 1000 requests were tried again");
    }
}
