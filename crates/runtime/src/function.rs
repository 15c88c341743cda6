//! What the functions' `main`s have in common.

use std::process::ExitCode;

use lambda_runtime::{LambdaEvent, service_fn};
use phonehome_aws::{Session, sdk};
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument as _;

use crate::logs::start_logs;

/// Why an invocation, or the start of a function, failed. Lambda shows it and runs the function again.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The whole of a function's `main`: starts the logs, connects to AWS, makes what the function consists of,
/// and handles one invocation after the other, each in a span with its request id.
///
/// It returns when the function does not start, with the reason in the log.
pub async fn serve<F, R: Serialize>(
    make: impl FnOnce(&Session) -> Result<F, Error>,
    handle: impl AsyncFn(&F, &Value) -> Result<R, Error>,
) -> ExitCode {
    start_logs();
    let Err(error) = run(make, handle).await else { return ExitCode::SUCCESS };
    tracing::error!(%error, "the function does not start");
    ExitCode::FAILURE
}

async fn run<F, R: Serialize>(
    make: impl FnOnce(&Session) -> Result<F, Error>,
    handle: impl AsyncFn(&F, &Value) -> Result<R, Error>,
) -> Result<(), Error> {
    let function = &make(&sdk::connect().await?)?;
    let handle = &handle;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let span = invocation(&event.context.request_id);
        // In a box: the compiler's queries do not go as deep as its type.
        Box::pin(handle(function, &event.payload)).instrument(span).await
    }))
    .await
}

/// The span of one invocation.
pub fn invocation(request_id: &str) -> tracing::Span {
    tracing::info_span!("invocation", request_id)
}
