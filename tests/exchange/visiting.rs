//! Who the visitor is: the cookie and its life, consent, shares, and what code may read.

use std::sync::{Arc, Mutex};

use http::{HeaderMap, Request, Response};
use inlay::exchange::Switch;
use inlay::http::Body;

use super::house::{Answer, Front, page};

const OLD: &str = "an old secret of thirty-two letters";
const NEW: &str = "a new secret of thirty-two letters!";

/// A rule that prints `printed` in the place of the origin's word.
fn printing(printed: &str) -> String {
    format!(
        "rules:\n  r:\n    match: {{ path: /** }}\n    inject:\n      - {{ select: p, place: inner, template: \"{printed}\" }}\n"
    )
}

async fn front(deployment: &str, printed: &str) -> Front {
    Front::with(deployment, &[("rules/a.yaml", &printing(printed))], |_| page("<p>origin</p>")).await
}

fn shown(answer: &Answer) -> &str {
    answer.text().strip_prefix("<p>").and_then(|text| text.strip_suffix("</p>")).expect("the page")
}

#[tokio::test]
async fn the_cookie_is_first_party_and_brings_the_visitor_back() {
    let secret = format!("visitor: {{ secret: '{NEW}' }}\n");
    let front = front(&secret, "{{ visitor.id }} {{ visitor.returning }} {{ visitor.identified }}").await;
    let first = front.get("/").await;
    let line = first.visitor_line().expect("a cookie");
    let attributes: Vec<&str> = line.split("; ").skip(1).collect();
    for attribute in ["Path=/", "HttpOnly", "SameSite=Lax"] {
        assert!(attributes.contains(&attribute), "{attribute} in {line}");
    }
    assert!(attributes.iter().any(|attribute| attribute.starts_with("Max-Age=")), "{line}");
    assert!(!line.contains("Secure") && !line.contains("Domain"), "{line}");

    let cookie = first.visitor_cookie().expect("a cookie");
    let id = cookie.split(['=', '.']).nth(1).expect("an id");
    assert_eq!(shown(&first), format!("{id} false false"));
    let second = front.get_with("/", &[("cookie", cookie)]).await;
    assert_eq!(shown(&second), format!("{id} true false"));
    assert_eq!(second.header("set-cookie"), None, "a good cookie is not set again");
    let other = front.get("/").await;
    assert_ne!(other.visitor_cookie(), Some(cookie), "two visitors are two");
}

#[tokio::test]
async fn forged_and_damaged_cookies_are_replaced() {
    let secret = format!("visitor: {{ secret: '{NEW}' }}\n");
    let front = front(&secret, "{{ visitor.id }} {{ visitor.returning }}").await;
    let first = front.get("/").await;
    let good = first.visitor_cookie().expect("a cookie").to_owned();
    let id = good.split(['=', '.']).nth(1).expect("an id");
    let damaged = [
        good.replace(id, "AAAAAAAAAAAAAAAAAAAAAA"),
        good[..good.len() - 3].to_owned(),
        format!("{good}x"),
        "inlay_visitor=".to_owned(),
        "inlay_visitor=\"\u{e9}".to_owned(),
    ];
    for cookie in damaged {
        let answer = front.get_with("/", &[("cookie", &cookie)]).await;
        let new = answer.visitor_cookie().unwrap_or_else(|| panic!("`{cookie}` should be replaced"));
        assert_ne!(new, cookie);
        assert!(shown(&answer).ends_with(" false"), "{cookie}: {}", shown(&answer));
    }
}

