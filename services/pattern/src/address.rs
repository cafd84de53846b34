//! IP addresses, and `cidr`: whether an address lies in a network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Characters of an IPv4 address: Java, with whose library Event Ruler reads addresses,
/// takes leading zeros and reads nothing longer.
const IPV4_CHARS_MAX: usize = 15;

/// Reads what Event Ruler takes for an address: decimal IPv4, and IPv6 without a dotted
/// part. An IPv4 address written as IPv6 is that IPv4 address.
pub(crate) fn parse(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        let is_plain = text.bytes().all(|byte| byte == b':' || byte.is_ascii_hexdigit());
        let address = text.parse::<Ipv6Addr>().ok().filter(|_| is_plain)?;
        return Some(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4));
    }
    let is_plain = text.len() <= IPV4_CHARS_MAX && text.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit());
    let mut parts = text.split('.').filter(|_| is_plain);
    let mut octets = [0; 4];
    for octet in &mut octets {
        *octet = parts.next()?.parse().ok()?;
    }
    parts.next().is_none().then(|| IpAddr::V4(Ipv4Addr::from(octets)))
}

/// The addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    V4 { bits: u32, mask: u32 },
    V6 { bits: u128, mask: u128 },
}

impl Network {
    /// The error is Event Ruler's message.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some((address, mask_bits)) = text.split_once('/').filter(|(_, mask_bits)| !mask_bits.contains('/')) else {
            return Err("Malformed CIDR, one '/' required".into());
        };
        let Ok(mask_bits) = mask_bits.parse::<i32>() else {
            return Err("Malformed CIDR, mask bits must be an integer".into());
        };
        let Ok(mask_bits) = u32::try_from(mask_bits) else {
            return Err("Malformed CIDR, mask bits must not be negative".into());
        };
        match parse(address) {
            None => Err(format!("Nonstandard IP address: {address}")),
            Some(IpAddr::V4(_)) if mask_bits >= u32::BITS => Err("IPv4 mask bits must be < 32".into()),
            Some(IpAddr::V6(_)) if mask_bits >= u128::BITS => Err("IPv6 mask bits must be < 128".into()),
            Some(IpAddr::V4(address)) => {
                let mask = !(u32::MAX >> mask_bits);
                Ok(Self::V4 { bits: u32::from(address) & mask, mask })
            }
            Some(IpAddr::V6(address)) => {
                let mask = !(u128::MAX >> mask_bits);
                Ok(Self::V6 { bits: u128::from(address) & mask, mask })
            }
        }
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (*self, address) {
            (Self::V4 { bits, mask }, IpAddr::V4(address)) => u32::from(address) & mask == bits,
            (Self::V6 { bits, mask }, IpAddr::V6(address)) => u128::from(address) & mask == bits,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        for (network, inside, outside) in [
            ("10.0.0.0/24", "10.0.0.255", "10.0.1.0"),
            ("10.1.2.3/8", "10.255.0.0", "11.0.0.0"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("10.0.0.0/31", "010.0.0.1", "10.0.0.2"),
            ("2001:db8::/32", "2001:DB8:ffff::1", "2001:db9::"),
            ("::/0", "::1", "1.2.3.4"),
            ("10.0.0.0/8", "::ffff:a01:203", "::a01:203"),
        ] {
            let network = Network::parse(network).unwrap();
            assert!(network.contains(parse(inside).unwrap()), "{inside}");
            assert!(!network.contains(parse(outside).unwrap()), "{outside}");
        }
        for text in
            ["", "1.2.3", "1.2.3.256", "1.2.3.4.5", "+1.2.3.4", "host", "::1.2.3.4", "0000000001.2.3.4", "1.2.3."]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_event_ruler_refuses() {
        for (text, reason) in [
            ("10.0.0.0", "Malformed CIDR, one '/' required"),
            ("10.0.0.0/8/8", "Malformed CIDR, one '/' required"),
            ("10.0.0.0/x", "Malformed CIDR, mask bits must be an integer"),
            ("10.0.0.0/-1", "Malformed CIDR, mask bits must not be negative"),
            ("10.0.0.0/32", "IPv4 mask bits must be < 32"),
            ("::/128", "IPv6 mask bits must be < 128"),
            ("10.0.0/3", "Nonstandard IP address: 10.0.0"),
        ] {
            assert_eq!(Network::parse(text), Err(reason.into()), "{text}");
        }
    }
}
