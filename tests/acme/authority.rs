//! A certificate authority that speaks ACME (RFC 8555), as far as a client can ask.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use inlay::http::Body;
use inlay::http::security::CertificateFiles;
use inlay::server::tls::Tls;
use inlay::server::{ListenerSettings, Server};
use inlay::shutdown::{Trigger, shutdown};
use rcgen::{CertificateParams, CertificateSigningRequestParams, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::jws::{self, Signed};
use crate::looking;

/// An authority, until it is dropped.
pub struct Authority {
    pub state: Arc<State>,
    _running: Trigger,
}

pub struct State {
    address: SocketAddr,
    pub folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    pub root: rcgen::Certificate,
    /// Where domains lead: each of these is looked at.
    pub http: Mutex<Vec<SocketAddr>>,
    pub tls: Mutex<Vec<SocketAddr>>,
    /// Seconds for which certificates hold.
    pub life: AtomicI64,
    nonces: Mutex<HashSet<String>>,
    /// Keys by the URL of their account.
    pub accounts: Mutex<HashMap<String, Value>>,
    orders: Mutex<Vec<Order>>,
    counter: AtomicUsize,
    pub issued: AtomicUsize,
}

struct Order {
    names: Vec<String>,
    /// One for each name.
    proved: Vec<Option<bool>>,
    certificate: Option<String>,
}

type Answer = Result<(u16, Option<String>, Value), &'static str>;

impl Authority {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec![]).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = parameters.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), root.pem()).unwrap();
        let issuer = Issuer::new(parameters, key);
        let own = KeyPair::generate().unwrap();
        let names = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let pem = own.serialize_pem() + &names.signed_by(&own, &issuer).unwrap().pem();
        std::fs::write(folder.path().join("own.pem"), pem).unwrap();
        let file = folder.path().join("own.pem");
        let tls = Tls::load(vec![CertificateFiles::new(file.clone(), file)]).unwrap();
        let listener = ListenerSettings { tls: Some(tls), ..ListenerSettings::plain("127.0.0.1:0".parse().unwrap()) };
        let server = Server::bind(vec![listener]).unwrap();
        let state = Arc::new(State {
            address: server.addresses()[0],
            folder,
            issuer,
            root,
            http: Mutex::default(),
            tls: Mutex::default(),
            life: AtomicI64::new(90 * 24 * 3600),
            nonces: Mutex::default(),
            accounts: Mutex::default(),
            orders: Mutex::default(),
            counter: AtomicUsize::new(0),
            issued: AtomicUsize::new(0),
        });
        let (running, handle) = shutdown();
        let served = state.clone();
        tokio::spawn(server.run(move |request| serve(served.clone(), request), handle));
        Self { state, _running: running }
    }

    pub fn directory(&self) -> String {
        self.state.url("directory")
    }

    pub fn ca(&self) -> PathBuf {
        self.state.folder.path().join("ca.pem")
    }

    pub fn issued(&self) -> usize {
        self.state.issued.load(Ordering::Relaxed)
    }
}

async fn serve(state: Arc<State>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let answer = match (&head.method, path.as_str()) {
        (&Method::GET, "/directory") => Ok((200, None, state.directory())),
        (&Method::HEAD, "/nonce") => Ok((200, None, Value::Null)),
        (&Method::POST, _) => {
            let body = body.collect().await.unwrap().to_bytes();
            match state.verified(&path, &body) {
                Ok(signed) => state.post(&path, signed).await,
                Err(wrong) => Err(wrong),
            }
        }
        _ => Err("malformed"),
    };
    let response = Response::builder().header("replay-nonce", state.nonce()).header("cache-control", "no-store");
    match answer {
        Ok((status, location, value)) => {
            let response = response.status(status);
            let response = match location {
                Some(location) => response.header("location", location),
                None => response,
            };
            let body = match value {
                Value::Null => Body::empty(),
                Value::String(pem) => Body::full(pem),
                value => Body::full(value.to_string()),
            };
            response.body(body).unwrap()
        }
        Err(kind) => {
            let problem = json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": kind });
            response.status(400).body(Body::full(problem.to_string())).unwrap()
        }
    }
}

