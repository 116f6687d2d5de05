//! Lists in headers, read from the right, because only there stand the words of those who are known: whatever a client wrote on
//! the left, an open quote or bytes that are no text, it takes nothing away from them.
//!
//! In: headers, and where a line's last member begins. Out: the members, the last first. It must not read members.

use http::HeaderMap;
use http::header::HeaderName;

use crate::limits;

/// The members of a list over all lines of `name`, from the right, trimmed, the empty ones left out. `last_comma` tells
/// where a line's last member begins.
pub fn members<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    last_comma: fn(&[u8]) -> Option<usize>,
) -> impl Iterator<Item = &'a [u8]> {
    let of_line = move |line: &'a [u8]| {
        let mut rest = Some(line);
        std::iter::from_fn(move || {
            let line = rest?;
            let (before, member) = match last_comma(line) {
                Some(comma) => (Some(&line[..comma]), &line[comma + 1..]),
                None => (None, line),
            };
            rest = before;
            Some(member.trim_ascii())
        })
    };
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(|line| line.as_bytes()).collect();
    let members = lines.into_iter().rev().flat_map(of_line).filter(|member| !member.is_empty());
    members.take(limits::FORWARDED_HOPS)
}

/// The last comma, where nothing is quoted.
pub fn last_comma(line: &[u8]) -> Option<usize> {
    line.iter().rposition(|byte| *byte == b',')
}

/// The last comma outside of quotes, which are paired from the right: a quote there ends a string that begins at the next
/// quote no backslash stands before. `None` also where one has no beginning.
pub fn last_comma_unquoted(line: &[u8]) -> Option<usize> {
    let mut end = line.len();
    loop {
        let place = line[..end].iter().rposition(|byte| matches!(byte, b',' | b'"'))?;
        match line[place] {
            b',' => return Some(place),
            _ => end = opening_quote(&line[..place])?,
        }
    }
}

fn opening_quote(line: &[u8]) -> Option<usize> {
    let is_escaped = |place: usize| line[..place].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
    (0..line.len()).rev().find(|place| line[*place] == b'"' && !is_escaped(*place))
}
