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
use phonehome_aws::table::DynamoTable;
use phonehome_aws::{Metrics, SnsPager, cloud};
use phonehome_runtime::{exit_code, required, start_logs};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start_logs();
    exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    let config = cloud::connect().await?;
    let notifier = &Notifier {
        table: DynamoTable::new(&config, required("TABLE_NAME")?),
        pager: SnsPager::new(&config, required("PAGE_TOPIC_ARN")?),
        chat: SlackWithSecret { secret_id: required("SLACK_SECRET_ID")?, config: config.clone() },
        metrics: Metrics::new(&config, "notifier"),
    };
    lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| async move { notifier.handle().await })).await
}
