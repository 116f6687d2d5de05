//! A property: what the rules of HTTP forbid to share is never served to a second client, whatever is sent together with it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::Response;
use inlay::http::Body;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::house::{Front, NOW};

type Line = (&'static str, &'static str);

/// Lines of which a response has some.
const LINES: &[Line] = &[
    ("cache-control", "max-age=60"),
    ("cache-control", "Public"),
    ("cache-control", "PRIVATE"),
    ("cache-control", "no-store"),
    ("cache-control", "s-maxage=60"),
    ("cache-control", "no-cache"),
    ("cache-control", "must-revalidate"),
    ("cache-control", "private=\"x-other\""),
    ("cache-control", "no-cache=\"set-cookie\""),
    ("cdn-cache-control", "max-age=60"),
    ("cdn-cache-control", "private"),
    ("inlay-cache-control", "no-store"),
    ("inlay-cache-control", "max-age=60"),
    ("set-cookie", "session=x"),
    ("vary", "*"),
    ("vary", "X-A"),
    ("etag", "\"v1\""),
];

/// Lines of which a request has some.
const ASKED: &[Line] =
    &[("cookie", "a=1"), ("authorization", "Basic x"), ("x-a", "1"), ("cache-control", "no-store"), ("accept", "*/*")];

#[derive(Clone, Debug)]
struct Case {
    response: Vec<Line>,
    first: Vec<Line>,
    second: Vec<Line>,
    /// Seconds between the two; what is fresh is so for 60.
    between: i64,
}

fn case() -> impl Strategy<Value = Case> {
    let some = |lines: &'static [Line], most| prop::sample::subsequence(lines, 0..=most);
    (some(LINES, 5), some(ASKED, 2), some(ASKED, 2), prop_oneof![4 => Just(0_i64), 2 => Just(30), 1 => Just(61)])
        .prop_map(|(response, first, second, between)| Case { response, first, second, between })
}

fn values(lines: &[Line], name: &str) -> Vec<String> {
    lines.iter().filter(|line| line.0 == name).map(|line| line.1.to_ascii_lowercase()).collect()
}

impl Case {
    /// The directives that count for us, and whether they stand in a targeted field (RFC 9213).
    fn directives(&self) -> (Vec<String>, bool) {
        let targeted = ["inlay-cache-control", "cdn-cache-control"].map(|name| values(&self.response, name));
        match targeted.into_iter().find(|values| !values.is_empty()) {
            Some(values) => (values, true),
            None => (values(&self.response, "cache-control"), false),
        }
    }

    /// Why the second client may not get what the first got; read off the RFCs, not off the code.
    fn forbidden(&self) -> Option<&'static str> {
        let (directives, targeted) = self.directives();
        let says = |directive: &str| directives.iter().any(|said| said == directive);
        let either = |name| [&self.first, &self.second].into_iter().any(|lines| !values(lines, name).is_empty());
        let sets = !values(&self.response, "set-cookie").is_empty();
        let credentials = ["public", "s-maxage=60", "must-revalidate"].into_iter().any(says);
        let explicit = targeted || says("public") || says("s-maxage=60");
        let varies = values(&self.response, "vary");
        let lives = says("max-age=60") || says("s-maxage=60");
        [
            (says("no-store"), "no-store"),
            (says("private"), "private"),
            (says("no-cache"), "no-cache, and the origin never confirms"),
            (sets && !says("no-cache=\"set-cookie\""), "Set-Cookie"),
            (varies.iter().any(|name| name == "*"), "Vary: *"),
            (!varies.is_empty() && values(&self.first, "x-a") != values(&self.second, "x-a"), "Vary"),
            (either("authorization") && !credentials, "Authorization"),
            (either("cookie") && !explicit, "Cookie"),
            (!values(&self.first, "cache-control").is_empty(), "no-store in the request"),
            (!lives || self.between > 60, "stale, and the origin never confirms"),
        ]
        .into_iter()
        .find_map(|(forbids, why)| forbids.then_some(why))
    }
}

/// What the origin sends now: lines, and by which clock.
type Sending = Arc<Mutex<(Vec<Line>, Timestamp)>>;

/// An origin that numbers its answers and never confirms one.
async fn front(sending: &Sending) -> Front {
    let (sending, answers) = (sending.clone(), AtomicUsize::new(0));
    Front::new("rules: {}\n", move |_| {
        let (lines, at) = sending.lock().expect("no panic").clone();
        let number = answers.fetch_add(1, Ordering::SeqCst);
        let mut response = Response::builder().header("date", at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
        for (name, value) in lines {
            response = response.header(name, value);
        }
        response.body(Body::full(format!("answer {number}"))).expect("a response")
    })
    .await
}

#[test]
fn what_is_forbidden_is_never_served_to_a_second_client() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sending: Sending = Arc::new(Mutex::new((Vec::new(), NOW.parse().expect("a time"))));
    let front = runtime.block_on(front(&sending));
    let (number, shared) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut runner = TestRunner::new(Config { cases: 512, failure_persistence: None, ..Config::default() });
    let ran = runner.run(&case(), |case| {
        let path = format!("/{}", number.fetch_add(1, Ordering::SeqCst));
        let start = sending.lock().expect("no panic").1 + SignedDuration::from_secs(1000);
        let ask = async |lines: &[Line], after: i64| {
            let now = start + SignedDuration::from_secs(after);
            *sending.lock().expect("no panic") = (case.response.clone(), now);
            front.app.exchange().clock.set(now);
            front.get_with(&path, lines).await
        };
        let (first, second) =
            runtime.block_on(async { (ask(&case.first, 0).await, ask(&case.second, case.between).await) });
        let same = first.text() == second.text();
        if let Some(why) = case.forbidden() {
            prop_assert!(!same, "{why}: {second:?}");
        }
        prop_assert!(!same || second.header("set-cookie").is_none(), "a cookie was shared: {second:?}");
        shared.fetch_add(usize::from(same), Ordering::SeqCst);
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
    assert!(shared.into_inner() > 0, "something is shared where nothing forbids it");
}
