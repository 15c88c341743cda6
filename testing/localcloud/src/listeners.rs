//! What a probe checks in another account: something that listens.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail, ensure};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Below the ports that Linux and macOS give to outgoing connections. On one of those, a
/// connection to a target that is down could be given the target's own port, and reach itself.
const PORTS: Range<u16> = 20_000..32_768;

/// A port on this machine that accepts connections and closes them, until it is stopped.
#[derive(Debug)]
pub struct Target {
    address: SocketAddr,
    listening: Option<Listening>,
}

#[derive(Debug)]
struct Listening {
    listener: Arc<TcpListener>,
    accepting: JoinHandle<()>,
}

impl Target {
    /// Whether [`Target::answer_only`] works here: it takes Linux's packet filter of a socket.
    pub const CAN_BE_SILENT: bool = cfg!(target_os = "linux");

    /// Listens on this port; on any free one when it is 0.
    ///
    /// # Errors
    /// The port, or every port, is taken.
    pub async fn start(port: u16) -> Result<Self> {
        let listener = if port == 0 { any_port().await? } else { bind(port).await? };
        Ok(Self { address: listener.local_addr()?, listening: Some(accept(listener)) })
    }

    /// From now on it answers these accounts alone: to others it is silent, as what a security group closes is.
    /// In the local cloud an account's probes have an address of their own, see [`address_of`].
    ///
    /// # Errors
    /// It does not listen, or this is no Linux ([`Target::CAN_BE_SILENT`]).
    pub fn answer_only(&self, accounts: &[&str]) -> Result<()> {
        let Listening { listener, .. } = self.listening.as_ref().context("it does not listen")?;
        let addresses: Vec<Ipv4Addr> = accounts.iter().map(|account| address_of(account)).collect();
        silence::answer_only(listener, &addresses)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening: from now on connections are refused.
    pub async fn stop(&mut self) {
        if let Some(Listening { accepting, .. }) = self.listening.take() {
            accepting.abort();
            // Only when the task has ended is the port closed.
            let _ = accepting.await;
        }
    }

    /// Listens again on the same port.
    ///
    /// # Errors
    /// It never stopped, or another process has taken the port since.
    pub async fn start_again(&mut self) -> Result<()> {
        ensure!(self.listening.is_none(), "{} already listens", self.address);
        let listener = bind(self.address.port()).await?;
        self.listening = Some(accept(listener));
        Ok(())
    }
}

fn accept(listener: TcpListener) -> Listening {
    let listener = Arc::new(listener);
    let accepted = listener.clone();
    let accepting = tokio::spawn(async move {
        // An accepted connection is dropped at once. An error is one connection's affair.
        loop {
            let _ = accepted.accept().await;
        }
    });
    Listening { listener, accepting }
}

/// The address that an account's probes connect from in the local cloud, where all of them run on one machine:
/// within 127.0.0.0/8, by the account's id. The probe has it likewise.
#[must_use]
pub fn address_of(account: &str) -> Ipv4Addr {
    let id: u64 = account.parse().unwrap_or_default();
    let part = |number: u64| u8::try_from(number % 250 + 1).unwrap_or(1);
    Ipv4Addr::new(127, part(id / 62_500), part(id / 250), part(id))
}

#[cfg(target_os = "linux")]
mod silence {
    use std::net::Ipv4Addr;

    use anyhow::Result;
    use socket2::{SockFilter, SockRef};
    use tokio::net::TcpListener;

    pub(super) fn answer_only(listener: &TcpListener, addresses: &[Ipv4Addr]) -> Result<()> {
        SockRef::from(listener).attach_filter(&only_from(addresses))?;
        Ok(())
    }

    /// Classic BPF that lets packets from these addresses through and drops all others, for `SO_ATTACH_FILTER`.
    fn only_from(addresses: &[Ipv4Addr]) -> Vec<SockFilter> {
        // From linux/filter.h: load a word at a place, jump if equal, return how much of the packet stays.
        const LOAD: u16 = 0x20;
        const JUMP_IF_EQUAL: u16 = 0x15;
        const RETURN: u16 = 0x06;
        /// SKF_NET_OFF, the start of the IP header, and the source's place in it.
        const SOURCE: u32 = 0xFFF0_0000 + 12;
        let mut program = vec![SockFilter::new(LOAD, 0, 0, SOURCE)];
        for address in addresses {
            program.push(SockFilter::new(JUMP_IF_EQUAL, 0, 1, address.to_bits()));
            program.push(SockFilter::new(RETURN, 0, 0, u32::MAX));
        }
        program.push(SockFilter::new(RETURN, 0, 0, 0));
        program
    }
}

#[cfg(not(target_os = "linux"))]
mod silence {
    use std::net::Ipv4Addr;

    use anyhow::{Result, bail};
    use tokio::net::TcpListener;

    pub(super) fn answer_only(_listener: &TcpListener, _addresses: &[Ipv4Addr]) -> Result<()> {
        bail!("only Linux can drop the packets of some for one listener")
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.accepting.abort();
        }
    }
}

async fn bind(port: u16) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(|| format!("port {port}"))
}

/// Never the same port twice, or a target could not start again because it was given to another
/// while stopped. Processes side by side start looking at different ports.
async fn any_port() -> Result<TcpListener> {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let (first, many) = (u32::from(PORTS.start), u32::from(PORTS.end - PORTS.start));
    let start = std::process::id().wrapping_mul(101) % many;
    for _ in 0..many {
        let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(first + start.wrapping_add(taken) % many)?;
        if let Ok(listener) = bind(port).await {
            return Ok(listener);
        }
    }
    bail!("no free port from {} to {}", PORTS.start, PORTS.end - 1)
}
