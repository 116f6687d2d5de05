//! How often a request may still be forwarded: `Max-Forwards` (RFC 9110 section 7.6.2).
//!
//! In: a request. Out: whether it goes on, with one less. It must not answer it.

use http::header::{self, HeaderValue};
use http::{Method, Request};

/// Whether a request goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwards {
    On,
    /// It is for whoever has it now.
    Last,
}

/// Takes one from an `OPTIONS` request's `Max-Forwards`, if it has one that can be read; `TRACE` never comes so far, and for
/// other methods it says nothing.
pub fn take_one<B>(request: &mut Request<B>) -> Forwards {
    if *request.method() != Method::OPTIONS {
        return Forwards::On;
    }
    let headers = request.headers_mut();
    let mut lines = headers.get_all(header::MAX_FORWARDS).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return Forwards::On };
    match number(line.as_bytes()) {
        None => Forwards::On,
        Some(0) => Forwards::Last,
        Some(left) => {
            headers.insert(header::MAX_FORWARDS, HeaderValue::from(left - 1));
            Forwards::On
        }
    }
}

/// `1*DIGIT`; what is more than we can count becomes the most that we can.
fn number(digits: &[u8]) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| {
        let value = |digit: &u8| u32::from(digit - b'0');
        digits.iter().fold(0_u32, |number, digit| number.saturating_mul(10).saturating_add(value(digit)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_taken_from_options_alone() {
        let left = |method: &str, lines: &[&str]| {
            let mut request = Request::builder().method(method).uri("*");
            for line in lines {
                request = request.header("max-forwards", *line);
            }
            let mut request = request.body(()).unwrap();
            let forwards = take_one(&mut request);
            let left: Vec<_> = request.headers().get_all("max-forwards").iter().cloned().collect();
            (forwards, left.iter().map(|line| line.to_str().unwrap().to_owned()).collect::<Vec<_>>().join("|"))
        };
        assert_eq!(left("OPTIONS", &["0"]), (Forwards::Last, "0".into()));
        assert_eq!(left("OPTIONS", &["000"]).0, Forwards::Last);
        assert_eq!(left("OPTIONS", &["3"]), (Forwards::On, "2".into()));
        assert_eq!(left("OPTIONS", &["99999999999999999999"]), (Forwards::On, "4294967294".into()));
        for unreadable in ["", "-1", "+0", "0x0", "0, 0", "1 0"] {
            assert_eq!(left("OPTIONS", &[unreadable]), (Forwards::On, unreadable.to_owned()));
        }
        assert_eq!(left("OPTIONS", &["0", "1"]).0, Forwards::On);
        assert_eq!(left("OPTIONS", &[]).0, Forwards::On);
        assert_eq!(left("GET", &["0"]), (Forwards::On, "0".into()));
    }
}
