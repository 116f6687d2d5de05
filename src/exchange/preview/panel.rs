//! The explanation at the end of a previewed page: as data for programs, and folded up for people.
//!
//! In: the page, and what there is to tell once it has ended. Out: the page with that behind its last byte, in ASCII, which every charset
//! that markup can be read in has. No script runs and no style is set, so no policy of the page minds. It must not be laid into
//! a slot.

use std::fmt::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};

use crate::exchange::explain::Ending;
use crate::exchange::explanation::Explanation;
use crate::exchange::explanation::text::{Paint, text};
use crate::exchange::trace::TraceSink;
use crate::http::{Body, BodyError};

/// A page with its explanation behind it.
pub struct PanelledBody {
    page: Body,
    /// `None` once the explanation has left, or where the page broke off.
    rest: Option<(TraceSink, Ending)>,
    bytes: usize,
}

impl PanelledBody {
    /// The page, and where its explanation is gathered.
    pub fn wrap(page: Body, sink: TraceSink, ending: Ending) -> Body {
        Body::wrap(Self { page, rest: Some((sink, ending)), bytes: 0 })
    }
}

impl HttpBody for PanelledBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match ready!(Pin::new(&mut self.page).poll_frame(cx)) {
            Some(Ok(frame)) if frame.is_data() => {
                self.bytes += frame.data_ref().map_or(0, Bytes::len);
                Poll::Ready(Some(Ok(frame)))
            }
            // Trailers would end the body; a page that is shown once needs none.
            Some(Ok(_)) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Err(error)) => {
                self.rest = None;
                Poll::Ready(Some(Err(error)))
            }
            None => {
                let bytes = self.bytes;
                let last = self.rest.take().map(|(sink, ending)| html(&ending.tell(&sink, &[], bytes, None)));
                Poll::Ready(last.map(|html| Ok(Frame::data(html.into()))))
            }
        }
    }
}

fn html(explanation: &Explanation) -> String {
    let json = serde_json::to_string(explanation).unwrap_or_default();
    let (data, told) = (json_ascii(&json), html_ascii(&text(explanation, Paint::Plain)));
    let head = html_ascii(&format!("Inlay preview: {}", explanation.supposed.join(", ")));
    format!(
        "\n<script type=\"application/json\" id=\"inlay-preview\">{data}</script>\n\
         <details id=\"inlay-preview-panel\"><summary>{head}</summary><pre>{told}</pre></details>\n"
    )
}

/// JSON that ends no script: `<` and all beyond ASCII as escapes.
fn json_ascii(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' => unit(&mut escaped, u16::try_from(u32::from(c)).unwrap_or_default()),
            c if c.is_ascii() => escaped.push(c),
            c => c.encode_utf16(&mut [0; 2]).iter().for_each(|code| unit(&mut escaped, *code)),
        }
    }
    escaped
}

/// Writing to a String can't fail; the same holds below.
fn unit(text: &mut String, code: u16) {
    let _ = write!(text, "\\u{code:04x}");
}

fn html_ascii(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() && !"<>&\"'".contains(c) => escaped.push(c),
            c => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_stays_data_and_comes_back_whole() {
        let told = Explanation { url: "http://a/</script><b>é😀&".into(), ..Explanation::default() };
        let html = html(&told);
        assert!(html.is_ascii() && html.matches("</script>").count() == 1 && !html.contains("<b>"), "{html}");
        let json =
            html.split_once("inlay-preview\">").and_then(|(_, rest)| rest.split_once("</script>")).expect("data").0;
        assert_eq!(serde_json::from_str::<Explanation>(json).expect("JSON"), told);
    }
}
