//! Two processes of the real program on one Redis: they share visitors.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::server::{self, Server, free_port};
use crate::serving::call;

/// A process; dropped, it is killed.
struct Node(Child, SocketAddr);

impl Node {
    fn start(folder: &Path, store: &str) -> Self {
        let admin: SocketAddr = format!("127.0.0.1:{}", free_port()).parse().expect("an address");
        let file = folder.join(format!("{}.yaml", admin.port()));
        let text = format!(
            "origin: http://127.0.0.1:9\nlisten: 127.0.0.1:{}\nadmin: {{ address: \"{admin}\" }}\nstore: {store}\n\
             visitor: {{ consent: implied }}\n",
            free_port()
        );
        std::fs::write(&file, text).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_inlay"));
        command.args(["run", "-c"]).arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("a process"), admin)
    }

    async fn is_up(&self) {
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(self.1).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "a process does not come up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_visitors() {
    if !server::is_there() {
        return;
    }
    let (server, folder) = (Server::start(&[]), tempfile::tempdir().expect("a folder"));
    let (a, b) = (Node::start(folder.path(), &server.url()), Node::start(folder.path(), &server.url()));
    a.is_up().await;
    b.is_up().await;
    let path = "/api/v1/profiles/visitor%3Aann";
    for number in 1..=5_u64 {
        let event = json!({ "type": "product.view", "id": format!("e{number}"), "data": { "sku": number } });
        let (status, told) = call(a.1, "POST", &format!("{path}/events"), &event.to_string()).await;
        assert_eq!((status, &told["accepted"]), (200, &json!(1)), "{told}");
        // Acknowledged by one, it is known to the other at the latest when what it has at hand is a second old.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (status, known) = call(b.1, "GET", path, "").await;
        assert_eq!((status, &known["counters"]["product.view"]), (200, &json!(number)), "{known}");
    }
    // One erases, and the other forgets.
    assert_eq!(call(b.1, "DELETE", path, "").await.0, 200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(call(a.1, "GET", path, "").await.0, 404);
    // One is killed, and the other knows what it acknowledged.
    let event = json!({ "type": "product.view", "id": "e9" }).to_string();
    assert_eq!(call(a.1, "POST", &format!("{path}/events"), &event).await.0, 200);
    drop(a);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(call(b.1, "GET", path, "").await.1["counters"]["product.view"], json!(1));
}
