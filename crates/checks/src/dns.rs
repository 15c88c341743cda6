//! DNS lookups.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::proto::rr::domain::usage::LOCALHOST;
use hickory_resolver::proto::rr::{self, Name, RData};
use phonehome_wire::{ANSWERS_MAX, Class, RecordType, Stage};

use crate::deadline::Deadline;
use crate::nameserver::{self, Unanswered};
use crate::outcome::Outcome;
use crate::resolve::{both_families, outcome};

/// A name to look up, where, and what has to come of it.
#[derive(Debug)]
pub(crate) struct Question {
    /// As it was given, for people.
    text: String,
    name: Name,
    server: Option<SocketAddr>,
    record: Option<RecordType>,
    expected: Vec<String>,
}

impl Question {
    /// Refuses what would be "resolved" without asking anyone. The error says what is wrong with
    /// the input.
    pub(crate) fn new(
        text: &str,
        nameserver: Option<&str>,
        record: Option<RecordType>,
        expected: &[String],
    ) -> Result<Self, String> {
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
        let expected = expected.iter().map(|text| normal(text)).collect();
        Ok(Self { text: text.to_owned(), name, server, record, expected })
    }

    /// Asks the nameserver that was given, or `others`. Never looks into a hosts file: the answer must come from a
    /// nameserver. Gives the records that were found, too.
    pub(crate) async fn ask(
        &self,
        others: Result<&[SocketAddr], String>,
        deadline: Deadline,
    ) -> (Outcome, Vec<String>) {
        let servers = match (&self.server, others) {
            (Some(server), _) => std::slice::from_ref(server),
            (None, Ok(servers)) => servers,
            (None, Err(reason)) => return (Outcome::ProbeError(reason), vec![]),
        };
        match self.records(servers, deadline).await {
            Ok(mut found) => {
                let outcome = self.judge(&found);
                found.truncate(ANSWERS_MAX);
                (outcome, found)
            }
            Err(unanswered) => {
                let whom = self.server.map(|server| format!("nameserver {server}"));
                let whom = whom.as_deref().unwrap_or("the resolver");
                (outcome(&self.text, whom, &unanswered, self.what(), deadline), vec![])
            }
        }
    }

    async fn records(&self, servers: &[SocketAddr], deadline: Deadline) -> Result<Vec<String>, Unanswered> {
        let Some(record) = self.record else {
            let (addresses, _) = both_families(servers, &self.name, deadline).await?;
            return Ok(addresses.iter().map(ToString::to_string).collect());
        };
        let asked = nameserver::ask(servers, &self.name, record_type(record));
        let found = deadline.bound(asked).await.unwrap_or(Err(Unanswered::Silent))?;
        Ok(found.iter().map(text_of).collect())
    }

    fn judge(&self, found: &[String]) -> Outcome {
        let name = &self.text;
        if found.is_empty() {
            let error = format!("{name} exists but has no {}", self.what());
            return Outcome::failed(Stage::Resolve, Class::NoRecords, error);
        }
        let normal: Vec<String> = found.iter().map(|text| normal(text)).collect();
        let missing: Vec<&str> =
            self.expected.iter().filter(|text| !normal.contains(text)).map(String::as_str).collect();
        let found = found.join(", ");
        match missing.is_empty() {
            true => Outcome::Reached(format!("{name} at {found}")),
            false => {
                let error = format!("{name} is {found}, and not {}", missing.join(", "));
                Outcome::failed(Stage::Resolve, Class::Answer, error)
            }
        }
    }

    fn what(&self) -> &'static str {
        match self.record {
            None => "address",
            Some(RecordType::A) => "IPv4 address (A)",
            Some(RecordType::Aaaa) => "IPv6 address (AAAA)",
            Some(RecordType::Cname) => "CNAME record",
            Some(RecordType::Mx) => "MX record",
            Some(RecordType::Ns) => "NS record",
            Some(RecordType::Ptr) => "PTR record",
            Some(RecordType::Srv) => "SRV record",
            Some(RecordType::Txt) => "TXT record",
        }
    }
}

fn record_type(record: RecordType) -> rr::RecordType {
    match record {
        RecordType::A => rr::RecordType::A,
        RecordType::Aaaa => rr::RecordType::AAAA,
        RecordType::Cname => rr::RecordType::CNAME,
        RecordType::Mx => rr::RecordType::MX,
        RecordType::Ns => rr::RecordType::NS,
        RecordType::Ptr => rr::RecordType::PTR,
        RecordType::Srv => rr::RecordType::SRV,
        RecordType::Txt => rr::RecordType::TXT,
    }
}

/// A record as a zone file has it; a text without its quotes, however many parts it has.
fn text_of(data: &RData) -> String {
    match data {
        RData::TXT(text) => {
            let parts = text.txt_data.iter().map(|part| String::from_utf8_lossy(part));
            parts.collect()
        }
        other => other.to_string(),
    }
}

/// Names are alike in any case, and with or without the dot at their end; an address however it is written.
fn normal(text: &str) -> String {
    match text.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => text.trim().trim_end_matches('.').to_ascii_lowercase(),
    }
}

/// Reads where a nameserver is: `address` or `address:port`, port 53 when absent.
///
/// # Errors
/// The text with what is wrong with it, for people.
pub fn parse_nameserver(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    match address.or_else(|_| text.parse::<SocketAddr>()) {
        Ok(address) if address.port() != 0 => Ok(address),
        _ => Err(format!("{text:?} is not a nameserver's address or address:port")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str, expected: &[&str]) -> Result<Question, String> {
        let expected: Vec<String> = expected.iter().map(|&text| text.to_owned()).collect();
        Question::new(name, None, None, &expected)
    }

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
            assert!(question(name, &[]).is_err(), "{name:?}");
        }
        assert!(question("db.example", &[]).unwrap().name.is_fqdn());
    }

    #[test]
    fn every_expected_record_has_to_be_there_however_it_is_written() {
        let is_ok = |found: &[&str], expected: &[&str]| {
            let found: Vec<String> = found.iter().map(|&text| text.to_owned()).collect();
            matches!(question("a.test", expected).unwrap().judge(&found), Outcome::Reached(_))
        };
        assert!(is_ok(&["10.0.0.1"], &[]));
        assert!(is_ok(&["10.0.0.1", "10.0.0.2"], &["10.0.0.2"]));
        assert!(is_ok(&["Mail.Example.com."], &["mail.example.com"]));
        assert!(is_ok(&["2001:db8::1"], &["2001:DB8:0:0::1"]));
        assert!(!is_ok(&["10.0.0.1"], &["10.0.0.2"]));
        assert!(!is_ok(&["10.0.0.1"], &["10.0.0.1", "10.0.0.2"]));
        assert!(!is_ok(&[], &[]));
    }
}
