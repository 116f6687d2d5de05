//! Where requests end: the server's own path, from bytes to the service, against an independent reading.
//!
//! Bytes go over a stream in memory through the guard, the HTTP library and the admission, as on a socket. What the service is
//! called with must be, in order, what another reader finds in the same bytes, and no more; the same at any chunking. The
//! other reader (`reading`) accepts only what can be read in one way, so a request that is served and that it doesn't
//! have is one that somebody behind us could read differently.
#![no_main]

#[path = "../shared/case.rs"]
mod case;
#[path = "../shared/pieces.rs"]
mod pieces;
#[path = "../shared/reading.rs"]
mod reading;

use std::sync::{Arc, LazyLock, Mutex};

use http::{Request, Response};
use http_body_util::BodyExt;
use inlay::http::Body;
use inlay::server::framing::{Framing, HeadBounds, Seen};
use inlay::server::{Terms, memory};
use inlay::shutdown::shutdown;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use reading::Read;

/// The defaults.
static TERMS: LazyLock<Arc<Terms>> = LazyLock::new(Arc::default);

fuzz_target!(|data: &[u8]| {
    let (size, bytes) = pieces::size_and_rest(data);
    let bytes = &*case::bytes(bytes);
    let whole = framed(bytes, bytes.len().max(1));
    assert_eq!(whole, framed(bytes, size), "framing hangs on the pieces");
    if whole.0 == Seen::Http2 {
        return;
    }
    let expected = reading::requests(bytes);
    for size in [bytes.len().max(1), size] {
        let served = served(bytes, size);
        for (number, served) in served.iter().enumerate() {
            let Some(expected) = expected.get(number) else {
                panic!("served, and in no reading: {served:?}\nread: {expected:?}");
            };
            assert!(served.is_within(expected), "read in two ways:\nserved {served:?}\nread   {expected:?}");
        }
    }
});

/// What the framing saw, and how many bytes were good, in pieces of `size`.
fn framed(bytes: &[u8], size: usize) -> (Seen, Option<usize>) {
    let mut framing = Framing::begin(HeadBounds { head: TERMS.bounds.request_head, uri: TERMS.bounds.uri });
    let mut before = 0;
    for piece in bytes.chunks(size) {
        if let Err(broken) = framing.read(piece) {
            return (framing.seen(), Some(before + broken.good));
        }
        before += piece.len();
    }
    (framing.seen(), None)
}

/// What the service was called with.
fn served(bytes: &[u8], size: usize) -> Vec<Read> {
    // Time is virtual: a wait ends as soon as nothing else can happen.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let (client, server) = tokio::io::duplex(64 * 1024);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keeping = Arc::clone(&seen);
        let service = move |request| record(request, Arc::clone(&keeping));
        let (_trigger, shutdown) = shutdown();
        let serving = memory::serve(server, &TERMS, service, &shutdown);
        let (mut answers, mut requests) = tokio::io::split(client);
        let sending = async {
            for piece in bytes.chunks(size) {
                if requests.write_all(piece).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            // Nothing more comes, and the connection stays open: the server must end it.
            std::future::pending::<()>().await;
        };
        let reading = async {
            let _ = answers.read_to_end(&mut Vec::new()).await;
        };
        tokio::select! {
            _ = serving => {}
            () = async { tokio::join!(sending, reading); } => {}
        }
        let mut seen = seen.lock().expect("no panic");
        std::mem::take(&mut *seen)
    })
}

async fn record(request: Request<Body>, keeping: Arc<Mutex<Vec<Read>>>) -> Response<Body> {
    let (head, mut body) = request.into_parts();
    let number = {
        let mut keeping = keeping.lock().expect("no panic");
        keeping.push(Read::of(head.method.as_str(), &head.uri));
        keeping.len() - 1
    };
    loop {
        let frame = body.frame().await;
        let mut keeping = keeping.lock().expect("no panic");
        match frame {
            Some(Ok(frame)) => keeping[number].body.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
            Some(Err(_)) => break,
            None => {
                keeping[number].whole = true;
                break;
            }
        }
    }
    Response::new(Body::empty())
}
