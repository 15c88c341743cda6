//! What is tested: a server for each protocol, each of which answers on all of 127.0.0.0/8, so that every
//! target has an address of its own.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use phonehome_wire::{Check, CheckId, CheckKind, Expect, HttpMethod, Purpose, Target};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use socket2::{Domain, SockFilter, SockRef, Socket, Type};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// The name in the certificate.
pub(crate) const NAME: &str = "bench.test";
const BACKLOG: i32 = 4_096;

/// What is tested in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Tcp,
    Http,
    Tls,
}

impl Protocol {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Http => "HTTP",
            Self::Tls => "TLS",
        }
    }
}

/// The servers, which run for as long as their runtime.
#[derive(Debug)]
pub(crate) struct Targets {
    tcp: u16,
    http: u16,
    tls: u16,
    black_hole: TcpListener,
    /// The authority that signed the TLS server's certificate.
    pub(crate) root_der: Vec<u8>,
    root_pem: NamedTempFile,
}

/// Starts them.
pub(crate) async fn serve() -> Result<Targets> {
    let authority = authority()?;
    let acceptor = acceptor(&authority.issuer)?;
    let (tcp, tcp_listener) = listen()?;
    tokio::spawn(each_connection(tcp_listener, |stream| async move { until_closed(stream).await }));
    let (http, http_listener) = listen()?;
    tokio::spawn(each_connection(http_listener, |stream| async move { answer_http(stream).await }));
    let (tls, tls_listener) = listen()?;
    tokio::spawn(each_connection(tls_listener, move |stream| {
        let acceptor = acceptor.clone();
        async move { until_closed(acceptor.accept(stream).await?).await }
    }));
    let black_hole = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // BPF_RET | BPF_K of 0 bytes: nothing of a packet is kept.
    SockRef::from(&black_hole).attach_filter(&[SockFilter::new(0x06, 0, 0, 0)])?;
    Ok(Targets { tcp, http, tls, black_hole, root_der: authority.der, root_pem: authority.pem })
}

impl Targets {
    /// The authority's certificate, for programs that read files.
    pub(crate) fn root_file(&self) -> &Path {
        self.root_pem.path()
    }

    /// Where the target of this number is.
    pub(crate) fn address(&self, protocol: Protocol, number: usize) -> SocketAddr {
        let port = match protocol {
            Protocol::Tcp => self.tcp,
            Protocol::Http => self.http,
            Protocol::Tls => self.tls,
        };
        (ip(number), port).into()
    }

    /// The probe's checks of so many targets.
    pub(crate) fn checks(&self, protocol: Protocol, count: usize) -> Vec<Check> {
        let kind = |address: SocketAddr| {
            let (host, port) = (address.ip().to_string(), address.port());
            match protocol {
                Protocol::Tcp => CheckKind::Tcp { host, port },
                Protocol::Tls => CheckKind::Tls { host, port, server_name: Some(NAME.to_owned()) },
                Protocol::Http => get(format!("http://{address}/")),
            }
        };
        let checks = (0..count)
            .map(|number| check(protocol.as_str(), number, kind(self.address(protocol, number)), 5_000));
        checks.collect()
    }

    /// Checks of so many targets that never answer, with a timeout of 1 s.
    pub(crate) fn black_holes(&self, count: usize) -> Result<Vec<Check>> {
        let port = self.black_hole.local_addr()?.port();
        let kind = |number| CheckKind::Tcp { host: ip(number).to_string(), port };
        Ok((0..count).map(|number| check("black-hole", number, kind(number), 1_000)).collect())
    }
}

/// 127.1.0.1 and on, 250 in each /24.
fn ip(number: usize) -> Ipv4Addr {
    let part = |number: usize| u8::try_from(number % 250 + 1).expect("at most 250");
    Ipv4Addr::new(127, part(number / 62_500), part(number / 250), part(number))
}

fn get(url: String) -> CheckKind {
    CheckKind::Http { url, status: 200, method: HttpMethod::Get, statuses: vec![], header: None, body: None }
}

fn check(name: &str, number: usize, kind: CheckKind, timeout_ms: u64) -> Check {
    Check {
        id: CheckId(format!("{name}/{number}")),
        kind,
        expect: Expect::Connect,
        purpose: Purpose::default(),
        target: Target::default(),
        timeout_ms,
        control: None,
        every_minutes: 1,
        tries: phonehome_wire::TRIES_DEFAULT,
    }
}

fn listen() -> Result<(u16, tokio::net::TcpListener)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(socket.into())?;
    Ok((listener.local_addr()?.port(), listener))
}

async fn each_connection<F>(listener: tokio::net::TcpListener, serve: impl Fn(tokio::net::TcpStream) -> F)
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream));
    }
}

/// The client closes first: whatever a connection leaves behind is on its side.
async fn until_closed(mut stream: impl AsyncRead + Unpin) -> std::io::Result<()> {
    while stream.read(&mut [0; 512]).await? > 0 {}
    Ok(())
}

async fn answer_http(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut request = vec![];
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n").await?;
    stream.shutdown().await?;
    until_closed(stream).await
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: Vec<u8>,
    pem: NamedTempFile,
}

fn authority() -> Result<Authority> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let certificate = authority.self_signed(&key)?;
    let mut pem = NamedTempFile::with_suffix(".pem")?;
    pem.write_all(certificate.pem().as_bytes())?;
    Ok(Authority { issuer: Issuer::new(authority, key), der: certificate.der().to_vec(), pem })
}

fn acceptor(issuer: &Issuer<'_, KeyPair>) -> Result<TlsAcceptor> {
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new([NAME.to_owned()])?.signed_by(&key, issuer)?;
    let private = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg);
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config
        .with_single_cert(vec![leaf.der().clone()], private?)
        .context("the certificate made for this run")?;
    // Each check is a whole handshake, and verifies the certificate.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(tokio_rustls::rustls::server::NoServerSessionStorage {});
    Ok(TlsAcceptor::from(Arc::new(config)))
}
