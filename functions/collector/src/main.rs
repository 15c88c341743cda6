//! The collector as a Lambda function.

use std::process::ExitCode;

use collector::{Collector, Memory};
use phonehome_aws::{DynamoTable, Metrics, Session, SqsQueue};
use phonehome_cloud::SystemClock;
use phonehome_runtime::{Error, required, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    serve(collector, async |collector, event| collector.handle(event).await).await
}

fn collector(session: &Session) -> Result<Collector<DynamoTable, SqsQueue>, Error> {
    Ok(Collector {
        table: DynamoTable::new(session, required("TABLE_NAME")?),
        transitions: SqsQueue::new(session, required("TRANSITIONS_QUEUE_URL")?),
        dead_letters: SqsQueue::new(session, required("DEAD_LETTER_QUEUE_URL")?),
        metrics: Metrics::in_log("collector"),
        memory: Memory::default(),
        clock: SystemClock,
    })
}
