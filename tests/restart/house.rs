//! What the tests stand on: an origin, the program itself as a process, and clients that count what goes wrong.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::Response;
use inlay::http::Body;
use inlay::server::{ListenerSettings, Server};
use inlay::shutdown::{Trigger, shutdown};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What must happen at all happens within this time; it bounds a failure, it measures nothing.
pub const SOON: Duration = Duration::from_secs(30);

/// What the origin answers.
pub const PAGE: &str = "<p>the whole of a page</p>";

/// An origin that serves [`PAGE`] after a moment, so that requests are under way at any time.
pub fn origin() -> (SocketAddr, Trigger) {
    let (trigger, handle) = shutdown();
    let server = Server::bind(vec![ListenerSettings::plain("127.0.0.1:0".parse().unwrap())]).unwrap();
    let address = server.addresses()[0];
    tokio::spawn(server.run(
        |_| async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Response::builder().header("content-type", "text/html").body(Body::full(PAGE)).unwrap()
        },
        handle,
    ));
    (address, trigger)
}

/// A port that nobody listens on.
pub fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The program, and whatever takes over from it.
pub struct Program {
    pub first: Child,
    pub address: SocketAddr,
    folder: TempDir,
}

impl Program {
    /// The command line that fronts `origin` at `address`, with its log in a file.
    pub fn command(folder: &TempDir, origin: SocketAddr, address: SocketAddr) -> Command {
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_inlay"));
        command.args(["run", "--log", "json", "-c"]).arg(folder.path().join("inlay.yaml"));
        let text = format!("listen: {address}\norigin: http://{origin}\nvisitor: {{ consent: implied }}\n");
        std::fs::write(folder.path().join("inlay.yaml"), text).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    /// Starts it and waits until it answers.
    pub async fn start(origin: SocketAddr) -> Self {
        let (folder, address) = (TempDir::new().unwrap(), free_address());
        let first = Self::command(&folder, origin, address).spawn().unwrap();
        Self::running(first, address, folder).await
    }

    /// Waits until it answers.
    pub async fn running(first: Child, address: SocketAddr, folder: TempDir) -> Self {
        let program = Self { first, address, folder };
        program.until("an answer", async || fresh(address).await.is_ok()).await;
        program
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The processes that took over, in their order.
    pub fn successors(&self) -> Vec<u32> {
        let log = self.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines.filter_map(|line| u32::try_from(line.get("process")?.as_u64()?).ok()).collect()
    }

    /// Waits until `what` is so.
    pub async fn until(&self, what: &str, is: impl AsyncFn() -> bool) {
        let waiting = async {
            while !is().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(SOON, waiting).await;
        assert!(waited.is_ok(), "{what} should have come; the log:\n{}", self.log());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        for process in self.successors() {
            send("KILL", process);
        }
        let _ = self.first.kill();
        let _ = self.first.wait();
    }
}

/// Sends a signal to one process.
pub fn send(signal: &str, process: u32) {
    let _ = Command::new("kill").arg(format!("-{signal}")).arg(process.to_string()).stderr(Stdio::null()).status();
}

/// Clients that ask until they are told to stop.
pub struct Load {
    stop: Arc<AtomicBool>,
    pub served: Arc<AtomicUsize>,
    clients: JoinSet<Result<(), String>>,
}

impl Load {
    /// Four clients that connect for each request, and four that keep their connections.
    pub fn on(address: SocketAddr) -> Self {
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut clients = JoinSet::new();
        for number in 0..8 {
            let (stop, served) = (stop.clone(), served.clone());
            clients.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let asked =
                        if number % 2 == 0 { fresh(address).await } else { kept(address, &stop, &served).await };
                    asked.map_err(|error| format!("client {number}: {error}"))?;
                    served.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            });
        }
        Self { stop, served, clients }
    }

    /// Waits until so many more requests were served.
    pub async fn served_more(&self, count: usize) {
        let from = self.served.load(Ordering::Relaxed);
        let serving = async {
            while self.served.load(Ordering::Relaxed) < from + count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, serving).await.expect("requests should be served");
    }

    /// Stops, and says how many were served and what went wrong.
    pub async fn end(self) -> (usize, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let failed = self.clients.join_all().await.into_iter().filter_map(Result::err).collect();
        (self.served.load(Ordering::Relaxed), failed)
    }
}

/// One request on a connection of its own.
pub async fn fresh(address: SocketAddr) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).await.map_err(text)?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.map_err(text)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(text)?;
    let whole = answer.starts_with("HTTP/1.1 200 ") && answer.contains(PAGE);
    if whole { Ok(()) } else { Err(format!("not a whole answer: {answer:?}")) }
}

/// Requests on one connection until it is said that it ends.
async fn kept(address: SocketAddr, stop: &AtomicBool, served: &AtomicUsize) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = BufReader::new(TcpStream::connect(address).await.map_err(text)?);
    loop {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.map_err(text)?;
        let (mut line, mut last, mut length) = (String::new(), false, None);
        while line != "\r\n" {
            line.clear();
            if stream.read_line(&mut line).await.map_err(text)? == 0 {
                return Err("the connection ended without an answer".to_owned());
            }
            last |= line.eq_ignore_ascii_case("connection: close\r\n");
            length = line.strip_prefix("content-length: ").map(|text| text.trim().parse().unwrap()).or(length);
        }
        let mut body = vec![0; length.ok_or("no length")?];
        stream.read_exact(&mut body).await.map_err(text)?;
        if body != PAGE.as_bytes() {
            return Err(format!("another page: {}", String::from_utf8_lossy(&body)));
        }
        if last || stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        served.fetch_add(1, Ordering::Relaxed);
    }
}
