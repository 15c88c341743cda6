//! What a check connects to, and what it says there.

use std::net::IpAddr;

use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, StatusCode, Uri};
use phonehome_wire::{CheckKind, ExpectedHeader, HttpMethod, StatusRange};
use tokio_rustls::rustls::pki_types::ServerName;

/// A host, a port, and what is said once the connection stands.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// Host name or IP address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) exchange: Exchange,
}

/// What is said over a TCP connection.
#[derive(Debug, Clone)]
pub(crate) enum Exchange {
    /// Nothing: that it stands is enough.
    Tcp,
    /// A TLS handshake for this name.
    Tls(ServerName<'static>),
    /// A request, over TLS when a name is given.
    Http { tls: Option<ServerName<'static>>, request: Box<HttpRequest> },
}

impl Exchange {
    /// The name that the server's certificate must carry, where there is one.
    pub(crate) fn server_name(&self) -> Option<&ServerName<'static>> {
        match self {
            Self::Tcp => None,
            Self::Tls(name) => Some(name),
            Self::Http { tls, .. } => tls.as_ref(),
        }
    }
}

/// What is asked over HTTP, and what has to come of it.
#[derive(Debug, Clone)]
pub(crate) struct HttpRequest {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    /// At least one.
    pub(crate) statuses: Vec<(StatusCode, StatusCode)>,
    pub(crate) header: Option<(HeaderName, Option<String>)>,
    pub(crate) body: Body,
}

/// What the answer's body has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// Anything: it is not read.
    Any,
    /// One that contains this.
    Contains(String),
    /// The public address that the server sees, one of these if there are any.
    PublicAddress(Vec<IpAddr>),
}

impl Endpoint {
    /// What a check of this kind connects to. The error says what is wrong with the input.
    pub(crate) fn of(kind: &CheckKind) -> Result<Self, String> {
        match kind {
            CheckKind::Tcp { host, port } => Self::new(host, *port, Exchange::Tcp),
            CheckKind::Tls { host, port, server_name: name } => {
                let name = server_name(name.as_deref().unwrap_or(host))?;
                Self::new(host, *port, Exchange::Tls(name))
            }
            CheckKind::Http { url, status, method, statuses, header, body } => {
                let body = body.as_ref().map_or(Body::Any, |text| Body::Contains(text.clone()));
                let method = match method {
                    HttpMethod::Get => Method::GET,
                    HttpMethod::Head => Method::HEAD,
                };
                let only = StatusRange { from: *status, to: *status };
                let statuses = if statuses.is_empty() { &[only][..] } else { statuses };
                Self::http(url, method, statuses, header.as_ref(), body)
            }
            CheckKind::Egress { url, expected } => {
                let ok = StatusRange { from: 200, to: 200 };
                Self::http(url, Method::GET, &[ok], None, Body::PublicAddress(expected.clone()))
            }
            CheckKind::Dns { .. } => Err("a lookup connects to nothing".to_owned()),
            CheckKind::Unknown => {
                Err("a kind of check that this probe does not know: it needs newer code".to_owned())
            }
        }
    }

    fn http(
        url: &str,
        method: Method,
        statuses: &[StatusRange],
        header: Option<&ExpectedHeader>,
        body: Body,
    ) -> Result<Self, String> {
        let bad = |why: &str| format!("{url:?} is not a URL that can be tested: {why}");
        let uri: Uri = url.parse().map_err(|error| bad(&format!("{error}")))?;
        let authority = uri.authority().ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("credentials do not belong in a check"));
        }
        let (tls, default_port) = match uri.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => (Some(server_name(authority.host())?), 443),
            _ => return Err(bad("it must begin with http:// or https://")),
        };
        let (host, port) = (authority.host().to_owned(), authority.port_u16().unwrap_or(default_port));
        let statuses = statuses.iter().map(range).collect::<Result<_, _>>()?;
        let header = header.map(expected_header).transpose()?;
        let request = Box::new(HttpRequest { method, uri, statuses, header, body });
        Self::new(&host, port, Exchange::Http { tls, request })
    }

    fn new(host: &str, port: u16, exchange: Exchange) -> Result<Self, String> {
        let host = unbracketed(host);
        if host.is_empty() {
            return Err("the host is empty".to_owned());
        }
        if port == 0 {
            return Err("port 0 is not a port".to_owned());
        }
        Ok(Self { host: host.to_owned(), port, exchange })
    }
}

