//! What a check connects to, and what it says there.

use hyper::{StatusCode, Uri};
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
    /// A GET request, over TLS when a name is given.
    Http { tls: Option<ServerName<'static>>, uri: Uri, status: StatusCode },
}

impl Endpoint {
    /// What a TCP check connects to. Here and below, an error says what is wrong with the input.
    pub(crate) fn tcp(host: &str, port: u16) -> Result<Self, String> {
        Self::new(host, port, Exchange::Tcp)
    }

    /// What a TLS check connects to; the certificate must carry `name`, or the host without one.
    pub(crate) fn tls(host: &str, port: u16, name: Option<&str>) -> Result<Self, String> {
        let name = server_name(name.unwrap_or(host))?;
        Self::new(host, port, Exchange::Tls(name))
    }

    /// What an HTTP check connects to.
    pub(crate) fn http(url: &str, status: u16) -> Result<Self, String> {
        let bad = |why: &str| format!("{url:?} is not a URL that can be tested: {why}");
        let uri: Uri = url.parse().map_err(|error| bad(&format!("{error}")))?;
        let authority = uri.authority().ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("credentials do not belong in a check"));
        }
        let status = StatusCode::from_u16(status).map_err(|_| format!("{status} is not an HTTP status"))?;
        let (tls, default_port) = match uri.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => (Some(server_name(authority.host())?), 443),
            _ => return Err(bad("it must begin with http:// or https://")),
        };
        let host = authority.host().to_owned();
        let port = authority.port_u16().unwrap_or(default_port);
        Self::new(&host, port, Exchange::Http { tls, uri, status })
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

    #[test]
    fn a_url_without_a_port_uses_its_schemes_port() {
        for (url, host, port) in [
            ("http://a.example/x", "a.example", 80),
            ("https://a.example", "a.example", 443),
            ("https://[::1]:8443/", "::1", 8443),
        ] {
            let endpoint = Endpoint::http(url, 200).unwrap();
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
            ("http://a.example:0/", 200, "port 0"),
        ] {
            let error = Endpoint::http(url, status).unwrap_err();
            assert!(error.contains(part), "{url}: {error}");
        }
        assert!(Endpoint::tcp("", 1).unwrap_err().contains("empty"));
    }
}
