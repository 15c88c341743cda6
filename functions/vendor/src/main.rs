//! The vendor as a Lambda function.

// Futures within futures, down to the SDK's: the compiler's default of 128 does not reach.
#![recursion_limit = "256"]

use std::process::ExitCode;

use phonehome_accounts::{AwsOrganization, AwsProperties, AwsSupport, AwsVending};
use phonehome_aws::{DynamoTable, Session, SqsQueue, sdk};
use phonehome_cloud::{CloudError, SystemClock};
use phonehome_runtime::{Error, number, required, serve};
use vendor::{OpenProperties, OpenVending, Vending};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    serve(vending, async |vending, _| vending.handle().await).await
}

/// Organizations, by the role of infra/management.yaml.
#[derive(Debug)]
struct InManagementAccount {
    session: Session,
    account: String,
    role: String,
}

impl OpenVending for InManagementAccount {
    type Api = AwsVending;

    async fn open(&self) -> Result<AwsVending, CloudError> {
        Ok(AwsVending::new(&self.session().await?))
    }
}

impl OpenProperties for InManagementAccount {
    type Properties = AwsProperties;
    type Support = AwsSupport;

    async fn open_properties(&self) -> Result<(AwsProperties, AwsSupport), CloudError> {
        self.session().await.map(|it| (AwsProperties::new(&it), AwsSupport::new(&it)))
    }
}

impl InManagementAccount {
    async fn session(&self) -> Result<Session, CloudError> {
        let region = self.session.region().unwrap_or_default();
        sdk::in_member_account(&self.session, &self.account, region, &self.role).await
    }
}

fn vending(
    session: &Session,
) -> Result<Vending<DynamoTable, SqsQueue, AwsOrganization, InManagementAccount>, Error> {
    let (account, role) = (required("MANAGEMENT_ACCOUNT_ID")?, required("VENDING_ROLE_NAME")?);
    let way = InManagementAccount { session: session.clone(), account, role };
    let table = DynamoTable::new(session, required("TABLE_NAME")?);
    let queue = SqsQueue::new(session, required("RECONCILE_QUEUE_URL")?);
    let pace = (number("PROBE_INTERVAL_SECONDS", 60)?, number("OVERDUE_AFTER_SECONDS", 0)?);
    Ok(Vending::new(table, queue, AwsOrganization::new(session), way, SystemClock).at_the_pace(pace))
}
