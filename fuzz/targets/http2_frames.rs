//! HTTP/2: any frames, over a stream in memory through all that a connection goes through. No bytes make more than the end of their
//! connection, which ends in any case; what reaches the service is a request of sound form.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::{Request, Response, Version};
use http_body_util::BodyExt;
use inlay::http::Body;
use inlay::server::{Terms, memory};
use inlay::shutdown::shutdown;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The defaults.
static TERMS: LazyLock<Arc<Terms>> = LazyLock::new(Arc::default);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Longer than anything waits, in time that is virtual.
const LONG: Duration = Duration::from_secs(24 * 3600);

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    size: u8,
    /// Where not, the steps are all there is.
    opens: bool,
    steps: Vec<Step<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    /// `GET /` or `POST /` on the stream, with more of a header block behind it.
    Request {
        stream: u8,
        posts: bool,
        flags: u8,
        more: &'a [u8],
    },
    Frame {
        kind: u8,
        flags: u8,
        stream: u8,
        payload: &'a [u8],
    },
    /// The same with a length of its own.
    Lying {
        length: u16,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &'a [u8],
    },
    Bytes(&'a [u8]),
}

fuzz_target!(|case: Case| {
    let mut bytes = Vec::new();
    if case.opens {
        bytes.extend_from_slice(PREFACE);
        frame(&mut bytes, 0, 4, 0, 0, &[]);
    }
    case.steps.iter().for_each(|step| step.write(&mut bytes));
    serve(&bytes, usize::from(case.size).max(bytes.len() / 64).max(1));
});

impl Step<'_> {
    fn write(&self, bytes: &mut Vec<u8>) {
        match *self {
            Self::Request { stream, posts, flags, more } => {
                // Of the static table: the method, http, /; then a literal `:authority`.
                let block = [&[if posts { 0x83 } else { 0x82 }, 0x86, 0x84, 0x41, 1, b'a'], more].concat();
                frame(bytes, block.len(), 1, flags | 4, u32::from(stream) * 2 + 1, &block);
            }
            Self::Frame { kind, flags, stream, payload } => {
                frame(bytes, payload.len(), kind % 12, flags, u32::from(stream % 16), payload);
            }
            Self::Lying { length, kind, flags, stream, payload } => {
                frame(bytes, usize::from(length), kind, flags, stream, payload);
            }
            Self::Bytes(other) => bytes.extend_from_slice(other),
        }
    }
}

fn frame(bytes: &mut Vec<u8>, length: usize, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    bytes.extend_from_slice(&(length as u32).to_be_bytes()[1..]);
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
}

fn serve(bytes: &[u8], size: usize) {
    // Time is virtual: a wait ends as soon as nothing else can happen.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let (client, server) = tokio::io::duplex(64 * 1024);
        let (_trigger, shutdown) = shutdown();
        let serving = memory::serve(server, &TERMS, answer, &shutdown);
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
        let ended = tokio::time::timeout(LONG, async {
            tokio::select! {
                _ = serving => {}
                () = async { tokio::join!(sending, reading); } => {}
            }
        });
        assert!(ended.await.is_ok(), "the connection never ends");
    });
}

async fn answer(request: Request<Body>) -> Response<Body> {
    if request.version() == Version::HTTP_2 {
        let target = request.uri();
        assert!(target.path().starts_with('/') || target.path() == "*" || target.path().is_empty(), "{target}");
        assert!(!request.headers().contains_key("connection") && !request.headers().contains_key("transfer-encoding"));
    }
    let read = request.into_body().collect().await.map_or(0, |body| body.to_bytes().len());
    Response::new(Body::full(vec![b'x'; read.min(1 << 20) + 1]))
}
