//! From parser events to the tree.
//!
//! In: a text. Out: its tree with what is wrong in it, as far as the parser came, and what stopped it. Depth and the number of
//! nodes, aliases counted as what they stand for, are limited. It must not explain parser errors (see
//! [`super::traps`]).

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as Mark};

use super::offsets::Offsets;
use super::tree::{Entry, Node, Scalar, Style, Value};
use crate::config::source::{SourceId, Span};
use crate::limits::{CONFIG_DEPTH, CONFIG_NODES};

/// What stopped the parser.
#[derive(Debug)]
pub struct Stop {
    /// Byte offset.
    pub at: usize,
    /// The parser's words, or ours.
    pub info: String,
    /// Ours say it all; the parser's need explaining.
    pub ours: bool,
}

/// A mistake in the tree that did not stop the parser.
#[derive(Debug)]
pub struct Finding {
    pub span: Span,
    pub what: String,
    pub remedy: String,
    pub related: Vec<(Span, String)>,
}

/// A tree and its mistakes.
#[derive(Debug)]
pub struct Built {
    /// `None` if the parser stopped before the first node.
    pub root: Option<Rc<Node>>,
    pub findings: Vec<Finding>,
    /// What stopped the parser; the tree then ends there, and what was open is marked as cut.
    pub stop: Option<Stop>,
}

/// Reads `text`. Nodes that lie on a `masked` byte are [`Value::Faulty`].
pub fn build(id: SourceId, text: &str, masked: &[Range<usize>]) -> Built {
    let mut builder = Builder::new(id, text, masked);
    let stop = builder.read().err();
    if stop.is_some() {
        builder.cut();
    }
    let empty = || Rc::new(Node::whole(id.start(), Value::Map(Vec::new())));
    let root = match (builder.root.take(), &stop) {
        (None, Some(_)) => None,
        (None, None) => Some(empty()),
        (Some((node, _)), _) => match &node.value {
            Value::Scalar(scalar) if scalar.is_null() => Some(empty()),
            _ => Some(node),
        },
    };
    Built { root, findings: builder.findings, stop }
}

fn too_deep() -> String {
    format!("nested deeper than {CONFIG_DEPTH} levels; make it flatter")
}

fn mark_end(mark: &Mark) -> usize {
    mark.end.index().max(mark.start.index())
}

/// How much a node is, everything that its aliases stand for included.
#[derive(Clone, Copy, Debug)]
struct Measure {
    nodes: usize,
    depth: usize,
}

struct Builder<'a> {
    id: SourceId,
    text: &'a str,
    masked: &'a [Range<usize>],
    open: Vec<Frame>,
    anchors: HashMap<usize, (Rc<Node>, Measure)>,
    root: Option<(Rc<Node>, Measure)>,
    documents: usize,
    findings: Vec<Finding>,
}

/// A list or map whose end has not come.
struct Frame {
    span: Span,
    anchor: usize,
    /// For a map keys and values in turn.
    children: Vec<Rc<Node>>,
    is_map: bool,
    measure: Measure,
}

impl<'a> Builder<'a> {
    fn new(id: SourceId, text: &'a str, masked: &'a [Range<usize>]) -> Self {
        let (open, anchors, findings) = (Vec::new(), HashMap::new(), Vec::new());
        Self { id, text, masked, open, anchors, root: None, documents: 0, findings }
    }

    /// Reads the whole text.
    fn read(&mut self) -> Result<(), Stop> {
        let mut parser = Parser::new_from_str(self.text);
        let offsets = Offsets::new(self.text);
        while let Some(event) = parser.next_event() {
            let (event, mark) = event.map_err(|error| {
                let at = offsets.byte(error.marker().index());
                match error.info() {
                    "recursion limit exceeded" => Stop { at, info: too_deep(), ours: true },
                    info => Stop { at, info: info.to_owned(), ours: false },
                }
            })?;
            let range = offsets.byte(mark.start.index())..offsets.byte(mark_end(&mark));
            self.event(event, self.id.span(range))?;
        }
        Ok(())
    }

