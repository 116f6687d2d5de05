//! How the bytes of a case arrive.

/// The size of the pieces (the first byte says it; large ones are common, small ones too), and the bytes themselves.
pub fn size_and_rest(data: &[u8]) -> (usize, &[u8]) {
    match data.split_first() {
        Some((0..=15, rest)) => (1, rest),
        Some((size, rest)) => (usize::from(*size), rest),
        None => (1, data),
    }
}
