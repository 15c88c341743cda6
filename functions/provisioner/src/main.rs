//! Gives an account its network.

// Futures within futures, down to the SDK's: the compiler's default of 128 does not reach.
#![recursion_limit = "256"]

use phonehome_cloud::SystemClock;
use std::process::ExitCode;

use phonehome_accounts::AwsOrganization;
use phonehome_aws::{DynamoTable, Metrics, Session, SqsQueue};
use phonehome_cloud::endpoint::{Cloud, environment};
use phonehome_provision::{AwsMembers, Provision};
use phonehome_runtime::{Error, number, required, serve};
use provisioner::{Provisioner, cooldown_ms};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    serve(made, async |provisioner, event| provisioner.handle(event).await).await
}

fn made(session: &Session) -> Result<Provisioner<DynamoTable, SqsQueue, AwsOrganization, AwsMembers>, Error> {
    let requeue_delay_s = number("REQUEUE_DELAY_SECONDS", 20)?;
    let cooldown_ms = cooldown_ms(&Cloud::from_variables(&environment())?, requeue_delay_s);
    let members = AwsMembers::new(session.clone(), required("MEMBER_ROLE_NAME")?)
        .with_probe(probe_zip()?, required("PROBE_ARCHITECTURE")?)
        .with_new_relic(std::env::var("NEW_RELIC_SECRET_ID").ok().filter(|id| !id.is_empty()));
    let table = DynamoTable::new(session, required("TABLE_NAME")?);
    Ok(Provisioner {
        provision: Provision { table, members, cooldown_ms, clock: SystemClock },
        queue: SqsQueue::new(session, required("RECONCILE_QUEUE_URL")?),
        dead_letters: SqsQueue::new(session, required("DEAD_LETTER_QUEUE_URL")?),
        organization: AwsOrganization::new(session),
        metrics: Metrics::in_log("provisioner"),
        requeue_delay_s,
        management_account: required("MANAGEMENT_ACCOUNT_ID")?.parse()?,
    })
}

/// The probe's code lies beside the binary.
fn probe_zip() -> Result<Vec<u8>, Error> {
    let path = std::path::Path::new(&required("LAMBDA_TASK_ROOT")?).join("probe.zip");
    std::fs::read(&path).map_err(|error| {
        format!("{}: {error}; `cargo xtask package` puts the probe's code there", path.display()).into()
    })
}
