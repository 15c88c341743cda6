//! Folds the probes' reports into path states and heartbeats.

mod envelope;
mod handler;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use handler::Collector;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use phonehome_aws::{DynamoTable, Metrics, SqsQueue, sdk};
use phonehome_runtime::{exit_code, required, start_logs};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start_logs();
    exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    let session = sdk::connect().await?;
    let collector = &Collector {
        table: DynamoTable::new(&session, required("TABLE_NAME")?),
        transitions: SqsQueue::new(&session, required("TRANSITIONS_QUEUE_URL")?),
        dead_letters: SqsQueue::new(&session, required("DEAD_LETTER_QUEUE_URL")?),
        metrics: Metrics::new(&session, "collector"),
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        // In a box: the compiler's queries do not go as deep as its type.
        Box::pin(collector.handle(&event.payload)).await
    }))
    .await
}
