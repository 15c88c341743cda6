//! Tells trouble of the probe itself from trouble of the path.

use std::io;

/// Error numbers that say "this machine cannot test", with the words for them.
const LOCAL: &[(i32, &str)] = &[
    (libc::EMFILE, "too many open files in this process"),
    (libc::ENFILE, "too many open files on this machine"),
    (libc::ENOMEM, "out of memory"),
    (libc::ENOBUFS, "no buffer space for sockets"),
    (libc::EADDRNOTAVAIL, "no local address or port is available"),
    (libc::EADDRINUSE, "no free local port"),
    (libc::ENETDOWN, "the local network interface is down"),
    (libc::EAFNOSUPPORT, "this machine has no support for the address family"),
    (libc::EPROTONOSUPPORT, "this machine has no support for the protocol"),
    // A local packet filter or sandbox answers so; the network itself never does.
    (libc::EACCES, "this machine does not permit the connection"),
    (libc::EPERM, "this machine does not permit the connection"),
];

/// The words for an error that comes from this machine; `None` when the network is to blame.
pub(crate) fn trouble(error: &io::Error) -> Option<&'static str> {
    if let Some(code) = error.raw_os_error() {
        return LOCAL.iter().find(|(local, _)| *local == code).map(|(_, words)| *words);
    }
    (error.kind() == io::ErrorKind::OutOfMemory).then_some("out of memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_local_resources_is_the_probers_own_trouble() {
        for code in [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EADDRNOTAVAIL, libc::ENETDOWN] {
            assert!(trouble(&io::Error::from_raw_os_error(code)).is_some(), "error {code}");
        }
    }

    #[test]
    fn what_the_network_says_is_not_the_probers_own_trouble() {
        for code in
            [libc::ECONNREFUSED, libc::ETIMEDOUT, libc::ECONNRESET, libc::EHOSTUNREACH, libc::ENETUNREACH]
        {
            assert_eq!(trouble(&io::Error::from_raw_os_error(code)), None, "error {code}");
        }
    }
}
