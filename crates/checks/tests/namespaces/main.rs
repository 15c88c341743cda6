//! The verdicts on what a network does: each case in network namespaces of its own, with a router between the
//! prober and the target. Nothing here needs root or leaves the namespaces.
//!
//! Where the machine has no `ip` or forbids user namespaces, a case says so and is left out; with `CI=true` it
//! fails, unless `PHONEHOME_NO_NAMESPACES=1` says that this is known.

#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
mod expectations;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod packets;
#[cfg(target_os = "linux")]
mod rehouse;
#[cfg(target_os = "linux")]
mod servers;
