//! Attacks on the program itself, as a process: each ends its connection or is bounded, another client is served meanwhile, and
//! the memory that the process takes stays within one bound for all of them, made again and again. All of it is bounded in
//! count and time, and goes to this machine alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Response;
use inlay::http::Body;
use tokio::net::TcpStream;

use crate::house;
use crate::program::{PAGE, Program, fresh};
use crate::wire::{
    CONTINUATION, Client, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, field, frame, request, setting,
};

/// Attackers at once, each on a connection of its own.
const ATTACKERS: usize = 4;
/// How often each attack is made: what stays behind would add up.
const ROUNDS: usize = 3;
/// What the process may take, whatever was done to it and how often, in KiB: 512 KiB for each stream that the attackers can have
/// open at once (a read buffer, and what was read before), and what it has without them.
const MOST_KIB: usize = ATTACKERS * 128 * 512 + 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(15);

/// One attack.
struct Attack {
    name: &'static str,
    settings: &'static [(u16, u32)],
    /// So many times…
    times: u32,
    /// …the bytes of this.
    bytes: fn(u32) -> Vec<u8>,
    ends: Ends,
}

/// What becomes of the connection.
enum Ends {
    /// It ends, with this error or another of those that mean it.
    With(&'static str),
    /// It may go on: what it asks for is bounded.
    Maybe,
}

const ATTACKS: [Attack; 20] = [
    Attack {
        name: "rapid reset",
        settings: &[],
        times: 4_000,
        bytes: |time| [open(time), frame(RST_STREAM, 0, 1 + 2 * time, &[0, 0, 0, 8])].concat(),
        ends: Ends::With("ENHANCE_YOUR_CALM"),
    },
    Attack {
        name: "resets that the server is made to send, by windows of nothing",
        settings: &[],
        times: 4_000,
        bytes: |time| [open(time), frame(WINDOW_UPDATE, 0, 1 + 2 * time, &[0; 4])].concat(),
        ends: Ends::With("ENHANCE_YOUR_CALM|PROTOCOL_ERROR"),
    },
    Attack {
        name: "resets that the server is made to send, by windows too wide",
        settings: &[],
        times: 4_000,
        bytes: |time| [open(time), frame(WINDOW_UPDATE, 0, 1 + 2 * time, &[0x7f, 0xff, 0xff, 0xff])].concat(),
        ends: Ends::With("ENHANCE_YOUR_CALM|FLOW_CONTROL_ERROR"),
    },
    Attack {
        name: "resets that the server is made to send, by malformed requests",
        settings: &[],
        times: 4_000,
        bytes: |time| {
            let block = request("GET", "/", &[("connection", "close")]);
            frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * time, &block)
        },
        ends: Ends::With("ENHANCE_YOUR_CALM"),
    },
    Attack {
        name: "CONTINUATION without end",
        settings: &[],
        times: 2_000,
        bytes: |time| match time {
            0 => frame(HEADERS, END_STREAM, 1, &request("GET", "/", &[])),
            _ => frame(CONTINUATION, 0, 1, &field(b"x", &[b'x'; 8_000])),
        },
        ends: Ends::With("ENHANCE_YOUR_CALM|COMPRESSION_ERROR|PROTOCOL_ERROR"),
    },
    Attack {
        name: "empty CONTINUATION without end",
        settings: &[],
        times: 20_000,
        bytes: |time| match time {
            0 => frame(HEADERS, END_STREAM, 1, &request("GET", "/", &[])),
            _ => frame(CONTINUATION, 0, 1, &[]),
        },
        ends: Ends::With("ENHANCE_YOUR_CALM|PROTOCOL_ERROR"),
    },
    Attack {
        name: "SETTINGS",
        settings: &[],
        times: 20_000,
        bytes: |time| frame(SETTINGS, 0, 0, &setting(4, 65_535 + time % 2)),
        ends: Ends::With("ENHANCE_YOUR_CALM"),
    },
    Attack {
        name: "tables that grow and shrink",
        settings: &[],
        times: 20_000,
        bytes: |time| frame(SETTINGS, 0, 0, &setting(1, 4_096 * (time % 2))),
        ends: Ends::With("ENHANCE_YOUR_CALM"),
    },
    Attack {
        name: "PING",
        settings: &[],
        times: 20_000,
        bytes: |_| frame(PING, 0, 0, &[0; 8]),
        ends: Ends::With("ENHANCE_YOUR_CALM"),
    },
    Attack {
        name: "empty DATA",
        settings: &[],
        times: 20_000,
        bytes: |time| match time {
            0 => frame(HEADERS, END_HEADERS, 1, &request("POST", "/", &[])),
            _ => frame(DATA, 0, 1, &[]),
        },
        ends: Ends::With("ENHANCE_YOUR_CALM"),
    },
    Attack {
        name: "PRIORITY",
        settings: &[],
        times: 20_000,
        bytes: |time| frame(PRIORITY, 0, 1 + 2 * time, &[0, 0, 0, 0, 16]),
        ends: Ends::With("ENHANCE_YOUR_CALM"),
    },
    Attack {
        name: "WINDOW_UPDATE",
        settings: &[],
        times: 20_000,
        bytes: |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
        ends: Ends::With("ENHANCE_YOUR_CALM"),
    },
    Attack {
        name: "frames that nobody knows",
        settings: &[],
        times: 20_000,
        bytes: |_| frame(0xbe, 0, 0, &[0; 16]),
        ends: Ends::With("ENHANCE_YOUR_CALM"),
    },
    Attack {
        name: "GOAWAY",
        settings: &[],
        times: 20_000,
        bytes: |_| frame(GOAWAY, 0, 0, &[0; 8]),
        ends: Ends::With("*"),
    },
    Attack {
        name: "a table entry named thousands of times",
        settings: &[],
        times: 200,
        bytes: |time| {
            let mut block = request("GET", "/", &[]);
            // Kept in the table, and from there on one byte each time.
            block.extend([0x40, 1, b'x', 127, 0xa1, 0x1e]);
            block.extend([b'x'; 4_000]);
            block.extend([0xbe; 12_000]);
            frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * time, &block)
        },
        ends: Ends::Maybe,
    },
    Attack {
        name: "thousands of small fields",
        settings: &[],
        times: 200,
        bytes: |time| {
            let fields = field(b"a", b"").repeat(4_000);
            let block = [request("GET", "/", &[]), fields].concat();
            frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * time, &block)
        },
        ends: Ends::Maybe,
    },
    Attack {
        name: "thousands of streams without a window",
        settings: &[(4, 0)],
        times: 4_000,
        bytes: open,
        ends: Ends::With("ENHANCE_YOUR_CALM"),
    },
    Attack {
        name: "as many streams as there may be, without a window",
        settings: &[(4, 0)],
        times: 128,
        bytes: open,
        ends: Ends::Maybe,
    },
    Attack {
        name: "as many streams as there may be, with a window of a byte",
        settings: &[(4, 1)],
        times: 128,
        bytes: open,
        ends: Ends::Maybe,
    },
    Attack {
        name: "uploads that never end",
        settings: &[],
        times: 120,
        bytes: |time| {
            let stream = 1 + 2 * time;
            [frame(HEADERS, END_HEADERS, stream, &request("POST", "/", &[])), frame(DATA, 0, stream, &[0; 8_000])]
                .concat()
        },
        ends: Ends::Maybe,
    },
];

