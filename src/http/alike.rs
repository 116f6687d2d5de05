//! Names of fields that servers which make variables of them (CGI and its heirs) take for one another: `a-b` and `a_b`.
//!
//! In: a request's headers. Out: the same without those that such a server would read in place of what proxies check and
//! write. It must not judge names that mean what they say.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::HeaderName;

/// How the fields begin that proxies, caches and firewalls read.
const READ_BY_MANY: [&str; 16] = [
    "accept-",
    "access-control-",
    "cache-control",
    "cdn-loop",
    "content-",
    "if-",
    "inlay-",
    "keep-alive",
    "max-forwards",
    "proxy-",
    "sec-",
    "surrogate-",
    "transfer-encoding",
    "user-agent",
    "x-forwarded-",
    "x-http-method",
];

/// The name for which such a server takes `name`: every character but letters and digits is one to it.
pub fn plain(name: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.bytes().all(is_plain) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.bytes().map(|byte| if is_plain(byte) { char::from(byte) } else { '-' }).collect())
}

/// Removes all lines of `name`, also under names that are taken for it.
pub fn remove_alike(headers: &mut HeaderMap, name: &HeaderName) {
    let name = plain(name.as_str());
    remove_where(headers, |other| plain(other) == name);
}

/// Removes the fields that are taken for another which proxies, caches and firewalls read, and which none of them has read.
pub fn remove_disguised(headers: &mut HeaderMap) {
    remove_where(headers, |name| match plain(name) {
        Cow::Borrowed(_) => false,
        Cow::Owned(plain) => READ_BY_MANY.iter().any(|read| plain.starts_with(read)),
    });
}

/// Removes all lines of the names that are `unwanted`.
pub fn remove_where(headers: &mut HeaderMap, unwanted: impl Fn(&str) -> bool) {
    let found: Vec<HeaderName> = headers.keys().filter(|name| unwanted(name.as_str())).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_for_another_goes_and_what_means_itself_stays() {
        let names = [
            "content_length",
            "transfer_encoding",
            "transfer-encoding_",
            "accept_language",
            "x_forwarded-for",
            "x.forwarded.for",
            "if_none_match",
            "x_api_key",
            "content-type",
            "_ga",
        ];
        let mut headers: HeaderMap =
            names.iter().map(|name| (HeaderName::from_static(name), "1".parse().unwrap())).collect();
        remove_disguised(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["_ga", "content-type", "x_api_key"]);
        let client = HeaderName::from_static("client-cert");
        let mut certificates: HeaderMap = ["client-cert", "client_cert", "client-certs"]
            .into_iter()
            .map(|name| (HeaderName::from_static(name), "1".parse().unwrap()))
            .collect();
        remove_alike(&mut certificates, &client);
        assert_eq!(certificates.keys().collect::<Vec<_>>(), ["client-certs"]);
    }
}
