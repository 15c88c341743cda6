//! The benchmark of the probe: `cargo xtask bench probe` builds what it needs and runs it. Everything is on
//! this machine, over loopback.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::run()
}

#[cfg(not(target_os = "linux"))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("the probe is measured on Linux only: CPU time and memory are read from /proc")
}
