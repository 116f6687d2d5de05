//! The files of `tests/corpus` as seeds: what stands behind `--- bytes` is unescaped, as their tests do it. Bytes without such
//! a line are taken as they are.

use std::borrow::Cow;

/// The bytes of a case, or what the engine made of one.
pub fn bytes(data: &[u8]) -> Cow<'_, [u8]> {
    const MARK: &[u8] = b"--- bytes\n";
    let Some(at) = data.windows(MARK.len()).position(|window| window == MARK) else { return Cow::Borrowed(data) };
    let mut rest = &data[at + MARK.len()..];
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, behind) {
            (b'\n', _) => {}
            (b'\\', [letter @ (b'r' | b'n' | b't' | b'0' | b'\\'), behind @ ..]) => {
                bytes.push(match letter {
                    b'r' => b'\r',
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'0' => 0,
                    _ => b'\\',
                });
                rest = behind;
            }
            (b'\\', [b'x', high, low, behind @ ..]) => {
                let digits = std::str::from_utf8(&[*high, *low]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
                bytes.push(digits.unwrap_or(b'x'));
                rest = behind;
            }
            _ => bytes.push(*byte),
        }
    }
    Cow::Owned(bytes)
}
