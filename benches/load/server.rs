//! A server under measurement: a process of its own, on a core of its own.
//!
//! In: what it is to serve. Out: its address, its processor time and its memory, as the kernel counts them.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::future::Future;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Failure;

/// What a process serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// The site behind the proxies.
    Origin,
    /// The personalised page's bytes from memory, in pieces.
    Limit,
    /// A proxy that rewrites nothing.
    Proxy,
    /// The same with a bare rewriter in it.
    Rewriter,
    Inlay,
    /// The same, which writes its access log.
    InlayLogging,
}

/// Which core is whose.
#[derive(Clone, Copy, Debug)]
pub enum Cores {
    /// The server's, and that of the load and the origin.
    Apart { server: usize, load: usize },
    /// There is one core, or no `taskset`.
    Shared,
}

impl Cores {
    pub fn choose() -> Self {
        let several = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
        let taskset = Command::new("taskset").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        match several && taskset.is_ok_and(|status| status.success()) {
            true => Self::Apart { server: 0, load: 1 },
            false => Self::Shared,
        }
    }

    pub fn of_server(self) -> Option<usize> {
        match self {
            Self::Apart { server, .. } => Some(server),
            Self::Shared => None,
        }
    }

    pub fn of_load(self) -> Option<usize> {
        match self {
            Self::Apart { load, .. } => Some(load),
            Self::Shared => None,
        }
    }

    /// Keeps this process on the core of the load.
    pub fn pin_load(self) {
        let Some(core) = self.of_load() else { return };
        let process = std::process::id().to_string();
        let pinned = Command::new("taskset").args(["-cp", &core.to_string(), &process]).stdout(Stdio::null()).status();
        if !pinned.is_ok_and(|status| status.success()) {
            eprintln!("load: could not be pinned to core {core}; it may take time from the server");
        }
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apart { server, load } => write!(f, "server on core {server}, load and origin on core {load}"),
            Self::Shared => f.write_str("server and load SHARE their cores: rates and latencies say little"),
        }
    }
}

/// A running server; dropped, it ends.
pub struct Server {
    pub address: SocketAddr,
    process: Child,
    /// Its files, where it has any.
    _folder: Option<TempDir>,
}

impl Server {
    /// This very program again, as a server.
    pub fn start(role: Role, origin: Option<SocketAddr>, core: Option<usize>) -> Result<Self, Failure> {
        let program = std::env::current_exe()?;
        let mut command = on_core(core, program.as_os_str());
        let role = clap::ValueEnum::to_possible_value(&role).ok_or("every role has a name")?;
        command.args(["--serve", role.get_name()]);
        if let Some(origin) = origin {
            command.args(["--origin", &origin.to_string()]);
        }
        // A log that is measured is written, but to nowhere.
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("a server's output is piped")?).read_line(&mut line)?;
        let address = line.trim().parse().map_err(|_| format!("the server {role:?} did not start"))?;
        Ok(Self { address, process, _folder: None })
    }

    /// A program of somebody else, which has its files in `folder` and listens at `address` once it has started.
    pub fn start_program(mut command: Command, address: SocketAddr, folder: TempDir) -> Result<Self, Failure> {
        let log = fs::File::create(folder.path().join("log"))?;
        let process = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut server = Self { address, process, _folder: None };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            if server.process.try_wait()?.is_some() || began.elapsed() > START {
                let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
                return Err(format!("{:?} did not start: {log}", command.get_program()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        server._folder = Some(folder);
        Ok(server)
    }

    /// The processor time of its process and of those that it started.
    pub fn processor_time(&self) -> Result<Duration, Failure> {
        family(self.process.id())?.into_iter().map(processor_time).sum()
    }

    /// Bytes of memory that they hold now.
    pub fn resident_bytes(&self) -> Result<u64, Failure> {
        family(self.process.id())?.into_iter().map(resident_bytes).sum()
    }
}

/// How long a program may take to listen.
const START: Duration = Duration::from_secs(10);

/// A command that runs on `core`.
pub fn on_core(core: Option<usize>, program: &OsStr) -> Command {
    let Some(core) = core else { return Command::new(program) };
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

/// A process and all that descend from it.
fn family(process: u32) -> Result<Vec<u32>, Failure> {
    let mut family = vec![process];
    let mut at = 0;
    while let Some(parent) = family.get(at) {
        // A process has the children of its threads; those that ended meanwhile have none.
        for thread in fs::read_dir(format!("/proc/{parent}/task"))?.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            family.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        at += 1;
    }
    Ok(family)
}

fn resident_bytes(process: u32) -> Result<u64, Failure> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("an odd /proc/PID/status")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// The processor time of a process so far, user and system, over all of its threads.
pub fn processor_time(process: u32) -> Result<Duration, Failure> {
    // Linux counts in hundredths of a second on every platform.
    const TICK: Duration = Duration::from_millis(10);
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field, the program's name, may hold anything but ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(") ").ok_or("an odd /proc/PID/stat")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
    Ok(TICK * ticks)
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is ours alone and holds nothing; it may also have ended by itself.
        for process in family(self.process.id()).unwrap_or_default().into_iter().skip(1) {
            let _ = Command::new("kill").arg(process.to_string()).status();
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In a server's process: serves, says where, and ends when whoever started it goes away. `serving` gives the address once
/// it listens, and goes on in tasks.
pub fn until_abandoned<H>(serving: impl Future<Output = Result<(SocketAddr, H), Failure>>) -> Result<(), Failure> {
    // As `inlay run` has it: as many threads as this process has cores.
    let runtime = tokio::runtime::Runtime::new()?;
    let (address, _held) = runtime.block_on(serving)?;
    println!("{address}");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    runtime.shutdown_background();
    Ok(())
}
