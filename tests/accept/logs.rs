//! What the program itself writes while it runs, read line by line as a log collector would.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;

/// `inlay run` in a folder, with what it has written so far.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    lines: Vec<String>,
}

impl Running {
    fn start(folder: &Path, flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_inlay"));
        command.arg("run").args(["-c", "inlay.yaml"]).args(flags).current_dir(folder).env_remove("INLAY_LOG");
        let mut child = command.stderr(Stdio::piped()).spawn().expect("started");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        Self { child, stderr, lines: Vec::new() }
    }

    /// Reads on to a line that holds `text`.
    fn until(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).expect("UTF-8");
            assert!(read > 0, "`{text}` never came: {:#?}", self.lines);
            self.lines.push(line.trim_end().to_owned());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Ends it as an orchestrator does. Out: all that it wrote.
    fn stop(mut self) -> Vec<String> {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("told");
        assert!(told.success());
        self.until("stopped");
        assert!(self.child.wait().expect("ended").success());
        std::mem::take(&mut self.lines)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// A deployment whose origin refuses connections.
fn deployment(more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("rules")).expect("a folder");
    // A port that nobody listens on: it was free a moment ago.
    let dead = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let text = format!("listen: 127.0.0.1:0\norigin: http://{dead}\nrules: rules\n{more}");
    std::fs::write(folder.path().join("inlay.yaml"), text).expect("a file");
    folder
}

fn ask(address: SocketAddr, method: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    write!(stream, "{method} /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn as_json_every_line_is_json_and_tells_causes() {
    let folder = deployment("log: { format: json }\n");
    let mut running = Running::start(folder.path(), &[]);
    let serving: Value = serde_json::from_str(&running.until("serving")).expect("JSON");
    let address = serving["address"].as_str().expect("an address").parse().expect("an address");
    assert!(ask(address, "GET").starts_with("HTTP/1.1 502"));
    running.until("\"method\":\"GET\"");
    assert!(ask(address, "HEAD").starts_with("HTTP/1.1 502"));
    running.until("\"method\":\"HEAD\"");
    let lines = running.stop();
    let values: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect();
    let said = |text: &str| values.iter().any(|value| value["message"].as_str().is_some_and(|it| it.contains(text)));
    assert!(said("visitor.consent"), "the warnings of `check` are in the log: {lines:#?}");
    let failed = values.iter().find(|value| value["message"] == "the origin gave no answer").expect("a warning");
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("refused")), "{failed}");
    let accesses: Vec<&Value> = values.iter().filter(|value| value["target"] == "inlay::access").collect();
    assert_eq!(accesses.len(), 2, "{lines:#?}");
    assert!(accesses.iter().all(|line| line["end"] == "Whole" && line["status"] == 502), "{accesses:#?}");
}

#[test]
fn text_in_a_file_or_pipe_has_no_colours_and_a_flag_beats_the_file() {
    let folder = deployment("log: { format: json }\n");
    let mut running = Running::start(folder.path(), &["--log", "text"]);
    running.until("serving");
    let lines = running.stop();
    assert!(lines.iter().all(|line| !line.contains('\u{1b}')), "{lines:#?}");
}
