//! The Python side: `bridge.py` adds to the emulator what it lacks, `control.py` does what people do.

/// The folder that both are in.
pub(crate) const BRIDGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bridge");
