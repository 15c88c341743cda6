//! The alerter as a Lambda function.

use std::process::ExitCode;

use alerter::{Again, Alerter, Ask, Known, Pace};
use phonehome_aws::{DynamoTable, Metrics, Session, SqsQueue};
use phonehome_cloud::SystemClock;
use phonehome_runtime::{Error, number, optional, required, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    serve(alerter, async |alerter, event| alerter.handle(event).await).await
}

fn alerter(session: &Session) -> Result<Alerter<DynamoTable, SqsQueue>, Error> {
    let metrics = Metrics::new(session, "alerter");
    Ok(Alerter {
        table: DynamoTable::new(session, required("TABLE_NAME")?),
        metrics: match optional("WATCHER_REGION") {
            Some(region) => metrics.watched_in(&session.in_region(&region)),
            None => metrics,
        },
        again: Again::new(SqsQueue::new(session, required("TRANSITIONS_QUEUE_URL")?)),
        ask: Ask { queue: SqsQueue::new(session, required("RECONCILE_QUEUE_URL")?) },
        pace: Pace {
            interval_s: number("PROBE_INTERVAL_SECONDS", 60)?,
            overdue_after_s: number("OVERDUE_AFTER_SECONDS", 0)?,
        },
        known: Known::default(),
        clock: SystemClock,
    })
}
