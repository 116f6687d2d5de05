//! How sources know us; and that no secret is ever shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::api::{Api, fronted, json, status};

const PAGE: &str = "<p>own</p>";

fn rules(source: &str) -> String {
    format!(
        "sources:\n  s:\n    allow_private: true\n    retries: 0\n    url: 'http://API/x?a=1'\n{source}\nrules:\n  r:\n    match: {{ path: \
         /** }}\n    inject:\n      - {{ select: p, place: inner, deadline: 5s, template: '{{{{ sources.s().n }}}}' }}\n"
    )
}

#[tokio::test]
async fn fields_carry_what_was_agreed_on() {
    for (auth, name, value) in [
        ("basic: { user: ann, password: s3cret }", "authorization", format!("Basic {}", STANDARD.encode("ann:s3cret"))),
        ("bearer: t0ken", "authorization", "Bearer t0ken".to_owned()),
        ("header: { name: x-api-key, value: k3y }", "x-api-key", "k3y".to_owned()),
    ] {
        let api = Api::new(|_| json(r#"{ "n": 1 }"#));
        let front = fronted(PAGE, &rules(&format!("    auth: {{ {auth} }}")), &api).await;
        assert_eq!(front.get("/").await.text(), "<p>1</p>");
        assert_eq!(api.came()[0].headers[name], value, "{auth}");
    }
}

#[tokio::test]
async fn a_request_is_signed() {
    let api = Api::new(|_| json(r#"{ "n": 1 }"#));
    let source =
        "    body: '{ \"q\": 1 }'\n    idempotent: true\n    auth: { hmac: { secret: k3y, prefix: 'sha256=' } }";
    let front = fronted(PAGE, &rules(source), &api).await;
    assert_eq!(front.get("/").await.text(), "<p>1</p>");
    let came = &api.came()[0];
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let timestamp = came.headers["x-timestamp"].to_str().expect("ASCII");
    let signed = format!("POST\n/x?a=1\n{timestamp}\n{}", hex(&Sha256::digest(&came.body)));
    let mut mac = Hmac::<Sha256>::new_from_slice(b"k3y").expect("a key");
    mac.update(signed.as_bytes());
    let expected = format!("sha256={}", hex(&mac.finalize().into_bytes()));
    assert_eq!(came.headers["x-signature"], expected);
}

/// One token for all, another when it is not taken any more.
#[tokio::test]
async fn a_token_is_had_once_and_anew_when_it_is_refused() {
    let granted = Arc::new(AtomicUsize::new(0));
    let count = granted.clone();
    let api = Api::new(move |came| match came.target.as_str() {
        "/token" => {
            let n = count.fetch_add(1, Ordering::SeqCst);
            json(format!("{{ \"access_token\": \"t{n}\", \"token_type\": \"Bearer\", \"expires_in\": 3600 }}"))
        }
        _ => match came.headers.get("authorization").map(|value| value.to_str().expect("ASCII").to_owned()) {
            Some(token) if token == "Bearer t1" => json(r#"{ "n": 1 }"#),
            _ => status(401),
        },
    });
    let source = "    auth: { oauth2: { token_url: 'http://API/token', client_id: 'me:too', client_secret: s3cret, scope: read } }";
    let front = fronted(PAGE, &rules(source), &api).await;
    for _ in 0..3 {
        assert_eq!(front.get("/").await.text(), "<p>1</p>");
    }
    assert_eq!(granted.load(Ordering::SeqCst), 2);
    let asked = api.came().into_iter().find(|came| came.target == "/token").expect("a request for a token");
    assert_eq!(asked.body, "grant_type=client_credentials&scope=read");
    assert_eq!(asked.headers["authorization"], format!("Basic {}", STANDARD.encode("me%3Atoo:s3cret")));
}

/// Whatever goes wrong, what is told of it holds no secret.
#[tokio::test]
async fn secrets_are_not_shown() {
    let api = Api::new(|_| status(403));
    let source = "    headers: { x-key: SESAME }\n    auth: { bearer: SESAME }";
    let front = fronted(PAGE, &rules(source), &api).await;
    let answer = front.get("/").await;
    assert_eq!(answer.text(), PAGE);
    assert!(!format!("{:?}", answer.headers).contains("SESAME"));
    for path in ["/metrics", "/api/v1/revision"] {
        assert!(!front.admin("GET", path).await.text().contains("SESAME"), "{path}");
    }
}
