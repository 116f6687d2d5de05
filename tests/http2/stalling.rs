//! Responses that a client does not take: each stream is held to the pace, and the others on its connection are not.

use std::time::Duration;

use inlay::http::Body;
use inlay::http::bounds::{Bounds, MinimumRate};
use inlay::server::Terms;
use tokio::net::TcpStream;

use crate::house::{Running, serve_on};
use crate::wire::{Client, END_HEADERS, END_STREAM, HEADERS, WINDOW_UPDATE, frame, request};

const PATIENCE: Duration = Duration::from_secs(20);

/// A server whose responses have so many bytes.
fn server(bytes: usize) -> Running {
    let rate = MinimumRate { bytes_per_second: 1_000_000, window: Duration::from_millis(300) };
    let bounds = Bounds { response_rate: rate, ..Bounds::default() };
    serve_on(Terms { bounds, ..Terms::default() }, move |_| async move {
        http::Response::new(Body::full("x".repeat(bytes)))
    })
}

async fn client(server: &Running, window: u32) -> Client<TcpStream> {
    let mut client = Client::new(TcpStream::connect(server.address).await.unwrap());
    client.greet(&[(4, window)]).await;
    client
}

async fn get(client: &mut Client<TcpStream>, stream: u32) {
    client.send(&frame(HEADERS, END_STREAM | END_HEADERS, stream, &request("GET", "/", &[]))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_not_taken_is_reset_and_its_connection_stays() {
    for window in [0, 1, 40_000] {
        let server = server(100_000);
        let mut client = client(&server, window).await;
        get(&mut client, 1).await;
        let was_reset = client.until(PATIENCE, |seen| seen.stream(1).reset.is_some()).await;
        assert!(was_reset, "window {window}: {:?}", client.seen);
        assert_eq!(client.seen.stream(1).reset.as_deref(), Some("CANCEL"));
        assert_eq!(client.seen.stream(1).data, window as usize);
        // The next one is taken, and comes whole.
        get(&mut client, 3).await;
        client.send(&frame(WINDOW_UPDATE, 0, 3, &100_000_u32.to_be_bytes())).await;
        client.send(&frame(WINDOW_UPDATE, 0, 0, &100_000_u32.to_be_bytes())).await;
        assert!(client.until(PATIENCE, |seen| seen.stream(3).ended).await, "window {window}: {:?}", client.seen);
        assert_eq!(client.seen.stream(3).data, 100_000);
        assert_eq!(client.seen.goaway, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_that_opens_in_time_is_waited_for() {
    let server = server(6 * 16_384);
    let mut client = client(&server, 16_384).await;
    get(&mut client, 1).await;
    for pieces in 1..6 {
        assert!(client.until(PATIENCE, |seen| seen.stream(1).data == pieces * 16_384).await, "{:?}", client.seen);
        tokio::time::sleep(Duration::from_millis(100)).await;
        client.send(&frame(WINDOW_UPDATE, 0, 1, &16_384_u32.to_be_bytes())).await;
        client.send(&frame(WINDOW_UPDATE, 0, 0, &16_384_u32.to_be_bytes())).await;
    }
    assert!(client.until(PATIENCE, |seen| seen.stream(1).ended).await, "{:?}", client.seen);
}
