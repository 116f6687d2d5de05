//! A body line by line, as it comes.
//!
//! In: a body. Out: its lines, with their numbers; one that is too long is told and left out. It must not hold more than one line,
//! nor know what is in it.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::{Body, BodyError};

/// The lines of a body. Those of nothing but white space are left out, and counted.
#[derive(Debug)]
pub struct Lines {
    body: Body,
    /// What came and is not given out yet.
    held: BytesMut,
    /// How much of that is known to have no end of a line in it.
    looked: usize,
    /// How many lines have ended.
    number: u64,
    longest: usize,
    /// The line that is coming is too long already, and dropped.
    dropping: bool,
    ended: bool,
}

/// One line, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number; the first is 1.
    pub number: u64,
    /// `None`: it is too long.
    pub text: Option<Bytes>,
}

impl Lines {
    /// The lines of `body`, of which none may have more than `longest` bytes.
    pub fn new(body: Body, longest: usize) -> Self {
        Self { body, held: BytesMut::new(), looked: 0, number: 0, longest, dropping: false, ended: false }
    }

    /// The next line; `None` at the end. The last line may end with the body.
    ///
    /// # Errors
    /// The body broke off: what came of the line is not given out.
    pub async fn next(&mut self) -> Result<Option<Line>, BodyError> {
        loop {
            if let Some(line) = self.held_line() {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(None);
            }
            match self.body.frame().await {
                Some(frame) => {
                    if let Ok(data) = frame?.into_data() {
                        self.held.extend_from_slice(&data);
                    }
                }
                None => {
                    self.ended = true;
                    if !self.held.is_empty() || self.dropping {
                        self.held.extend_from_slice(b"\n");
                    }
                }
            }
        }
    }

    /// A line that has come whole.
    fn held_line(&mut self) -> Option<Line> {
        loop {
            let Some(end) = memchr::memchr(b'\n', &self.held[self.looked..]).map(|at| self.looked + at) else {
                self.looked = self.held.len();
                if self.held.len() > self.longest {
                    self.dropping = true;
                    self.held.clear();
                    self.looked = 0;
                }
                return None;
            };
            let line = self.held.split_to(end + 1).freeze();
            self.looked = 0;
            self.number += 1;
            let text = line.slice_ref(line.trim_ascii());
            if std::mem::take(&mut self.dropping) || text.len() > self.longest {
                return Some(Line { number: self.number, text: None });
            }
            if !text.is_empty() {
                return Some(Line { number: self.number, text: Some(text) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(pieces: &[&'static str], longest: usize) -> Vec<(u64, Option<String>)> {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        let mut lines = Lines::new(Body::stream(futures_util::stream::iter(pieces)), longest);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.expect("a whole body") {
            found.push((line.number, line.text.map(|text| String::from_utf8_lossy(&text).into_owned())));
        }
        found
    }

    fn line(number: u64, text: &str) -> (u64, Option<String>) {
        (number, Some(text.to_owned()))
    }

    #[tokio::test]
    async fn lines_are_the_same_however_they_come() {
        let whole = "one\r\ntwo\n\n  \nfive\nsix";
        let expected = [line(1, "one"), line(2, "two"), line(5, "five"), line(6, "six")];
        assert_eq!(lines(&[whole], 8).await, expected);
        let bytes: Vec<&'static str> = (0..whole.len()).map(|at| &whole[at..=at]).collect();
        assert_eq!(lines(&bytes, 8).await, expected);
        assert_eq!(lines(&[], 8).await, []);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_told_and_left_out() {
        let expected = [line(1, "a"), (2, None), line(3, "b"), (4, None)];
        assert_eq!(lines(&["a\n1234", "56789\nb\n123456"], 5).await, expected);
        assert_eq!(lines(&["a\n123456\nb\n12345", "67", "8"], 5).await, expected);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_gives_no_half_line() {
        let broken = [Ok(Bytes::from_static(b"a\n{\"b\":")), Err(BodyError::TooSlow)];
        let mut lines = Lines::new(Body::stream(futures_util::stream::iter(broken)), 9);
        assert!(lines.next().await.expect("a line").is_some());
        assert!(lines.next().await.is_err());
    }
}
