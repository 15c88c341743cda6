//! DNS lookups.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::config::ResolveHosts;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::domain::usage::LOCALHOST;
use phonehome_wire::Stage;

use crate::deadline::Deadline;
use crate::resolve::{self, Unresolved};
use crate::verdict::Outcome;

/// A name to look up, and where.
#[derive(Debug)]
pub(crate) struct Question {
    /// As it was given, for people.
    text: String,
    name: Name,
    server: Option<SocketAddr>,
}

impl Question {
    /// Refuses what would be "resolved" without asking anyone. The error says what is wrong with
    /// the input.
    pub(crate) fn new(text: &str, nameserver: Option<&str>) -> Result<Self, String> {
        if text.parse::<IpAddr>().is_ok() {
            return Err(format!("{text:?} is an address, not a name to look up"));
        }
        let mut name: Name = text.parse().map_err(|error| format!("{text:?} is not a name: {error}"))?;
        // No search domain: the answer must be for this very name.
        name.set_fqdn(true);
        if name.is_root() || LOCALHOST.zone_of(&name) {
            return Err(format!("{text:?} cannot be asked of a nameserver"));
        }
        let server = nameserver.map(parse_nameserver).transpose()?;
        Ok(Self { text: text.to_owned(), name, server })
    }

    /// Asks the nameserver that was given, or `fallback`, or the system's. Never looks into a hosts
    /// file: the answer must come from a nameserver.
    pub(crate) async fn ask(&self, fallback: Option<SocketAddr>, deadline: Deadline) -> Outcome {
        let resolver = match self.server.or(fallback) {
            Some(server) => resolve::only(server),
            None => resolve::system(ResolveHosts::Never),
        };
        let resolver = match resolver {
            Ok(resolver) => resolver,
            Err(reason) => return Outcome::ProbeError(reason),
        };
        match deadline.bound(resolver.lookup_ip(self.name.clone())).await {
            Some(Ok(found)) => match found.iter().next() {
                Some(address) => {
                    Outcome::Reached { what: format!("{} at {address}", self.text), addresses: vec![] }
                }
                None => Outcome::failed(Stage::Resolve, format!("{} exists but has no address", self.text)),
            },
            Some(Err(error)) => self.unanswered(&error, deadline),
            None => self.unanswered(&NetError::Timeout, deadline),
        }
    }

    fn unanswered(&self, error: &NetError, deadline: Deadline) -> Outcome {
        let name = &self.text;
        let whom = self.server.map_or("the resolver".to_owned(), |server| format!("nameserver {server}"));
        let text = match Unresolved::of(error) {
            Unresolved::Local(trouble) => {
                return Outcome::ProbeError(format!("cannot look up {name}: {trouble}"));
            }
            Unresolved::Answer(text) => return Outcome::failed(Stage::Resolve, format!("{name} {text}")),
            Unresolved::Silent => {
                format!("no answer from {whom} for {name} within {} ms", deadline.timeout_ms)
            }
        };
        // No proof of a denial, also of a nameserver that was named: a question is one packet, and may get lost.
        Outcome::failed(Stage::Resolve, text)
    }
}

/// `address` or `address:port`; port 53 when absent.
fn parse_nameserver(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    match address.or_else(|_| text.parse::<SocketAddr>()) {
        Ok(address) if address.port() != 0 => Ok(address),
        _ => Err(format!("{text:?} is not a nameserver's address or address:port")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nameserver_is_an_address_with_or_without_a_port() {
        for (text, expected) in [
            ("10.0.0.2", Some("10.0.0.2:53")),
            ("10.0.0.2:5353", Some("10.0.0.2:5353")),
            ("::1", Some("[::1]:53")),
            ("[::1]:5353", Some("[::1]:5353")),
            ("ns.example", None),
            ("10.0.0.2:0", None),
            ("", None),
        ] {
            let parsed = parse_nameserver(text).ok().map(|address| address.to_string());
            assert_eq!(parsed.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_question_that_nobody_would_be_asked_is_refused() {
        for name in ["10.0.0.1", "::1", "localhost", "a.localhost", "", ".", "a..b"] {
            assert!(Question::new(name, None).is_err(), "{name:?}");
        }
        assert!(Question::new("db.example", None).unwrap().name.is_fqdn());
    }
}
