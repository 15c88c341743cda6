//! The least that connecting takes: sockets, epoll and nothing else.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use phonehome_wire::{Check, CheckKind};
use socket2::{Domain, Socket, Type};

use crate::linux::child::{Done, Work};
use crate::linux::cpu;

/// How many connect at the same time.
const AT_ONCE: usize = 256;
/// How long nothing may happen, in milliseconds.
const PATIENCE_MS: u16 = 5_000;

/// Connects to every TCP target.
pub(crate) fn run(work: Work) -> Result<Done> {
    let addresses: Vec<SocketAddr> = work.checks.iter().map(address).collect::<Result<_>>()?;
    let (started, before) = (Instant::now(), cpu::own()?);
    let ok = connect(&addresses)?;
    let (wall, used) = (started.elapsed(), cpu::own()?.saturating_sub(before));
    let failed = addresses.len() - ok;
    Ok(Done { wall_s: wall.as_secs_f64(), cpu_s: used.as_secs_f64(), ok, failed })
}

fn address(check: &Check) -> Result<SocketAddr> {
    match &check.kind {
        CheckKind::Tcp { host, port } => {
            Ok(SocketAddr::new(host.parse().context(check.id.0.clone())?, *port))
        }
        other => bail!("the floor knows TCP alone, not {other:?}"),
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