/// A request that is whole.
fn open(time: u32) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * time, &request("GET", "/", &[]))
}

/// Answers with more than the windows of HTTP/2 take at first; it reads no request's body.
async fn large_page(_: http::Request<Body>) -> Response<Body> {
    Response::new(Body::full(format!("{PAGE}{}", "x".repeat(256 * 1024))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attacks_end_or_are_bounded_and_harm_nobody_else() {
    let origin = house::serve(None, large_page);
    let program = Program::start(origin.address).await;
    let mut problems = Vec::new();
    for attack in ATTACKS.iter().flat_map(|attack| std::iter::repeat_n(attack, ROUNDS)) {
        match suffer(attack, &program).await {
            Ok(peak) if peak <= MOST_KIB => {}
            Ok(peak) => problems.push(format!("{}: {peak} KiB of {MOST_KIB}", attack.name)),
            Err(problem) => problems.push(format!("{}: {problem}", attack.name)),
        }
    }
    assert!(problems.is_empty(), "{}\nthe log:\n{:.2000}", problems.join("\n"), program.log());
}

/// Makes one attack. Gives the memory of the process at its peak, or what was wrong.
async fn suffer(attack: &Attack, program: &Program) -> Result<usize, String> {
    let (address, process) = (program.address, program.first.id());
    let peak = Arc::new(AtomicUsize::new(resident_kib(process)));
    let watching = tokio::spawn({
        let peak = Arc::clone(&peak);
        async move {
            loop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                peak.fetch_max(resident_kib(process), Ordering::Relaxed);
            }
        }
    });
    let attacking = futures_util::future::join_all((0..ATTACKERS).map(|_| assault(attack, address)));
    let honest = async {
        for _ in 0..4 {
            fresh(address).await.map_err(|error| format!("another client was not served: {error}"))?;
        }
        Ok::<_, String>(())
    };
    let (attacked, honest) = tokio::join!(attacking, honest);
    watching.abort();
    honest?;
    attacked.into_iter().collect::<Result<(), String>>()?;
    Ok(peak.load(Ordering::Relaxed))
}

/// One attacker's part.
async fn assault(attack: &Attack, address: SocketAddr) -> Result<(), String> {
    let mut client = Client::new(TcpStream::connect(address).await.unwrap());
    client.greet(attack.settings).await;
    client.until(PATIENCE, |seen| !seen.settings.is_empty()).await;
    let bytes: Vec<u8> = (0..attack.times).flat_map(attack.bytes).collect();
    client.pour(&bytes, PATIENCE).await;
    match attack.ends {
        Ends::With(codes) => {
            client.until(PATIENCE, |seen| seen.closed).await;
            let seen = &client.seen;
            // Who is still sending when the connection is closed may not read why.
            let is_right = |code: &String| codes.split('|').any(|wanted| wanted == code || wanted == "*");
            let right = seen.closed && seen.goaway.as_ref().is_none_or(is_right);
            if right { Ok(()) } else { Err(format!("closed: {}, GOAWAY: {:?}", seen.closed, seen.goaway)) }
        }
        Ends::Maybe => {
            client.until(Duration::from_millis(300), |_| false).await;
            Ok(())
        }
    }
}

/// What a process has in memory.
fn resident_kib(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}
