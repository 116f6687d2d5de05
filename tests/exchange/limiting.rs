//! Rate limits: who asks too often is told so and when to come again, and nobody else is.

use http::StatusCode;
use inlay::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::house::{Front, NOW, page};

const LIMITS: &str = "\
rate_limits:
  logins: { match: { path: /login/**, method: POST }, rate: 6/m, burst: 2 }
  keys: { match: { path: /api/** }, by: { header: X-Key }, rate: 1/h }
";

fn later(seconds: i64) -> Timestamp {
    NOW.parse::<Timestamp>().expect("a time") + SignedDuration::from_secs(seconds)
}

impl Front {
    fn clock(&self) -> Clock {
        self.app.exchange().clock.clone()
    }

    async fn statuses(&self, method: &str, path: &str, headers: &[(&str, &str)], times: usize) -> Vec<u16> {
        let mut statuses = Vec::new();
        for _ in 0..times {
            statuses.push(self.send(method, path, headers, "").await.status.as_u16());
        }
        statuses
    }
}

#[tokio::test]
async fn too_many_are_answered_429_and_told_when_to_come_again() {
    let front = Front::with(LIMITS, &[], |_| page("<p>origin</p>")).await;
    assert_eq!(front.statuses("POST", "/login", &[], 2).await, [200, 200]);
    let refused = front.send("POST", "/login", &[], "name=ann").await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, Some("10".to_owned())));
    assert_eq!(refused.header("content-type").as_deref(), Some("application/problem+json"));
    assert_eq!(refused.header("cache-control").as_deref(), Some("no-store"));
    let told: Value = serde_json::from_slice(&refused.body).expect("JSON");
    assert_eq!((&told["status"], &told["title"]), (&429.into(), &"Too Many Requests".into()));
    // However the path is written, and while anything else may be asked.
    assert_eq!(front.statuses("POST", "//login/%61/../", &[], 1).await, [429]);
    assert_eq!(front.statuses("GET", "/login", &[], 9).await, [200; 9]);
    assert_eq!(front.metric("inlay_rate_limited_requests_total{site=\"default\",limit=\"logins\"}").await, 2.0);

    front.clock().set(later(9));
    let refused = front.send("POST", "/login", &[], "").await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after").as_deref()), (429, Some("1")));
    front.clock().set(later(10));
    assert_eq!(front.statuses("POST", "/login", &[], 2).await, [200, 429]);
    front.clock().set(later(60));
    assert_eq!(front.statuses("POST", "/login", &[], 3).await, [200, 200, 429]);
}

#[tokio::test]
async fn a_header_is_counted_by_its_value_and_a_client_by_its_true_address() {
    let deployment = format!("{LIMITS}trusted_proxies: 127.0.0.0/8\n");
    let front = Front::with(&deployment, &[], |_| page("<p>origin</p>")).await;
    for key in ["a", "b"] {
        assert_eq!(front.statuses("GET", "/api/x", &[("x-key", key)], 2).await, [200, 429], "{key}");
    }
    // Without the header, and for limits by client: as the trusted proxy tells, an IPv6 network as one.
    for client in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
        let told = [("x-forwarded-for", client)];
        assert_eq!(front.statuses("GET", "/api/x", &told, 2).await, [200, 429], "{client}");
        assert_eq!(front.statuses("POST", "/login", &told, 3).await, [200, 200, 429], "{client}");
    }
    let neighbour = [("x-forwarded-for", "2001:db8::2")];
    assert_eq!(front.statuses("GET", "/api/x", &neighbour, 1).await, [429]);
}

/// A limit guards the origin: it holds for what is never rewritten, and while nothing is.
#[tokio::test]
async fn protected_paths_and_a_pass_through_are_limited_too() {
    let deployment = "protect: /checkout/**\nrate_limits: { all: { rate: 3/h } }\n";
    let front = Front::with(deployment, &[], |_| page("<p>origin</p>")).await;
    assert_eq!(front.statuses("POST", "/checkout/pay", &[], 2).await, [200, 200]);
    front.app.exchange().switch(inlay::exchange::Switch::Off);
    assert_eq!(front.statuses("GET", "/", &[], 2).await, [200, 429]);
}

/// What is the site's own is its own, what stands at the top is counted over all that have none.
#[tokio::test]
async fn sites_share_the_limits_of_the_top_unless_they_have_their_own() {
    let deployment = "\
rate_limits: { all: { rate: 2/h } }
sites:
  a: { hosts: a.example }
  b: { hosts: b.example }
  own: { hosts: own.example, rate_limits: { all: { rate: 1/h } } }
  none: { hosts: none.example, rate_limits: {} }
";
    let front = Front::with(deployment, &[], |_| page("<p>origin</p>")).await;
    let of = async |host: &str, times| front.statuses("GET", "/", &[("host", host)], times).await;
    assert_eq!(of("own.example", 2).await, [200, 429]);
    assert_eq!(of("a.example", 1).await, [200]);
    assert_eq!(of("b.example", 2).await, [200, 429]);
    assert_eq!(of("a.example", 1).await, [429]);
    assert_eq!(of("none.example", 5).await, [200; 5]);
    for site in ["a", "b", "own"] {
        let metric = format!("inlay_rate_limited_requests_total{{site=\"{site}\",limit=\"all\"}}");
        assert_eq!(front.metric(&metric).await, 1.0, "{site}");
    }
}

#[tokio::test]
async fn a_reload_forgets_nothing_but_what_it_changes() {
    let front = Front::with(LIMITS, &[], |_| page("<p>origin</p>")).await;
    let before = std::fs::read_to_string(front.folder.path().join("inlay.yaml")).expect("a file");
    assert_eq!(front.statuses("POST", "/login", &[], 3).await, [200, 200, 429]);
    assert_eq!(front.statuses("GET", "/api/x", &[("x-key", "a")], 2).await, [200, 429]);
    front.write("inlay.yaml", &before.replace("burst: 2", "burst: 3"));
    let reloaded = front.app.reload();
    assert!(matches!(reloaded, inlay::app::Reloaded::Applied), "{reloaded:?}");
    assert_eq!(front.statuses("POST", "/login", &[], 4).await, [200, 200, 200, 429]);
    assert_eq!(front.statuses("GET", "/api/x", &[("x-key", "a")], 1).await, [429]);
    // A change of the rules alone.
    front.write(
        "rules/new.yaml",
        "rules: { r: { match: { path: / }, inject: [{ select: p, place: inner, html: NEW }] } }\n",
    );
    front.until("/", "NEW").await;
    assert_eq!(front.statuses("POST", "/login", &[], 1).await, [429]);
}

/// Behind a balancer of TCP the client is whom the PROXY protocol names, for limits and for the origin; what that client says
/// of itself counts only if it is a trusted proxy too.
#[tokio::test]
async fn behind_a_balancer_of_tcp_the_client_is_who_it_names() {
    let deployment = "\
listen: { address: 127.0.0.1:0, proxy_protocol: true }
trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]
rate_limits: { all: { rate: 1/h } }
";
    let front = Front::with(deployment, &[], |request| {
        let told = |name: &str| request.headers()[name].to_str().expect("ASCII").to_owned();
        page(format!("<p>{} | {}</p>", told("x-forwarded-for"), told("forwarded")))
    });
    let front = front.await;
    let asked = async |client: &str| {
        let mut stream = TcpStream::connect(front.address()).await.expect("a connection");
        let request = format!(
            "PROXY TCP4 {client} 10.0.0.1 4711 80\r\n\
             GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    };
    let answer = asked("192.0.2.7").await;
    assert!(answer.contains("<p>192.0.2.7 | for=192.0.2.7;proto=http;host=\"a\"</p>"), "{answer}");
    assert!(asked("192.0.2.7").await.starts_with("HTTP/1.1 429 "));
    // A CDN before the balancer.
    let answer = asked("10.0.0.9").await;
    assert!(answer.contains("<p>198.51.100.1, 10.0.0.9 | "), "{answer}");
    assert!(asked("10.0.0.8").await.starts_with("HTTP/1.1 429 "));
}
