//! What the kernel knows of a TCP socket: `TCP_INFO`, and the ICMP messages that came for it.
//!
//! The only crate with `unsafe` code, as no safe wrapper offers `TCP_INFO`; an architecture test holds that
//! it is the only one, and its length. Linux alone tells: elsewhere nothing is known.

use std::net::IpAddr;

/// The state of a connection that has not had an answer to its SYN yet (`TCP_SYN_SENT` of the kernel's
/// `net/tcp_states.h`).
#[cfg(target_os = "linux")]
const SYN_SENT: u8 = 2;

/// What the kernel counted of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpInfo {
    /// Whether it still waits for an answer to its SYN.
    pub syn_sent: bool,
    /// How many segments were sent again since it was opened. Of one that waits for an answer to its SYN
    /// these are SYNs, beside the first.
    pub retransmissions: u32,
    /// The smoothed round-trip time, in microseconds; 0 before the first answer.
    pub rtt_us: u32,
}

/// An ICMP message that ended a connection attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp {
    /// Who sent it: the target itself, or a router on the way.
    pub sender: IpAddr,
    /// ICMP's (or ICMPv6's) type.
    pub kind: u8,
    /// Its code.
    pub code: u8,
}

#[cfg(target_os = "linux")]
pub use linux::{icmp, keep_icmp, tcp_info};

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::mem::MaybeUninit;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use std::os::fd::{AsFd, AsRawFd as _};

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};

    use crate::{Icmp, SYN_SENT, TcpInfo};

    /// What the kernel knows of a socket's connection; `None` where it does not say.
    #[allow(unsafe_code, reason = "TCP_INFO has no safe wrapper")]
    pub fn tcp_info(socket: impl AsFd) -> Option<TcpInfo> {
        let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
        let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).ok()?;
        // SAFETY: the descriptor is open for as long as `socket` is borrowed; the kernel writes at most
        // `length` bytes, and what it does not write stays zero, which every field may be.
        let info = unsafe {
            let fd = socket.as_fd().as_raw_fd();
            let at = info.as_mut_ptr().cast();
            let result = libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, at, &raw mut length);
            (result == 0).then(|| info.assume_init())?
        };
        Some(TcpInfo {
            syn_sent: info.tcpi_state == SYN_SENT,
            retransmissions: info.tcpi_total_retrans,
            rtt_us: info.tcpi_rtt,
        })
    }

    /// Whether the kernel keeps the ICMP messages that come for a socket. While it does, each ends a connection,
    /// also one that stands: it is for connecting alone.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn keep_icmp(socket: impl AsFd, is_ipv6: bool, keep: bool) -> io::Result<()> {
        match is_ipv6 {
            false => setsockopt(&socket, sockopt::Ipv4RecvErr, &keep)?,
            true => setsockopt(&socket, sockopt::Ipv6RecvErr, &keep)?,
        }
        Ok(())
    }

    /// The first ICMP message that is kept for a socket, taken out of its error queue.
    pub fn icmp(socket: impl AsFd) -> Option<Icmp> {
        let mut space = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
        let mut parts: [io::IoSliceMut<'_>; 0] = [];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let fd = socket.as_fd().as_raw_fd();
        let message = recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut space), flags).ok()?;
        message.cmsgs().ok()?.find_map(|control| match control {
            ControlMessageOwned::Ipv4RecvErr(error, Some(from)) => {
                let sender = IpAddr::V4(Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr)));
                of(error, libc::SO_EE_ORIGIN_ICMP, sender)
            }
            ControlMessageOwned::Ipv6RecvErr(error, Some(from)) => {
                let sender = IpAddr::V6(Ipv6Addr::from(from.sin6_addr.s6_addr));
                of(error, libc::SO_EE_ORIGIN_ICMP6, sender)
            }
            _ => None,
        })
    }

    fn of(error: libc::sock_extended_err, origin: u8, sender: IpAddr) -> Option<Icmp> {
        (error.ee_origin == origin).then_some(Icmp { sender, kind: error.ee_type, code: error.ee_code })
    }
}

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{icmp, keep_icmp, tcp_info};

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::io;
    use std::os::fd::AsFd;

    use crate::{Icmp, TcpInfo};

    /// Nothing is known of a connection.
    pub fn tcp_info(_socket: impl AsFd) -> Option<TcpInfo> {
        None
    }

    /// Nothing is kept.
    ///
    /// # Errors
    /// Never.
    pub fn keep_icmp(_socket: impl AsFd, _is_ipv6: bool, _keep: bool) -> io::Result<()> {
        Ok(())
    }

    /// Nothing was kept.
    pub fn icmp(_socket: impl AsFd) -> Option<Icmp> {
        None
    }
}
