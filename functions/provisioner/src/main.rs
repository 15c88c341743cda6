//! Gives an account its network.

// Futures within futures, down to the SDK's: the compiler's default of 128 does not reach.
#![recursion_limit = "256"]

mod event;
mod failed;
mod failure;
mod handler;
#[cfg(test)]
mod tests;
mod unlisted;
mod who;

use std::process::ExitCode;

use handler::Provisioner;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use phonehome_accounts::AwsOrganization;
use phonehome_aws::{DynamoTable, Metrics, SqsQueue, sdk};
use phonehome_cloud::endpoint::{Cloud, environment};
use phonehome_provision::{AwsMembers, Provision};
use phonehome_runtime::{exit_code, number, required, start_logs};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start_logs();
    exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    let session = sdk::connect().await?;
    let requeue_delay_s = number("REQUEUE_DELAY_SECONDS", 20)?;
    let cooldown_ms = handler::cooldown_ms(&Cloud::from_variables(&environment())?, requeue_delay_s);
    let members = AwsMembers::new(session.clone(), required("MEMBER_ROLE_NAME")?)
        .with_probe(probe_zip()?, required("PROBE_ARCHITECTURE")?);
    let table = DynamoTable::new(&session, required("TABLE_NAME")?);
    let provisioner = &Provisioner {
        provision: Provision { table, members, cooldown_ms },
        queue: SqsQueue::new(&session, required("RECONCILE_QUEUE_URL")?),
        dead_letters: SqsQueue::new(&session, required("DEAD_LETTER_QUEUE_URL")?),
        organization: AwsOrganization::new(&session),
        metrics: Metrics::new(&session, "provisioner"),
        requeue_delay_s,
        management_account: required("MANAGEMENT_ACCOUNT_ID")?,
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        provisioner.handle(&event.payload).await
    }))
    .await
}

/// The probe's code lies beside the binary.
fn probe_zip() -> Result<Vec<u8>, Error> {
    let path = std::path::Path::new(&required("LAMBDA_TASK_ROOT")?).join("probe.zip");
    std::fs::read(&path).map_err(|error| {
        format!("{}: {error}; `cargo xtask package` puts the probe's code there", path.display()).into()
    })
}
