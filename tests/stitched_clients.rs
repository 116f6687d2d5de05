//! Stitched pages as others read them: Chromium over a socket, and `gzip`, Python and Node where they are installed.
//!
//! Where a client is absent its check says so and tries nothing; on a machine of the continuous integration (`CI=true`)
//! Chromium and gzip must be there.

#[path = "page/kept.rs"]
mod kept;
mod page;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;

use inlay::page::{Charset, Compressed, Fill, Form, Marker, Markers, Place, Serving, Slot, Stitched, Target, Which};
use kept::{filler, kept};
use page::{Arrival, show};

/// A page with a slot at its head, in its middle and at its end, long enough that looking back would matter.
fn stitched(form: Form) -> (Stitched, Vec<u8>) {
    let lines: String = (0..400).map(|line| format!("<li>line {line} of the page, é</li>\n")).collect();
    let text = format!("<!doctype html><meta charset=utf-8><title>t</title><main><ul>{lines}</ul><h1>x</h1></main>");
    let marker = |select: &str, place| Marker {
        select: select.into(),
        each: None,
        which: Which::First,
        target: Target::Place(place),
        wants_element: false,
    };
    let markers = vec![marker("main", Place::Prepend), marker("h1", Place::Replace), marker("main", Place::Append)];
    let page =
        kept(&Arc::new(Markers::compile(markers).unwrap()), Charset::Known(encoding_rs::UTF_8), text.as_bytes(), 999);
    let long = "<p class=\"long\">a fragment that is compressed</p>".repeat(20);
    // The last slot counts what the browser has understood.
    let count = "<script>document.title = 'read ' + document.querySelectorAll('li, p, b').length</script>";
    let fill = |slot: &Slot| match slot.marker {
        0 => show("<b>for one visitor</b>"),
        1 => Fill::Compressed(Arc::new(Compressed::new(long.clone().into()))),
        _ => show(count),
    };
    let Serving::Whole(assembled, _) = page.serve(None, filler(fill, |_| Arrival::Now)) else {
        panic!("every fill is at hand")
    };
    assembled.prepare(form).unwrap();
    (assembled.stitch(form).unwrap(), assembled.plain().concat())
}

/// Whether a client is there. Its absence is told, and on a machine of the continuous integration is an error.
fn is_installed(client: &str, needed: bool) -> bool {
    let found = Command::new(client).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("{client} is not installed: nothing tried");
        assert!(!needed || std::env::var("CI").as_deref() != Ok("true"), "{client} must be installed here");
    }
    found
}

/// What a program makes of the bytes on its input.
fn through(program: &str, arguments: &[&str], input: Vec<u8>) -> Vec<u8> {
    let mut child =
        Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("its input");
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads all");
    assert!(output.status.success(), "{program}: {}", output.status);
    output.stdout
}

#[test]
fn command_line_clients_read_it() {
    let (gzip, plain) = stitched(Form::Gzip);
    let (brotli, _) = stitched(Form::Brotli);
    if is_installed("gzip", true) {
        through("gzip", &["-t"], gzip.pieces.concat());
        assert!(through("gzip", &["-dc"], gzip.pieces.concat()) == plain);
    }
    if is_installed("python3", false) {
        let program = "import sys, zlib\nsys.stdout.buffer.write(zlib.decompress(sys.stdin.buffer.read(), 31))";
        assert!(through("python3", &["-c", program], gzip.pieces.concat()) == plain);
    }
    if is_installed("node", false) {
        for (decode, stitched) in [("gunzipSync", &gzip), ("brotliDecompressSync", &brotli)] {
            let program = format!("process.stdout.write(require('zlib').{decode}(require('fs').readFileSync(0)))");
            assert!(through("node", &["-e", &program], stitched.pieces.concat()) == plain, "{decode}");
        }
    }
}

/// Answers every request with the page in the coding that its path names.
fn serve(listener: &TcpListener) {
    for mut stream in listener.incoming().flatten() {
        let form = match request_path(&mut stream).as_str() {
            "/gzip" => Form::Gzip,
            "/br" => Form::Brotli,
            _ => {
                let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                continue;
            }
        };
        let (page, _) = stitched(form);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            form.name(),
            page.length
        );
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&page.pieces.concat()));
    }
}

fn request_path(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn a_browser_reads_it() {
    if !is_installed("chromium", true) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("its address"));
    std::thread::spawn(move || serve(&listener));
    for path in ["gzip", "br"] {
        let profile = tempfile::tempdir().expect("a folder");
        let output = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("{origin}/{path}"))
            .stderr(Stdio::null())
            .output()
            .expect("it starts");
        let dom = String::from_utf8_lossy(&output.stdout);
        assert!(dom.contains("<title>read 421</title>"), "{path}: {}", &dom[..dom.len().min(300)]);
        assert!(dom.contains("<b>for one visitor</b>") && dom.contains("line 399 of the page, é"), "{path}");
    }
}
