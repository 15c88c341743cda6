//! Packets as they come by in a namespace, and ICMP messages that somebody there sends for them.

use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use crate::lab::Namespace;

const IPV4_HEADER: usize = 20;
/// Of an IPv4 packet without options: the protocol.
const PROTOCOL: usize = 9;
const TCP: u8 = 6;
/// Of a TCP segment: its flags, and those that matter.
const TCP_FLAGS: usize = 13;
const SYN_AND_ACK: u8 = 0x12;
const SYN: u8 = 0x02;

/// A SYN as it came by.
pub(crate) struct Syn {
    source: Ipv4Addr,
    /// IPv4's header and the first 8 bytes of TCP's: what an ICMP message quotes.
    quoted: [u8; IPV4_HEADER + 8],
}

/// Calls `saw` for each SYN that comes by in the namespace for `destination`.
pub(crate) fn watch(
    namespace: Namespace,
    destination: SocketAddr,
    mut saw: impl FnMut(&Syn) + Send + 'static,
) {
    let mut tap = Tap::open(namespace, destination);
    std::thread::spawn(move || {
        loop {
            if let Some(syn) = tap.next().expect("a tap has no end") {
                saw(&syn);
            }
        }
    });
}

/// The packets of a namespace, from when it was opened.
pub(crate) struct Tap {
    socket: Socket,
    destination: SocketAddr,
}

impl Tap {
    /// Of all packets the SYNs for `destination` are told.
    pub(crate) fn open(namespace: Namespace, destination: SocketAddr) -> Self {
        let every_protocol = u16::try_from(libc::ETH_P_ALL).expect("it is 3").to_be();
        // Cooked: without the link's header.
        let open =
            || Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(i32::from(every_protocol))));
        Self { socket: namespace.inside(open).expect("root of the namespace may"), destination }
    }

    /// Waits for the next packet.
    fn next(&mut self) -> io::Result<Option<Syn>> {
        let mut packet = [0; 2_048];
        let length = self.socket.read(&mut packet)?;
        Ok(syn_for(&packet[..length], self.destination))
    }

    /// How many SYNs have come by until now.
    pub(crate) fn count(mut self) -> usize {
        self.socket.set_nonblocking(true).expect("any socket can");
        let packets = std::iter::from_fn(|| self.next().ok());
        packets.flatten().count()
    }
}

fn syn_for(packet: &[u8], destination: SocketAddr) -> Option<Syn> {
    let quoted = *packet.first_chunk::<{ IPV4_HEADER + 8 }>()?;
    let flags = *packet.get(IPV4_HEADER + TCP_FLAGS)?;
    let address = |at: usize| Some(Ipv4Addr::from(*packet.get(at..)?.first_chunk::<4>()?));
    let port = u16::from_be_bytes([quoted[IPV4_HEADER + 2], quoted[IPV4_HEADER + 3]]);
    let is_it = packet[0] == 0x45
        && packet[PROTOCOL] == TCP
        && flags & SYN_AND_ACK == SYN
        && destination == SocketAddr::from((address(16)?, port));
    is_it.then_some(Syn { source: address(12)?, quoted })
}

/// Answers each SYN for `destination` that comes by in the namespace with "destination unreachable" and this
/// code, from the namespace's own address.
pub(crate) fn say_unreachable(namespace: Namespace, destination: SocketAddr, code: u8) {
    let open = || Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4));
    let speaker = namespace.inside(open).expect("root of the namespace may");
    watch(namespace, destination, move |syn| {
        let message = unreachable(code, &syn.quoted);
        let to = SocketAddr::from((syn.source, 0));
        speaker.send_to(&message, &to.into()).expect("it has a route to whom it got the packet from");
    });
}

/// ICMP type 3 (RFC 792): type, code, checksum, four bytes unused, what is quoted.
fn unreachable(code: u8, quoted: &[u8]) -> Vec<u8> {
    let mut message = [&[3, code, 0, 0, 0, 0, 0, 0], quoted].concat();
    let [high, low] = checksum(&message).to_be_bytes();
    (message[2], message[3]) = (high, low);
    message
}

/// Of an even number of bytes (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let sum: u32 = words.sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    !u16::try_from(sum).expect("both carries are added")
}
