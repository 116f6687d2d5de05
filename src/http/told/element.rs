//! One element of `Forwarded` (RFC 7239 section 4).
//!
//! In: its bytes. Out: what it tells, if it tells one thing of each. It must not know other elements.

use super::Told;
use super::node::{address, scheme};
use crate::http::host::authority;

/// `[ forwarded-pair ] *( ";" [ forwarded-pair ] )` (section 4). `None` if it is none, or names a parameter twice.
pub fn element(written: &[u8]) -> Option<Told> {
    let text = String::from_utf8_lossy(written);
    let mut told = Told { element: text.is_ascii().then(|| text.to_string()), ..Told::default() };
    let mut seen: Vec<String> = Vec::new();
    let mut rest = text.as_ref();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        let (value, behind) = value(behind.trim_start())?;
        match name.as_str() {
            "for" => told.address = address(value.as_bytes()),
            "proto" => told.scheme = scheme(value.as_bytes()),
            "host" => told.host = authority(value.as_bytes()),
            _ => {}
        }
        if name.is_empty() || seen.contains(&name) {
            return None;
        }
        seen.push(name);
        rest = match behind.trim_start().strip_prefix(';') {
            Some(rest) => rest.trim_start(),
            None if behind.trim().is_empty() => "",
            None => return None,
        };
    }
    Some(told)
}

/// A quoted string or what stands for one without quotes, and what stands behind it. Unquoted, ports and brackets are read
/// too, though they are no tokens: many write them so.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_at(text.find(';').unwrap_or(text.len()));
        let value = value.trim();
        return (!value.contains(['"', ' ', '\t'])).then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[place + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}