impl State {
    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}/{path}", self.address.port())
    }

    fn nonce(&self) -> String {
        let nonce = format!("nonce{}", self.counter.fetch_add(1, Ordering::Relaxed));
        self.nonces.lock().unwrap().insert(nonce.clone());
        nonce
    }

    fn directory(&self) -> Value {
        json!({ "newNonce": self.url("nonce"), "newAccount": self.url("account"), "newOrder": self.url("order") })
    }

    fn verified(&self, path: &str, body: &[u8]) -> Result<Signed, &'static str> {
        let signed = jws::verify(body, |account| self.accounts.lock().unwrap().get(account).cloned())?;
        if signed.url != self.url(&path[1..]) {
            return Err("unauthorized");
        }
        if self.nonces.lock().unwrap().remove(&signed.nonce) { Ok(signed) } else { Err("badNonce") }
    }

    async fn post(&self, path: &str, signed: Signed) -> Answer {
        let mut parts = path[1..].split('/');
        let kind = parts.next().unwrap_or_default();
        let numbers: Vec<usize> = parts.filter_map(|part| part.parse().ok()).collect();
        match (kind, numbers.as_slice()) {
            ("account", []) => Ok(self.account(&signed)),
            ("order", []) => Ok(self.order(&signed)),
            ("order", [order]) => Ok((200, None, self.order_state(*order))),
            ("authorization", [order, name]) => Ok((200, None, self.authorization(*order, *name))),
            ("challenge", [order, name, by]) => Ok((200, None, self.look(*order, *name, *by, &signed).await)),
            ("finalize", [order]) => self.finalize(*order, &signed),
            ("certificate", [order]) => {
                let pem = self.orders.lock().unwrap()[*order].certificate.clone().ok_or("orderNotReady")?;
                Ok((200, None, Value::String(pem)))
            }
            _ => Err("malformed"),
        }
    }

    fn account(&self, signed: &Signed) -> (u16, Option<String>, Value) {
        assert_eq!(signed.payload["termsOfServiceAgreed"], true);
        let mut accounts = self.accounts.lock().unwrap();
        let url = self.url(&format!("account/{}", accounts.len()));
        accounts.insert(url.clone(), signed.key.clone());
        (201, Some(url), json!({ "status": "valid" }))
    }

    fn order(&self, signed: &Signed) -> (u16, Option<String>, Value) {
        let identifiers = signed.payload["identifiers"].as_array().expect("identifiers");
        let names: Vec<String> =
            identifiers.iter().map(|one| one["value"].as_str().expect("a name").to_owned()).collect();
        let number = {
            let mut orders = self.orders.lock().unwrap();
            orders.push(Order { proved: vec![None; names.len()], names, certificate: None });
            orders.len() - 1
        };
        (201, Some(self.url(&format!("order/{number}"))), self.order_state(number))
    }

    fn order_state(&self, number: usize) -> Value {
        let orders = self.orders.lock().unwrap();
        let order = &orders[number];
        let status = match () {
            () if order.certificate.is_some() => "valid",
            () if order.proved.contains(&Some(false)) => "invalid",
            () if order.proved.contains(&None) => "pending",
            () => "ready",
        };
        let identifiers: Vec<Value> = order.names.iter().map(|name| json!({ "type": "dns", "value": name })).collect();
        let authorizations: Vec<String> =
            (0..order.names.len()).map(|name| self.url(&format!("authorization/{number}/{name}"))).collect();
        json!({
            "status": status,
            "identifiers": identifiers,
            "authorizations": authorizations,
            "finalize": self.url(&format!("finalize/{number}")),
            "certificate": self.url(&format!("certificate/{number}")),
        })
    }

    fn token(order: usize, name: usize) -> String {
        format!("token-{order}-{name}")
    }

    fn authorization(&self, order: usize, name: usize) -> Value {
        let (domain, proved) = {
            let orders = self.orders.lock().unwrap();
            (orders[order].names[name].clone(), orders[order].proved[name])
        };
        let challenges: Vec<Value> = (0..2).map(|by| self.challenge(order, name, by, proved)).collect();
        let status = proved.map_or("pending", |proved| if proved { "valid" } else { "invalid" });
        json!({ "status": status, "identifier": { "type": "dns", "value": domain }, "challenges": challenges })
    }

    fn challenge(&self, order: usize, name: usize, by: usize, proved: Option<bool>) -> Value {
        let mut challenge = json!({
            "type": (["http-01", "tls-alpn-01"][by]),
            "url": self.url(&format!("challenge/{order}/{name}/{by}")),
            "token": Self::token(order, name),
            "status": proved.map_or("pending", |proved| if proved { "valid" } else { "invalid" }),
        });
        if proved == Some(false) {
            let problem = json!({ "type": "urn:ietf:params:acme:error:unauthorized", "detail": "nothing was found" });
            challenge["error"] = problem;
        }
        challenge
    }

    async fn look(&self, order: usize, name: usize, by: usize, signed: &Signed) -> Value {
        let domain = self.orders.lock().unwrap()[order].names[name].clone();
        let token = Self::token(order, name);
        let proof = format!("{token}.{}", signed.thumbprint);
        let places = [&self.http, &self.tls][by].lock().unwrap().clone();
        let mut found = false;
        for place in places {
            found |= match by {
                0 => looking::by_http(place, &domain, &token, &proof).await,
                _ => looking::by_tls(place, &domain, &proof).await,
            };
        }
        self.orders.lock().unwrap()[order].proved[name] = Some(found);
        // The failure is seen in the authorization, as with authorities that look later.
        self.challenge(order, name, by, Some(found).filter(|found| *found))
    }

    fn finalize(&self, number: usize, signed: &Signed) -> Answer {
        if self.order_state(number)["status"] != "ready" {
            return Err("orderNotReady");
        }
        let der = jws::decode(&signed.payload["csr"]);
        let mut asked = CertificateSigningRequestParams::from_der(&der.into()).map_err(|_| "badCSR")?;
        let names: HashSet<String> = asked
            .params
            .subject_alt_names
            .iter()
            .map(|name| match name {
                rcgen::SanType::DnsName(name) => name.as_str().to_owned(),
                other => panic!("{other:?}"),
            })
            .collect();
        let mut orders = self.orders.lock().unwrap();
        if names != orders[number].names.iter().cloned().collect() {
            return Err("badCSR");
        }
        let now = time::OffsetDateTime::now_utc();
        asked.params.not_before = now;
        asked.params.not_after = now + time::Duration::seconds(self.life.load(Ordering::Relaxed));
        let certificate = asked.signed_by(&self.issuer).map_err(|_| "badCSR")?;
        orders[number].certificate = Some(certificate.pem());
        self.issued.fetch_add(1, Ordering::Relaxed);
        drop(orders);
        Ok((200, None, self.order_state(number)))
    }
}
