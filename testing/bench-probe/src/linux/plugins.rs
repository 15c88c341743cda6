//! The monitoring plugins: a process for each check.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::linux::blackbox::find;
use crate::linux::cpu;
use crate::linux::targets::{Protocol, Targets};

pub(crate) const HOW_TO_GET_THEM: &str = "apt-get install monitoring-plugins-basic";
/// Where packages of Debian, Red Hat and others put them.
const FOLDERS: [&str; 3] =
    ["/usr/lib/nagios/plugins", "/usr/lib64/nagios/plugins", "/usr/lib/monitoring-plugins"];

/// The plugin for a protocol; none verifies a certificate's chain.
pub(crate) fn name(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::Tcp => Some("check_tcp"),
        Protocol::Http => Some("check_http"),
        Protocol::Tls => None,
    }
}

/// CPU seconds that so many checks take, the start of their processes included; `None` where there is no
/// such plugin.
pub(crate) fn measure(targets: &Targets, protocol: Protocol, count: usize) -> Result<Option<f64>> {
    let Some(program) = name(protocol).and_then(|name| find(&[name], &FOLDERS)) else { return Ok(None) };
    let before = cpu::children()?;
    for number in 0..count {
        let address = targets.address(protocol, number);
        let mut command = Command::new(&program);
        command.args(["-t", "5", "-H", &address.ip().to_string(), "-p", &address.port().to_string()]);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
        let status = status.with_context(|| format!("starting {}", program.display()))?;
        ensure!(status.success(), "{} of {address} ended with {status}", program.display());
    }
    Ok(Some(cpu::children()?.saturating_sub(before).as_secs_f64()))
}
