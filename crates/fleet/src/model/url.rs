//! URLs that are asked.

use std::fmt;

use serde::{Serialize, Serializer};

/// By which protocol a URL is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS; port 80 unless another one is given.
    Http,
    /// With TLS; port 443 unless another one is given.
    Https,
}

/// An `http://` or `https://` URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl {
    /// By which protocol.
    pub scheme: Scheme,
    /// A host name or IPv4 address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Path and query; begins with `/`.
    pub path: String,
}

impl Scheme {
    /// As a URL begins.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL does not name.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for HttpUrl {
    /// Without the port that follows from the scheme: servers compare the header `Host`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port, path } = self;
        write!(f, "{}://{host}", scheme.word())?;
        if *port != scheme.default_port() {
            write!(f, ":{port}")?;
        }
        f.write_str(path)
    }
}

impl Serialize for HttpUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
