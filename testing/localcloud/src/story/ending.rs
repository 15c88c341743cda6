//! The end: what it costs, and how to look around.

use anyhow::Result;
use phonehome_localcloud::cost::{Deployment, FleetSize, monthly};
use phonehome_localcloud::{HUB_ACCOUNT, LocalCloud};

use super::accounts;
use super::cast::Cast;
use super::narrator::Narrator;

/// Shows the state at the end, and the bill.
pub(crate) async fn notify(local_cloud: &LocalCloud, cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("At the end");
    accounts::all_are_ready(local_cloud, cast.members.len()).await?;
    narrator.quote(&local_cloud.phonehome(&["status"]).await?);
    let accounts = u32::try_from(cast.members.len())?;
    narrator.say(
        "what such a fleet would cost a month on AWS (us-east-1, list prices of November 2026, no free tiers; each \
         zone with ten connections, three isolations, two ways out):",
    );
    let bill = monthly(&FleetSize::of(accounts), &Deployment::default());
    for line in &bill.lines {
        narrator.quote(&format!("{:<54}{:>9.2} $", line.what, line.dollars));
    }
    narrator.quote(&format!("{:<54}{:>9.2} $", "phonehome itself", bill.total()));
    narrator.quote(&format!(
        "{:<54}{:>9.2} $  (nat: single in the fleet file is a third of it)",
        bill.network.what, bill.network.dollars
    ));
    narrator.say(&format!("the story took {:.0} s", narrator.seconds()));
    Ok(())
}

/// How to look around while it runs on.
pub(crate) fn how_to_look_around(local_cloud: &LocalCloud) {
    let endpoint = local_cloud.emulator.endpoint();
    println!(
        "
{}
It stays, until Ctrl-C. The AWS emulator is at {endpoint}. A 12-digit access key id is that account's root:

  export AWS_ACCESS_KEY_ID={HUB_ACCOUNT} AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
  aws --endpoint-url {endpoint} dynamodb scan --table-name phonehome --query 'Items[].[pk.S,sk.S]' --output text
  aws --endpoint-url {endpoint} logs filter-log-events --log-group-name /phonehome/provisioner --query 'events[].message' --output text
  aws --endpoint-url {endpoint} sqs list-queues

With a member account's id as access key, its network:

  AWS_ACCESS_KEY_ID=<account> aws --endpoint-url {endpoint} ec2 describe-vpcs

And the command phonehome:

  PHONEHOME_CLOUD=local AWS_ENDPOINT_URL={endpoint} target/release/phonehome status
", local_cloud.receiver.view_url()
    );
}
