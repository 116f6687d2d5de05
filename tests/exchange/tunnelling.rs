//! WebSocket over HTTP/2 (RFC 8441) through the whole of the proxy: on a path whose pages are stored and collapsed, each tunnel
//! reaches the origin by itself, and leaves nothing behind in the cache.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use h2::client::SendRequest;
use h2::ext::Protocol;
use http::{Method, Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::house::{Front, SOON};

/// An origin with one URL: a page that may be kept for an hour, and a WebSocket that sends back what it gets.
#[derive(Clone, Default)]
struct Asked {
    pages: Arc<AtomicUsize>,
    tunnels: Arc<AtomicUsize>,
}

impl Asked {
    async fn serve(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(self.clone().answer(stream));
            }
        });
        address
    }

    async fn answer(self, mut stream: TcpStream) {
        let mut head = vec![0; 4096];
        while let Ok(length @ 1..) = stream.peek(&mut head).await {
            let seen = String::from_utf8_lossy(&head[..length]).into_owned();
            if !seen.contains("\r\n\r\n") {
                continue;
            }
            if seen.contains("upgrade: websocket") {
                self.tunnels.fetch_add(1, Ordering::SeqCst);
                let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() && socket.send(message).await.is_err() {
                        return;
                    }
                }
                return;
            }
            self.pages.fetch_add(1, Ordering::SeqCst);
            stream.read_exact(&mut head[..length]).await.expect("what was seen");
            let page = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: 4\r\n\r\npage";
            stream.write_all(page).await.expect("sent");
        }
    }

    fn counts(&self) -> (usize, usize) {
        (self.pages.load(Ordering::SeqCst), self.tunnels.load(Ordering::SeqCst))
    }
}

async fn connect(address: SocketAddr) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (client, connection) = h2::client::handshake(stream).await.expect("a handshake");
    tokio::spawn(connection);
    client.ready().await.expect("ready")
}

/// What the page's URL says to `GET`.
async fn page(client: &mut SendRequest<Bytes>, address: SocketAddr) -> (String, Bytes) {
    let request = Request::get(format!("http://{address}/chat")).body(()).expect("a request");
    let (response, _) = client.send_request(request, true).expect("sent");
    let response = timeout(SOON, response).await.expect("in time").expect("a response");
    let status = response.headers()["cache-status"].to_str().expect("ASCII").to_owned();
    let body = response.into_body().data().await.expect("a body").expect("whole");
    (status, body)
}

/// Opens a tunnel at the same URL, sends one text and waits for its echo.
async fn talk(client: &mut SendRequest<Bytes>, address: SocketAddr) -> Bytes {
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("http://{address}/chat"))
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13");
    let (response, mut sender) = client.send_request(request.body(()).expect("a request"), false).expect("sent");
    let response = timeout(SOON, response).await.expect("in time").expect("a response");
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().get("age").is_none(), "{:?}", response.headers());
    // Text, masked with nothing (RFC 6455 section 5.2).
    sender.send_data(Bytes::from_static(b"\x81\x82\0\0\0\0hi"), false).expect("sent");
    let echo = timeout(SOON, response.into_body().data()).await.expect("in time");
    echo.expect("an echo").expect("whole")
}

#[tokio::test]
async fn tunnels_go_by_the_cache_and_by_collapsing() {
    let asked = Asked::default();
    let front = Front::facing(asked.clone().serve().await, "", &[("rules/a.yaml", "rules: {}\n")]).await;
    let mut client = connect(front.address()).await;
    assert_eq!(page(&mut client, front.address()).await, ("inlay; fwd=uri-miss; stored".into(), "page".into()));
    let (mut first, mut second) = (client.clone(), client.clone());
    let (one, other) = tokio::join!(talk(&mut first, front.address()), talk(&mut second, front.address()));
    assert_eq!((&one[..], &other[..]), (&b"\x81\x02hi"[..], &b"\x81\x02hi"[..]));
    assert_eq!(asked.counts(), (1, 2), "each tunnel is the origin's");
    let (status, body) = page(&mut client, front.address()).await;
    assert!(status.starts_with("inlay; hit"), "{status}");
    assert_eq!((body, asked.counts()), ("page".into(), (1, 2)));
}

#[tokio::test]
async fn a_tunnel_that_comes_first_is_not_what_a_page_is_answered_with() {
    let asked = Asked::default();
    let front = Front::facing(asked.clone().serve().await, "", &[("rules/a.yaml", "rules: {}\n")]).await;
    let mut client = connect(front.address()).await;
    // The server's settings, which allow it, come before any answer.
    let other = Request::get(format!("http://{}/other", front.address())).body(()).expect("a request");
    client.send_request(other, true).expect("sent").0.await.expect("a response");
    assert_eq!(&talk(&mut client, front.address()).await[..], b"\x81\x02hi");
    assert_eq!(page(&mut client, front.address()).await, ("inlay; fwd=uri-miss; stored".into(), "page".into()));
    assert_eq!(asked.counts(), (2, 1));
}
