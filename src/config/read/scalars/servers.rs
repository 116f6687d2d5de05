//! How the servers of an origin are chosen, checked and tried again.
//!
//! In: text. Out: the value, or what is expected instead. It must not know any server.

use std::ops::RangeInclusive;

use super::net::{CookieName, HeaderName};
use super::written::Written;
use crate::origin::{Cause, HashKey};

/// The value that a server is chosen by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerKey(pub HashKey);

/// Statuses of responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSpan(pub RangeInclusive<u16>);

/// What another try may help against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryCause(pub Cause);

impl Written for ServerKey {
    const WHAT: &'static str = "a value to hash such as `ip`, `path`, `cookie NAME` or `header NAME`";
    const PATTERN: Option<&'static str> = Some(r"^(ip|path|(cookie|header) +\S+)$");

    fn from_text(text: &str) -> Result<Self, String> {
        let key = match text.split_once(char::is_whitespace).map(|(kind, name)| (kind, name.trim())) {
            None if text == "ip" => HashKey::Ip,
            None if text == "path" => HashKey::Path,
            None if matches!(text, "cookie" | "header") => return Err(format!("name it: `{text} NAME`")),
            Some(("cookie", name)) => HashKey::Cookie(CookieName::from_text(name)?.0),
            Some(("header", name)) => {
                HashKey::Header(HeaderName::from_text(name)?.0.parse().map_err(|_| String::new())?)
            }
            _ => return Err(String::new()),
        };
        Ok(Self(key))
    }
}

impl Written for StatusSpan {
    const WHAT: &'static str = "a status or a span of them such as `204` or `200-399`";
    const PATTERN: Option<&'static str> = Some(r"^[1-5]\d\d( ?- ?[1-5]\d\d)?$");

    fn from_text(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let status = |text: &str| text.trim().parse().ok().filter(|status| (100..600).contains(status));
        match (status(from), status(to)) {
            (Some(from), Some(to)) if from <= to => Ok(Self(from..=to)),
            (Some(from), Some(to)) => Err(format!("write `{to}-{from}`")),
            _ => Err(String::new()),
        }
    }
}

impl Written for RetryCause {
    const WHAT: &'static str = "a reason to try again such as `connect`, `reset`, `timeout` or `503`";
    const PATTERN: Option<&'static str> = Some("^(connect|reset|timeout|502|503|504)$");

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(match text {
            "connect" => Cause::Connect,
            "reset" => Cause::Reset,
            "timeout" => Cause::Timeout,
            "502" => Cause::Status(502),
            "503" => Cause::Status(503),
            "504" => Cause::Status(504),
            _ if text.parse::<u16>().is_ok() => {
                return Err("of statuses only `502`, `503` and `504` say that another server may do better".to_owned());
            }
            _ => return Err(String::new()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_statuses_causes() {
        assert_eq!(ServerKey::from_text("cookie  sid"), Ok(ServerKey(HashKey::Cookie("sid".into()))));
        assert_eq!(
            ServerKey::from_text("header X-User").map(|key| key.0),
            Ok(HashKey::Header("x-user".parse().unwrap()))
        );
        assert!(ServerKey::from_text("cookie").is_err_and(|error| error.contains("cookie NAME")));
        assert!(ServerKey::from_text("url").is_err() && ServerKey::from_text("cookie a b").is_err());
        assert_eq!(StatusSpan::from_text("200 - 399"), Ok(StatusSpan(200..=399)));
        assert_eq!(StatusSpan::from_text("204"), Ok(StatusSpan(204..=204)));
        assert!(StatusSpan::from_text("399-200").is_err_and(|error| error.contains("200-399")));
        assert!(StatusSpan::from_text("2xx").is_err() && StatusSpan::from_text("200-700").is_err());
        assert_eq!(RetryCause::from_text("503"), Ok(RetryCause(Cause::Status(503))));
        assert!(RetryCause::from_text("500").is_err_and(|error| error.contains("`502`")));
    }
}
