//! Ethernet frames with IPv4 in them (RFC 791), as far as somebody has to know them who sends them on.

use std::net::Ipv4Addr;

/// The longest that the kernel makes of several.
pub(crate) const LENGTH_MAX: usize = 65_536 + ETHERNET;

const ETHERNET: usize = 14;
const ETHERTYPE_IPV4: [u8; 2] = [8, 0];
const TCP: u8 = 6;
const UDP: u8 = 17;

/// A packet of IPv4's in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    /// Whether it is the whole of what was sent.
    is_whole: bool,
    /// Where the protocol's own header begins in the frame, and where its data ends.
    begin: usize,
    end: usize,
}

impl Frame {
    /// `None` where a frame holds something else, or less than it says.
    pub(crate) fn of(frame: &[u8]) -> Option<Self> {
        let (ethernet, packet) = frame.split_at_checked(ETHERNET)?;
        let header = packet.get(..20)?;
        let begin = usize::from(header[0] & 0x0f) * 4;
        let end = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let is_ipv4 = ethernet[12..] == ETHERTYPE_IPV4 && header[0] >> 4 == 4;
        let is_sound = begin >= 20 && begin <= end && end <= packet.len();
        let address =
            |at: usize| Ipv4Addr::from([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        (is_ipv4 && is_sound).then(|| Self {
            source: address(12),
            destination: address(16),
            protocol: header[9],
            // No offset, and no more to come.
            is_whole: u16::from_be_bytes([header[6], header[7]]) & 0x3fff == 0,
            begin: ETHERNET + begin,
            end: ETHERNET + end,
        })
    }

    /// The addresses that it is from and for.
    pub(crate) fn ends(self) -> [Ipv4Addr; 2] {
        [self.source, self.destination]
    }
}

/// Writes TCP's or UDP's checksum (RFC 1071) into a frame. A virtual interface leaves that to a network card which is
/// not there; to whoever gets the frame it would look broken.
pub(crate) fn complete(bytes: &mut [u8]) {
    let Some(frame) = Frame::of(bytes).filter(|it| it.is_whole) else { return };
    let at = match frame.protocol {
        TCP => frame.begin + 16,
        UDP => frame.begin + 6,
        _ => return,
    };
    if at + 2 > frame.end {
        return;
    }
    bytes[at..at + 2].fill(0);
    let sum = match checksum(frame, &bytes[frame.begin..frame.end]) {
        // To UDP 0 is no checksum at all.
        0 if frame.protocol == UDP => 0xffff,
        sum => sum,
    };
    bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

fn checksum(frame: Frame, data: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |it| u32::from(*it));
    let [source, destination] = frame.ends().map(|it| it.octets());
    let pseudo =
        source.chunks(2).chain(destination.chunks(2)).map(word).sum::<u32>() + u32::from(frame.protocol);
    let length = u32::try_from(data.len()).unwrap_or_default();
    // At most 32 768 words of 16 bits: that fits.
    let mut sum = pseudo + length + data.chunks(2).map(word).sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with a packet of this protocol from 10.0.0.1 to 10.0.0.2.
    fn frame(protocol: u8, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(20 + data.len()).unwrap().to_be_bytes();
        let mut frame = vec![0; 12];
        frame.extend([8, 0, 0x45, 0, length[0], length[1], 0, 0, 0x40, 0, 64, protocol, 0, 0]);
        frame.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend(data);
        // As Ethernet fills up what is too short.
        frame.resize(frame.len().max(60), 0xee);
        frame
    }

    #[test]
    fn a_udp_datagram_gets_the_checksum_that_its_receiver_computes() {
        // Ports 1 and 2, 11 bytes, a checksum of nonsense, an odd number of bytes.
        let mut bytes = frame(UDP, &[0, 1, 0, 2, 0, 11, 0xde, 0xad, b'a', b'b', b'c']);
        complete(&mut bytes);
        // The addresses, the protocol and the length; then the datagram, filled up to whole words.
        let words = [0x0a00, 1, 0x0a00, 2, 17, 11, 1, 2, 11, 0x6162, 0x6300];
        let sum: u32 = words.iter().sum();
        let expected = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
        assert_eq!(bytes[ETHERNET + 26..ETHERNET + 28], expected.to_be_bytes());
        assert_eq!(
            bytes[ETHERNET + 31..],
            frame(UDP, &[0; 11])[ETHERNET + 31..],
            "what fills up is not touched"
        );
    }

    #[test]
    fn a_sum_of_nought_is_written_as_udp_wants_it_and_as_tcp_does() {
        // The last two bytes make all words come to ffff.
        let mut datagram = frame(UDP, &[0, 1, 0, 2, 0, 10, 0, 0, 0xeb, 0xd4]);
        complete(&mut datagram);
        assert_eq!(datagram[ETHERNET + 26..ETHERNET + 28], [0xff, 0xff]);
    }

    #[test]
    fn a_whole_segment_sums_up_to_nothing_with_its_checksum() {
        let mut bytes = frame(TCP, &(0..77).collect::<Vec<u8>>());
        complete(&mut bytes);
        let found = Frame::of(&bytes).unwrap();
        assert_eq!(checksum(found, &bytes[found.begin..found.end]), 0);
        bytes[ETHERNET + 30] ^= 1;
        assert_ne!(checksum(found, &bytes[found.begin..found.end]), 0);
    }

    #[test]
    fn what_is_no_whole_packet_stays_as_it_is() {
        let mut fragment = frame(UDP, &[0; 16]);
        fragment[ETHERNET + 6] = 0x20;
        let mut arp = frame(UDP, &[0; 16]);
        arp[13] = 6;
        let mut too_long = frame(UDP, &[0; 16]);
        too_long[ETHERNET + 3] = 255;
        let mut cut = frame(TCP, &[0; 4]);
        cut.truncate(ETHERNET + 24);
        for mut bytes in [fragment, arp, too_long, cut, frame(1, &[8; 16]), vec![], vec![0; 20]] {
            let before = bytes.clone();
            complete(&mut bytes);
            assert_eq!(bytes, before);
        }
    }
}
