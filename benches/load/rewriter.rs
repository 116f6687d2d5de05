//! The bare proxy with a bare rewriter in it: lol_html lays the same fragments into the same places as Inlay's rules do, and
//! nothing else happens.
//!
//! In: the origin's address. Out: a listening server. It must not do anything for show.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::{Request, Response, header};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lol_html::html_content::ContentType;
use lol_html::send::{HtmlRewriter, Settings};

use crate::Failure;
use crate::peers::{asked_of, listen};
use crate::subject::{SEGMENTS, fragments};

/// Passes everything on, with the fragments of the visitor's tier laid in.
pub async fn rewriter(origin: SocketAddr) -> Result<(SocketAddr, ()), Failure> {
    let client = Arc::new(Client::builder(TokioExecutor::new()).build_http::<Incoming>());
    listen(move |request| {
        let client = client.clone();
        async move {
            let laid_in = fragments(tier(&request));
            let response = client.request(asked_of(origin, request)?).await?;
            let (mut head, page) = response.into_parts();
            head.headers.remove(header::CONTENT_LENGTH);
            Ok::<_, Failure>(Response::from_parts(head, Rewritten::new(page, laid_in)))
        }
    })
    .await
}

/// Found as a plain search, which is the least that any proxy would do.
fn tier(request: &Request<Incoming>) -> &'static str {
    let cookie = request.headers().get(header::COOKIE).and_then(|line| line.to_str().ok()).unwrap_or_default();
    SEGMENTS.into_iter().find(|tier| cookie.contains(&format!("tier={tier}"))).unwrap_or(SEGMENTS[0])
}

type Sink = Box<dyn FnMut(&[u8]) + Send>;

/// A page on its way through lol_html.
struct Rewritten {
    page: Incoming,
    /// Gone at the end of the page.
    rewriter: Option<HtmlRewriter<'static, Sink>>,
    written: Arc<Mutex<BytesMut>>,
}

impl Rewritten {
    fn new(page: Incoming, [greeting, offer, reading]: [String; 3]) -> Self {
        let written = Arc::new(Mutex::new(BytesMut::new()));
        let sink = written.clone();
        let sink: Sink = Box::new(move |bytes: &[u8]| {
            sink.lock().expect("invariant: nobody panics with it").extend_from_slice(bytes)
        });
        let settings = Settings::new_send()
            .append_element_content_handler(lol_html::element!("h1.menu-title", move |element| {
                element.after(&greeting, ContentType::Html);
                Ok(())
            }))
            .append_element_content_handler(lol_html::element!("main", move |element| {
                element.prepend(&offer, ContentType::Html);
                element.append(&reading, ContentType::Html);
                Ok(())
            }));
        Self { page, rewriter: Some(HtmlRewriter::new(settings, sink)), written }
    }

    fn take(&self) -> Option<Bytes> {
        let mut written = self.written.lock().expect("invariant: nobody panics with it");
        (!written.is_empty()).then(|| written.split().freeze())
    }
}

impl Body for Rewritten {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        while self.rewriter.is_some() {
            let frame = ready!(Pin::new(&mut self.page).poll_frame(cx)).transpose()?;
            match (frame.and_then(|frame| frame.into_data().ok()), &mut self.rewriter) {
                (Some(bytes), Some(rewriter)) => rewriter.write(&bytes)?,
                (None, rewriter) => rewriter.take().into_iter().try_for_each(HtmlRewriter::end)?,
                (Some(_), None) => {}
            }
            if let Some(bytes) = self.take() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
        Poll::Ready(None)
    }
}