fn range(range: &StatusRange) -> Result<(StatusCode, StatusCode), String> {
    let status = |code: u16| match code {
        100..=599 => StatusCode::from_u16(code).map_err(|_| format!("{code} is not an HTTP status")),
        _ => Err(format!("{code} is not an HTTP status")),
    };
    match range.from <= range.to {
        true => Ok((status(range.from)?, status(range.to)?)),
        false => Err(format!("from {} to {} is no range of HTTP statuses", range.from, range.to)),
    }
}

fn expected_header(header: &ExpectedHeader) -> Result<(HeaderName, Option<String>), String> {
    let name = header.name.parse().map_err(|_| format!("{:?} is not the name of a header", header.name))?;
    if let Some(text) = &header.contains {
        HeaderValue::from_str(text).map_err(|_| format!("{text:?} is nothing that a header can contain"))?;
    }
    Ok((name, header.contains.clone()))
}

fn server_name(name: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(unbracketed(name).to_owned())
        .map_err(|_| format!("{name:?} is not a name that a certificate can carry"))
}

/// An IPv6 address may stand in brackets, as in a URL.
fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(url: &str, status: u16) -> CheckKind {
        CheckKind::Http {
            url: url.to_owned(),
            status,
            method: HttpMethod::Get,
            statuses: vec![],
            header: None,
            body: None,
        }
    }

    #[test]
    fn a_url_without_a_port_uses_its_schemes_port() {
        for (url, host, port) in [
            ("http://a.example/x", "a.example", 80),
            ("https://a.example", "a.example", 443),
            ("https://[::1]:8443/", "::1", 8443),
        ] {
            let endpoint = Endpoint::of(&http(url, 200)).unwrap();
            assert_eq!((endpoint.host.as_str(), endpoint.port), (host, port), "{url}");
        }
    }

    #[test]
    fn input_that_cannot_be_tested_is_refused_with_a_reason() {
        for (url, status, part) in [
            ("ftp://a.example/", 200, "http://"),
            ("a.example", 200, "http://"),
            ("/path", 200, "names no host"),
            ("http://user:secret@a.example/", 200, "credentials"),
            ("http://a b/", 200, "not a URL"),
            ("http://a.example/", 42, "42 is not an HTTP status"),
            ("http://a.example/", 600, "600 is not an HTTP status"),
            ("http://a.example:0/", 200, "port 0"),
        ] {
            let error = Endpoint::of(&http(url, status)).unwrap_err();
            assert!(error.contains(part), "{url}: {error}");
        }
        let empty = CheckKind::Tcp { host: String::new(), port: 1 };
        assert!(Endpoint::of(&empty).unwrap_err().contains("empty"));
    }

    #[test]
    fn expectations_that_no_answer_could_meet_are_refused() {
        let expecting = |ranges: &[(u16, u16)], name: &str, contains: &str| {
            let statuses = ranges.iter().map(|&(from, to)| StatusRange { from, to }).collect();
            let header = ExpectedHeader { name: name.to_owned(), contains: Some(contains.to_owned()) };
            Endpoint::of(&CheckKind::Http {
                url: "http://a.example/".to_owned(),
                status: 200,
                method: HttpMethod::Head,
                statuses,
                header: Some(header),
                body: None,
            })
        };
        assert!(expecting(&[(200, 299), (404, 404)], "X-Ready", "yes").is_ok());
        assert!(expecting(&[(299, 200)], "X-Ready", "yes").unwrap_err().contains("no range"));
        assert!(expecting(&[(200, 1000)], "X-Ready", "yes").unwrap_err().contains("1000"));
        assert!(expecting(&[], "X Ready", "yes").unwrap_err().contains("name of a header"));
        assert!(expecting(&[], "X-Ready", "a\nb").unwrap_err().contains("header can contain"));
    }
}
