//! How long Inlay takes from its start to its first answer: the program as it is installed, with few rules and with many.
//!
//! In: an origin. Out: the time for each, printed: the middle of several starts, the files in the system's cache. It must not measure in
//! this process: a start is one of a process.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::server::{Cores, Role, Server, on_core};
use crate::subject::Wanted;

/// The program that cargo has built beside this one.
const PROGRAM: &str = env!("CARGO_BIN_EXE_inlay");
const RULES: [usize; 3] = [1, 1_000, 10_000];
const STARTS: usize = 9;
/// How often it is tried whether it listens.
const TRY: Duration = Duration::from_micros(500);
/// How long a start may take.
const MOST: Duration = Duration::from_secs(30);

/// All of them.
pub fn measure(cores: Cores) -> Result<(), Failure> {
    let origin = Server::start(Role::Origin, None, cores.of_load())?;
    for rules in RULES {
        let folder = tempfile::tempdir()?;
        let mut times =
            (0..STARTS).map(|_| start(folder.path(), rules, origin.address, cores)).collect::<Result<Vec<_>, _>>()?;
        times.sort();
        let ms = |time: &Duration| time.as_secs_f64() * 1e3;
        let (first, middle, last) = (ms(&times[0]), ms(&times[STARTS / 2]), ms(&times[STARTS - 1]));
        println!(
            "{rules} rules: {middle:.0} ms from start to first answer ({first:.0} to {last:.0} in {STARTS} starts)"
        );
    }
    Ok(())
}

/// One start, up to the first answer's head.
fn start(folder: &Path, rules: usize, origin: SocketAddr, cores: Cores) -> Result<Duration, Failure> {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    std::fs::create_dir_all(folder.join("rules"))?;
    std::fs::write(folder.join("rules/many.yaml"), many(rules))?;
    let file = folder.join("inlay.yaml");
    std::fs::write(
        &file,
        format!("listen: {address}\norigin: http://{origin}\nrules: rules\nvisitor: {{ consent: implied }}\n"),
    )?;
    let mut command = on_core(cores.of_server(), PROGRAM.as_ref());
    command.arg("run").arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let process = Running(command.spawn()?);
    let mut stream = connected(address, began)?;
    write!(stream, "GET {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", Wanted::OwnSegment.path())?;
    let mut answer = [0; 1024];
    let read = stream.read(&mut answer)?;
    let took = began.elapsed();
    drop(process);
    match answer[..read].starts_with(b"HTTP/1.1 200 ") {
        true => Ok(took),
        false => Err(format!("the first answer is {}", String::from_utf8_lossy(&answer[..read])).into()),
    }
}

fn connected(address: SocketAddr, began: Instant) -> Result<TcpStream, Failure> {
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return Ok(stream),
            Err(error) if began.elapsed() > MOST => return Err(error.into()),
            Err(_) => std::thread::sleep(TRY),
        }
    }
}

/// So many rules for as many paths, of which one has the page: a condition and a template each.
fn many(rules: usize) -> String {
    let rule = |number: usize| {
        let path = if number == 0 { "/book/**".to_owned() } else { format!("/section{number}/**") };
        format!(
            "  rule_{number}:\n    match: {{ path: \"{path}\" }}\n    when: request.cookies.tier == 'gold'\n    inject:\n      - {{ select: main, \
             place: prepend, template: \"<p>For our {{{{ request.cookies.tier }}}} readers of section {number}</p>\" }}\n"
        )
    };
    (0..rules).fold("rules:\n".to_owned(), |all, number| all + &rule(number))
}

/// Ends it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It is ours alone; it may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
