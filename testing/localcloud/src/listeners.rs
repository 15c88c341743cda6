//! What a probe checks in another account: something that listens.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
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
    accepting: Option<JoinHandle<()>>,
}

impl Target {
    /// Listens on this port; on any free one when it is 0.
    ///
    /// # Errors
    /// The port, or every port, is taken.
    pub async fn start(port: u16) -> Result<Self> {
        let listener = if port == 0 { any_port().await? } else { bind(port).await? };
        let mut target = Self { address: listener.local_addr()?, accepting: None };
        target.accept(listener);
        Ok(target)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening: from now on connections are refused.
    pub async fn stop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
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
        ensure!(self.accepting.is_none(), "{} already listens", self.address);
        let listener = bind(self.address.port()).await?;
        self.accept(listener);
        Ok(())
    }

    fn accept(&mut self, listener: TcpListener) {
        self.accepting = Some(tokio::spawn(async move {
            // An accepted connection is dropped at once. An error is one connection's affair.
            loop {
                let _ = listener.accept().await;
            }
        }));
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
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
