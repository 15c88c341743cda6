//! CPU time and memory, as Linux counts them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sys::resource::{Resource, Usage, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike as _;

/// The unit of times in `/proc`, in milliseconds: `USER_HZ` is 100 on every architecture of today.
const TICK_MS: u64 = 10;

/// What this process has used, in user and system.
pub(crate) fn own() -> Result<Duration> {
    total(getrusage(UsageWho::RUSAGE_SELF)?)
}

/// What the children that this process has waited for have used.
pub(crate) fn children() -> Result<Duration> {
    total(getrusage(UsageWho::RUSAGE_CHILDREN)?)
}

fn total(usage: Usage) -> Result<Duration> {
    let us = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(us)?))
}

/// What another process has used, to 10 ms.
pub(crate) fn of(process: u32) -> Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    Ok(Duration::from_millis(ticks(&stat).with_context(|| format!("{path}: {stat}"))? * TICK_MS))
}

/// User and system time of a line of `/proc/PID/stat`: fields 14 and 15, of which the second is a name that may
/// have spaces, in brackets.
pub(crate) fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

/// The most memory that a process ever had resident, in MB of 1024 * 1024 bytes.
pub(crate) fn peak_memory_mb(process: u32) -> Result<f64> {
    let path = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    peak_kb(&status).map(|kb| kb / 1024.0).with_context(|| format!("{path} has no VmHWM"))
}

pub(crate) fn peak_kb(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Permits this process as many open files as it may have.
pub(crate) fn all_descriptors() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

/// Permits this process so many open files, as `ulimit -n` does.
pub(crate) fn limit_descriptors(count: u64) -> Result<()> {
    Ok(setrlimit(Resource::RLIMIT_NOFILE, count, count)?)
}
