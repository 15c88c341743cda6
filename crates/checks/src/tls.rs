//! TLS handshakes.
//!
//! A handshake is completed whatever certificate is shown, and the certificate judged afterwards, before anything
//! is said over the connection: so that an expired or untrusted one still tells all else there is to know.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use phonehome_tcp_info::tcp_info;
use phonehome_wire::{Certificate, Class, Stage};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{ResolvesClientCert, Resumption};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme, crypto,
};

use crate::certificate::Authorities;
use crate::deadline::Deadline;
use crate::local;
use crate::outcome::{Failure, Outcome};
use crate::tcp::Missed;

/// How long a server that asked for a certificate may take to say that it wants one, once the handshake is over
/// for the probe: TLS 1.3 says so only then.
const OBJECTION: Duration = Duration::from_millis(500);

/// How a probe speaks TLS, and whom it trusts.
#[derive(Debug)]
pub(crate) struct Tls {
    config: ClientConfig,
    authorities: Authorities,
}

/// A handshake that was completed.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) stream: TlsStream<TcpStream>,
    pub(crate) certificate: Option<Certificate>,
    /// What is wrong with the certificate, or that the server wants one.
    pub(crate) failure: Option<Failure>,
}

impl Tls {
    /// It trusts the public authorities and `extra` ones, at the time `now`.
    pub(crate) fn new(extra: &[CertificateDer<'static>], now: UnixTime) -> Result<Self, String> {
        use aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
        // Whatever the library's own choice is: a hello that begins with a post-quantum key does not fit into one
        // packet, and what reads the first packet alone, as old middleboxes do, would look like a path that is down.
        // A server that demands it gets it on asking.
        let kx_groups = vec![X25519, SECP256R1, SECP384R1, X25519MLKEM768];
        let provider = CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() };
        let authorities = Authorities::new(extra, &provider, now)?;
        let config = client(provider).map_err(|error| format!("no TLS: {error}"))?;
        Ok(Self { config, authorities })
    }

    /// Shakes hands over `stream`.
    ///
    /// # Errors
    /// What kept a handshake from coming about.
    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        name: &ServerName<'static>,
        deadline: Deadline,
    ) -> Result<Session, Missed> {
        let asked = Arc::new(Asked::default());
        let mut config = self.config.clone();
        config.client_auth_cert_resolver = asked.clone();
        let mut connecting = TlsConnector::from(Arc::new(config)).connect(name.clone(), stream);
        let connected = deadline.bound(&mut connecting).await;
        let info = || connecting.get_ref().and_then(tcp_info);
        let mut stream = match connected {
            Some(Ok(stream)) => stream,
            Some(Err(error)) => {
                return Err(Missed { outcome: failure(address, &error, asked.was_asked()), info: info() });
            }
            None => {
                let error = format!("no TLS handshake with {address} within {} ms", deadline.timeout_ms);
                let outcome = Outcome::failed(Stage::Tls, Class::TlsTimeout, error);
                return Err(Missed { outcome, info: info() });
            }
        };
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
        let (certificate, mut failure) = self.authorities.judge(address, name, &chain);
        if failure.is_none() && asked.was_asked() && wants_certificate(&mut stream, deadline).await {
            failure = Some(certificate_wanted(address));
        }
        Ok(Session { stream, certificate, failure })
    }
}

fn client(provider: CryptoProvider) -> Result<ClientConfig, Error> {
    let judge_later = Arc::new(JudgeLater(provider.signature_verification_algorithms));
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(judge_later)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Each handshake is a whole one.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Takes any certificate for now; that the server holds its key is tested all the same.
#[derive(Debug)]
struct JudgeLater(crypto::WebPkiSupportedAlgorithms);

impl ServerCertVerifier for JudgeLater {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// Has no certificate for the server, and remembers that it was asked for one.
#[derive(Debug, Default)]
struct Asked(AtomicBool);

impl Asked {
    fn was_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        // Without it nobody would ask.
        true
    }
}

/// Whether a server that asked for a certificate does not go on without one.
async fn wants_certificate(stream: &mut TlsStream<TcpStream>, deadline: Deadline) -> bool {
    let (_, session) = stream.get_ref();
    if session.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        // It would have said so within the handshake.
        return false;
    }
    let mut byte = [0; 1];
    let word = std::future::poll_fn(|context| {
        let mut buffer = tokio::io::ReadBuf::new(&mut byte);
        let read = tokio::io::AsyncRead::poll_read(std::pin::Pin::new(&mut *stream), context, &mut buffer);
        match read {
            std::task::Poll::Ready(Ok(())) => std::task::Poll::Ready(buffer.filled().is_empty()),
            std::task::Poll::Ready(Err(_)) => std::task::Poll::Ready(true),
            // A ticket comes only once the server is content.
            std::task::Poll::Pending if stream.get_ref().1.tls13_tickets_received() > 0 => {
                std::task::Poll::Ready(false)
            }
            std::task::Poll::Pending => std::task::Poll::Pending,
        }
    });
    let bounded = tokio::time::timeout(OBJECTION, deadline.bound(word)).await;
    matches!(bounded, Ok(Some(true)))
}

fn certificate_wanted(address: SocketAddr) -> Failure {
    let error = format!(
        "{address} demands a certificate of the client's, and a probe has none: test it with `type: tcp`"
    );
    Failure::new(Stage::Tls, Class::TlsClientCertificate, error)
}

fn failure(address: SocketAddr, error: &io::Error, was_asked: bool) -> Outcome {
    if let Some(trouble) = local::trouble(error) {
        return Outcome::ProbeError(format!("no TLS handshake with {address}: {trouble}"));
    }
    let tls_error = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let broke_off = matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset);
    if was_asked && (broke_off || matches!(tls_error, Some(Error::AlertReceived(_)))) {
        return Outcome::Failed(certificate_wanted(address));
    }
    let (class, text) = match tls_error {
        Some(Error::InvalidMessage(_)) => (Class::TlsNotSpoken, format!("{address} does not speak TLS")),
        Some(Error::AlertReceived(alert)) => {
            let words = match alert {
                AlertDescription::UnrecognisedName => "it does not know the name it was asked for".to_owned(),
                AlertDescription::ProtocolVersion => "it speaks an older version of TLS only".to_owned(),
                AlertDescription::HandshakeFailure => {
                    "the two have no cipher or key exchange in common".to_owned()
                }
                other => format!("it sent the alert {other:?}"),
            };
            (Class::TlsProtocol, format!("no TLS handshake with {address}: {words}"))
        }
        Some(Error::PeerIncompatible(_)) => (
            Class::TlsProtocol,
            format!("{address} speaks no version or cipher of TLS that is safe: {error}"),
        ),
        Some(other) => (Class::TlsProtocol, format!("no TLS handshake with {address}: {other}")),
        None if error.kind() == io::ErrorKind::ConnectionReset => {
            (Class::Reset, format!("{address} reset the connection during the TLS handshake"))
        }
        None if broke_off => {
            (Class::TlsClosed, format!("{address} closed the connection during the TLS handshake"))
        }
        None => (Class::Other, format!("no TLS handshake with {address}: {error}")),
    };
    Outcome::failed(Stage::Tls, class, text)
}
