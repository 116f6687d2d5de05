//! A slot that waits for its fill, and the judgement whether and how what comes can be laid in.
//!
//! In: a [`Filling`]. Out: a [`Verdict`], in bytes of the page's encoding. It must not know where the slot stands.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;

use super::charset::Charset;
use super::escape::Holder;
use super::piece::Closing;
use super::stitch::Compressed;
use super::{Fill, Filling, Place, Target};
use crate::http::flow::{Flow, FlowReader};

/// A slot between its discovery and its settlement.
pub(super) struct Waiting {
    pub marker: usize,
    holder: Holder,
    state: State,
    /// Where a spanning slot opened, as an offset in the page.
    pub opened: u64,
    /// How and where it closed, once that is known.
    pub closed: Option<(Closing, u64)>,
}

enum State {
    Later(BoxFuture<'static, Fill>),
    /// It flows, and can be judged only as a whole.
    Gathering(FlowReader, Vec<Bytes>),
    Known(Verdict),
    Settled,
}

/// What is to be done at the slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    Refuse,
    Show(Content),
}

/// What is laid in, in the page's encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Content {
    #[default]
    Nothing,
    Plain(Vec<Bytes>),
    /// Kept with its compressed forms, for any number of pages.
    Compressed(Arc<Compressed>),
    /// It is still coming: UTF-8, whatever the page's encoding.
    Flow(Flow),
}

impl Content {
    /// The content in one: what an attribute is set to, and whatever else was judged as a whole.
    pub fn first(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::Plain(parts) => parts.into_iter().next().unwrap_or_default(),
            Self::Compressed(compressed) => compressed.plain().clone(),
            // What is judged as a whole does not flow.
            Self::Flow(_) => Bytes::new(),
        }
    }
}

impl Waiting {
    pub fn new(marker: usize, target: &Target, holder: Holder, charset: Charset, filling: Filling) -> Self {
        let state = match filling {
            Filling::Now(fill) => State::of(fill, target, holder, charset),
            Filling::Later(future) => State::Later(future),
        };
        Self { marker, holder, state, opened: 0, closed: None }
    }

    /// The verdict, as soon as the fill is there; after it is settled, `Keep`.
    pub fn poll(&mut self, target: &Target, charset: Charset, cx: &mut Context<'_>) -> Poll<&Verdict> {
        if let State::Later(future) = &mut self.state {
            let fill = ready!(future.as_mut().poll(cx));
            self.state = State::of(fill, target, self.holder, charset);
        }
        if let State::Gathering(reader, gathered) = &mut self.state {
            let fill = ready!(gather(reader, gathered, cx));
            self.state = State::Known(judge(fill, target, self.holder, charset));
        }
        Poll::Ready(self.known().unwrap_or(&Verdict::Keep))
    }

    /// The verdict, if it is known without waiting.
    pub fn known(&self) -> Option<&Verdict> {
        match &self.state {
            State::Known(verdict) => Some(verdict),
            State::Later(_) | State::Gathering(..) | State::Settled => None,
        }
    }

    /// Lets go of the fill, or of the future that would have brought it. What was to be shown, if it is known.
    pub fn settle(&mut self) -> Content {
        match std::mem::replace(&mut self.state, State::Settled) {
            State::Known(Verdict::Show(content)) => content,
            _ => Content::Nothing,
        }
    }
}

impl State {
    fn of(fill: Fill, target: &Target, holder: Holder, charset: Charset) -> Self {
        match fill {
            Fill::Flow(flow) => match (flow.whole(), holder) {
                (Some(parts), _) => Self::Known(judge(Fill::Show(parts), target, holder, charset)),
                (None, Holder::Markup) => Self::Known(Verdict::Show(Content::Flow(flow))),
                (None, _) => Self::Gathering(flow.reader(), Vec::new()),
            },
            fill => Self::Known(judge(fill, target, holder, charset)),
        }
    }
}

/// The whole of what flows; the origin's content stays where that does not come.
fn gather(reader: &mut FlowReader, gathered: &mut Vec<Bytes>, cx: &mut Context<'_>) -> Poll<Fill> {
    loop {
        match ready!(reader.poll_next(cx)) {
            Some(Ok(piece)) => gathered.push(piece),
            Some(Err(_)) => return Poll::Ready(Fill::Keep),
            None => return Poll::Ready(Fill::Show(std::mem::take(gathered))),
        }
    }
}

fn judge(fill: Fill, target: &Target, holder: Holder, charset: Charset) -> Verdict {
    let bare = matches!(target, Target::Class { .. } | Target::Place(Place::Remove));
    if bare && fill != Fill::Keep {
        return Verdict::Show(Content::Nothing);
    }
    let as_it_is = holder == Holder::Markup && charset == Charset::Known(encoding_rs::UTF_8);
    let whole = match fill {
        Fill::Keep => return Verdict::Keep,
        Fill::Flow(flow) => return Verdict::Show(Content::Flow(flow)),
        Fill::Show(parts) if as_it_is => return Verdict::Show(Content::Plain(parts)),
        Fill::Compressed(compressed) if as_it_is => return Verdict::Show(Content::Compressed(compressed)),
        Fill::Show(parts) => join(parts),
        Fill::Compressed(compressed) => compressed.plain().clone(),
    };
    if holder.refuses(&whole) {
        return Verdict::Refuse;
    }
    match charset.encode(&String::from_utf8_lossy(&whole), holder.beyond()) {
        Ok(None) => Verdict::Show(Content::Plain(vec![whole])),
        Ok(Some(encoded)) => Verdict::Show(Content::Plain(vec![encoded.into()])),
        Err(_) => Verdict::Refuse,
    }
}

fn join(mut content: Vec<Bytes>) -> Bytes {
    match content.len() {
        0 => Bytes::new(),
        1 => content.swap_remove(0),
        _ => {
            let mut joined = BytesMut::with_capacity(content.iter().map(Bytes::len).sum());
            content.iter().for_each(|part| joined.extend_from_slice(part));
            joined.freeze()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(content: &[&'static str], holder: Holder, charset: Charset) -> Verdict {
        let fill = Fill::Show(content.iter().map(|part| Bytes::from_static(part.as_bytes())).collect());
        judge(fill, &Target::Place(Place::Inner), holder, charset)
    }

    fn shows(content: Bytes) -> Verdict {
        Verdict::Show(Content::Plain(vec![content]))
    }

    #[test]
    fn what_would_end_its_holder_is_refused_across_pieces_too() {
        let utf8 = Charset::Known(encoding_rs::UTF_8);
        assert_eq!(verdict(&["x</scr", "ipt>"], Holder::Script, utf8), Verdict::Refuse);
        assert_eq!(verdict(&["a", "b"], Holder::Script, utf8), shows("ab".into()));
        assert_eq!(verdict(&["a\"b"], Holder::Value, utf8), Verdict::Refuse);
    }

    #[test]
    fn what_the_encoding_lacks_is_refused_only_in_raw_text() {
        let latin = Charset::Known(encoding_rs::WINDOWS_1252);
        assert_eq!(verdict(&["☃"], Holder::Script, latin), Verdict::Refuse);
        assert_eq!(verdict(&["é☃"], Holder::Markup, latin), shows(Bytes::from_static(b"\xE9&#x2603;")));
        assert_eq!(verdict(&["é"], Holder::Escapable("title"), Charset::Unknown), shows("&#xE9;".into()));
    }
}
