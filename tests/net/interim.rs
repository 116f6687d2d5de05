//! Interim responses of a server that speaks HTTP/2: as many as there may be are passed over, a flood of them is cut off.

use std::net::SocketAddr;

use http::Response;
use inlay::http::client::Protocol;
use inlay::limits::INTERIM_RESPONSES;
use tokio::net::TcpListener;

use crate::house::{Setup, get};

/// A server that sends so many interim responses before each answer.
async fn hesitating(interim: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    for _ in 0..interim {
                        respond.send_informational(Response::builder().status(103).body(()).unwrap()).unwrap();
                    }
                    let mut body = respond.send_response(Response::new(()), false).unwrap();
                    body.send_data("the whole of it".into(), true).unwrap();
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_flood_of_interim_responses_over_http2_is_cut_off() {
    for (interim, status) in [(0, "200 OK"), (INTERIM_RESPONSES, "200 OK"), (INTERIM_RESPONSES + 1, "502 Bad Gateway")]
    {
        let origin = hesitating(interim).await;
        let setup = Setup { origin: |settings| settings.protocol = Protocol::Http2, ..Setup::of(origin) };
        let answer = get(setup.proxy().address, "/", "").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{interim}: {answer}");
        assert_eq!(answer.contains("the whole of it"), status == "200 OK", "{interim}: {answer}");
    }
}
