//! How long connections to an origin live: over real sockets, with a clock that is moved where nothing is under way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Request;
use inlay::http::Body;
use inlay::http::client::{
    Address, Bounds, ClientSettings, Needs, Protocol, SendError, ServerClient, Timeouts, TrustSettings,
};
use inlay::limits;
use inlay::origin::Ejection;
use rustls::RootCertStore;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::house::{Setup, get, h2, raw_origin, read_until, text};

/// How many connections an origin has seen, and how many of them have ended.
#[derive(Clone, Default)]
struct Seen {
    opened: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

impl Seen {
    fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// Waits in true time until so many have ended.
    async fn closed(&self, count: usize) {
        let waiting = async {
            while self.closed.load(Ordering::SeqCst) < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("a connection that ends");
    }

    /// Serves `ok` on each connection for as long as it is open; without a bound of its own.
    async fn serve(&self, listener: TcpListener) -> SocketAddr {
        let (address, seen) = (listener.local_addr().unwrap(), self.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                seen.opened.fetch_add(1, Ordering::SeqCst);
                let seen = seen.clone();
                tokio::spawn(async move {
                    while read_until(&mut stream, "\r\n\r\n").await.contains("\r\n\r\n") {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                    }
                    seen.closed.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        address
    }
}

async fn here() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn client(url: &str, timeouts: Timeouts) -> ServerClient {
    let settings = ClientSettings {
        address: Address::Tcp(url.parse().unwrap()),
        protocol: Protocol::Auto,
        trust: TrustSettings::default(),
        timeouts,
        bounds: Bounds::default(),
    };
    ServerClient::new(&settings, RootCertStore::empty).unwrap()
}

async fn ask(client: &ServerClient, url: &str) -> Result<String, SendError> {
    let sent = client.send(Request::get(url).body(Body::empty()).unwrap(), Needs::Nothing).await;
    Ok(text(sent.map_err(|unanswered| unanswered.error)?).await)
}

/// So much time passes, and what is due in it happens in its turn.
async fn pass(time: Duration) {
    // What was read must have come home first: a connection that is still on its way back is not yet kept.
    tokio::time::sleep(Duration::from_millis(20)).await;
    tokio::time::pause();
    for _ in 0..time.as_secs() {
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
    }
    tokio::time::resume();
}

#[tokio::test]
async fn a_connection_is_left_when_it_is_old_however_much_it_is_used() {
    let seen = Seen::default();
    let url = format!("http://{}/", seen.serve(here().await).await);
    let client = client(&url, Timeouts::default());
    let step = limits::POOL_IDLE_WAIT / 2;
    let steps = u32::try_from(limits::ORIGIN_CONNECTION_AGE.as_secs() / step.as_secs()).unwrap();
    for _ in 0..steps {
        assert_eq!(ask(&client, &url).await.unwrap(), "ok");
        assert_eq!(seen.opened(), 1, "it is used again while it is young");
        pass(step).await;
    }
    assert_eq!(ask(&client, &url).await.unwrap(), "ok");
    assert_eq!(seen.opened(), 2, "names are resolved anew at least so often");
    seen.closed(1).await;
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed() {
    let seen = Seen::default();
    let url = format!("http://{}/", seen.serve(here().await).await);
    let idle = Duration::from_secs(7);
    let client = client(&url, Timeouts { idle, ..Timeouts::default() });
    ask(&client, &url).await.unwrap();
    pass(idle / 2).await;
    ask(&client, &url).await.unwrap();
    assert_eq!((seen.opened(), seen.closed.load(Ordering::SeqCst)), (1, 0), "it is kept meanwhile");
    pass(idle + 2 * limits::POOL_SWEEP_WAIT).await;
    // Nobody asks: it is closed all the same.
    seen.closed(1).await;
    ask(&client, &url).await.unwrap();
    assert_eq!(seen.opened(), 2);
}

#[tokio::test]
async fn all_addresses_of_a_name_are_tried() {
    let of_localhost: Vec<SocketAddr> = tokio::net::lookup_host("localhost:0").await.unwrap().collect();
    for address in &of_localhost {
        // Nobody listens on the name's other addresses.
        let Ok(listener) = TcpListener::bind(address).await else { continue };
        let seen = Seen::default();
        let url = format!("http://localhost:{}/", seen.serve(listener).await.port());
        assert_eq!(ask(&client(&url, Timeouts::default()), &url).await.unwrap(), "ok", "{address}");
        assert_eq!(seen.opened(), 1);
    }
    // All of them refuse.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://localhost:{port}/");
    let refused = ask(&client(&url, Timeouts::default()), &url).await.unwrap_err();
    assert!(matches!(refused, SendError::Unreachable(_)), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_dies_in_mid_body_is_not_asked_again_for_the_same() {
    let dying = raw_origin("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
    let (seen, whole) = (Seen::default(), here().await);
    let whole = seen.serve(whole).await;
    let urls = vec![format!("http://{dying}"), format!("http://{whole}")];
    // That it is left alone after some of that is another story.
    let proxy = Setup {
        urls,
        origin: |settings| settings.ejection = Ejection { failures: 0, ..settings.ejection },
        ..Setup::of(dying)
    }
    .proxy();
    let mut halves = 0;
    for _ in 0..8 {
        let answer = get(proxy.address, "/", "").await;
        // What has begun can't be begun anew: the client is left with less than it was promised, and can tell.
        if answer.contains("content-length: 10\r\n") {
            assert!(answer.ends_with("\r\n\r\nhalf"), "{answer}");
            halves += 1;
        } else {
            assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
        }
    }
    assert_eq!(halves, 4, "they take turns, and nobody is asked in place of the other");
    // In HTTP/2 the stream ends with an error, and the connection goes on.
    let mut client = h2(proxy.address).await;
    let mut broken = 0;
    for _ in 0..4 {
        let response = client.send_request(Request::get("http://a/").body(Body::empty()).unwrap()).await.unwrap();
        let read = http_body_util::BodyExt::collect(response.into_body()).await;
        broken += usize::from(read.is_err());
    }
    assert_eq!(broken, 2);
}
