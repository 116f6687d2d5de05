//! Printing: from values to text, escaped for the place where it stands, within bounds.
//!
//! In: values, as a template prints them. Out: pieces of text with holes for the nonce. It must not know what a value
//! means, only that the unknown is never printed.

use std::sync::{Arc, OnceLock};
use std::{fmt, io};

use bytes::Bytes;
use minijinja::value::{Kwargs, Object, ObjectRepr, Value, ValueKind};
use minijinja::{AutoEscape, Error, Output, State, filters};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::objects::Nonce;
use super::pending::is_pending;
use super::weight::{is_unknown, weigh};
use super::{Cut, Piece, cut};
use crate::limits;

/// What stands in the text where the nonce belongs, until [`pieces`] takes it out: random, so that nothing else prints it.
fn hole() -> &'static str {
    static HOLE: OnceLock<String> = OnceLock::new();
    HOLE.get_or_init(|| {
        let mut random = [0; 16];
        getrandom::fill(&mut random).expect("invariant: the operating system has random bytes");
        format!("hole{:032x}", u128::from_be_bytes(random))
    })
}

/// How values are printed into URLs.
pub(super) const URL: AutoEscape = AutoEscape::Custom(std::borrow::Cow::Borrowed("url"));

/// How values are printed as components of URLs.
pub(super) const COMPONENT: AutoEscape = AutoEscape::Custom(std::borrow::Cow::Borrowed("component"));

/// Whatever is not unreserved (RFC 3986 section 2.3).
const IN_COMPONENTS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// All that a path and the value of a parameter do not both take as it is; `;`, which some servers cut segments at, among it.
const IN_URLS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',');

/// The formatter of the language: what `{{ value }}` does.
pub(super) fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if let Some(nonce) = value.downcast_object_ref::<Nonce>() {
        if !nonce.print_hole() {
            return write(out, state.auto_escape(), &nonce.read());
        }
        let quote = if matches!(state.auto_escape(), AutoEscape::Json) { "\"" } else { "" };
        return write!(out, "{quote}{}{quote}", hole()).map_err(Error::from);
    }
    if is_pending(value) {
        return write!(out, "{value}").map_err(Error::from);
    }
    write(out, state.auto_escape(), value)
}

fn write(out: &mut Output<'_>, escape: &AutoEscape, value: &Value) -> Result<(), Error> {
    if is_unknown(value) {
        return Err(cut(Cut::Unknown));
    }
    if let Some(number) = value.as_i64().filter(|_| value.is_number()) {
        return write!(out, "{number}").map_err(Error::from);
    }
    let text = escaped(escape, value)?;
    out.write_str(text.as_str().unwrap_or_default()).map_err(Error::from)
}

/// `value` as a text that may stand where `escape` says.
fn escaped(escape: &AutoEscape, value: &Value) -> Result<Value, Error> {
    weigh(value)?;
    match escape {
        _ if value.is_safe() => Ok(value.clone()),
        AutoEscape::Json => filters::tojson(value, None, no_arguments()),
        AutoEscape::None => Ok(words(value)),
        mode if *mode == URL => Ok(Value::from(encode_url(words(value).as_str().unwrap_or_default()))),
        mode if *mode == COMPONENT => {
            let words = words(value);
            Ok(Value::from(utf8_percent_encode(words.as_str().unwrap_or_default(), IN_COMPONENTS).to_string()))
        }
        _ => {
            let words = words(value);
            let text = words.as_str().unwrap_or_default();
            let clean = !text.contains(['&', '<', '>', '"', '\'']);
            Ok(if clean { words } else { Value::from(escape_html(text)) })
        }
    }
}

/// `value` as text, unescaped; what is true or false is written as HTML and JavaScript write it.
pub(super) fn words(value: &Value) -> Value {
    match value.kind() {
        ValueKind::String => value.clone(),
        ValueKind::Bool => Value::from(if value.is_true() { "true" } else { "false" }),
        _ => Value::from(value.to_string()),
    }
}

/// A URL of which its author says that it may stand in a link whatever its scheme is.
#[derive(Debug)]
struct TrustedUrl(String);

