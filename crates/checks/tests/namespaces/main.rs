//! The verdicts on what a network does: each case in network namespaces of its own, with a router between the
//! prober and the target. Nothing here needs root or leaves the namespaces.
//!
//! Where the machine has no `ip` or forbids user namespaces, a case says so and is left out; with `CI=true` it
//! fails, unless `PHONEHOME_NO_NAMESPACES=1` says that this is known.

#![cfg(target_os = "linux")]

mod cases;
mod expectations;
mod lab;
mod packets;
mod rehouse;
mod servers;
