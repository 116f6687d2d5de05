//! Where responses end: the HTTP library, what reads along with it and our check of the head, against an independent reading.
//!
//! An origin sends the bytes over a stream in memory, to a connection with the client's bounds. A response that passes the
//! check must be the one that the other reader finds, with the same body; a body that is whole to us must be whole there.
#![no_main]

#[path = "../shared/case.rs"]
mod case;
#[path = "../shared/pieces.rs"]
mod pieces;
#[path = "../shared/reading.rs"]
#[allow(dead_code, reason = "it reads requests too")]
mod reading;

use http::{Method, Request};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use inlay::http::framing::{self, Followed, Wanted};
use inlay::limits;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use reading::{Extensions, Length, Read};

fuzz_target!(|data: &[u8]| {
    let (size, bytes) = pieces::size_and_rest(data);
    let bytes = &*case::bytes(bytes);
    for method in [Method::GET, Method::HEAD] {
        let whole = passed(bytes, bytes.len().max(1), &method);
        assert_eq!(whole, passed(bytes, size, &method), "the pieces matter");
        let Some(passed) = whole else { continue };
        let Some(expected) = response(bytes, &method) else { panic!("passed, and in no reading: {passed:?}") };
        assert!(passed.is_within(&expected), "read in two ways:\npassed {passed:?}\nread   {expected:?}");
    }
});

/// The response as we would pass it on: its status stands for the method.
fn passed(bytes: &[u8], size: usize, method: &Method) -> Option<Read> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let (us, origin) = tokio::io::duplex(64 * 1024);
        let (us, asked) = Followed::new(us);
        asked.wants(if method == Method::HEAD { Wanted::Head } else { Wanted::Response });
        let connecting = http1::Builder::new()
            .max_buf_size(limits::RESPONSE_HEAD_BYTES)
            .max_headers(limits::RESPONSE_HEADERS)
            .handshake(TokioIo::new(us));
        let (mut sender, connection) = connecting.await.expect("a connection");
        let request = Request::builder().method(method).uri("/").header("host", "a").body(Empty::<bytes::Bytes>::new());
        let asking = async {
            let response = sender.send_request(request.expect("a request")).await.ok()?;
            framing::check(&response).ok()?;
            let (head, mut body) = response.into_parts();
            let mut read = Read { method: head.status.as_str().to_owned(), ..Read::default() };
            loop {
                match body.frame().await {
                    Some(Ok(frame)) => read.body.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
                    Some(Err(_)) => break,
                    None => {
                        read.whole = true;
                        break;
                    }
                }
            }
            Some(read)
        };
        let answering = async {
            let (mut requests, mut responses) = tokio::io::split(origin);
            // The answer must not come before the question.
            let _ = requests.read(&mut [0; 1024]).await;
            for piece in bytes.chunks(size) {
                if responses.write_all(piece).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            let _ = responses.shutdown().await;
        };
        let (passed, (), _) = tokio::join!(asking, answering, connection);
        passed
    })
}

/// The same by the other reader: the first that is no interim response.
fn response(mut bytes: &[u8], method: &Method) -> Option<Read> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 256];
        let mut response = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(end) = response.parse(bytes).ok()? else { return None };
        let status = response.code?;
        bytes = &bytes[end..];
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        let fields: Vec<_> = response.headers.iter().map(|field| (field.name, field.value)).collect();
        let length = reading::length(&fields)?;
        let mut read = Read { method: status.to_string(), ..Read::default() };
        let bodiless = *method == Method::HEAD || matches!(status, 101 | 204 | 304);
        if bodiless || length == Length::Known(0) {
            read.whole = true;
            return Some(read);
        }
        match length {
            // Section 6.1: chunks are of 1.1.
            Length::Chunked if response.version == Some(0) => return None,
            Length::Chunked => {
                reading::chunked(bytes, Extensions::ReadOver, &mut read);
            }
            Length::Known(length) => {
                let have = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len());
                read.body.extend_from_slice(&bytes[..have]);
                read.whole = have as u64 == length;
            }
            // The connection's end is the body's.
            Length::Unsaid => {
                read.body.extend_from_slice(bytes);
                read.whole = true;
            }
        }
        return Some(read);
    }
}