#[tokio::test]
async fn keys_rotate_while_it_runs() {
    let deployment = |secrets: &str| format!("visitor: {{ secret: {secrets} }}\n");
    let front = front(&deployment(&format!("'{OLD}'")), "{{ visitor.id }} {{ visitor.returning }}").await;
    let first = front.get("/").await;
    let old = first.visitor_cookie().expect("a cookie").to_owned();
    let id = old.split(['=', '.']).nth(1).expect("an id").to_owned();
    let file = std::fs::read_to_string(front.folder.path().join("inlay.yaml")).expect("a file");
    let rotate = |secrets: &str| {
        front.write("inlay.yaml", &file.replace(&deployment(&format!("'{OLD}'")), &deployment(secrets)));
        front.app.reload();
    };

    rotate(&format!("['{NEW}', '{OLD}']"));
    let answer = front.get_with("/", &[("cookie", &old)]).await;
    assert_eq!(shown(&answer), format!("{id} true"), "the old key is still accepted");
    let new = answer.visitor_cookie().expect("a cookie signed by the new key").to_owned();
    assert_ne!(new, old);

    rotate(&format!("'{NEW}'"));
    assert_eq!(shown(&front.get_with("/", &[("cookie", &new)]).await), format!("{id} true"));
    let answer = front.get_with("/", &[("cookie", &old)]).await;
    assert!(answer.visitor_cookie().is_some() && !answer.text().contains(&id), "a key that is gone is gone");
}

#[tokio::test]
async fn the_origin_gets_every_cookie_but_ours() {
    let seen = Arc::new(Mutex::new(HeaderMap::new()));
    let origin_seen = seen.clone();
    let origin = move |request: Request<Body>| -> Response<Body> {
        *origin_seen.lock().expect("no panic") = request.headers().clone();
        page("<p>origin</p>")
    };
    let deployment = "protect: [/checkout]\n";
    let front = Front::with(deployment, &[("rules/a.yaml", &printing("{{ visitor.returning }}"))], origin).await;
    let first = front.get("/").await;
    let ours = first.visitor_cookie().expect("a cookie");
    let cases = [
        (ours.to_owned(), None),
        (format!("{ours}; a=1"), Some("a=1")),
        (format!("a=1; {ours}"), Some("a=1")),
        (format!("a=\"x y\";b=%20; {ours}; inlay_visitor2=c;d"), Some("a=\"x y\";b=%20; inlay_visitor2=c;d")),
        (format!("{ours}; a=1; {ours}"), Some("a=1")),
        ("a=1;  b=2;;c".to_owned(), Some("a=1;  b=2;;c")),
    ];
    for path in ["/", "/checkout"] {
        for (sent, expected) in &cases {
            front.get_with(path, &[("cookie", sent)]).await;
            let seen = seen.lock().expect("no panic").get("cookie").cloned();
            let seen = seen.as_ref().map(|value| value.to_str().expect("ASCII"));
            assert_eq!(seen, *expected, "{path}: {sent}");
        }
    }
    front.app.exchange().switch(Switch::Off);
    front.get_with("/", &[("cookie", ours)]).await;
    assert!(!seen.lock().expect("no panic").contains_key("cookie"), "not while switched off either");
}

#[tokio::test]
async fn without_consent_nothing_is_set_and_the_page_is_contextual() {
    let printed =
        "{{ request.path }} {{ visitor.consent.personalise }} {{ visitor.id or 'nobody' }} {{ visitor.returning }}";
    let required = "visitor: { consent: { required: { cookie: choice, value: \"yes\" } } }\n";
    let gpc = ("sec-gpc", "1");
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, Headers<'_>, bool); 8] = [
        ("", &[], true),
        ("", &[gpc], false),
        ("", &[("sec-gpc", "0")], true),
        (required, &[], false),
        (required, &[("cookie", "choice=no")], false),
        (required, &[("cookie", "a=1; choice=yes")], true),
        (required, &[("cookie", "choice=yes"), gpc], false),
        (required, &[("cookie", "choice=YES")], false),
    ];
    for (deployment, headers, given) in cases {
        let front = front(deployment, printed).await;
        let answer = front.get_with("/page", headers).await;
        assert_eq!(answer.visitor_cookie().is_some(), given, "{deployment}{headers:?}");
        match given {
            true => assert!(shown(&answer).starts_with("/page true "), "{headers:?}: {}", shown(&answer)),
            false => assert_eq!(shown(&answer), "/page false nobody false", "{headers:?}"),
        }
    }
}

