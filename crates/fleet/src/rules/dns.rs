//! What is looked up, and what is expected of the answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use phonehome_wire::RecordType;

use super::Rule;
use super::host::{TEMPLATE, host};
use super::http::at_most;
use crate::place::Flaw;

/// Characters of a record: those of one string in a TXT record, and of a name.
const RECORD_MAX: usize = 255;

/// What to say of an address where a name is to be looked up.
pub(crate) fn not_a_name(text: &str, record: Option<RecordType>) -> Option<Flaw> {
    let address: Ipv4Addr = text.parse().ok()?;
    let flaw = Flaw::new(format!("`{text}` is an address, not a name to look up"));
    let [a, b, c, d] = address.octets();
    Some(match record {
        Some(RecordType::Ptr) => flaw.hint(format!("its PTR record is that of {d}.{c}.{b}.{a}.in-addr.arpa")),
        _ => flaw.hint("give the name whose records there must be"),
    })
}

/// A record as it is written in a zone file, without name, class and type.
pub(crate) fn dns_record(text: &str, record: Option<RecordType>) -> Rule<String> {
    let flaw = |what: &str, example: &str| {
        Flaw::new(format!("`{text}` is not {what}")).hint(format!("write it as in {example}"))
    };
    let fields: Vec<&str> = text.split_whitespace().collect();
    let number = |text: &&str| text.parse::<u16>().is_ok();
    let name = |text: &str| host(text.strip_suffix('.').unwrap_or(text), TEMPLATE).is_ok();
    let (valid, what, example) = match record {
        None => (text.parse::<IpAddr>().is_ok(), "an address", "10.0.0.1"),
        Some(RecordType::A) => (text.parse::<Ipv4Addr>().is_ok(), "an A record, an IPv4 address", "10.0.0.1"),
        Some(RecordType::Aaaa) => {
            (text.parse::<Ipv6Addr>().is_ok(), "an AAAA record, an IPv6 address", "2001:db8::1")
        }
        Some(RecordType::Cname | RecordType::Ns | RecordType::Ptr) => (name(text), "a name", "a.example.com"),
        Some(RecordType::Mx) => {
            let valid = matches!(fields.as_slice(), [preference, host] if number(preference) && name(host));
            (valid, "an MX record, a preference and a name", "10 mail.example.com")
        }
        Some(RecordType::Srv) => {
            let valid = matches!(
                fields.as_slice(),
                [numbers @ .., host] if numbers.len() == 3 && numbers.iter().all(number) && name(host)
            );
            (valid, "an SRV record, priority, weight, port and a name", "0 5 443 a.example.com")
        }
        Some(RecordType::Txt) => {
            (!text.is_empty() && !text.contains(char::is_control), "a text of one line", "v=spf1 -all")
        }
    };
    if !valid {
        return Err(flaw(what, example));
    }
    at_most(text, RECORD_MAX, "a record")
}

/// `address` or `address:port` of a nameserver.
pub(crate) fn nameserver(text: &str, loopback_allowed: bool) -> Rule<String> {
    let address = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    let address = address.or_else(|_| text.parse::<SocketAddr>()).ok().filter(|it| it.port() != 0);
    let Some(address) = address else {
        let flaw = Flaw::new(format!("`{text}` is not the address of a nameserver"));
        return Err(flaw
            .hint("write 10.0.0.2, or with a port 10.0.0.2:5353; a name would have to be looked up first"));
    };
    let ip = address.ip();
    if ip.is_unspecified() || ip.is_multicast() || (ip.is_loopback() && !loopback_allowed) {
        let flaw = Flaw::new(format!("`{text}` is no address of a nameserver"));
        return Err(flaw.hint("name one that others reach, too"));
    }
    Ok(text.to_owned())
}

/// An address by which a way out can lead.
pub(crate) fn public_address(text: &str) -> Rule<IpAddr> {
    let Ok(address) = text.parse::<IpAddr>() else {
        let flaw = Flaw::new(format!("`{text}` is not an IP address"));
        return Err(flaw.hint("list them one by one, as in 203.0.113.7"));
    };
    let is_inside = match address {
        IpAddr::V4(ip) => {
            let shared = matches!(ip.octets(), [100, 64..=127, ..]);
            shared || ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified()
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local(),
    };
    if is_inside {
        let flaw = Flaw::new(format!("`{text}` is not a public address"));
        return Err(flaw.hint("an echo service sees the Elastic IP address of a NAT gateway"));
    }
    Ok(address)
}
