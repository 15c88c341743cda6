//! The least that a check takes: of TCP sockets and epoll, of TLS the TLS library on blocking sockets, with one
//! configuration and one authority.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use phonehome_wire::{Check, CheckKind};
use socket2::{Domain, Socket, Type};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::linux::child::{Done, Work};
use crate::linux::cpu;
use crate::linux::targets::NAME;

/// How many connect at the same time.
const AT_ONCE: usize = 256;
/// How long nothing may happen, in milliseconds.
const PATIENCE_MS: u16 = 5_000;

/// Connects to every TCP target, and shakes hands with every TLS target.
pub(crate) fn run(work: Work) -> Result<Done> {
    let addresses: Vec<SocketAddr> = work.checks.iter().map(address).collect::<Result<_>>()?;
    let is_tls = work.checks.iter().any(|check| matches!(check.kind, CheckKind::Tls { .. }));
    let (started, before) = (Instant::now(), cpu::own()?);
    let ok = if is_tls { shake_hands(&addresses, work.root_der)? } else { connect(&addresses)? };
    let (wall, used) = (started.elapsed(), cpu::own()?.saturating_sub(before));
    let failed = addresses.len() - ok;
    Ok(Done { wall_s: wall.as_secs_f64(), cpu_s: used.as_secs_f64(), ok, failed, sockets: 1 })
}

fn address(check: &Check) -> Result<SocketAddr> {
    match &check.kind {
        CheckKind::Tcp { host, port } | CheckKind::Tls { host, port, .. } => {
            Ok(SocketAddr::new(host.parse().context(check.id.0.clone())?, *port))
        }
        other => bail!("the floor knows TCP and TLS alone, not {other:?}"),
    }
}

/// How many of them connected.
fn connect(addresses: &[SocketAddr]) -> Result<usize> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let mut sockets: Vec<Option<Socket>> = vec![];
    let mut events = [EpollEvent::empty(); AT_ONCE];
    let (mut open, mut ok) = (0, 0);
    while open > 0 || sockets.len() < addresses.len() {
        while let Some(address) = addresses.get(sockets.len()).filter(|_| open < AT_ONCE) {
            let socket = begin(*address)?;
            let number = u64::try_from(sockets.len())?;
            epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLOUT, number))?;
            sockets.push(Some(socket));
            open += 1;
        }
        let ready = epoll.wait(&mut events, EpollTimeout::from(PATIENCE_MS))?;
        if ready == 0 {
            break;
        }
        for event in &events[..ready] {
            let socket = sockets.get_mut(usize::try_from(event.data())?).and_then(Option::take);
            // Closing it takes it out of the epoll.
            ok += usize::from(socket.context("an event of no socket")?.take_error()?.is_none());
            open -= 1;
        }
    }
    Ok(ok)
}

fn begin(address: SocketAddr) -> Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), None)?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(nix::errno::Errno::EINPROGRESS as i32) => {
            Err(error).context(address)
        }
        _ => Ok(socket),
    }
}

/// How many of them showed a certificate of this authority.
fn shake_hands(addresses: &[SocketAddr], root_der: Vec<u8>) -> Result<usize> {
    let mut roots = RootCertStore::empty();
    roots.add(root_der.into())?;
    let config = Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());
    let mut ok = 0;
    for address in addresses {
        let mut stream = TcpStream::connect(address)?;
        let mut connection = ClientConnection::new(config.clone(), NAME.try_into()?)?;
        let done = connection.complete_io(&mut stream);
        ok += usize::from(done.is_ok() && !connection.is_handshaking());
    }
    Ok(ok)
}
