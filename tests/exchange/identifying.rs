//! Logins, known by the token of the site's own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::house::{Answer, Front, NOW, page};

const RULES: &str = r#"
rules:
  r:
    match: { path: /** }
    inject:
      - select: p
        place: inner
        template: "{{ visitor.identified }} {{ visitor.customer or '?' }} {{ visitor.traits.tier or '?' }} {{ visitor.traits.groups[1] or '?' }}"
"#;
const NOBODY: &str = "<p>false ? ? ?</p>";
const ANN: &str = "<p>true ann gold b</p>";

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whoever issues tokens.
pub struct Issuer {
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
    random: SystemRandom,
}

impl Issuer {
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let ec = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let ec = EcdsaKeyPair::from_pkcs8(algorithm, ec.as_ref(), &random).expect("a key");
        let ed = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        let ed = Ed25519KeyPair::from_pkcs8(ed.as_ref()).expect("a key");
        Self { ec, ed, random }
    }

    pub fn keys(&self) -> String {
        let point = self.ec.public_key().as_ref();
        json!({ "keys": [
            { "kty": "EC", "crv": "P-256", "kid": "one", "use": "sig", "x": text(&point[1..33]), "y": text(&point[33..]) },
            { "kty": "OKP", "crv": "Ed25519", "kid": "two", "x": text(self.ed.public_key()) },
        ] })
        .to_string()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", text(header.to_string()), text(claims.to_string()));
        let signature = match header["alg"].as_str() {
            Some("EdDSA") => self.ed.sign(message.as_bytes()).as_ref().to_vec(),
            _ => self.ec.sign(&self.random, message.as_bytes()).expect("a signature").as_ref().to_vec(),
        };
        format!("{message}.{}", text(signature))
    }

    pub fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = claims();
        change(&mut claims);
        self.sign(&json!({ "alg": "ES256", "kid": "one" }), &claims)
    }
}

fn seconds(from_now: i64) -> i64 {
    NOW.parse::<Timestamp>().expect("a time").as_second() + from_now
}

fn claims() -> Value {
    json!({
        "sub": "ann", "iss": "https://login.example", "aud": ["shop", "other"], "exp": seconds(60),
        "loyalty": { "tier": "gold" }, "groups": ["a", "b"],
    })
}

async fn front(issuer: &Issuer, consent: &str) -> Front {
    let jwt = "{ cookie: login, keys: jwks.json, algorithms: ES256, issuer: https://login.example, audience: shop, leeway: 30s, traits: { tier: loyalty.tier, groups: groups } }";
    let visitor = format!("visitor: {{ consent: {consent}, identify: {{ jwt: {jwt} }} }}\n");
    let files = [("jwks.json", issuer.keys()), ("rules/a.yaml", RULES.to_owned())];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    Front::with(&visitor, &files, |_| page("<p></p>")).await
}

async fn with(front: &Front, token: &str) -> Answer {
    front.get_with("/", &[("cookie", &format!("login={token}"))]).await
}

#[tokio::test]
async fn a_verified_token_tells_who_it_is() {
    let issuer = Issuer::new();
    let front = front(&issuer, "implied").await;
    let answer = with(&front, &issuer.token(|_| {})).await;
    assert_eq!(answer.text(), ANN);
    assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-cache"));
    assert_eq!(front.get("/").await.text(), NOBODY, "who has no token, or none any more, is not known by it");
    let without_kid = issuer.sign(&json!({ "alg": "ES256" }), &claims());
    assert_eq!(with(&front, &without_kid).await.text(), ANN);
    assert_eq!(with(&front, &issuer.token(|claims| claims["exp"] = json!(seconds(-29)))).await.text(), ANN, "leeway");
    let number = issuer.token(|claims| claims["sub"] = json!(17));
    assert!(with(&front, &number).await.text().starts_with("<p>true 17 "));
}

#[tokio::test]
async fn what_is_not_signed_right_is_nobody() {
    let issuer = Issuer::new();
    let front = front(&issuer, "implied").await;
    let good = issuer.token(|_| {});
    let (message, _) = good.rsplit_once('.').expect("a signature");
    let (_, claims_part) = message.split_once('.').expect("claims");
    let none = format!("{}.{claims_part}.", text(json!({ "alg": "none" }).to_string()));
    let cases = [
        ("another issuer's key", Issuer::new().token(|_| {})),
        ("an algorithm that is not named", issuer.sign(&json!({ "alg": "EdDSA", "kid": "two" }), &claims())),
        ("a secret instead of a key", issuer.sign(&json!({ "alg": "HS256", "kid": "one" }), &claims())),
        ("no signature", none),
        ("an empty signature", format!("{message}.")),
        ("a key that is not known", issuer.sign(&json!({ "alg": "ES256", "kid": "three" }), &claims())),
        ("an extension", issuer.sign(&json!({ "alg": "ES256", "kid": "one", "crit": ["x"], "x": 1 }), &claims())),
        ("run out", issuer.token(|claims| claims["exp"] = json!(seconds(-30)))),
        ("no end", issuer.token(|claims| claims["exp"] = Value::Null)),
        ("not yet", issuer.token(|claims| claims["nbf"] = json!(seconds(31)))),
        ("another's", issuer.token(|claims| claims["iss"] = json!("https://evil.example"))),
        ("for another", issuer.token(|claims| claims["aud"] = json!("bank"))),
        ("for nobody", issuer.token(|claims| claims["aud"] = Value::Null)),
        ("nobody's", issuer.token(|claims| claims["sub"] = json!(" "))),
        ("a long id", issuer.token(|claims| claims["sub"] = json!("a".repeat(300)))),
        ("large traits", issuer.token(|claims| claims["groups"] = json!("a".repeat(9_000)))),
        ("garbage", "a.b.c".to_owned()),
        ("huge", "a".repeat(20_000)),
        ("changed", good.replace(claims_part, &text(claims().to_string().replace("ann", "bob")))),
    ];
    for (what, token) in cases {
        assert_eq!(with(&front, &token).await.text(), NOBODY, "{what}");
    }
}

#[tokio::test]
async fn without_consent_a_login_is_nobody() {
    let issuer = Issuer::new();
    let front = front(&issuer, "{ required: { cookie: choice, value: all } }").await;
    let token = issuer.token(|_| {});
    assert_eq!(with(&front, &token).await.text(), NOBODY);
    assert_eq!(with(&front, &format!("{token}; choice=all")).await.text(), ANN);
}
