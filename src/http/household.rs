//! Who counts as one client.
//!
//! In: an address. Out: the address by which all that belongs to the same household is counted. It must not count.

use std::net::{IpAddr, Ipv6Addr};

use crate::limits;

/// An IPv4 address, or an IPv6 network of [`CLIENT_IPV6_BITS`](limits::CLIENT_IPV6_BITS).
pub fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let rest = u128::MAX >> limits::CLIENT_IPV6_BITS;
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !rest))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_has_one_address() {
        for (address, household_address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
        ] {
            let found = household(address.parse().unwrap());
            assert_eq!(found, household_address.parse::<IpAddr>().unwrap(), "{address}");
        }
    }
}
