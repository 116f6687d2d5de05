//! Random and derived identifiers.
//!
//! In: the operating system's randomness. Out: bytes. It must not know what they name.

/// 128 bits from the operating system.
///
/// # Panics
/// If the operating system has no randomness to give, in which case nothing may be signed or keyed.
pub fn random_128() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("invariant: the operating system gives randomness");
    bytes
}
