//! The roll-out as a Lambda function.

use std::process::ExitCode;

use phonehome_aws::{DynamoTable, Session, SqsQueue};
use phonehome_cloud::SystemClock;
use phonehome_runtime::{Error, required, serve};
use rollouts::RollOuts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    serve(roll_outs, async |roll_outs, _| roll_outs.handle().await).await
}

fn roll_outs(session: &Session) -> Result<RollOuts<DynamoTable, SqsQueue>, Error> {
    Ok(RollOuts {
        table: DynamoTable::new(session, required("TABLE_NAME")?),
        queue: SqsQueue::new(session, required("RECONCILE_QUEUE_URL")?),
        clock: SystemClock,
    })
}
