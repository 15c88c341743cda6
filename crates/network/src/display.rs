//! Resources in words.

use std::fmt;

use crate::{AclEntry, RouteTarget, Rule, RulePeer};

impl fmt::Display for RouteTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InternetGateway(id) | Self::NatGateway(id) | Self::Peering(id) | Self::Other(id) => {
                f.write_str(id)
            }
        }
    }
}

fn traffic(f: &mut fmt::Formatter<'_>, protocol: &str, ports: Option<(i32, i32)>) -> fmt::Result {
    match protocol {
        "-1" => f.write_str("all traffic")?,
        "6" => f.write_str("tcp")?,
        "17" => f.write_str("udp")?,
        other => f.write_str(other)?,
    }
    match ports {
        None => Ok(()),
        Some((first, last)) if first == last => write!(f, " {first}"),
        Some((first, last)) => write!(f, " {first}-{last}"),
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        traffic(f, &self.protocol, self.ports)?;
        match &self.peer {
            RulePeer::Cidr(cidr) => write!(f, " with {cidr}"),
            RulePeer::Itself => f.write_str(" with itself"),
            RulePeer::Ipv6(id) | RulePeer::Group(id) | RulePeer::PrefixList(id) => write!(f, " with {id}"),
        }
    }
}

impl fmt::Display for AclEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.allow { "allow " } else { "deny " })?;
        traffic(f, &self.protocol, self.ports)?;
        match self.cidr {
            Some(cidr) => write!(f, " {} {cidr}", if self.egress { "to" } else { "from" }),
            None => f.write_str(" IPv6"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_says_which_ports_it_is_about() {
        let words = |protocol: &str, ports| {
            let peer = RulePeer::Cidr("10.0.0.0/8".parse().unwrap());
            Rule { protocol: protocol.into(), ports, peer }.to_string()
        };
        assert_eq!(words("tcp", Some((443, 443))), "tcp 443 with 10.0.0.0/8");
        assert_eq!(words("6", Some((8000, 8010))), "tcp 8000-8010 with 10.0.0.0/8");
        assert_eq!(words("17", None), "udp with 10.0.0.0/8");
        assert_eq!(words("-1", None), "all traffic with 10.0.0.0/8");
    }
}
