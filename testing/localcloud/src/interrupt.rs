//! Ctrl-C and SIGTERM as errors.

use std::future::Future;

use anyhow::{Result, bail};
use tokio::signal::unix::{SignalKind, signal};

/// Runs `work` until it ends or someone interrupts it. An interruption is an error like others:
/// what the work started is dropped, and with it ended, before the process exits.
///
/// # Errors
/// The work's own, or that it was interrupted.
pub async fn unless_interrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let (mut terminated, mut interrupted) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        result = work => result,
        _ = interrupted.recv() => bail!("interrupted"),
        _ = terminated.recv() => bail!("told to end"),
    }
}
