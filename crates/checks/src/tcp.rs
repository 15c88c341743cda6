//! TCP connections, and what the kernel knows of those that do not come about.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use phonehome_tcp_info::{Icmp, TcpInfo, icmp, keep_icmp, tcp_info};
use phonehome_wire::{Class, IcmpSaid, Stage};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

use crate::deadline::Deadline;
use crate::local;
use crate::outcome::{Failure, Outcome};

/// How to connect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    /// The address that it goes out from; the system's choice when absent.
    pub(crate) source: Option<IpAddr>,
    /// Whether no segment, in either direction, may be longer than [`SMALL_SEGMENT`].
    pub(crate) small_segments: bool,
    /// Whether connections with the probe's own machine count.
    pub(crate) own_machine_counts: bool,
}

/// The longest segment that every network has to carry, in bytes: what IPv4 asks of every host without TCP's and
/// IP's own headers (RFC 9293, 3.7.1).
const SMALL_SEGMENT: u32 = 536;

/// What kept a connection from coming about, and what the kernel counted meanwhile.
#[derive(Debug)]
pub(crate) struct Missed {
    pub(crate) outcome: Outcome,
    pub(crate) info: Option<TcpInfo>,
}

/// Connects to one address.
pub(crate) async fn connect(address: SocketAddr, how: How, deadline: Deadline) -> Result<TcpStream, Missed> {
    let missed = |outcome, stream: Option<&TcpStream>| Missed { outcome, info: stream.and_then(tcp_info) };
    if let Some(objection) = proves_nothing(address.ip()).filter(|_| !how.own_machine_counts) {
        return Err(missed(Outcome::ProvesNothing(format!("{} {objection}", address.ip())), None));
    }
    let stream = begin(address, how).map_err(|error| missed(not_begun(address, &error, deadline), None))?;
    let is_own = stream.local_addr().is_ok_and(|own| own.ip() == address.ip());
    if is_own && !how.own_machine_counts {
        let reason = format!("{} is the probe's own address", address.ip());
        return Err(missed(Outcome::ProvesNothing(reason), None));
    }
    let error = match deadline.bound(stream.writable()).await {
        None => return Err(missed(silence(address, &stream, deadline), Some(&stream))),
        Some(Err(error)) => Some(error),
        Some(Ok(())) => stream.take_error().unwrap_or_else(Some),
    };
    match error {
        None => {
            // A failure changes nothing of what was found out.
            let _ = keep_icmp(&stream, address.is_ipv6(), false);
            Ok(stream)
        }
        Some(error) if error.kind() == ErrorKind::TimedOut => {
            Err(missed(silence(address, &stream, deadline), Some(&stream)))
        }
        Some(error) => Err(missed(failure(address, &error, icmp(&stream), deadline), Some(&stream))),
    }
}

/// Sends the first SYN.
fn begin(address: SocketAddr, how: How) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Without it a router's message only looks like the host's own.
    if let Err(error) = keep_icmp(&socket, address.is_ipv6(), true) {
        tracing::warn!(%error, "ICMP messages are not told apart from refusals");
    }
    if how.small_segments {
        socket.set_tcp_mss(SMALL_SEGMENT)?;
    }
    if let Some(source) = how.source.filter(|source| source.is_ipv4() == address.is_ipv4()) {
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

/// Not a packet was sent. Where a subnet has no IPv6, that is how it is meant to be.
fn not_begun(address: SocketAddr, error: &io::Error, deadline: Deadline) -> Outcome {
    const WITHOUT_IPV6: [i32; 3] = [libc::ENETUNREACH, libc::EADDRNOTAVAIL, libc::EAFNOSUPPORT];
    match address.is_ipv6() && error.raw_os_error().is_some_and(|code| WITHOUT_IPV6.contains(&code)) {
        true => {
            Outcome::NotTestable(format!("{} is an IPv6 address, and this subnet has none", address.ip()))
        }
        false => failure(address, error, None, deadline),
    }
}

/// Nothing came back. One SYN can get lost; two SYNs and no word are silence.
fn silence(address: SocketAddr, stream: &TcpStream, deadline: Deadline) -> Outcome {
    let ms = deadline.timeout_ms;
    match tcp_info(stream) {
        Some(info) if info.syn_sent && info.retransmissions > 0 => {
            let syns = info.retransmissions + 1;
            Outcome::Silent(format!("no answer from {address} to {syns} SYNs within {ms} ms"))
        }
        _ => no_answer(address, deadline),
    }
}

fn no_answer(address: SocketAddr, deadline: Deadline) -> Outcome {
    let error = format!("no answer from {address} within {} ms", deadline.timeout_ms);
    Outcome::failed(Stage::Connect, Class::ConnectTimeout, error)
}

fn failure(address: SocketAddr, error: &io::Error, icmp: Option<Icmp>, deadline: Deadline) -> Outcome {
    if let Some(trouble) = local::trouble(error) {
        return Outcome::ProbeError(format!("cannot connect to {address}: {trouble}"));
    }
    if let Some(icmp) = icmp {
        return unreachable(address, icmp);
    }
    let failed = |class, text: String| Outcome::failed(Stage::Connect, class, text);
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            Outcome::refused(Class::Refused, format!("connection refused by {address}"))
        }
        ErrorKind::ConnectionReset => {
            Outcome::refused(Class::Reset, format!("connection reset by {address}"))
        }
        ErrorKind::TimedOut => no_answer(address, deadline),
        // The kernel's own words, without a message from the network: nobody is there on the way to it.
        ErrorKind::HostUnreachable => failed(Class::NoRoute, format!("no route to the host {address}")),
        ErrorKind::NetworkUnreachable => {
            failed(Class::NoRoute, format!("no route to the network of {address}"))
        }
        _ => failed(Class::Other, format!("cannot connect to {address}: {error}")),
    }
}

