//! TCP connections, and what the kernel knows of those that do not come about.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};

use phonehome_tcp_info::{Icmp, icmp, keep_icmp, tcp_info};
use phonehome_wire::Stage;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

use crate::deadline::Deadline;
use crate::local;
use crate::verdict::Outcome;

/// Connects to one address, from `source` where that is given. The error is the check's outcome at that
/// address.
pub(crate) async fn connect(
    address: SocketAddr,
    source: Option<IpAddr>,
    deadline: Deadline,
) -> Result<TcpStream, Outcome> {
    let stream = begin(address, source).map_err(|error| failure(address, &error, None, deadline))?;
    let error = match deadline.bound(stream.writable()).await {
        None => return Err(silence(address, &stream, deadline)),
        Some(Err(error)) => Some(error),
        Some(Ok(())) => stream.take_error().unwrap_or_else(Some),
    };
    match error {
        None => {
            // A failure changes nothing of what was found out.
            let _ = keep_icmp(&stream, address.is_ipv6(), false);
            Ok(stream)
        }
        Some(error) if error.kind() == ErrorKind::TimedOut => Err(silence(address, &stream, deadline)),
        Some(error) => Err(failure(address, &error, icmp(&stream), deadline)),
    }
}

/// Sends the first SYN.
fn begin(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Without it a router's message only looks like the host's own.
    if let Err(error) = keep_icmp(&socket, address.is_ipv6(), true) {
        tracing::warn!(%error, "ICMP messages are not told apart from refusals");
    }
    if let Some(source) = source.filter(|source| source.is_ipv4() == address.is_ipv4()) {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    match socket.connect(&address.into()) {
        Err(error) if !is_under_way(&error) => Err(error),
        _ => TcpStream::from_std(socket.into()),
    }
}

fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS) || error.kind() == ErrorKind::WouldBlock
}

/// Nothing came back. One SYN can get lost; two SYNs and no word are silence.
fn silence(address: SocketAddr, stream: &TcpStream, deadline: Deadline) -> Outcome {
    let ms = deadline.timeout_ms;
    match tcp_info(stream) {
        Some(info) if info.syn_sent && info.retransmissions > 0 => {
            let syns = info.retransmissions + 1;
            Outcome::silent(address, format!("no answer from {address} to {syns} SYNs within {ms} ms"))
        }
        _ => Outcome::failed(Stage::Connect, format!("no answer from {address} within {ms} ms")),
    }
}

fn failure(address: SocketAddr, error: &io::Error, icmp: Option<Icmp>, deadline: Deadline) -> Outcome {
    if let Some(trouble) = local::trouble(error) {
        return Outcome::ProbeError(format!("cannot connect to {address}: {trouble}"));
    }
    if let Some(icmp) = icmp {
        return unreachable(address, icmp);
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => Outcome::refused(format!("connection refused by {address}")),
        ErrorKind::ConnectionReset => Outcome::refused(format!("connection reset by {address}")),
        ErrorKind::TimedOut => Outcome::failed(
            Stage::Connect,
            format!("no answer from {address} within {} ms", deadline.timeout_ms),
        ),
        // The kernel's own words, without a message from the network: nobody is there on the way to it.
        ErrorKind::HostUnreachable => {
            Outcome::failed(Stage::Connect, format!("no route to the host {address}"))
        }
        ErrorKind::NetworkUnreachable => {
            Outcome::failed(Stage::Connect, format!("no route to the network of {address}"))
        }
        _ => Outcome::failed(Stage::Connect, format!("cannot connect to {address}: {error}")),
    }
}

/// Somebody said that the target cannot be reached: the target itself, whom the packet then reached, or
/// a router on the way.
fn unreachable(address: SocketAddr, icmp: Icmp) -> Outcome {
    let Icmp { sender, kind, code } = icmp;
    let said = format!("ICMP type {kind} code {code}");
    match sender == address.ip() {
        true => Outcome::refused(format!("{address} says that it is unreachable ({said})")),
        false => {
            Outcome::failed(Stage::Connect, format!("{sender} says that {address} is unreachable ({said})"))
        }
    }
}

/// Why a connection with an address says nothing of the network, whatever comes of it.
pub(crate) fn proves_nothing(ip: IpAddr) -> Option<&'static str> {
    let ip = ip.to_canonical();
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    match ip {
        _ if ip.is_loopback() => Some("is the probe's own machine"),
        _ if ip.is_unspecified() => Some("is no host's address"),
        _ if ip.is_multicast() || ip == IpAddr::from([255; 4]) => Some("is not one host's address"),
        _ if is_link_local => Some("is on the probe's own link"),
        _ if is_own(ip) => Some("is the probe's own address"),
        _ => None,
    }
}

/// Whether packets to it would come from it. Connecting a UDP socket sends none.
fn is_own(ip: IpAddr) -> bool {
    let any: IpAddr = if ip.is_ipv4() { [0; 4].into() } else { [0_u8; 16].into() };
    let own = || {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect((ip, 9)).ok()?;
        socket.local_addr().ok()
    };
    own().is_some_and(|own| own.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_connecting_are_distinguished_by_who_is_to_blame() {
        let address = SocketAddr::from(([10, 1, 2, 3], 443));
        let failed = |text: &str| Outcome::failed(Stage::Connect, text);
        for (code, expected) in [
            (libc::ECONNREFUSED, Outcome::refused("connection refused by 10.1.2.3:443")),
            (libc::ECONNRESET, Outcome::refused("connection reset by 10.1.2.3:443")),
            (libc::ETIMEDOUT, failed("no answer from 10.1.2.3:443 within 3000 ms")),
            (libc::EHOSTUNREACH, failed("no route to the host 10.1.2.3:443")),
            (libc::ENETUNREACH, failed("no route to the network of 10.1.2.3:443")),
            (
                libc::EMFILE,
                Outcome::ProbeError(
                    "cannot connect to 10.1.2.3:443: too many open files in this process".to_owned(),
                ),
            ),
        ] {
            let error = io::Error::from_raw_os_error(code);
            assert_eq!(failure(address, &error, None, Deadline::after_ms(3000)), expected, "error {code}");
        }
    }

    #[test]
    fn an_icmp_message_is_no_refusal_unless_the_target_itself_sends_it() {
        let address = SocketAddr::from(([10, 1, 2, 3], 443));
        let refused = io::Error::from_raw_os_error(libc::ECONNREFUSED);
        let said_by = |sender: [u8; 4]| {
            let icmp = Icmp { sender: sender.into(), kind: 3, code: 3 };
            failure(address, &refused, Some(icmp), Deadline::after_ms(3000))
        };
        let text = "10.9.9.9 says that 10.1.2.3:443 is unreachable (ICMP type 3 code 3)";
        assert_eq!(said_by([10, 9, 9, 9]), Outcome::failed(Stage::Connect, text));
        let text = "10.1.2.3:443 says that it is unreachable (ICMP type 3 code 3)";
        assert_eq!(said_by([10, 1, 2, 3]), Outcome::refused(text));
    }

    #[test]
    fn addresses_that_are_no_other_host_prove_nothing() {
        for ip in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "0.0.0.0",
            "::",
            "169.254.169.254",
            "fe80::1",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "::ffff:127.0.0.1",
        ] {
            assert!(proves_nothing(ip.parse().unwrap()).is_some(), "{ip}");
        }
        for ip in ["10.1.2.3", "192.0.2.1", "2001:db8::1"] {
            assert_eq!(proves_nothing(ip.parse().unwrap()), None, "{ip}");
        }
    }
}
