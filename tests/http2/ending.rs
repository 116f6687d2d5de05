//! The end of the process with HTTP/2 under way: nothing that was taken is lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::program::{PAGE, Program, SOON, origin, send};

/// Sends requests on one connection, some at once, until it may send no more. Gives what became of those that were sent.
async fn keep_asking(address: SocketAddr, served: Arc<AtomicUsize>) -> Vec<String> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut asked = JoinSet::new();
    // Ready no more once it was told that there is an end (RFC 9113 section 6.8).
    while let Ok(ready) = client.ready().await {
        client = ready;
        let Ok((response, _)) = client.send_request(http::Request::get("http://a/").body(()).unwrap(), true) else {
            break;
        };
        let served = Arc::clone(&served);
        asked.spawn(async move {
            let response = match response.await {
                Ok(response) => response,
                // It crossed the last GOAWAY on its way, which says that nobody has acted on it: clients send it again.
                Err(error) if error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR) => return Ok(()),
                Err(error) => return Err(format!("no head: {error}")),
            };
            let (mut body, mut page) = (response.into_body(), Vec::new());
            while let Some(data) = body.data().await {
                page.extend_from_slice(&data.map_err(|error| format!("a broken body: {error}"))?);
            }
            served.fetch_add(1, Ordering::Relaxed);
            if page == PAGE.as_bytes() { Ok(()) } else { Err(format!("{} bytes of a page", page.len())) }
        });
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    asked.join_all().await.into_iter().filter_map(Result::err).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_loses_no_stream() {
    let (origin, _trigger) = origin();
    let mut program = Program::start(origin).await;
    let served = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        clients.spawn(keep_asking(program.address, Arc::clone(&served)));
    }
    program.until("some load", async || served.load(Ordering::Relaxed) > 200).await;
    send("TERM", program.first.id());
    let lost = tokio::time::timeout(SOON, clients.join_all()).await.expect("an end of all connections").concat();
    assert!(lost.is_empty(), "{} of {} were lost: {:?}", lost.len(), served.load(Ordering::Relaxed), lost.first());
    let ended = tokio::time::timeout(SOON, async {
        while program.first.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(ended.await.is_ok(), "the process should end; the log:\n{}", program.log());
}
