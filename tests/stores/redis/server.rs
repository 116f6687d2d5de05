//! Real servers for the tests: a redis-server each, on a port of its own, killed when dropped.
//!
//! Where there is no redis-server the tests say so and pass; where `CI=true` they fail instead.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// One redis-server. Dropped, it is killed.
pub struct Server {
    child: Child,
    pub port: u16,
    folder: tempfile::TempDir,
    arguments: Vec<String>,
}

/// Whether there is a redis-server; without one the test has nothing to do.
pub fn is_there() -> bool {
    let is_there = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(
        is_there || std::env::var("CI").as_deref() != Ok("true"),
        "there is no redis-server: install it, the tests need it here"
    );
    if !is_there {
        println!("SKIPPED: there is no redis-server");
    }
    is_there
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

impl Server {
    /// Starts one that keeps nothing on disk, with more arguments.
    pub fn start(arguments: &[&str]) -> Self {
        Self::on(free_port(), arguments)
    }

    pub fn on(port: u16, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let child = spawn(port, folder.path(), &arguments);
        let server = Self { child, port, folder, arguments };
        server.answers();
        server
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Kills it, as a power cut does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, on the same port with the same folder.
    pub fn start_again(&mut self) {
        self.child = spawn(self.port, self.folder.path(), &self.arguments);
        self.answers();
    }

    /// Holds it up: it keeps its connections and answers nothing. Or lets it go on.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill");
        assert!(status.success());
    }

    /// What redis-cli is told.
    pub fn cli(&self, arguments: &[&str]) -> String {
        cli(self.port, arguments)
    }

    fn answers(&self) {
        let begun = Instant::now();
        while !["PONG", "NOAUTH"].iter().any(|known| self.cli(&["PING"]).contains(known)) {
            assert!(begun.elapsed() < Duration::from_secs(20), "redis-server on port {} does not answer", self.port);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(port: u16, folder: &Path, arguments: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    // Sentinels write their state into their file, which comes first.
    let (files, arguments): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| argument.ends_with(".conf"));
    command.args(files).args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(folder);
    command.args(["--save", "", "--daemonize", "no"]).args(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("redis-server starts")
}

pub fn cli(port: u16, arguments: &[&str]) -> String {
    let port = port.to_string();
    let out = Command::new("redis-cli").args(["-h", "127.0.0.1", "-p", &port]).args(arguments).output();
    let out = out.expect("redis-cli");
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}
