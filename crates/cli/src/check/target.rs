//! From `tls://host:443`, as people write it, to a check.

use phonehome_wire::{Check, CheckId, CheckKind, Expect, HttpMethod, Purpose, RecordType, Target};
use url::{Host, Url};

/// How much time a target has, and how often it is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) timeout_ms: u64,
    pub(super) tries: u32,
}

/// What a target that was written on the command line asks for. `expect`: whether it must connect.
///
/// # Errors
/// What is wrong with it, and how it is written.
pub(super) fn parse(text: &str, expect: Expect, patience: Patience) -> Result<Check, String> {
    let how =
        "write tcp://HOST:PORT, tls://HOST[:PORT], http(s)://HOST[:PORT]/PATH or dns://[NAMESERVER/]NAME";
    let url = Url::parse(text).map_err(|error| format!("{text:?} is no target ({error}): {how}"))?;
    let (kind, endpoint) = match url.scheme() {
        "tcp" => {
            let (host, port) = (host(&url, text)?, url.port());
            let port = port.ok_or_else(|| format!("{text:?} names no port: write tcp://{host}:PORT"))?;
            (CheckKind::Tcp { host: host.clone(), port }, format!("{host}:{port}"))
        }
        "tls" => {
            let (host, port) = (host(&url, text)?, url.port().unwrap_or(443));
            let server_name = query(&url, "name");
            (CheckKind::Tls { host: host.clone(), port, server_name }, format!("{host}:{port}"))
        }
        "http" | "https" => {
            let kind = CheckKind::Http {
                url: text.to_owned(),
                status: 200,
                method: HttpMethod::Get,
                statuses: vec![],
                header: None,
                body: None,
            };
            (kind, text.to_owned())
        }
        "dns" => dns(&url, text)?,
        _ => return Err(format!("{text:?} is no target: {how}")),
    };
    Ok(Check {
        id: CheckId(text.to_owned()),
        kind,
        expect,
        purpose: Purpose::Connection,
        target: Target { endpoint, account: None },
        timeout_ms: patience.timeout_ms,
        control: None,
        every_minutes: 1,
        tries: patience.tries,
    })
}

fn host(url: &Url, text: &str) -> Result<String, String> {
    match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => Ok(name.to_owned()),
        Some(Host::Ipv4(address)) => Ok(address.to_string()),
        Some(Host::Ipv6(address)) => Ok(format!("[{address}]")),
        _ => Err(format!("{text:?} names no host")),
    }
}

/// `dns://NAME` asks the system's nameservers, `dns://NAMESERVER/NAME` that one; `?type=MX` for other records than
/// addresses.
fn dns(url: &Url, text: &str) -> Result<(CheckKind, String), String> {
    let (host, path) = (host(url, text)?, url.path().trim_matches('/'));
    let (nameserver, name) = match path.is_empty() {
        true => (None, host),
        false => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            (Some(format!("{host}{port}")), path.to_owned())
        }
    };
    let record = query(url, "type").map(|text| record(&text)).transpose()?;
    Ok((CheckKind::Dns { name: name.clone(), nameserver, record, expected: vec![] }, name))
}

fn record(text: &str) -> Result<RecordType, String> {
    let value = serde_json::Value::String(text.to_ascii_uppercase());
    serde_json::from_value(value).map_err(|_| {
        format!("{text:?} is none of the types of records A, AAAA, CNAME, MX, NS, PTR, SRV, TXT")
    })
}

fn query(url: &Url, key: &str) -> Option<String> {
    url.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Check, String> {
        parse(text, Expect::Connect, Patience { timeout_ms: 1, tries: 1 })
    }

    #[test]
    fn a_target_is_written_as_a_url() {
        let tcp = |host: &str, port| CheckKind::Tcp { host: host.to_owned(), port };
        let tls = |host: &str, port, name: Option<&str>| CheckKind::Tls {
            host: host.to_owned(),
            port,
            server_name: name.map(str::to_owned),
        };
        let dns = |nameserver: Option<&str>, record| CheckKind::Dns {
            name: "db.example.com".to_owned(),
            nameserver: nameserver.map(str::to_owned),
            record,
            expected: vec![],
        };
        for (text, kind, endpoint) in [
            ("tcp://db.example.com:5432", tcp("db.example.com", 5432), "db.example.com:5432"),
            ("tcp://[2001:db8::1]:22", tcp("[2001:db8::1]", 22), "[2001:db8::1]:22"),
            ("tls://api.example.com", tls("api.example.com", 443, None), "api.example.com:443"),
            ("tls://10.0.0.1:8443?name=api.test", tls("10.0.0.1", 8443, Some("api.test")), "10.0.0.1:8443"),
            ("dns://db.example.com", dns(None, None), "db.example.com"),
            ("dns://10.0.0.2/db.example.com", dns(Some("10.0.0.2"), None), "db.example.com"),
            (
                "dns://10.0.0.2:5353/db.example.com?type=mx",
                dns(Some("10.0.0.2:5353"), Some(RecordType::Mx)),
                "db.example.com",
            ),
        ] {
            let check = check(text).unwrap();
            assert_eq!((&check.kind, check.target.endpoint.as_str()), (&kind, endpoint), "{text}");
        }
        assert!(matches!(check("https://api.example.com/ready").unwrap().kind, CheckKind::Http { .. }));
    }

    #[test]
    fn what_is_no_target_says_how_one_is_written() {
        for (text, part) in [
            ("db.example.com:5432", "write tcp://HOST:PORT"),
            ("db.example.com", "write tcp://HOST:PORT"),
            ("ftp://db.example.com", "write tcp://HOST:PORT"),
            ("tcp://db.example.com", "write tcp://db.example.com:PORT"),
            ("tcp://:443", "is no target"),
            ("dns://db.example.com?type=HINFO", "types of records"),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