/// Somebody said that the target cannot be reached: the target itself, whom the packet then reached, or
/// a router on the way.
fn unreachable(address: SocketAddr, icmp: Icmp) -> Outcome {
    let Icmp { sender, kind, code } = icmp;
    let said = format!("ICMP type {kind} code {code}");
    let is_target = sender == address.ip();
    let error = match is_target {
        true => format!("{address} says that it is unreachable ({said})"),
        false => format!("{sender} says that {address} is unreachable ({said})"),
    };
    let icmp = Some(IcmpSaid { sender, kind, code });
    let failure = Failure { icmp, ..Failure::new(Stage::Connect, Class::Unreachable, error) };
    if is_target { Outcome::Refused(failure) } else { Outcome::Failed(failure) }
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
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn errors_of_connecting_are_distinguished_by_who_is_to_blame() {
        let address = SocketAddr::from(([10, 1, 2, 3], 443));
        let failed = |class, text: &str| Outcome::failed(Stage::Connect, class, text);
        for (code, expected) in [
            (libc::ECONNREFUSED, Outcome::refused(Class::Refused, "connection refused by 10.1.2.3:443")),
            (libc::ECONNRESET, Outcome::refused(Class::Reset, "connection reset by 10.1.2.3:443")),
            (libc::ETIMEDOUT, failed(Class::ConnectTimeout, "no answer from 10.1.2.3:443 within 3000 ms")),
            (libc::EHOSTUNREACH, failed(Class::NoRoute, "no route to the host 10.1.2.3:443")),
            (libc::ENETUNREACH, failed(Class::NoRoute, "no route to the network of 10.1.2.3:443")),
            (
                libc::EMFILE,
                Outcome::ProbeError(
                    "cannot connect to 10.1.2.3:443: too many open files in this process".to_owned(),
                ),
            ),
        ] {
            let error = io::Error::from_raw_os_error(code);
            assert_eq!(
                failure(address, &error, None, Deadline::after(Duration::from_millis(3000))),
                expected,
                "error {code}"
            );
        }
    }

    #[test]
    fn an_icmp_message_is_no_refusal_unless_the_target_itself_sends_it() {
        let address = SocketAddr::from(([10, 1, 2, 3], 443));
        let refused = io::Error::from_raw_os_error(libc::ECONNREFUSED);
        let said_by = |sender: [u8; 4]| {
            let icmp = Icmp { sender: sender.into(), kind: 3, code: 3 };
            failure(address, &refused, Some(icmp), Deadline::after(Duration::from_millis(3000)))
        };
        let expected = |sender: [u8; 4], error: &str| Failure {
            icmp: Some(IcmpSaid { sender: sender.into(), kind: 3, code: 3 }),
            ..Failure::new(Stage::Connect, Class::Unreachable, error)
        };
        let text = "10.9.9.9 says that 10.1.2.3:443 is unreachable (ICMP type 3 code 3)";
        assert_eq!(said_by([10, 9, 9, 9]), Outcome::Failed(expected([10, 9, 9, 9], text)));
        let text = "10.1.2.3:443 says that it is unreachable (ICMP type 3 code 3)";
        assert_eq!(said_by([10, 1, 2, 3]), Outcome::Refused(expected([10, 1, 2, 3], text)));
    }

    #[test]
    fn where_there_is_no_ipv6_it_is_not_testable_and_never_a_failure() {
        let (four, six) = ("10.1.2.3:443".parse().unwrap(), "[2001:db8::1]:443".parse().unwrap());
        let deadline = Deadline::after(Duration::from_millis(3000));
        for code in [libc::ENETUNREACH, libc::EADDRNOTAVAIL, libc::EAFNOSUPPORT] {
            let error = io::Error::from_raw_os_error(code);
            assert!(matches!(not_begun(six, &error, deadline), Outcome::NotTestable(_)), "error {code}");
            assert!(!matches!(not_begun(four, &error, deadline), Outcome::NotTestable(_)), "error {code}");
        }
        let refused = io::Error::from_raw_os_error(libc::ECONNREFUSED);
        assert!(matches!(not_begun(six, &refused, deadline), Outcome::Refused(_)));
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
