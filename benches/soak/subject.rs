//! Inlay under the soak: the program itself, in a process of its own, from files.
//!
//! In: where the origins are. Out: its address, and its memory, descriptors and tasks as the kernel and its metrics count
//! them. Dropped, it ends.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::held::Held;
use crate::origin::Origins;
use crate::{Failure, site};

/// It must listen within this time.
const START_WAIT: Duration = Duration::from_secs(30);

/// How long connections to origins are kept that nobody uses. As many as there are clients are idle at the end of a soak, and
/// none may be left once this has passed.
const CONNECTIONS_KEPT: Duration = Duration::from_secs(3);
/// How long an origin that never answers is waited for: others may wait for its answer, so it outlives the client that asked.
/// Far longer than clients wait.
const HANGING: Duration = Duration::from_secs(5);

/// The program, running.
pub struct Subject {
    pub address: SocketAddr,
    admin: SocketAddr,
    process: Child,
    folder: TempDir,
}

impl Subject {
    pub async fn start(program: &Path, origins: &Origins, cache: &str) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let (address, admin) = (free_address()?, free_address()?);
        fs::create_dir(folder.path().join("rules"))?;
        fs::write(folder.path().join("rules/soak.yaml"), site::rules(0))?;
        fs::write(folder.path().join("inlay.yaml"), deployment(address, admin, origins, cache))?;
        let log = fs::File::create(folder.path().join("log"))?;
        let mut command = Command::new(program);
        command.arg("run").arg("-c").arg(folder.path().join("inlay.yaml")).env("INLAY_LOG", "warn,inlay::server=off");
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        let subject = Self { address, admin, process, folder };
        subject.until_it_listens().await?;
        Ok(subject)
    }

    async fn until_it_listens(&self) -> Result<(), Failure> {
        let listening = async {
            while TcpStream::connect(self.address).await.is_err() || TcpStream::connect(self.admin).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(START_WAIT, listening).await;
        waited.map_err(|_| format!("Inlay does not listen; its log:\n{}", self.log()).into())
    }

    /// Writes the rules of a revision, at once as editors do it.
    pub fn write_rules(&self, revision: u64) -> Result<(), Failure> {
        let beside = self.folder.path().join("next");
        fs::write(&beside, site::rules(revision))?;
        Ok(fs::rename(beside, self.folder.path().join("rules/soak.yaml"))?)
    }

    /// The last lines of what it said.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// What it holds now.
    pub async fn held(&self) -> Result<Held, Failure> {
        let of_process = |file: &str| format!("/proc/{}/{file}", self.process.id());
        let status = fs::read_to_string(of_process("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("an odd /proc/PID/status")?;
        let resident_bytes = line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024;
        let descriptors = fs::read_dir(of_process("fd"))?.count() as u64;
        Ok(Held { resident_bytes, descriptors, tasks: self.metric("inlay_tasks ").await? })
    }

    async fn metric(&self, name: &str) -> Result<u64, Failure> {
        let mut stream = TcpStream::connect(self.admin).await?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        let figure = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("a metric is missing")?;
        Ok(figure.trim().parse()?)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It is ours alone and holds nothing; it may also have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn deployment(address: SocketAddr, admin: SocketAddr, origins: &Origins, cache: &str) -> String {
    let Origins { site, garbage, sockets, refusing, .. } = origins;
    let (kept, hanging) = (text(CONNECTIONS_KEPT), text(HANGING));
    format!(
        r#"listen: {address}
admin: {{ address: "{admin}" }}
origins:
  default: {{ urls: ["http://{site}"], timeouts: {{ idle: {kept} }} }}
  hanging: {{ urls: ["http://{site}"], timeouts: {{ first_byte: {hanging}, idle: {kept} }} }}
  garbage: {{ urls: ["http://{garbage}"], timeouts: {{ idle: {kept} }} }}
  sockets: {{ urls: ["http://{sockets}"], timeouts: {{ idle: {kept} }} }}
  refusing: {{ urls: ["http://{refusing}"], timeouts: {{ idle: {kept} }} }}
routes:
  - {{ path: /hang, origin: hanging }}
  - {{ path: /garbage/**, origin: garbage }}
  - {{ path: /socket, origin: sockets }}
  - {{ path: /refused/**, origin: refusing }}
  - {{ path: /**, origin: default }}
rules: rules
cache: {{ memory: {cache} }}
visitor: {{ consent: implied, secret: "a secret for a soak, of no use elsewhere" }}
"#
    )
}

fn text(span: Duration) -> String {
    format!("{}s", span.as_secs())
}

/// A port that nobody listens on.
fn free_address() -> Result<SocketAddr, Failure> {
    Ok(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
