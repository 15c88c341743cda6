//! The probe: runs the checks in its schedule's input and returns the report as its response.
//!
//! It calls no AWS API: Lambda itself carries the response away, so a report arrives even when the
//! account it runs in has no way out.

mod authorities;
mod clock;
mod handler;

use lambda_runtime::tracing::subscriber::{filter::LevelFilter, fmt};
use lambda_runtime::{Error, run, service_fn};

// One thread: a probe waits for the network, and Lambda gives it a fraction of a core.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok();
    let level = level.and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    fmt().json().flatten_event(true).with_max_level(level).init();
    let probe = handler::Probe { extra_roots: authorities::beside_binary() };
    run(service_fn(async |event| probe.handle(event).await)).await
}
