//! Shares of visitors, by hash.
//!
//! In: what is shared out, and a visitor's id. Out: a place between 0 and 1, the same for ever and on every machine. It
//! must not hang on anything else: not on the process, nor on the moment.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// The visitor's place in `[0, 1)` for `name`. Places for different names are independent, so that two rules of 20 % do not meet the same visitors.
pub fn place(name: &str, visitor: &str) -> f64 {
    // Fixed keys: a share must not change when a process starts anew or another machine answers.
    let mut hasher = SipHasher13::new_with_keys(0x696e_6c61_7920_7368, 0x6172_6520_6f66_2076);
    hasher.write(name.as_bytes());
    hasher.write_u8(0xff);
    hasher.write(visitor.as_bytes());
    // 53 bits: what a double holds exactly.
    (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64
}

/// Whether the visitor is within the first `share` (0 to 1). Growing a share keeps those who were in it.
pub fn within(name: &str, visitor: &str, share: f64) -> bool {
    place(name, visitor) < share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_what_it_says_and_grows_by_keeping() {
        let visitors: Vec<String> = (0..20_000).map(|n| format!("visitor-{n}")).collect();
        let within_share = |share: f64| visitors.iter().filter(|v| within("rule", v, share)).count();
        let fifth = within_share(0.2);
        assert!((3_700..4_300).contains(&fifth), "{fifth} of 20000");
        assert!(visitors.iter().filter(|v| within("rule", v, 0.2)).all(|v| within("rule", v, 0.3)));
        assert_eq!((within_share(0.0), within_share(1.0)), (0, visitors.len()));
    }

    #[test]
    fn two_rules_share_out_independently() {
        let both = (0..20_000).filter(|n| {
            let visitor = format!("visitor-{n}");
            within("a", &visitor, 0.5) && within("b", &visitor, 0.5)
        });
        let both = both.count();
        assert!((4_700..5_300).contains(&both), "{both} of 20000");
    }

    #[test]
    fn places_are_the_same_on_every_machine() {
        assert_eq!(place("rule", "visitor"), place("rule", "visitor"));
        assert_eq!(format!("{:.6}", place("rule", "visitor")), "0.798444");
    }
}
