//! What a request's head must be before anybody acts on it (RFC 9112 section 3, RFC 9113 section 8.3).
//!
//! In: version, method, target and headers as the HTTP library parsed them. Out: nothing, or a reason. It must not read
//! bytes, change the request or allocate: it runs for every request. What the library has thrown away by then is for
//! `framing` to see.

use http::header::{self, HeaderMap};
use http::uri::{Scheme, Uri};
use http::{Method, Request, Version};

use super::refusal::Refusal;
use crate::http::bounds::Bounds;
use crate::http::host::Named;

/// Looks at a request.
///
/// # Errors
/// The first [`Refusal`] that is found.
pub fn check<B>(request: &Request<B>) -> Result<(), Refusal> {
    check_version(request.version())?;
    check_method(request.method())?;
    check_target(request.method(), request.uri())?;
    check_host(request.version(), request.uri(), request.headers())?;
    check_expectation(request.version(), request.headers())
}

/// Looks at how large the head is, as far as that was not seen in its bytes: those of HTTP/2 are compressed.
///
/// # Errors
/// [`Refusal::UriTooLong`], [`Refusal::HeadTooLarge`].
pub fn check_size<B>(request: &Request<B>, bounds: &Bounds) -> Result<(), Refusal> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    match request.headers().len() {
        _ if target > bounds.uri => Err(Refusal::UriTooLong),
        lines if lines > bounds.headers => Err(Refusal::HeadTooLarge),
        _ => Ok(()),
    }
}

/// HTTP/1.0 has no expectations, and theirs are to be ignored (RFC 9110 section 10.1.1).
fn check_expectation(version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    let is_known = |value: &header::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    let known = version == Version::HTTP_10 || headers.get_all(header::EXPECT).iter().all(is_known);
    if known { Ok(()) } else { Err(Refusal::Expectation) }
}

fn check_version(version: Version) -> Result<(), Refusal> {
    match version {
        Version::HTTP_10 | Version::HTTP_11 | Version::HTTP_2 => Ok(()),
        _ => Err(Refusal::Version),
    }
}

fn check_method(method: &Method) -> Result<(), Refusal> {
    match *method {
        Method::TRACE => Err(Refusal::Trace),
        Method::CONNECT => Err(Refusal::Connect),
        _ => Ok(()),
    }
}

/// origin-form and absolute-form for all, asterisk-form for `OPTIONS` (sections 3.2.1 to 3.2.4).
fn check_target(method: &Method, target: &Uri) -> Result<(), Refusal> {
    match (target.scheme(), target.authority()) {
        (None, Some(_)) => return Err(Refusal::TargetForm),
        (Some(scheme), _) if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS => return Err(Refusal::Scheme),
        _ => {}
    }
    match target.path() {
        "*" if *method == Method::OPTIONS => Ok(()),
        path if path.starts_with('/') => Ok(()),
        // `OPTIONS http://host` asks about the server as a whole.
        "" if target.scheme().is_some() => Ok(()),
        _ => Err(Refusal::TargetForm),
    }
}

fn check_host(version: Version, target: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut lines = headers.get_all(header::HOST).iter();
    let host = lines.next().map(|line| line.as_bytes());
    if lines.next().is_some() {
        return Err(Refusal::Hosts);
    }
    let host = host.map(|host| Named::parse(host).ok_or(Refusal::InvalidHost)).transpose()?;
    let authority = target.authority().map(|authority| authority.as_str().as_bytes());
    let authority = authority.map(|named| Named::parse(named).ok_or(Refusal::InvalidAuthority)).transpose()?;
    match (host, authority) {
        (Some(host), Some(authority)) if !host.is_same(&authority, target.scheme()) => Err(Refusal::HostMismatch),
        (None, authority) => match version {
            Version::HTTP_10 => Ok(()),
            Version::HTTP_2 if authority.is_some() => Ok(()),
            _ => Err(Refusal::NoHost),
        },
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(version: Version, method: &str, target: &str, hosts: &[&str]) -> Result<(), Refusal> {
        let mut request = http::Request::builder().version(version).method(method).uri(target);
        for host in hosts {
            request = request.header("host", *host);
        }
        check(&request.body(()).unwrap())
    }

    #[test]
    fn hosts_are_one_host() {
        let asked = |host| checked(Version::HTTP_11, "GET", "/", &[host]);
        for good in ["a", "A.example:8080", "127.0.0.1", "[::1]:80", "a_b", "a:", "xn--a.example"] {
            assert_eq!(asked(good), Ok(()), "{good}");
        }
        for bad in [
            "", ":80", "a b", "a,b", "a, b", "a:b", "a:65536", "a:-1", "u@a", "a/b", "[::1", "[x]", "[::1]x", "a%4",
            "%41",
        ] {
            assert_eq!(asked(bad), Err(Refusal::InvalidHost), "{bad}");
        }
    }

    #[test]
    fn who_must_name_a_host() {
        assert_eq!(checked(Version::HTTP_11, "GET", "/", &[]), Err(Refusal::NoHost));
        assert_eq!(checked(Version::HTTP_11, "GET", "http://a/", &[]), Err(Refusal::NoHost));
        assert_eq!(checked(Version::HTTP_10, "GET", "/", &[]), Ok(()));
        assert_eq!(checked(Version::HTTP_2, "GET", "https://a/", &[]), Ok(()));
        assert_eq!(checked(Version::HTTP_2, "GET", "/", &[]), Err(Refusal::NoHost));
        assert_eq!(checked(Version::HTTP_10, "GET", "/", &["a", "a"]), Err(Refusal::Hosts));
    }

    #[test]
    fn the_targets_host_is_the_hosts() {
        let asked = |target, host| checked(Version::HTTP_11, "GET", target, &[host]);
        assert_eq!(asked("http://A/", "a:80"), Ok(()));
        assert_eq!(asked("https://a:443/", "a"), Ok(()));
        assert_eq!(asked("https://a/", "a:80"), Err(Refusal::HostMismatch));
        assert_eq!(asked("http://a/", "b"), Err(Refusal::HostMismatch));
        assert_eq!(asked("http://u@a/", "a"), Err(Refusal::InvalidAuthority));
        assert_eq!(checked(Version::HTTP_2, "GET", "https://a/", &["b"]), Err(Refusal::HostMismatch));
    }

    #[test]
    fn one_expectation_is_known() {
        let asked = |version, value: &str| {
            let request = http::Request::get("/").version(version).header("host", "a").header("expect", value);
            check(&request.body(()).unwrap())
        };
        assert_eq!(asked(Version::HTTP_11, "100-Continue"), Ok(()));
        for other in ["", "200-ok", "100-continue, 100-continue", "x 100-continue"] {
            assert_eq!(asked(Version::HTTP_11, other), Err(Refusal::Expectation), "{other}");
            assert_eq!(asked(Version::HTTP_10, other), Ok(()), "{other}");
        }
    }

    #[test]
    fn targets_have_the_methods_form() {
        let asked = |method, target| checked(Version::HTTP_11, method, target, &["a"]);
        assert_eq!(asked("GET", "*"), Err(Refusal::TargetForm));
        assert_eq!(asked("OPTIONS", "*"), Ok(()));
        assert_eq!(asked("GET", "a:80"), Err(Refusal::TargetForm));
        assert_eq!(asked("GET", "ftp://a/"), Err(Refusal::Scheme));
        assert_eq!(asked("CONNECT", "a:80"), Err(Refusal::Connect));
        assert_eq!(asked("TRACE", "/"), Err(Refusal::Trace));
    }
}
