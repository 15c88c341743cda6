//! After the story: everything runs on, for whoever wants to try things.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use phonehome_localcloud::{Account, LocalCloud, Place, REGION, file_name, shell_file};

use super::cast::Cast;
use super::joining;
use super::pack::{ACCOUNT, DEPLOY_ROLE, job};

/// How often new accounts are looked for. A StackSet begins within a minute or so.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often the files for shells are written again: sessions last an hour.
const RENEW_EVERY: Duration = Duration::from_secs(20 * 60);
/// How often the tokens of a job are: they are good for five minutes.
const TOKENS_EVERY: Duration = Duration::from_secs(60);
/// A token that the role refuses, by its name among the forged ones.
const FORGED: &str = "the id of another repository";

/// Says how to look around; then plays the StackSet for accounts that are created by hand, and keeps the
/// credentials fresh. Ends only when something breaks.
pub(crate) async fn look_after(local_cloud: &LocalCloud, cast: &Cast, folder: &Path) -> Result<()> {
    let wider = write_wider_fleet(cast, folder)?;
    local_cloud.write_shell_files(folder).await?;
    write_tokens(local_cloud, cast, folder).await?;
    println!("{}", whereabouts(local_cloud, folder)?);
    println!("{}", commands(local_cloud, cast, folder, &wider).await?);
    let (mut renewed, mut tokens, mut told) = (Instant::now(), Instant::now(), BTreeSet::new());
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match joining::new_accounts(local_cloud).await {
            Ok(new) if new.is_empty() => {}
            Ok(new) => welcome(local_cloud, folder, &new).await?,
            // Once: it is tried again and again.
            Err(problem) if told.insert(problem.to_string()) => {
                println!("an account is without infra/member-role.yaml: {problem:#}");
            }
            Err(_) => {}
        }
        if renewed.elapsed() > RENEW_EVERY {
            local_cloud.write_shell_files(folder).await?;
            renewed = Instant::now();
        }
        if tokens.elapsed() > TOKENS_EVERY {
            write_tokens(local_cloud, cast, folder).await?;
            tokens = Instant::now();
        }
    }
}

/// Shells that have a token of GitHub's for the shop's repository, and one that says another repository's id.
async fn write_tokens(local_cloud: &LocalCloud, cast: &Cast, folder: &Path) -> Result<()> {
    let place = Place::new(cast.id(ACCOUNT)?, REGION);
    for (name, forgery) in [("job", None), ("forged", Some(FORGED))] {
        let (role, token) = ((&place, DEPLOY_ROLE), (&job(), forgery));
        local_cloud.write_job_files(folder, name, role, token).await?;
    }
    Ok(())
}

/// Says which accounts have the member role now, and how to become somebody in them.
async fn welcome(local_cloud: &LocalCloud, folder: &Path, new: &[Account]) -> Result<()> {
    local_cloud.write_shell_files(folder).await?;
    let all = local_cloud.control.accounts().await?;
    for account in new {
        let file = shell_file(folder, &file_name(account, &all));
        println!("{} ({}) has infra/member-role.yaml; . {}", account.name, account.id, file.display());
    }
    Ok(())
}

/// The fleet file with one domain more, which has no account yet.
fn write_wider_fleet(cast: &Cast, folder: &Path) -> Result<PathBuf> {
    let text = std::fs::read_to_string(&cast.fleet_file)?;
    let wider = text
        .replace("\ndomains:\n", "\ndomains:\n  - { name: stock, owner: team-stock, environments: [dev] }\n");
    let path = folder.join("wider-fleet.yaml");
    std::fs::write(&path, wider).with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}