    /// Ends what is still open where the parser stopped.
    fn cut(&mut self) {
        while let Some(frame) = self.open.pop() {
            let mut node = if frame.is_map { self.map(frame) } else { list(frame) };
            node.cut = true;
            let measure = Measure { nodes: 0, depth: 0 };
            match self.open.last_mut() {
                Some(outer) => outer.children.push(Rc::new(node)),
                None => self.root = Some((Rc::new(node), measure)),
            }
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return self.stop(span, "a second document (`---`) in one file; put it into a file of its own");
                }
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some((node, measure)) => return self.close(node.clone(), *measure, span),
                None => return self.stop(span, "an alias inside the value it stands for; write the value out"),
            },
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span);
                let node = self.scalar(&text, style, span);
                return self.complete(node, anchor, Measure { nodes: 1, depth: 1 });
            }
            Event::SequenceStart(anchor, tag) => self.enter(span, anchor, tag.is_some(), false)?,
            Event::MappingStart(anchor, tag) => self.enter(span, anchor, tag.is_some(), true)?,
            Event::SequenceEnd | Event::MappingEnd => {
                let frame = self.open.pop().expect("invariant: the parser balances its events");
                let (anchor, measure) = (frame.anchor, frame.measure);
                let node = if frame.is_map { self.map(frame) } else { list(frame) };
                return self.complete(node, anchor, measure);
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn stop(&self, span: Span, info: &str) -> Result<(), Stop> {
        Err(Stop { at: span.start as usize, info: info.to_owned(), ours: true })
    }

    fn refuse_tag(&mut self, tagged: bool, span: Span) {
        if tagged {
            self.find(span, "YAML tags (`!…`) mean nothing here", "quote the text if the `!` belongs to it");
        }
    }

    fn find(&mut self, span: Span, what: impl Into<String>, remedy: &str) {
        self.findings.push(Finding { span, what: what.into(), remedy: remedy.to_owned(), related: Vec::new() });
    }

    fn enter(&mut self, span: Span, anchor: usize, tagged: bool, is_map: bool) -> Result<(), Stop> {
        self.refuse_tag(tagged, span);
        let measure = Measure { nodes: 1, depth: 1 };
        self.open.push(Frame { span, anchor, children: Vec::new(), is_map, measure });
        match self.open.len() > CONFIG_DEPTH {
            true => self.stop(span, &too_deep()),
            false => Ok(()),
        }
    }

    /// A scalar; one without text gets the span of its key, because the parser places it at what follows.
    fn scalar(&self, text: &str, style: ScalarStyle, span: Span) -> Node {
        let span = match (text.is_empty(), style, self.open.last()) {
            (true, ScalarStyle::Plain, Some(frame)) if frame.is_map && frame.children.len() % 2 == 1 => {
                frame.children.last().map_or(span, |key| key.span)
            }
            _ => span,
        };
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let (start, end) = (span.start as usize, (span.end as usize).max(1));
        let faulty = self.masked.iter().any(|masked| masked.start < end && start < masked.end);
        let value = if faulty { Value::Faulty } else { Value::Scalar(Scalar { text: text.into(), style }) };
        Node::whole(span, value)
    }

    fn complete(&mut self, node: Node, anchor: usize, measure: Measure) -> Result<(), Stop> {
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), measure));
        }
        let span = node.span;
        self.close(node, measure, span)
    }

    /// Hands a finished node to the collection that holds it.
    fn close(&mut self, node: Rc<Node>, measure: Measure, span: Span) -> Result<(), Stop> {
        let depth = self.open.len();
        let Some(frame) = self.open.last_mut() else {
            self.root = Some((node, measure));
            return Ok(());
        };
        frame.children.push(node);
        frame.measure.nodes = frame.measure.nodes.saturating_add(measure.nodes);
        frame.measure.depth = frame.measure.depth.max(measure.depth + 1);
        if frame.measure.nodes > CONFIG_NODES {
            return self
                .stop(span, &format!("more than {CONFIG_NODES} values, aliases written out; use fewer aliases"));
        }
        match depth + measure.depth > CONFIG_DEPTH {
            true => self.stop(span, &too_deep()),
            false => Ok(()),
        }
    }

    fn map(&mut self, frame: Frame) -> Node {
        let braces = self.text[frame.span.start as usize..].starts_with("{{");
        let mut seen: HashMap<Rc<str>, Span> = HashMap::new();
        let mut entries = Vec::with_capacity(frame.children.len() / 2);
        let mut children = frame.children.into_iter();
        while let (Some(key), Some(node)) = (children.next(), children.next()) {
            let text: Rc<str> = match &key.value {
                Value::Scalar(scalar) => scalar.text.as_ref().into(),
                Value::Faulty => continue,
                _ if braces => return Node::whole(frame.span, Value::Braces),
                _ => {
                    self.find(key.span, "a key must be text", "quote it if it should be text");
                    continue;
                }
            };
            if &*text == "<<" {
                self.find(key.span, "merge keys (`<<`) are not part of YAML 1.2", "write the keys out");
            } else if let Some(first) = seen.get(&text) {
                self.find(key.span, format!("`{text}` stands twice in the same map"), "keep one of them");
                let finding = self.findings.last_mut().expect("invariant: just pushed");
                finding.related.push((*first, "the first stands here".to_owned()));
            } else {
                seen.insert(text.clone(), key.span);
                entries.push(Entry { key: text, key_span: key.span, node });
            }
        }
        let block = !self.text[frame.span.start as usize..].starts_with('{');
        let first = entries.first().filter(|_| block).map(|entry| entry.key_span);
        Node::whole(first.unwrap_or(self.short(frame.span)), Value::Map(entries))
    }

    /// The first character of a span.
    fn short(&self, span: Span) -> Span {
        let start = span.start as usize;
        let end = self.text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
        self.id.span(start..end)
    }
}

fn list(frame: Frame) -> Node {
    let span = Span { end: frame.span.end.min(frame.span.start + 1), ..frame.span };
    Node::whole(span, Value::List(frame.children))
}
