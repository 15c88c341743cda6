//! TCP connections.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use phonehome_wire::Stage;
use tokio::net::TcpStream;

use crate::deadline::Deadline;
use crate::local;
use crate::verdict::Outcome;

/// Connects to one address. The error is the check's outcome at that address.
pub(crate) async fn connect(address: SocketAddr, deadline: Deadline) -> Result<TcpStream, Outcome> {
    match deadline.bound(TcpStream::connect(address)).await {
        Some(Ok(stream)) => Ok(stream),
        Some(Err(error)) => Err(failure(address, &error, deadline)),
        None => Err(silent(address, deadline)),
    }
}

fn silent(address: SocketAddr, deadline: Deadline) -> Outcome {
    Outcome::denied(Stage::Connect, format!("no answer from {address} within {} ms", deadline.timeout_ms))
}

fn failure(address: SocketAddr, error: &io::Error, deadline: Deadline) -> Outcome {
    if let Some(trouble) = local::trouble(error) {
        return Outcome::ProbeError(format!("cannot connect to {address}: {trouble}"));
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            Outcome::denied(Stage::Connect, format!("connection refused by {address}"))
        }
        ErrorKind::ConnectionReset => {
            Outcome::denied(Stage::Connect, format!("connection reset by {address}"))
        }
        ErrorKind::TimedOut => silent(address, deadline),
        ErrorKind::HostUnreachable => {
            Outcome::denied(Stage::Connect, format!("{address} is unreachable (no route to host)"))
        }
        // Not a denial: the kernel also says this when the probe itself has no route at all.
        ErrorKind::NetworkUnreachable => {
            Outcome::failed(Stage::Connect, format!("no route to the network of {address}"))
        }
        _ => Outcome::failed(Stage::Connect, format!("cannot connect to {address}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_connecting_are_distinguished_by_who_is_to_blame() {
        let address = SocketAddr::from(([10, 1, 2, 3], 443));
        let denied = |text: &str| Outcome::denied(Stage::Connect, text);
        for (code, expected) in [
            (libc::ECONNREFUSED, denied("connection refused by 10.1.2.3:443")),
            (libc::ECONNRESET, denied("connection reset by 10.1.2.3:443")),
            (libc::ETIMEDOUT, denied("no answer from 10.1.2.3:443 within 3000 ms")),
            (libc::EHOSTUNREACH, denied("10.1.2.3:443 is unreachable (no route to host)")),
            (libc::ENETUNREACH, Outcome::failed(Stage::Connect, "no route to the network of 10.1.2.3:443")),
            (
                libc::EMFILE,
                Outcome::ProbeError(
                    "cannot connect to 10.1.2.3:443: too many open files in this process".to_owned(),
                ),
            ),
        ] {
            let error = io::Error::from_raw_os_error(code);
            assert_eq!(failure(address, &error, Deadline::after_ms(3000)), expected, "error {code}");
        }
    }
}
