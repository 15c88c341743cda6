//! What answers in the lab: hosts and resolvers. Their sockets are in the network's namespaces, and they run outside.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::authority::Authority;
use crate::dns;
use crate::namespaces::inside;
use crate::running::Task;
use crate::wishes::{Answer, Certificate, Resolver};

/// How long a connection may stay: it keeps its namespace.
const PATIENCE: Duration = Duration::from_secs(60);

/// What answers at one address and port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Service {
    pub(crate) namespace: String,
    pub(crate) address: SocketAddrV4,
    pub(crate) kind: Kind,
}

/// How it answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Tcp,
    Http,
    /// With a certificate for these names.
    Https(Certificate, Vec<String>),
    /// A VPC's resolver, which knows these names.
    Resolver(Resolver, BTreeMap<String, Vec<Ipv4Addr>>),
}

impl Kind {
    /// `None`: nothing answers.
    pub(crate) fn of(answer: Answer, names: &BTreeMap<String, Vec<Ipv4Addr>>) -> Option<Self> {
        match answer {
            Answer::Tcp => Some(Self::Tcp),
            Answer::Http => Some(Self::Http),
            Answer::Https(certificate) => Some(Self::Https(certificate, names.keys().cloned().collect())),
            Answer::Silence => None,
        }
    }
}

/// Starts a service.
pub(crate) fn start(runtime: &Handle, authority: &Authority, service: &Service) -> Result<Task> {
    let Service { namespace, address, kind } = service;
    let _guard = runtime.enter();
    if let Kind::Resolver(resolver, names) = kind {
        let socket =
            inside(namespace, || Ok(UdpSocket::bind(address)?)).with_context(|| format!("{address}"))?;
        socket.set_nonblocking(true)?;
        let socket = tokio::net::UdpSocket::from_std(socket)?;
        return Ok(Task::spawn(runtime, dns::serve(socket, *resolver, names.clone())));
    }
    let acceptor = match kind {
        Kind::Https(certificate, names) => Some(TlsAcceptor::from(authority.server(*certificate, names)?)),
        _ => None,
    };
    let listener =
        inside(namespace, || Ok(TcpListener::bind(address)?)).with_context(|| format!("{address}"))?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (is_http, acceptor) = (*kind != Kind::Tcp, acceptor.map(Arc::new));
    Ok(Task::spawn(runtime, async move {
        while let Ok((stream, peer)) = listener.accept().await {
            tokio::spawn(timeout(PATIENCE, answer(stream, peer, is_http, acceptor.clone())));
        }
    }))
}

/// What goes wrong here is for the probe to find out.
async fn answer(mut stream: TcpStream, peer: SocketAddr, is_http: bool, acceptor: Option<Arc<TlsAcceptor>>) {
    match acceptor {
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                let _ = http(stream, peer).await;
            }
        }
        None if is_http => {
            let _ = http(stream, peer).await;
        }
        None => {
            let _ = stream.read(&mut [0; 1]).await;
        }
    }
}

/// Reads a request's head and answers with the address it came from.
async fn http(mut stream: impl AsyncRead + AsyncWrite + Unpin, peer: SocketAddr) -> Result<()> {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await? > 0 {}
    let body = peer.ip().to_string();
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(())
}