impl Object for TrustedUrl {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The filter `safe_url`.
pub(super) fn trusted_url(url: String) -> Value {
    Value::from_object(TrustedUrl(url))
}

/// Whether a value came from that filter.
pub(super) fn is_trusted_url(value: &Value) -> bool {
    value.downcast_object_ref::<TrustedUrl>().is_some()
}

/// A value as JSON that cannot end a `script`.
pub(super) fn json(value: &Value) -> Result<String, Error> {
    filters::tojson(value, None, no_arguments()).map(|json| json.to_string())
}

/// Escapes for text and for attribute values in either quotes.
pub(crate) fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Percent-encodes a text for a URL. `%2F` stays, because that is how a path that was asked for shows a slash which is no
/// border.
fn encode_url(text: &str) -> String {
    let parts: Vec<String> = text.split("%2F").map(|part| utf8_percent_encode(part, IN_URLS).to_string()).collect();
    parts.join("%2F")
}

/// A text as it is printed in raw text: a JSON string that cannot end a `script`.
pub(crate) fn escape_json(text: &str) -> String {
    let json = filters::tojson(&Value::from(text), None, no_arguments());
    json.map_or_else(|_| "\"\"".to_owned(), |json| json.to_string())
}

fn no_arguments() -> Kwargs {
    Kwargs::from_iter::<[(&str, Value); 0]>([])
}

/// The filter `string`.
pub(super) fn text(_: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    Ok(words(value))
}

/// The filter `escape`: as printing does, for HTML where nothing is escaped.
pub(super) fn escape(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    let mode = match state.auto_escape() {
        AutoEscape::None => &AutoEscape::Html,
        mode => mode,
    };
    Ok(Value::from_safe_string(escaped(mode, value)?.to_string()))
}

/// `left ~ right`. Where one of them is safe, the other is escaped first, so that the whole is.
pub(super) fn concat(state: &State<'_, '_>, left: &Value, right: &Value) -> Result<Value, Error> {
    let markup = (left.is_safe() || right.is_safe()) && !matches!(state.auto_escape(), AutoEscape::None);
    let [left, right] =
        [left, right].map(|side| if markup { escaped(state.auto_escape(), side) } else { Ok(words(side)) });
    let (left, right) = (left?, right?);
    let (a, b) = (left.as_str().unwrap_or_default(), right.as_str().unwrap_or_default());
    if a.len() + b.len() > limits::TEMPLATE_TEXT_BYTES {
        return Err(cut(Cut::TooMuch));
    }
    let both = [a, b].concat();
    Ok(if markup { Value::from_safe_string(both) } else { Value::from(both) })
}

/// Collects what is printed, and stops the render when it is too much.
#[derive(Default)]
pub(super) struct Bounded(pub Vec<u8>);

impl io::Write for &mut Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > limits::TEMPLATE_OUTPUT_BYTES {
            return Err(io::Error::new(io::ErrorKind::StorageFull, Cut::TooMuch));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Cuts what was printed at its holes. `None` if their number is not `printed`: then a hole was printed into a variable
/// that was changed, measured or repeated, and the text cannot be trusted.
pub(super) fn pieces(text: Vec<u8>, printed: usize) -> Option<Vec<Piece>> {
    if printed == 0 {
        return Some(if text.is_empty() { Vec::new() } else { vec![Piece::Text(text.into())] });
    }
    let text = Bytes::from(text);
    let mut pieces = Vec::new();
    let (mut done, mut found) = (0, 0);
    while let Some(at) = find(&text[done..], hole().as_bytes()) {
        if at > 0 {
            pieces.push(Piece::Text(text.slice(done..done + at)));
        }
        pieces.push(Piece::Nonce);
        done += at + hole().len();
        found += 1;
    }
    if done < text.len() {
        pieces.push(Piece::Text(text.slice(done..)));
    }
    (found == printed).then_some(pieces)
}

fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).position(|window| window == needle)
}

/// Makes the text of pieces fit between double quotes. What a template printed is escaped already; its own text and
/// what it called safe is markup, in which only the quotes would end the value.
pub(crate) fn quote_attribute(pieces: Vec<Piece>) -> Vec<Piece> {
    let quoted = pieces.into_iter().map(|piece| match piece {
        Piece::Text(text) if text.contains(&b'"') => {
            let mut quoted = Vec::with_capacity(text.len() + 16);
            for (index, part) in text.split(|byte| *byte == b'"').enumerate() {
                if index > 0 {
                    quoted.extend_from_slice(b"&quot;");
                }
                quoted.extend_from_slice(part);
            }
            Piece::Text(quoted.into())
        }
        piece => piece,
    });
    quoted.collect()
}
