//! The end: what it costs.

use anyhow::Result;
use phonehome_localcloud::LocalCloud;
use phonehome_localcloud::cost::{Deployment, FleetSize, monthly};

use super::accounts;
use super::cast::Cast;
use super::narrator::Narrator;

/// Shows the state at the end, and the bill.
pub(crate) async fn notify(local_cloud: &LocalCloud, cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("At the end");
    accounts::all_are_ready(local_cloud, cast, narrator).await?;
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
