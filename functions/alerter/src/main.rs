//! Decides what to say, to whom, and what to page for.

mod handler;
#[cfg(test)]
mod tests;
mod world;

use std::process::ExitCode;

use handler::Alerter;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use phonehome_aws::{DynamoTable, Metrics, sdk};
use phonehome_runtime::{exit_code, number, required, start_logs};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start_logs();
    exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    let session = sdk::connect().await?;
    let alerter = &Alerter {
        table: DynamoTable::new(&session, required("TABLE_NAME")?),
        metrics: Metrics::new(&session, "alerter"),
        overdue_after_s: number("OVERDUE_AFTER_SECONDS", 0)?,
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        Box::pin(alerter.handle(&event.payload)).await
    }))
    .await
}