#[tokio::test]
async fn the_cookie_goes_only_where_no_cache_shares() {
    let rules = printing("{{ request.path }}");
    let front = Front::with("", &[("rules/a.yaml", &rules)], |request| {
        let mut response = page("<p>origin</p>");
        let control = match request.uri().path() {
            "/private" => "private, max-age=60",
            "/secret" => "No-Store",
            _ => "public, max-age=60",
        };
        response.headers_mut().insert("cache-control", control.parse().expect("a header"));
        response
    })
    .await;
    for (path, expected) in [("/", false), ("/private", true), ("/secret", true)] {
        assert_eq!(front.get(path).await.visitor_line().is_some(), expected, "{path}");
    }
}

#[tokio::test]
async fn a_share_is_of_visitors_and_keeps_them() {
    let rules = printing("in").replace("    inject", "    share: 20%\n    inject");
    let front = Front::new(&rules, |_| page("<p>out</p>")).await;
    let mut inside = 0;
    for _ in 0..600 {
        let first = front.get("/").await;
        let cookie = first.visitor_cookie().expect("a cookie");
        let again = front.get_with("/", &[("cookie", cookie)]).await;
        assert_eq!(shown(&first), shown(&again), "a visitor stays where they were");
        inside += usize::from(shown(&first) == "in");
    }
    // Six standard deviations around 120.
    assert!((61..180).contains(&inside), "{inside} of 600 are in a share of 20 %");
    let nobody = front.get_with("/", &[("sec-gpc", "1")]).await;
    assert_eq!(shown(&nobody), "out", "a share needs somebody who may be recognised");
}

#[tokio::test]
async fn code_sees_what_is_exposed_and_never_credentials() {
    let headers = [
        ("cookie", "tier=gold; other=1"),
        ("authorization", "Bearer secret"),
        ("proxy-authorization", "Basic secret"),
        ("accept-language", "nl"),
        ("x-app", "shop"),
    ];
    let cases = [
        ("", "{{ request.cookies.tier }} {{ request.cookies.other }} {{ request.headers['x-app'] }}", "gold 1 shop"),
        ("", "{{ request.cookies.inlay_visitor or 'hidden' }}", "hidden"),
        ("", "{{ request.cookies|list|join(' ') }}", "tier other"),
        ("", "{{ request.headers.authorization or 'hidden' }}", "hidden"),
        ("", "{{ request.headers['Authorization'] or request.headers['proxy-authorization'] or 'hidden' }}", "hidden"),
        ("", "{{ request.headers.cookie or 'hidden' }}", "hidden"),
        ("", "{{ 'authorization' in request.headers }} {{ 'secret' in (request.headers|tojson) }}", "false false"),
        (
            "expose: { cookies: [tier] }\n",
            "{{ request.cookies.tier }} {{ request.cookies.other or 'hidden' }}",
            "gold hidden",
        ),
        ("expose: { cookies: [tier] }\n", "{{ request.cookies|list|join(' ') }}", "tier"),
        ("expose: { headers: [accept-language] }\n", "{{ request.headers['x-app'] or 'hidden' }}", "hidden"),
        ("expose: { headers: [accept-language] }\n", "{{ request.headers|list|join(' ') }}", "accept-language"),
    ];
    for (deployment, printed, expected) in cases {
        let front = front(deployment, printed).await;
        let first = front.get("/").await;
        let cookie = format!("{}; tier=gold; other=1", first.visitor_cookie().expect("a cookie"));
        let mut headers = headers;
        headers[0].1 = &cookie;
        assert_eq!(shown(&front.get_with("/", &headers).await), expected, "{printed} {deployment}");
    }
}

#[tokio::test]
async fn the_cookie_is_secure_where_the_client_used_tls() {
    for (deployment, claim, secure) in [
        ("trusted_proxies: [127.0.0.0/8]\n", "https", true),
        ("trusted_proxies: [127.0.0.0/8]\n", "http", false),
        ("", "https", false),
    ] {
        let front = front(deployment, "{{ visitor.returning }}").await;
        let answer = front.get_with("/", &[("x-forwarded-proto", claim), ("x-forwarded-for", "192.0.2.1")]).await;
        let line = answer.visitor_line().expect("a cookie");
        assert_eq!(line.contains("; Secure"), secure, "{deployment}{claim}: {line}");
    }
}