/// Where everything is.
fn whereabouts(local_cloud: &LocalCloud, folder: &Path) -> Result<String> {
    let file = |name: &str| shell_file(folder, name).display().to_string();
    let folder = folder.display();
    Ok(format!(
        "
It stays, until Ctrl-C. Slack's channels and on-call's pager, as they change, in a browser:

  {view}

  {folder}/emulator.log       what the emulator and the functions log
  {folder}/fleet.yaml         the fleet file in force
  {folder}/next-fleet.yaml    the same with nat: single in dev
  {folder}/wider-fleet.yaml   the same with a domain stock, which has no account yet
  {command}

Each of these lines makes a shell somebody, with `export` lines for phonehome, aws and boto3. The sessions last an
hour, and the files are written again every 20 minutes. Nothing in them is good for anything but this emulator.

  . {operator}      # runs every part of phonehome
  . {viewer}        # plans and looks
  . {hub}           # root of the account that phonehome runs in
  . {management}    # root of the organization's
  . {member}      # an administrator of shop-dev; each member account has one
  . {job}           # a job of the shop's repository: it has a token, of five minutes, and no key
  . {forged}        # somebody with a token that says another repository's id",
        view = local_cloud.receiver.view_url(),
        command = local_cloud.phonehome_binary()?.display(),
        operator = file("operator"),
        viewer = file("viewer"),
        hub = file("hub"),
        management = file("management"),
        member = file("shop-dev"),
        job = file("job"),
        forged = file("forged"),
    ))
}

/// What to try. Each can be pasted as it is.
async fn commands(local_cloud: &LocalCloud, cast: &Cast, folder: &Path, wider: &Path) -> Result<String> {
    let file = |name: &str| shell_file(folder, name).display().to_string();
    let (table, destination) = way_out(local_cloud, cast.id("shop-dev")?).await?;
    Ok(format!(
        r#"
Delete a route by hand, and read in Slack what came of it. Whatever you change in a network is seen at once:

  . {member}
  aws ec2 describe-route-tables --query 'RouteTables[].[RouteTableId,Routes[].DestinationCidrBlock]' --output text
  aws ec2 delete-route --route-table-id {table} --destination-cidr-block {destination}

Change what is declared. `publish` shows what it comes to, and asks; a sweep applies it, or `apply`, at once:

  . {operator}
  phonehome status
  phonehome plan --fleet {next} --account ledger-dev --allow-delete 4
  phonehome publish --fleet {next}
  phonehome apply --fleet {next} --account ledger-dev --allow-delete 4 --allow-disruption detaches

Deploy to shop-dev as its team's workflow does, and be refused with a forged token:

  . {job}
  phonehome starter-pack shop-dev --account-id {shop} --fleet {fleet}
  aws sts get-caller-identity
  aws ssm put-parameter --name /shop/deployed --type String --value yes
  . {forged}
  aws sts get-caller-identity

Let everything be observed, as every 30 minutes (with --endpoint-url, which aws-cli 1 needs for SQS):

  . {hub}
  aws --endpoint-url "$AWS_ENDPOINT_URL" sqs send-message --queue-url {queue} --message-body '{{"sweep":{{}}}}'
  aws logs filter-log-events --log-group-name /phonehome/provisioner --query 'events[].message' --output text

Declare a domain, and create its account. What is deployed there as by a StackSet is said here:

  . {operator}
  phonehome publish --fleet {wider}
  . {management}
  aws organizations create-account --account-name stock-dev --email aws+stock-dev@example.com

Give it up again: publish a file without it, then, with its id from `phonehome status`, again and again until it is gone. It
asks for the account's name:

  . {operator}
  phonehome publish --fleet {fleet}
  phonehome decommission ID
"#,
        member = file("shop-dev"),
        operator = file("operator"),
        hub = file("hub"),
        management = file("management"),
        job = file("job"),
        forged = file("forged"),
        shop = cast.id(ACCOUNT)?,
        next = cast.next_fleet_file.display(),
        fleet = cast.fleet_file.display(),
        wider = wider.display(),
        queue = local_cloud.output("ReconcileQueueUrl")?,
    ))
}

/// A route of an account that leads out, by its table and destination.
async fn way_out(local_cloud: &LocalCloud, account: &str) -> Result<(String, String)> {
    let network = local_cloud.control.describe_network(&Place::new(account, REGION)).await?;
    let mut tables = network.route_tables.into_iter();
    let found = tables.find_map(|table| {
        let out = table.routes.iter().find(|route| route.target.starts_with("nat-"))?;
        Some((table.id.clone(), out.destination.clone()))
    });
    found.with_context(|| format!("account {account} has no route to a NAT gateway"))
}
