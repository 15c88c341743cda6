//! TLS handshakes, and what the certificates that were shown say.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use phonehome_wire::Stage;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::deadline::Deadline;
use crate::local;
use crate::verdict::Outcome;

/// The certificate authorities a probe trusts.
#[derive(Debug)]
pub(crate) struct Trust {
    provider: Arc<CryptoProvider>,
    judge: Arc<WebPkiServerVerifier>,
}

impl Trust {
    /// The public authorities and `extra` ones. An unusable extra root is logged and left out.
    pub(crate) fn new(extra: &[CertificateDer<'static>]) -> Result<Self, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let (_, unusable) = roots.add_parsable_certificates(extra.iter().cloned());
        if unusable > 0 {
            tracing::warn!(unusable, "extra root certificates left out: they cannot be read");
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let judge = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|error| format!("no TLS: {error}"))?;
        Ok(Self { provider, judge })
    }

    fn client(&self, witness: Arc<Witness>) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(witness)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Remembers the certificates it was shown, then lets the ordinary verifier decide: a handshake
/// that fails keeps its certificates to itself, and their dates and names are what people need.
#[derive(Debug)]
struct Witness {
    judge: Arc<WebPkiServerVerifier>,
    chain: OnceLock<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = std::iter::once(end_entity).chain(intermediates);
        // A witness sees one handshake, so a second chain cannot come.
        let _ = self.chain.set(shown.map(|certificate| certificate.clone().into_owned()).collect());
        self.judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

/// Shakes hands over `stream`. The error is the check's outcome at that address.
pub(crate) async fn handshake(
    stream: TcpStream,
    address: SocketAddr,
    name: &ServerName<'static>,
    trust: &Trust,
    deadline: Deadline,
) -> Result<TlsStream<TcpStream>, Outcome> {
    let witness = Arc::new(Witness { judge: trust.judge.clone(), chain: OnceLock::new() });
    let config = trust
        .client(witness.clone())
        .map_err(|error| Outcome::ProbeError(format!("cannot set up TLS: {error}")))?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(name.clone(), stream);
    match deadline.bound(connecting).await {
        Some(Ok(stream)) => Ok(stream),
        Some(Err(error)) => {
            let chain = witness.chain.get().map_or(&[][..], Vec::as_slice);
            Err(failure(address, name, &error, chain))
        }
        None => Err(Outcome::failed(
            Stage::Tls,
            format!("no TLS handshake with {address} within {} ms", deadline.timeout_ms),
        )),
    }
}

fn failure(
    address: SocketAddr,
    name: &ServerName<'_>,
    error: &io::Error,
    chain: &[CertificateDer<'_>],
) -> Outcome {
    if let Some(trouble) = local::trouble(error) {
        return Outcome::ProbeError(format!("no TLS handshake with {address}: {trouble}"));
    }
    let tls_error = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let text = match tls_error {
        Some(Error::InvalidCertificate(problem)) => certificate_text(address, name, problem, chain),
        Some(Error::InvalidMessage(_)) => format!("{address} does not speak TLS"),
        Some(other) => format!("no TLS handshake with {address}: {other}"),
        None if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
            format!("{address} closed the connection during the TLS handshake")
        }
        None => format!("no TLS handshake with {address}: {error}"),
    };
    Outcome::failed(Stage::Tls, text)
}

/// What is wrong with the certificate, and which one it is.
fn certificate_text(
    address: SocketAddr,
    name: &ServerName<'_>,
    problem: &CertificateError,
    chain: &[CertificateDer<'_>],
) -> String {
    let parsed: Vec<X509Certificate<'_>> = chain
        .iter()
        .filter_map(|der| X509Certificate::from_der(der).ok().map(|(_, parsed)| parsed))
        .collect();
    let (what, culprit) = match problem {
        CertificateError::ExpiredContext { not_after, .. } => {
            let ended = |c: &&X509Certificate<'_>| is_at(c.validity().not_after.timestamp(), *not_after);
            let culprit = parsed.iter().find(ended);
            let date = culprit.map(|c| c.validity().not_after.to_datetime().date().to_string());
            (format!("expired on {}", date.as_deref().unwrap_or("an unreadable date")), culprit)
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            let begins = |c: &&X509Certificate<'_>| is_at(c.validity().not_before.timestamp(), *not_before);
            let culprit = parsed.iter().find(begins);
            let date = culprit.map(|c| c.validity().not_before.to_datetime().date().to_string());
            (format!("is not valid before {}", date.as_deref().unwrap_or("an unreadable date")), culprit)
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            (format!("is not valid for {}, only for {}", name.to_str(), presented.join(", ")), parsed.first())
        }
        CertificateError::UnknownIssuer => {
            ("is not signed by an authority this probe trusts".to_owned(), parsed.first())
        }
        other => (format!("is not valid: {other}"), parsed.first()),
    };
    let mut text = format!("certificate of {address} {what}");
    if let Some(certificate) = culprit {
        // Writing to a string cannot fail.
        let _ = write!(text, " (subject {}, issuer {})", certificate.subject(), certificate.issuer());
    }
    text
}

fn is_at(timestamp: i64, time: UnixTime) -> bool {
    u64::try_from(timestamp).is_ok_and(|seconds| seconds == time.as_secs())
}
