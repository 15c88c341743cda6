//! How far a connection came, and what was in its way.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of failure a check met, or one address of it. A [`crate::Stage`] says how far it came, this what
/// was in its way.
///
/// One that this build does not know is read as [`Class::Other`].
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The name does not exist.
    Nxdomain,
    /// The name exists, and has no record of the type that was asked for.
    NoRecords,
    /// The nameserver failed.
    Servfail,
    /// The nameserver refuses to answer this question.
    DnsRefused,
    /// No answer from the nameserver.
    ResolverTimeout,
    /// An answer too long for one packet, and none over TCP.
    Truncated,
    /// The records are other ones than those expected.
    Answer,
    /// The host has reset the attempt to connect: nothing listens there, or it does not want to.
    Refused,
    /// A connection that stood was reset.
    Reset,
    /// Somebody said by ICMP that there is no way.
    Unreachable,
    /// This machine has no route there.
    NoRoute,
    /// No answer to the attempt to connect.
    ConnectTimeout,
    /// No answer to the TLS handshake.
    TlsTimeout,
    /// The connection was closed in the TLS handshake.
    TlsClosed,
    /// What answers does not speak TLS.
    TlsNotSpoken,
    /// The two have no version, cipher or key exchange of TLS in common, or one of them broke its rules.
    TlsProtocol,
    /// The server wants a certificate of the client's.
    TlsClientCertificate,
    /// The certificate, or one of those that sign it, has expired.
    CertExpired,
    /// The certificate is not valid yet.
    CertNotYetValid,
    /// The certificate is for another name.
    CertName,
    /// The certificate is signed by itself.
    CertSelfSigned,
    /// The certificate is signed by no authority that is trusted.
    CertUntrusted,
    /// The certificate is not valid for another reason.
    CertInvalid,
    /// No answer to the HTTP request.
    HttpTimeout,
    /// The connection was closed without an HTTP answer.
    HttpClosed,
    /// What answers does not speak HTTP.
    HttpNotSpoken,
    /// Another HTTP status than those expected.
    Status,
    /// An HTTP header is not as expected.
    Header,
    /// The HTTP answer's body is not as expected.
    Body,
    /// The way out leads through another public address than those expected.
    PublicAddress,
    /// Large packets get lost, small ones do not.
    MtuBlackHole,
    /// It connected although it must not.
    Open,
    /// None of these, or one of a newer release.
    #[default]
    #[serde(other)]
    Other,
}

impl Class {
    /// Whether there is nothing to say of it.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn is_other(&self) -> bool {
        *self == Self::Other
    }
}

/// How far a connection came before it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The name did not resolve.
    Resolve,
    /// No TCP connection.
    Connect,
    /// No TLS session, or the wrong certificate.
    Tls,
    /// No HTTP answer.
    Request,
    /// The wrong HTTP answer.
    Response,
    /// It connected although it must not.
    Open,
}

impl Stage {
    /// The stage in words that complete "fails at …".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "name resolution",
            Self::Connect => "TCP connect",
            Self::Tls => "TLS handshake",
            Self::Request => "HTTP request",
            Self::Response => "HTTP response",
            Self::Open => "isolation: it connected",
        }
    }
}
