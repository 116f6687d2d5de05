//! What is stored for others, case by case.

use http::HeaderValue;
use jiff::Timestamp;

use super::*;

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

struct Case {
    method: Method,
    request: HeaderMap,
    cookies: CookiesMatter,
    set_cookie: SetCookie,
    status: u16,
    response: HeaderMap,
}

fn case(response: &[(&'static str, &'static str)]) -> Case {
    Case {
        method: Method::GET,
        request: HeaderMap::new(),
        cookies: CookiesMatter::No,
        set_cookie: SetCookie::default(),
        status: 200,
        response: headers(response),
    }
}

impl Case {
    fn asked(mut self, request: &[(&'static str, &'static str)]) -> Self {
        self.request = headers(request);
        self
    }

    fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    fn verdict(&self) -> Result<Storable, NotStored> {
        let at: Timestamp = "2026-11-23T09:30:00Z".parse().unwrap();
        let asked = Asked {
            method: &self.method,
            headers: &self.request,
            no_store: false,
            cookies: self.cookies,
            set_cookie: self.set_cookie,
        };
        let status = StatusCode::from_u16(self.status).unwrap();
        storable(asked, status, &self.response, Received { asked: at, at })
    }
}

fn control(value: &'static str) -> Case {
    case(&[("cache-control", value)])
}

#[test]
fn what_one_visitor_got_is_never_stored() {
    let login: &[(&str, &str)] = &[("authorization", "Basic x")];
    for (case, reason) in [
        (control("private, max-age=60"), NotStored::Private),
        (control("max-age=60, PRIVATE"), NotStored::Private),
        (control("no-store, max-age=60"), NotStored::NoStore),
        (case(&[("cache-control", "public, max-age=60"), ("set-cookie", "a=1")]), NotStored::SetCookie),
        (case(&[("cache-control", "max-age=60"), ("inlay-event", "x;{}")]), NotStored::Inlay),
        (control("max-age=60").asked(login), NotStored::Credentials),
        (case(&[("cdn-cache-control", "max-age=60")]).asked(login), NotStored::Credentials),
        (Case { cookies: CookiesMatter::Perhaps, ..control("max-age=60") }, NotStored::Cookies),
        (Case { method: Method::POST, ..control("max-age=60") }, NotStored::Method),
        (Case { method: Method::HEAD, ..control("max-age=60") }, NotStored::Method),
        (case(&[("cache-control", "max-age=60"), ("vary", "*")]), NotStored::Vary(VaryError::Anything)),
        (case(&[("cache-control", "max-age=60"), ("content-type", "Text/Event-Stream")]), NotStored::EventStream),
        (control("max-age=60").status(206), NotStored::Status),
        (control("max-age=60").status(412), NotStored::Status),
        (control("public, s-maxage=60").status(416), NotStored::Status),
        (control("max-age=60").status(304), NotStored::Status),
        (control("max-age=60, must-understand").status(499), NotStored::Status),
        (case(&[]), NotStored::Useless),
        (control("max-age=0"), NotStored::Useless),
        (control("no-cache"), NotStored::Useless),
        (case(&[("etag", "\"a\"")]).status(500), NotStored::Status),
        (case(&[("cdn-cache-control", "private"), ("cache-control", "max-age=60")]), NotStored::Private),
    ] {
        assert_eq!(case.verdict(), Err(reason), "{:?}", case.response);
    }
}

#[test]
fn what_the_origin_shares_is_stored() {
    let login: &[(&str, &str)] = &[("authorization", "Basic x")];
    for (case, seconds) in [
        (control("max-age=60"), 60),
        (control("max-age=5, s-maxage=60"), 60),
        (control("max-age=60, unknown, other=\"x\""), 60),
        (control("max-age=60").status(503), 60),
        (control("max-age=60").status(599), 60),
        (control("max-age=60, must-understand, no-store"), 60),
        (control("public, max-age=60").asked(login), 60),
        (control("s-maxage=60").asked(login), 60),
        (control("max-age=60, must-revalidate").asked(login), 60),
        (Case { cookies: CookiesMatter::Perhaps, ..control("public, max-age=60") }, 60),
        (Case { cookies: CookiesMatter::Perhaps, ..control("s-maxage=60") }, 60),
        (Case { cookies: CookiesMatter::Perhaps, ..case(&[("cdn-cache-control", "max-age=60")]) }, 60),
        (case(&[("cdn-cache-control", "max-age=60"), ("cache-control", "no-store")]), 60),
        (case(&[("cdn-cache-control", "MAX-AGE=5"), ("cache-control", "max-age=60")]), 60),
        (case(&[("expires", "Mon, 23 Nov 2026 09:31:00 GMT")]), 60),
        (case(&[("expires", "Mon, 23 Nov 2026 09:31:00 GMT"), ("cache-control", "max-age=7")]), 7),
        (case(&[("etag", "\"a\""), ("expires", "0")]), 0),
        (case(&[("etag", "\"a\"")]), 0),
        (case(&[("etag", "\"a\""), ("cache-control", "no-cache, max-age=60")]), 60),
        (case(&[("last-modified", "Mon, 23 Nov 2026 09:20:00 GMT")]), 60),
        (case(&[("last-modified", "Mon, 23 Nov 2026 09:20:00 GMT")]).status(404), 60),
        (case(&[("last-modified", "Mon, 23 Nov 2026 09:20:00 GMT"), ("cache-control", "public")]).status(500), 60),
    ] {
        let verdict = case.verdict();
        let stored = verdict.as_ref().map(|storable| storable.terms.lifetime.seconds());
        assert_eq!(stored, Ok(seconds), "{:?} {:?}", case.status, case.response);
    }
}

#[test]
fn named_fields_stay_out() {
    let case =
        case(&[("cache-control", "max-age=60, no-cache=\"set-cookie, x-a\", private=x-b"), ("set-cookie", "a=1")]);
    let left_out: Vec<_> = case.verdict().unwrap().left_out.iter().map(ToString::to_string).collect();
    assert_eq!(left_out, ["set-cookie", "x-a", "x-b"]);
}

#[test]
fn set_cookie_is_stripped_only_where_that_is_asked_for_and_only_from_what_may_be_stored() {
    let setting = |control| case(&[("cache-control", control), ("set-cookie", "a=1")]);
    let stripped = |case: Case| Case { set_cookie: SetCookie::Stripped, ..case }.verdict();
    assert_eq!(setting("max-age=60").verdict(), Err(NotStored::SetCookie));
    assert_eq!(stripped(setting("max-age=60")).unwrap().left_out, ["set-cookie"]);
    assert_eq!(stripped(setting("private, max-age=60")), Err(NotStored::Private));
    assert_eq!(stripped(setting("no-store")), Err(NotStored::NoStore));
    assert_eq!(stripped(control("max-age=60")).unwrap().left_out, [""; 0]);
}
