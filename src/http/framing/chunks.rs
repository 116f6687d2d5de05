//! The chunked coding, byte by byte as its grammar has it (RFC 9112 section 7.1).
//!
//! In: bytes, from the first chunk's size. Out: where the body ends, or the first byte that can't be. It must not look at
//! the content.

/// A chunked body of which not all has come.
#[derive(Debug)]
pub struct Chunks {
    at: At,
    extensions: Extensions,
}

/// What is wrong with a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a chunk's size line is malformed")]
    Size,
    #[error("a chunk does not end where its size says")]
    End,
    /// Section 7.1.2.
    #[error("a trailer line is malformed")]
    Trailer,
}

/// How what may stand behind a chunk's size is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extensions {
    /// As section 7.1.1 has it.
    Judged,
    /// Passed over up to the end of the line: they go no further, and servers pad sizes with spaces.
    Skipped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    SizeStart,
    Size(u64),
    /// Behind the size, or behind an extension on which the size still waits.
    Extension(u64, Extension),
    /// In what is passed over.
    Behind(u64),
    SizeLf(u64),
    /// So many bytes are to come, at least one.
    Data(u64),
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    End,
}

/// Within `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )` (section 7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    /// Space where only a semicolon may follow.
    Gap,
    NameStart,
    Name,
    NameEnd,
    ValueStart,
    Token,
    Quoted,
    Escaped,
    ValueEnd,
}

impl Chunks {
    pub fn begin(extensions: Extensions) -> Self {
        Self { at: At::SizeStart, extensions }
    }

    /// Reads up to the body's end; tells how many bytes, and whether it has ended.
    ///
    /// # Errors
    /// How many bytes are good, and what is wrong with the next.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(usize, bool), (usize, Malformed)> {
        let mut place = 0;
        while let Some(byte) = bytes.get(place) {
            if let At::Data(left) = self.at {
                let read = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - place);
                let left = left - read as u64;
                self.at = if left == 0 { At::DataCr } else { At::Data(left) };
                place += read;
                continue;
            }
            self.at = self.next(*byte).map_err(|malformed| (place, malformed))?;
            place += 1;
            if self.at == At::End {
                return Ok((place, true));
            }
        }
        Ok((place, false))
    }

    fn next(&self, byte: u8) -> Result<At, Malformed> {
        let next = next(self.at, byte)?;
        Ok(match (next, self.extensions) {
            (At::Extension(size, _), Extensions::Skipped) => At::Behind(size),
            _ => next,
        })
    }
}

fn next(at: At, byte: u8) -> Result<At, Malformed> {
    let (next, malformed) = match at {
        At::SizeStart => (digit(0, byte), Malformed::Size),
        At::Size(size) => (after_size(size, byte).or_else(|| digit(size, byte)), Malformed::Size),
        At::Extension(size, extension) => (after_extension(size, extension, byte), Malformed::Size),
        At::Behind(size) => (behind(size, byte), Malformed::Size),
        At::SizeLf(size) => {
            let then = if size == 0 { At::TrailerStart } else { At::Data(size) };
            ((byte == b'\n').then_some(then), Malformed::Size)
        }
        At::Data(_) | At::DataCr => ((byte == b'\r').then_some(At::DataLf), Malformed::End),
        At::DataLf => ((byte == b'\n').then_some(At::SizeStart), Malformed::End),
        _ => (in_trailers(at, byte), Malformed::Trailer),
    };
    next.ok_or(malformed)
}

fn digit(size: u64, byte: u8) -> Option<At> {
    let digit = char::from(byte).to_digit(16)?;
    Some(At::Size(size.checked_mul(16)?.checked_add(u64::from(digit))?))
}

fn after_size(size: u64, byte: u8) -> Option<At> {
    Some(match byte {
        b'\r' => At::SizeLf(size),
        b';' => At::Extension(size, Extension::NameStart),
        b' ' | b'\t' => At::Extension(size, Extension::Gap),
        _ => return None,
    })
}

fn after_extension(size: u64, extension: Extension, byte: u8) -> Option<At> {
    use Extension::{Escaped, Gap, Name, NameEnd, NameStart, Quoted, Token, ValueEnd, ValueStart};
    let next = match (extension, byte) {
        (Name | Token | ValueEnd, b'\r') => return Some(At::SizeLf(size)),
        (Gap | Name | NameEnd | Token | ValueEnd, b';') => NameStart,
        (Name | NameEnd, b'=') => ValueStart,
        (Name, b' ' | b'\t') => NameEnd,
        (Token, b' ' | b'\t') => ValueEnd,
        (Gap | NameStart | NameEnd | ValueStart | ValueEnd, b' ' | b'\t') => extension,
        (NameStart | Name, byte) if is_token(byte) => Name,
        (ValueStart, b'"') => Quoted,
        (ValueStart | Token, byte) if is_token(byte) => Token,
        (Quoted, b'"') => ValueEnd,
        (Quoted, b'\\') => Escaped,
        (Quoted | Escaped, byte) if is_text(byte) => Quoted,
        _ => return None,
    };
    Some(At::Extension(size, next))
}

fn behind(size: u64, byte: u8) -> Option<At> {
    match byte {
        b'\r' => Some(At::SizeLf(size)),
        b'\n' => None,
        _ => Some(At::Behind(size)),
    }
}

fn in_trailers(at: At, byte: u8) -> Option<At> {
    Some(match (at, byte) {
        (At::TrailerStart, b'\r') => At::EndLf,
        (At::TrailerStart | At::TrailerName, byte) if is_token(byte) => At::TrailerName,
        (At::TrailerName, b':') => At::TrailerValue,
        (At::TrailerValue, b'\r') => At::TrailerLf,
        (At::TrailerValue, byte) if is_text(byte) => At::TrailerValue,
        (At::TrailerLf, b'\n') => At::TrailerStart,
        (At::EndLf, b'\n') => At::End,
        _ => return None,
    })
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What may stand in a field's value or be quoted: no control but the tab.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}
