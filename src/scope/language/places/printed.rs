//! Values made fit for the place where they are printed.
//!
//! In: a place and a value. Out: its text for there, or a refusal where no text would be safe. The unknown stays unknown, and a
//! nonce, which needs no escaping anywhere, itself.

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::filters::pay;
use super::super::library::urls::is_harmless;
use super::super::objects::{is_nonce_hole, plain};
use super::super::pending::is_pending;
use super::super::print::{escape_html, escape_json, is_trusted_url, json, words};
use super::super::weight::{is_unknown, weigh};
use super::{AttributeKind, Place, Within};

/// What a URL never holds as it is; what has a meaning in one stays.
const OUTSIDE_URLS: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'\'').add(b'<').add(b'>').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');
/// What a URL in CSS doesn't hold besides.
const OUTSIDE_CSS_URLS: &AsciiSet = &OUTSIDE_URLS.add(b'\\').add(b'(').add(b')').add(b',').add(b';');
/// All that has a meaning in a query.
const OUTSIDE_QUERIES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Gives `environment` the filters of all places.
pub fn install(environment: &mut Environment<'_>) {
    for place in Place::ALL {
        if let Some(name) = place.filter() {
            environment.add_filter(name, move |state: &mut State<'_, '_>, value: &Value| {
                if is_unknown(value) || is_pending(value) || (is_nonce_hole(value) && prints_nonce(place, state)) {
                    return Ok(value.clone());
                }
                weigh(value)?;
                let text = printed(place, &plain(value))?;
                pay(state, text.len())?;
                Ok(Value::from_safe_string(text))
            });
        }
    }
}

/// Whether printing leaves a hole for the nonce here; as a value of a script it needs quotes, which printing adds only where all is
/// JSON.
fn prints_nonce(place: Place, state: &State<'_, '_>) -> bool {
    !matches!(place, Place::Script(_)) || matches!(state.auto_escape(), AutoEscape::Json)
}

fn printed(place: Place, value: &Value) -> Result<String, Error> {
    let words = words(value);
    let text = words.as_str().unwrap_or_default();
    Ok(match place {
        Place::Text | Place::Comment => escape_html(text),
        Place::Escapable if value.is_safe() => text.replace('<', "&lt;"),
        Place::Attribute if value.is_safe() => quotes_escaped(text),
        Place::Escapable | Place::Attribute => escape_html(text),
        Place::Document if value.is_safe() => escape_html(text),
        Place::Document => escape_html(&escape_html(text)),
        Place::UrlStart => url_start(value, text)?,
        Place::UrlHead => escape_html(&encode(&without_scheme(&said(value, text)), OUTSIDE_URLS)),
        Place::UrlPath => escape_html(&encode(&said(value, text), OUTSIDE_URLS)),
        Place::UrlQuery if value.is_safe() => escape_html(&encode(&said(value, text), OUTSIDE_URLS)),
        Place::UrlQuery => escape_html(&encode(text, OUTSIDE_QUERIES)),
        Place::UrlList => url_list(value, text)?,
        Place::Tag => attribute_name(value, text)?,
        Place::Script(Within::RawText) => script_value(value)?,
        Place::Script(Within::Attribute) => escape_html(&script_value(value)?),
        Place::ScriptString => script_string(text),
        Place::Css(_) => css(text)?,
        Place::CssUrl(within) => css_url(text, within)?,
        Place::Nowhere => {
            return Err(refused(
                "a value can't be printed within a comment, a template literal or a regular expression",
            ));
        }
        Place::Trusted(Within::Attribute) => quotes_escaped(text),
        Place::Trusted(Within::RawText) => text.replace("</", "<\\/").replace("<!--", "<\\!--"),
    })
}

fn refused(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, what.into())
}

/// The text that markup stands for: what was escaped before is not to be escaped twice.
fn said(value: &Value, text: &str) -> String {
    if value.is_safe() { htmlize::unescape_attribute(text).into_owned() } else { text.to_owned() }
}

fn encode(text: &str, outside: &'static AsciiSet) -> String {
    utf8_percent_encode(text, outside).to_string()
}

fn quotes_escaped(markup: &str) -> String {
    markup.replace('"', "&quot;").replace('\'', "&#39;")
}

fn url_start(value: &Value, text: &str) -> Result<String, Error> {
    let url = said(value, text);
    if !is_trusted_url(value) && !is_harmless(&url) {
        let scheme: String = url.trim().chars().take_while(|c| *c != ':').take(20).collect();
        return Err(refused(format!(
            "`{scheme}:` may run code or leave the browser; `safe_url` prints it all the same"
        )));
    }
    Ok(escape_html(&encode(&url, OUTSIDE_URLS)))
}

/// A text after which no scheme ends: a colon before the first slash, question mark or hash is percent-encoded.
fn without_scheme(text: &str) -> String {
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    format!("{}{}", text[..end].replace(':', "%3A"), &text[end..])
}

fn url_list(value: &Value, text: &str) -> Result<String, Error> {
    let urls = said(value, text);
    let harmless = urls.split(',').flat_map(str::split_whitespace).all(is_harmless);
    if harmless || is_trusted_url(value) {
        Ok(escape_html(&urls))
    } else {
        Err(refused("one of these URLs may run code; `safe_url` prints them all the same"))
    }
}

/// Names of attributes without values, or nothing: what would run, or be loaded, has to be written out.
fn attribute_name(value: &Value, text: &str) -> Result<String, Error> {
    if value.is_safe() {
        return Ok(text.to_owned());
    }
    let fits = |name: &str| {
        let words = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        words && AttributeKind::of(name) == AttributeKind::Plain
    };
    match text.split_ascii_whitespace().all(fits) {
        true => Ok(text.to_owned()),
        false => Err(refused("only names of attributes may be printed into a tag; write `name=\"{{ value }}\"`")),
    }
}

/// A value as JavaScript reads it: JSON, in which nothing ends a script.
fn script_value(value: &Value) -> Result<String, Error> {
    // Markup is a text here: it must not become code.
    let json = if value.is_safe() { escape_json(value.as_str().unwrap_or_default()) } else { json(value)? };
    Ok(json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"))
}

/// A text in a string of JavaScript, in either quotes. Nothing of it means anything to HTML.
fn script_string(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '"' | '\'' | '`' | '<' | '>' | '&' | '/' | '$' | '=' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c if c < ' ' => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A number, a word, a colour, a length, or several: nothing that ends a value or begins a function.
fn css(text: &str) -> Result<String, Error> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '#' | '.' | '%' | '-' | '_' | ',' | '+' | '!');
    match text.chars().all(fits) {
        true => Ok(text.to_owned()),
        false => {
            Err(refused("only words, numbers and colours may be printed into a style; `safe` prints it all the same"))
        }
    }
}

fn css_url(text: &str, within: Within) -> Result<String, Error> {
    if !is_harmless(text) {
        return Err(refused("this URL may run code"));
    }
    let url = encode(text, OUTSIDE_CSS_URLS);
    Ok(if within == Within::Attribute { escape_html(&url) } else { url })
}
