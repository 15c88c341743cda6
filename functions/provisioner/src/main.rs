//! Gives an account its network.

mod event;
mod handler;
mod members;
mod reconcile;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use handler::Provisioner;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use members::AwsMembers;
use phonehome_aws::table::DynamoTable;
use phonehome_aws::{AwsOrganization, Metrics, SqsQueue, cloud};
use phonehome_runtime::{exit_code, number, required, start_logs};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start_logs();
    exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    let config = cloud::connect().await?;
    let provisioner = &Provisioner {
        table: DynamoTable::new(&config, required("TABLE_NAME")?),
        queue: SqsQueue::new(&config, required("RECONCILE_QUEUE_URL")?),
        dead_letters: SqsQueue::new(&config, required("DEAD_LETTER_QUEUE_URL")?),
        organization: AwsOrganization::new(&config),
        members: AwsMembers::from_environment(config.clone())?,
        metrics: Metrics::new(&config, "provisioner"),
        requeue_delay_s: number("REQUEUE_DELAY_SECONDS", 20)?,
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        provisioner.handle(&event.payload).await
    }))
    .await
}
