//! Delivers the outbox to Slack and to on-call.

mod chat;
mod delivery;
mod handler;
mod limits;
mod outbox;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use chat::SlackWithSecret;
use handler::Notifier;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use phonehome_aws::{DynamoTable, Metrics, SnsPager, sdk};
use phonehome_runtime::{exit_code, required, start_logs};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start_logs();
    exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    let session = sdk::connect().await?;
    let notifier = &Notifier {
        table: DynamoTable::new(&session, required("TABLE_NAME")?),
        pager: SnsPager::new(&session, required("PAGE_TOPIC_ARN")?),
        chat: SlackWithSecret { secret_id: required("SLACK_SECRET_ID")?, session: session.clone() },
        metrics: Metrics::new(&session, "notifier"),
    };
    lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| async move { notifier.handle().await })).await
}
