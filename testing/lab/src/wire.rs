//! Slow wires: what comes in at one end goes out at the other, later. The kernel of a small machine has no netem.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recvfrom, send, socket,
};

use crate::frame::{self, Frame};
use crate::namespaces::inside;
use crate::network::{Delay, Wire};

/// `PACKET_OUTGOING`, linux/if_packet.h: what this machine sends, which comes to such a socket too.
const OUTGOING: u8 = 4;

/// One end of a wire.
#[derive(Debug)]
struct End {
    socket: OwnedFd,
    /// The kernel's number of the interface.
    interface: usize,
}

/// What sends on, on a thread of its own so that nothing else makes packets late. Dropped, it has ended.
#[derive(Debug)]
pub(crate) struct Forwarder {
    end: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Forwarder {
    pub(crate) fn start(wire: &Wire) -> Result<Self> {
        let ends = inside(&wire.namespace, || {
            let [near, far] = &wire.devices;
            Ok([End::open(near)?, End::open(far)?])
        })?;
        let (end, ended) = UnixStream::pair()?;
        let delays = wire.delays.clone();
        let thread = std::thread::spawn(move || forward(&ends, &delays, &ended));
        Ok(Self { end, thread: Some(thread) })
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        let _ = self.end.shutdown(std::net::Shutdown::Both);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl End {
    /// In the calling thread's namespace.
    fn open(device: &str) -> Result<Self> {
        let mut interfaces = getifaddrs()?.filter(|it| it.interface_name == device);
        let address = interfaces.find_map(|it| it.address?.as_link_addr().copied());
        let address = address.with_context(|| format!("no interface {device}"))?;
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)?;
        bind(socket.as_raw_fd(), &address).with_context(|| device.to_owned())?;
        Ok(Self { socket, interface: address.ifindex() })
    }

    /// The length of the next frame that came in, where there is one.
    fn receive(&self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), buffer) {
                // Until it was bound it heard every interface.
                Ok((length, Some(from)))
                    if from.ifindex() == self.interface && from.pkttype() != OUTGOING =>
                {
                    return Some(length);
                }
                // An interface that goes down says so once.
                Ok(_) | Err(Errno::ENETDOWN | Errno::EINTR) => {}
                Err(_) => return None,
            }
        }
    }

    fn send(&self, frame: &[u8]) {
        // What the other side does not take is lost, as on any wire: what is too long, say.
        let _ = send(self.socket.as_raw_fd(), frame, MsgFlags::empty());
    }
}

/// A frame on its way: when it is to be sent, its number among all, so that those of the same time keep their order,
/// and by which end.
type Waiting = Reverse<(Instant, u64, usize, Vec<u8>)>;

/// Sends on what comes in, until `ended` is closed at its other side.
fn forward(ends: &[End; 2], delays: &[Delay], ended: &UnixStream) {
    let mut waiting: BinaryHeap<Waiting> = BinaryHeap::new();
    let mut buffer = vec![0; frame::LENGTH_MAX];
    let mut count = 0;
    loop {
        let now = Instant::now();
        while waiting.peek().is_some_and(|Reverse((due, ..))| *due <= now) {
            if let Some(Reverse((_, _, end, frame))) = waiting.pop() {
                ends[end].send(&frame);
            }
        }
        let next = waiting.peek().map(|Reverse((due, ..))| due.saturating_duration_since(now));
        let fds = [ends[0].socket.as_fd(), ends[1].socket.as_fd(), ended.as_fd()];
        let mut fds = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        // A signal ends the waiting early.
        let _ = poll(&mut fds, timeout(next));
        if fds[2].any().unwrap_or(true) {
            return;
        }
        for (end, far) in [(0, 1), (1, 0)] {
            while let Some(length) = ends[end].receive(&mut buffer) {
                let frame = &mut buffer[..length];
                let due = Instant::now() + time(frame, delays);
                frame::complete(frame);
                waiting.push(Reverse((due, count, far, frame.to_vec())));
                count += 1;
            }
        }
    }
}

/// In whole milliseconds, upwards.
fn timeout(next: Option<Duration>) -> PollTimeout {
    let ms = next.map(|it| it.as_micros().div_ceil(1_000));
    ms.map_or(PollTimeout::NONE, |ms| PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX))
}

/// How much later a frame is sent on.
fn time(frame: &[u8], delays: &[Delay]) -> Duration {
    let ends = Frame::of(frame).map(|it| it.ends());
    let concerns = |address: Option<Ipv4Addr>| match address {
        None => true,
        Some(address) => ends.is_some_and(|ends| ends.contains(&address)),
    };
    delays.iter().filter(|it| concerns(it.address)).map(|it| it.time).sum()
}
