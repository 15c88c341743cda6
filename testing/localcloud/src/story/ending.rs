//! The end: what it costs, and how to look around.

use anyhow::Result;
use phonehome_localcloud::cost::{FleetSize, monthly};
use phonehome_localcloud::{HUB_ACCOUNT, LocalCloud};

use super::accounts;
use super::cast::Cast;
use super::narrator::Narrator;

/// Shows the state at the end, and the bill.
pub(crate) async fn notify(local_cloud: &LocalCloud, cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("At the end");
    accounts::all_are_ready(local_cloud, cast.members.len()).await?;
    narrator.quote(&local_cloud.phonehome(&["status"]).await?);
    #[allow(clippy::cast_precision_loss, reason = "a handful of accounts")]
    let probes = cast.members.len() as f64 * 3.0;
    narrator.say("what this fleet would cost a month on AWS (us-east-1, list prices of November 2026):");
    let (lines, network) = monthly(FleetSize { probes, nat_gateways: probes });
    let total: f64 = lines.iter().map(|line| line.dollars).sum();
    for line in &lines {
        narrator.quote(&format!("{:<52}{:>9.2} $", line.what, line.dollars));
    }
    narrator.quote(&format!("{:<52}{total:>9.2} $", "phonehome itself"));
    narrator.quote(&format!(
        "{:<52}{:>9.2} $  (nat: single in the fleet file is a third of it)",
        network.what, network.dollars
    ));
    narrator.say(&format!("the story took {:.0} s", narrator.seconds()));
    Ok(())
}

/// How to look around while it runs on.
pub(crate) fn how_to_look_around(local_cloud: &LocalCloud) {
    let endpoint = local_cloud.emulator.endpoint();
    println!(
        "
It stays, until Ctrl-C. The AWS emulator is at {endpoint}. A 12-digit access key id is that account's root:

  export AWS_ACCESS_KEY_ID={HUB_ACCOUNT} AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
  aws --endpoint-url {endpoint} dynamodb scan --table-name phonehome --query 'Items[].[pk.S,sk.S]' --output text
  aws --endpoint-url {endpoint} logs filter-log-events --log-group-name /phonehome/provisioner --query 'events[].message' --output text
  aws --endpoint-url {endpoint} sqs list-queues

With a member account's id as access key, its network:

  AWS_ACCESS_KEY_ID=<account> aws --endpoint-url {endpoint} ec2 describe-vpcs

And the command phonehome:

  PHONEHOME_CLOUD=local AWS_ENDPOINT_URL={endpoint} target/release/phonehome status
"
    );
}
