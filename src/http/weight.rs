//! Weights: how much a client wants one of several forms (RFC 9110 section 12.4.2).
//!
//! In: what stands behind `q=`. Out: thousandths. It must not know what is weighed.

/// `0.5` as 500; at most three decimals, not above 1.
pub fn parse(weight: &str) -> Option<u16> {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digit = |at: usize| decimals.as_bytes().get(at).map_or(0, |digit| u16::from(digit - b'0'));
    let thousandths = 100 * digit(0) + 10 * digit(1) + digit(2);
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}
