//! Who may use the admin API.
//!
//! In: a request. Out: leave, or the reason why not. It must not tell more than that.

use http::Request;
use http::header;
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::http::peer::Peer;

/// The API's door.
pub struct Access {
    token: Option<String>,
}

impl std::fmt::Debug for Access {
    /// Never shows the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("token", &self.token.is_some()).finish()
    }
}

/// Why a request may not use the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("Send the token of `admin.token` as `Authorization: Bearer …`.")]
    NoToken,
    #[error("The token is not that of `admin.token`.")]
    WrongToken,
    #[error("Without `admin.token` in inlay.yaml the API answers to this machine only.")]
    NotLocal,
    #[error("Without `admin.token` in inlay.yaml the API does not answer to web pages.")]
    FromAPage,
}

impl Access {
    /// A door for those who know `token`; without one, for programs on this machine.
    pub fn new(token: Option<String>) -> Self {
        Self { token: token.filter(|token| !token.is_empty()) }
    }

    /// Whether a request may use the API.
    ///
    /// # Errors
    /// Why not.
    pub fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let Some(token) = &self.token else {
            return without_token(request);
        };
        let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given =
            given.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match given {
            None => Err(Refusal::NoToken),
            Some((_, given)) if bool::from(given.trim().as_bytes().ct_eq(token.as_bytes())) => Ok(()),
            Some(_) => Err(Refusal::WrongToken),
        }
    }
}

/// A page in a browser on this machine can reach a loopback port, by a form or by a name that it makes resolve to it:
/// browsers send `Origin` or `Sec-Fetch-Site` then, or a `Host` that is no address of this machine.
fn without_token<B>(request: &Request<B>) -> Result<(), Refusal> {
    let local = request.extensions().get::<Peer>().is_some_and(|peer| peer.address.ip().to_canonical().is_loopback());
    if !local {
        return Err(Refusal::NotLocal);
    }
    let headers = request.headers();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let own_name = matches!(name, "127.0.0.1" | "localhost" | "[::1]");
    let page = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    if own_name && !page { Ok(()) } else { Err(Refusal::FromAPage) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::peer::Security;

    fn request(peer: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().uri("/api/v1/off");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let address = peer.parse().expect("an address");
        let peer = Peer { address, local: "127.0.0.1:9900".parse().expect("an address"), security: Security::Plain };
        request.extension(peer).body(()).expect("a request")
    }

    #[test]
    fn a_token_opens_the_door_and_nothing_else_does() {
        let door = Access::new(Some("correct horse".into()));
        let with = |value: &str| door.check(&request("127.0.0.1:1", &[("authorization", value)]));
        assert_eq!(with("Bearer correct horse"), Ok(()));
        assert_eq!(with("bearer  correct horse "), Ok(()));
        assert_eq!(with("Bearer correct hors"), Err(Refusal::WrongToken));
        assert_eq!(with("Basic correct horse"), Err(Refusal::NoToken));
        assert_eq!(door.check(&request("127.0.0.1:1", &[])), Err(Refusal::NoToken));
    }

    #[test]
    fn without_a_token_only_programs_here_may() {
        let door = Access::new(None);
        let host = ("host", "127.0.0.1:9900");
        assert_eq!(door.check(&request("127.0.0.1:1", &[host])), Ok(()));
        assert_eq!(door.check(&request("[::1]:1", &[("host", "localhost:9900")])), Ok(()));
        assert_eq!(door.check(&request("10.0.0.9:1", &[host])), Err(Refusal::NotLocal));
        assert_eq!(door.check(&request("127.0.0.1:1", &[("host", "evil.example")])), Err(Refusal::FromAPage));
        assert_eq!(door.check(&request("127.0.0.1:1", &[host, ("origin", "null")])), Err(Refusal::FromAPage));
        assert_eq!(
            door.check(&request("127.0.0.1:1", &[host, ("sec-fetch-site", "cross-site")])),
            Err(Refusal::FromAPage)
        );
    }
}
