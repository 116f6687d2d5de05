//! WebSocket over HTTP/2 (RFC 8441): an extended CONNECT reaches an origin of HTTP/1.1 as the handshake it knows.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use h2::client::SendRequest;
use h2::ext::Protocol;
use http::{Method, Request, Response, StatusCode};
use inlay::http::bounds::Bounds;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::{Request as Asked, Response as Answer};

use crate::house::{Setup, echo, raw_origin};

const PATIENCE: Duration = Duration::from_secs(10);

/// A WebSocket server of HTTP/1.1 that sends back what it gets, and takes the first protocol that it is offered.
async fn echoing_origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                #[allow(clippy::result_large_err, reason = "the library's type")]
                let choose = |asked: &Asked, mut answer: Answer| {
                    if let Some(offered) = asked.headers().get("sec-websocket-protocol") {
                        answer.headers_mut().insert("sec-websocket-protocol", offered.clone());
                    }
                    answer.headers_mut().insert("x-path", asked.uri().to_string().parse().unwrap());
                    answer.headers_mut().insert("x-via", asked.headers()["via"].clone());
                    Ok(answer)
                };
                let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, choose).await else { return };
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() && socket.send(message).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

async fn connect(address: SocketAddr) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    // The server's settings say that it can be asked; the answer to any request comes after them.
    if !client.is_extended_connect_protocol_enabled() {
        let (response, _) = client.send_request(Request::get("http://a/").body(()).unwrap(), true).unwrap();
        response.await.unwrap();
    }
    assert!(client.is_extended_connect_protocol_enabled());
    client.ready().await.unwrap()
}

/// A tunnel, or the response that there was instead.
async fn ask(
    client: &mut SendRequest<Bytes>,
    protocol: &'static str,
) -> (Response<h2::RecvStream>, h2::SendStream<Bytes>) {
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri("http://a/chat?room=1")
        .extension(Protocol::from_static(protocol))
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "talk");
    let (response, sender) = client.send_request(request.body(()).unwrap(), false).unwrap();
    (timeout(PATIENCE, response).await.unwrap().unwrap(), sender)
}

/// A frame of text, masked with nothing (RFC 6455 section 5.2).
fn masked(text: &[u8]) -> Bytes {
    let head = [&[0x81, 0xff][..], &(text.len() as u64).to_be_bytes(), &[0; 4]].concat();
    [&head[..], text].concat().into()
}

/// The server's frame of that text.
fn plain(text: &[u8]) -> Vec<u8> {
    let head = match text.len() {
        length @ 0..126 => vec![0x81, length as u8],
        length @ 126..65536 => [&[0x81, 126][..], &(length as u16).to_be_bytes()].concat(),
        length => [&[0x81, 127][..], &(length as u64).to_be_bytes()].concat(),
    };
    [&head[..], text].concat()
}

/// Reads so many bytes of a tunnel.
async fn read(body: &mut h2::RecvStream, bytes: usize) -> Vec<u8> {
    let mut read = BytesMut::new();
    while read.len() < bytes {
        let data = timeout(PATIENCE, body.data()).await.expect("data in time").expect("more data").unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        read.extend_from_slice(&data);
    }
    read.to_vec()
}

async fn talk(sender: &mut h2::SendStream<Bytes>, body: &mut h2::RecvStream, text: &[u8]) {
    sender.send_data(masked(text), false).unwrap();
    let echoed = plain(text);
    assert!(read(body, echoed.len()).await == echoed, "an echo of {} bytes", text.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_is_joined_to_an_origin_of_http1() {
    let proxy = Setup::of(echoing_origin().await).proxy();
    let mut client = connect(proxy.address).await;
    let (response, mut sender) = ask(&mut client, "websocket").await;
    assert_eq!(response.status(), StatusCode::OK);
    for gone in ["connection", "upgrade", "sec-websocket-accept", "content-length"] {
        assert!(!response.headers().contains_key(gone), "{:?}", response.headers());
    }
    assert_eq!(response.headers()["sec-websocket-protocol"], "talk");
    assert_eq!(response.headers()["x-path"], "/chat?room=1");
    assert!(response.headers()["x-via"].to_str().unwrap().starts_with("2 inlay-"));
    let mut body = response.into_body();
    for length in [5, 1000, 1_000_000] {
        talk(&mut sender, &mut body, &vec![b'x'; length]).await;
    }
    // Its end is an end for both.
    sender.send_data(Bytes::from_static(&[0x88, 0x80, 0, 0, 0, 0]), true).unwrap();
    assert_eq!(read(&mut body, 2).await, [0x88, 0]);
    while let Some(more) = timeout(PATIENCE, body.data()).await.expect("the end") {
        assert_eq!(more.unwrap(), "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_websocket_keeps_its_connection_and_its_neighbours() {
    let bounds = Bounds { idle_wait: Duration::from_millis(100), ..Bounds::default() };
    let proxy = Setup { bounds, ..Setup::of(echoing_origin().await) }.proxy();
    let mut client = connect(proxy.address).await;
    let (response, mut sender) = ask(&mut client, "websocket").await;
    let mut body = response.into_body();
    tokio::time::sleep(Duration::from_millis(400)).await;
    // After a GOAWAY no second one would come about.
    let (second, _sender) = ask(&mut client, "websocket").await;
    assert_eq!(second.status(), StatusCode::OK);
    talk(&mut sender, &mut body, b"still here").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_switch_there_is_no_tunnel() {
    let answers = [
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 403),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 502),
        ("HTTP/1.1 204 No Content\r\n\r\n", 502),
        ("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 502),
        (
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            502,
        ),
        ("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", 502),
    ];
    for (answer, status) in answers {
        let proxy = Setup::of(raw_origin(answer).await).proxy();
        let mut client = connect(proxy.address).await;
        let (response, _sender) = ask(&mut client, "websocket").await;
        assert_eq!(response.status(), status, "{answer}");
        let mut body = response.into_body();
        // A response that ends, and no tunnel.
        while let Some(data) = timeout(PATIENCE, body.data()).await.expect("the end") {
            if status == 403 {
                assert_eq!(data.unwrap(), "no");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_protocols_are_not_served() {
    let proxy = Setup::of(echo().address).proxy();
    let mut client = connect(proxy.address).await;
    let (response, _sender) = ask(&mut client, "connect-udp").await;
    assert_eq!(response.status(), StatusCode::NOT_IMPLEMENTED);
}
