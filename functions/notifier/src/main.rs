//! The notifier as a Lambda function.

use std::process::ExitCode;

use notifier::{Notifier, SlackWithSecret};
use phonehome_aws::{DynamoTable, Metrics, Session, SnsPager};
use phonehome_cloud::SystemClock;
use phonehome_runtime::{Error, required, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    serve(notifier, async |notifier, _| notifier.handle().await).await
}

fn notifier(session: &Session) -> Result<Notifier<DynamoTable, SnsPager, SlackWithSecret>, Error> {
    Ok(Notifier {
        table: DynamoTable::new(session, required("TABLE_NAME")?),
        pager: SnsPager::new(session, required("PAGE_TOPIC_ARN")?),
        chat: SlackWithSecret { secret_id: required("SLACK_SECRET_ID")?, session: session.clone() },
        metrics: Metrics::new(session, "notifier"),
        clock: SystemClock,
    })
}
