//! Consent: by whom it is given and how, and that without it nobody is recognised or remembered.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::house::{Answer, Front, NOW, page};

const RULES: &str = r#"
rules:
  r:
    match: { path: /page }
    inject:
      - select: p
        place: inner
        template: "{{ visitor.consent.store }} {{ visitor.consent.personalise }} {{ visitor.consent.measure }} {{ visitor.id or 'nobody' }}"
"#;

async fn front(visitor: &str) -> Front {
    let deployment = format!("visitor: {{ secret: 'a secret of thirty-two letters, or more', {visitor} }}\n");
    Front::with(&deployment, &[("rules/a.yaml", RULES)], |_| page("<p>origin</p>")).await
}

fn shown(answer: &Answer) -> &str {
    answer.text().strip_prefix("<p>").and_then(|text| text.strip_suffix("</p>")).expect("the page")
}

/// A TCF string that was last updated so many days before now.
fn tcf(purposes: &[usize], days_ago: i64) -> String {
    let mut bits = vec![false; 240];
    let mut write = |first: usize, length: usize, value: u64| {
        (0..length).for_each(|at| bits[first + at] = value >> (length - 1 - at) & 1 == 1);
    };
    let now: Timestamp = NOW.parse().expect("a time");
    let tenths = (now.as_second() - days_ago * 86_400) as u64 * 10;
    write(0, 6, 2);
    write(6, 36, tenths);
    write(42, 36, tenths);
    purposes.iter().for_each(|purpose| write(151 + purpose, 1, 1));
    let byte = |bits: &[bool]| bits.iter().fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit));
    URL_SAFE_NO_PAD.encode(bits.chunks(8).map(byte).collect::<Vec<_>>())
}

#[tokio::test]
async fn a_tcf_string_says_what_for() {
    let front = front("consent: { tcf: { personalise: [5, 6] } }").await;
    let cases = [
        (tcf(&[1, 5, 6, 8], 3), "true true true"),
        (tcf(&[1, 5], 3), "true false false"),
        (tcf(&[5, 6], 3), "false true false"),
        (tcf(&[1, 5, 6, 8], 390), "true true true"),
        (format!("{}.IFoEUQQg.YAAAAAAAAAA", tcf(&[1, 5, 6, 8], 3)), "true true true"),
        (tcf(&[1, 5, 6, 8], 400), "false false false"),
        (tcf(&[1, 5, 6, 8], -5), "false false false"),
        (tcf(&[], 3), "false false false"),
        ("garbage".to_owned(), "false false false"),
        (format!("{}%", tcf(&[1, 5, 6, 8], 3)), "false false false"),
        (format!("{}.{}", tcf(&[1, 5, 6, 8], 3), "A".repeat(20_000)), "false false false"),
        (format!("B{}", &tcf(&[1, 5, 6, 8], 3)[1..]), "false false false"),
    ];
    for (string, expected) in cases {
        let answer = front.get_with("/page", &[("cookie", &format!("a=1; euconsent-v2={string}"))]).await;
        let (said, id) = shown(&answer).rsplit_once(' ').expect("an id");
        let start = &string[..string.len().min(60)];
        assert_eq!(said, expected, "{start}");
        let stored = expected.starts_with("true");
        assert_eq!((id != "nobody", answer.visitor_cookie().is_some()), (stored, stored), "{start}");
    }
    let refused = [("cookie", &*format!("euconsent-v2={}", tcf(&[1, 5, 6, 8], 3))), ("sec-gpc", "1")];
    assert_eq!(shown(&front.get_with("/page", &refused).await), "false false false nobody");
}

#[tokio::test]
async fn a_proxy_may_tell_the_choice_and_dnt_counts_where_it_is_asked() {
    let by_header = front("consent: { required: { header: X-Choice, value: all } }").await;
    assert!(shown(&by_header.get_with("/page", &[("x-choice", "all")]).await).starts_with("true true true "));
    assert_eq!(shown(&by_header.get_with("/page", &[("cookie", "x-choice=all")]).await), "false false false nobody");
    let heeding = front("consent: implied, do_not_track: true").await;
    assert_eq!(shown(&heeding.get_with("/page", &[("dnt", "1")]).await), "false false false nobody");
    assert!(shown(&heeding.get_with("/page", &[("dnt", "0")]).await).starts_with("true true true "));
}

#[tokio::test]
async fn who_withdraws_consent_is_nobody_and_loses_the_cookie() {
    let front = front("consent: implied").await;
    let first = front.get("/page").await;
    let cookie = first.visitor_cookie().expect("a cookie");
    let answer = front.get_with("/page", &[("cookie", cookie), ("sec-gpc", "1")]).await;
    assert_eq!(shown(&answer), "false false false nobody");
    let line = answer.visitor_line().expect("the cookie is taken away");
    assert!(line.starts_with("inlay_visitor=;") && line.contains("Max-Age=0"), "{line}");
    assert_eq!(answer.header("cache-control"), Some("private, no-cache".to_owned()), "nobody else may be told that");

    let forged = front.get_with("/page", &[("cookie", "inlay_visitor=x.1.y"), ("sec-gpc", "1")]).await;
    assert_eq!(forged.header("set-cookie"), None, "what we did not set is not ours to take");
    let untouched = front.get_with("/other", &[("cookie", cookie), ("sec-gpc", "1")]).await;
    assert_eq!(untouched.header("set-cookie"), None, "a path without rules passes untouched");
}

/// Whatever else a request says: without a yes nothing is set, nobody has an id, and the page is there.
#[test]
fn without_consent_no_request_is_remembered() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let front = runtime.block_on(front("consent: { required: { cookie: choice, value: \"yes\" } }"));
    let words = prop::sample::select(vec!["yes", "no", "YES", " yes x", "\"yes\"", "", "1"]);
    let names = prop::sample::select(vec!["choice", "Choice", "choice2", "inlay_visitor", "a"]);
    let pairs = prop::collection::vec((names, words), 0..4);
    let gpc = prop::option::of(prop::sample::select(vec!["1", "0", "?1"]));
    let mut runner = TestRunner::new(Config::with_cases(64));
    let result = runner.run(&(pairs, gpc), |(pairs, gpc)| {
        let cookie = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let said = pairs.iter().find(|(name, _)| *name == "choice").map(|(_, value)| *value);
        let given = said == Some("yes") && gpc != Some("1");
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(gpc.map(|gpc| ("sec-gpc", gpc)));
        let answer = runtime.block_on(front.get_with("/page", &headers));
        prop_assert_eq!(answer.visitor_line().is_some(), given);
        prop_assert_eq!(shown(&answer) == "false false false nobody", !given);
        Ok(())
    });
    result.expect("promise 8");
}
