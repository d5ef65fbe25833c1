//! `inet`, `cidr` and `macaddr`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::{Error, ErrorKind, Result};

use super::invalid;

/// An address, and how many of its bits say the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The address, all bits of it.
    pub ip: IpAddr,
    /// Bits of the network.
    pub bits: u8,
}

impl Address {
    /// Reads `192.168.0.1/24`; a `network` may leave out octets and has no bits after its mask.
    ///
    /// # Errors
    /// `InvalidTextRepresentation`.
    pub fn read(text: &str, network: bool) -> Result<Self> {
        let name = if network { "cidr" } else { "inet" };
        let wrong = || invalid(name, text);
        let (address, mask) = match text.trim().split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (text.trim(), None),
        };
        let (ip, implied) = match address.parse::<IpAddr>() {
            Ok(ip) => (ip, bits_of(ip)),
            Err(_) if network => abbreviated(address).ok_or_else(wrong)?,
            Err(_) => return Err(wrong()),
        };
        let bits = match mask {
            Some(mask) if mask.bytes().all(|byte| byte.is_ascii_digit()) => {
                mask.parse::<u8>().ok().filter(|bits| *bits <= bits_of(ip)).ok_or_else(wrong)?
            }
            Some(_) => return Err(wrong()),
            None => implied,
        };
        let read = Self { ip, bits };
        if network && read.has_host_bits() {
            let message = format!("invalid cidr value: \"{text}\"");
            return Err(Error::new(ErrorKind::InvalidTextRepresentation, message)
                .detail("Value has bits set to right of mask."));
        }
        Ok(read)
    }

    fn has_host_bits(&self) -> bool {
        let host = bits_of(self.ip) - self.bits;
        match self.ip {
            IpAddr::V4(ip) => u64::from(ip.to_bits()) & ((1_u64 << host) - 1) != 0,
            IpAddr::V6(ip) if host == 128 => ip.to_bits() != 0,
            IpAddr::V6(ip) => ip.to_bits() & ((1_u128 << host) - 1) != 0,
        }
    }

    /// As Postgres prints it: a host's mask is left out where it is no network.
    pub fn text(&self, network: bool) -> String {
        let ip = match self.ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => v6_text(ip),
        };
        if !network && self.bits == bits_of(self.ip) {
            return ip;
        }
        format!("{ip}/{}", self.bits)
    }
}

fn bits_of(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

/// `10.1`: what is left out is zero, and the old classes say the mask.
fn abbreviated(text: &str) -> Option<(IpAddr, u8)> {
    let mut octets = [0; 4];
    let mut count = 0;
    for part in text.split('.') {
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *octets.get_mut(count)? = part.parse::<u8>().ok()?;
        count += 1;
    }
    let class = match octets[0] {
        240.. => 32,
        224.. => 8,
        192.. => 24,
        128.. => 16,
        _ => 8,
    };
    Some((IpAddr::V4(Ipv4Addr::from(octets)), class.max(u8::try_from(count).ok()? * 8)))
}

/// Addresses that hold one of version 4 end like one.
fn v6_text(ip: Ipv6Addr) -> String {
    let words = ip.segments();
    let zeros = words.iter().take_while(|word| **word == 0).count();
    if zeros == 6 {
        let low = (u32::from(words[6]) << 16) | u32::from(words[7]);
        return format!("::{}", Ipv4Addr::from(low));
    }
    ip.to_string()
}

/// Twelve figures in pairs.
pub(super) fn macaddr(text: &str) -> Result<String> {
    let trimmed = text.trim();
    let known = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '-' | '.');
    let figures: Vec<char> = trimmed.chars().filter(char::is_ascii_hexdigit).collect();
    if figures.len() != 12 || !trimmed.chars().all(known) {
        return Err(invalid("macaddr", text));
    }
    let pairs = figures.chunks(2).map(|pair| pair.iter().collect::<String>().to_ascii_lowercase());
    Ok(pairs.collect::<Vec<_>>().join(":"))
}
