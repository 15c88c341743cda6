//! Accounts are created, and get their networks.

use std::cell::Cell;

use anyhow::{Context as _, Result, ensure};
use phonehome_localcloud::{LocalCloud, MANAGEMENT_ACCOUNT, Network, Place, REGION};
use serde_json::{Value, json};

use super::cast::{Cast, Size};
use super::narrator::Narrator;
use super::vended;

/// Of so many more accounts that are ready it is told, while others are not.
const TOLD_EVERY: usize = 10;
const DETAIL_TYPE: &str = "AWS Service Event via CloudTrail";

/// The lines of the fleet file become accounts; each gets its network and its probes, and its team hears of it.
pub(crate) async fn arrive(local_cloud: &LocalCloud, cast: &mut Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("Lines become accounts");
    let timing = vended::are_made(local_cloud, cast, narrator).await?;
    let named = cast.members.iter().take(usize::from(Size::LEAST));
    let named: Vec<String> = named.map(|member| format!("{} {}", member.name, member.id)).collect();
    let count = cast.members.len();
    let more = if count > named.len() { ", …" } else { "" };
    narrator.say(&format!("{count} accounts are made, one for each line: {}{more}", named.join(", ")));
    narrator.say(
        "deployed to each account, as StackSets do on AWS: infra/member-role.yaml, and the platform team's boundary for roles",
    );
    odd_events(local_cloud, cast, narrator).await?;
    cast.settle(local_cloud).await?;
    all_are_ready(local_cloud, cast, narrator).await?;
    narrator.say(&format!("{count} networks are ready"));
    vended::are_told(local_cloud, cast, &timing, narrator).await?;
    narrator.quote(&local_cloud.phonehome(&["status"]).await?);
    let shop = cast.id("shop-prod")?;
    let network = local_cloud.control.describe_network(&Place::new(shop, REGION)).await?;
    narrator.say("shop-prod in detail, as AWS sees it:");
    narrator.quote(&describe(&network));
    disjoint(&local_cloud.status().await?)
}

/// Every account's stack is as declared. Where that takes long it is said how far it is.
pub(crate) async fn all_are_ready(local_cloud: &LocalCloud, cast: &Cast, narrator: &Narrator) -> Result<()> {
    let count = cast.members.len();
    let told = Cell::new(0);
    let ready = |status: &Value| {
        let ready = stacks(status).iter().filter(|stack| stack["phase"] == "ready").count();
        if ready < count && ready >= told.get() + TOLD_EVERY {
            narrator.say(&format!("{ready} of {count} networks are ready"));
            told.set(ready);
        }
        (ready == count).then_some(())
    };
    local_cloud.wait_for_status("every stack to be ready", cast.patience, ready).await
}

/// The same event again, one of a creation that failed, one of Control Tower.
async fn odd_events(local_cloud: &LocalCloud, cast: &Cast, narrator: &Narrator) -> Result<()> {
    let management = Place::new(MANAGEMENT_ACCOUNT, REGION);
    let (shop, ledger) = (cast.id("shop-dev")?, cast.id("ledger-dev")?);
    let again = json!({"eventName": "CreateAccountResult", "eventSource": "organizations.amazonaws.com",
        "serviceEventDetails": {"createAccountStatus": {"id": "car-3fbd74c0f2fa11ed8b6e0a41b5dcf48f",
            "state": "SUCCEEDED", "accountName": "****", "accountId": shop,
            "requestedTimestamp": "May 15, 2026 8:26:54 AM", "completedTimestamp": "May 15, 2026 8:26:57 AM"}}});
    local_cloud.control.put_service_event(&management, "aws.organizations", DETAIL_TYPE, &again).await?;
    let refused = local_cloud.control.create_account("shop-dev-again", "aws+shop-dev@example.com").await;
    ensure!(refused.is_err(), "an e-mail address that is taken made a second account");
    let tower = json!({"eventName": "CreateManagedAccount", "eventSource": "controltower.amazonaws.com",
        "serviceEventDetails": {"createManagedAccountStatus": {
            "organizationalUnit": {"organizationalUnitName": "Workloads", "organizationalUnitId": "ou-abcd-12345678"},
            "account": {"accountName": "ledger-dev", "accountId": ledger}, "state": "SUCCEEDED",
            "message": "AWS Control Tower successfully created an enrolled account.",
            "requestedTimestamp": "2026-05-15T08:20:54+0000", "completedTimestamp": "2026-05-15T08:26:57+0000"}}});
    local_cloud.control.put_service_event(&management, "aws.controltower", DETAIL_TYPE, &tower).await?;
    narrator
        .say("sent as well: a duplicate event, a creation that FAILED (e-mail taken), one of Control Tower");
    Ok(())
}

/// A sweep observes every account again, and finds nothing to do.
pub(crate) async fn nothing_changes(
    local_cloud: &LocalCloud,
    cast: &Cast,
    narrator: &mut Narrator,
) -> Result<()> {
    let place = Place::new(cast.id("shop-prod")?, REGION);
    let before = local_cloud.control.describe_network(&place).await?;
    let generations = |status: &Value| -> Vec<u64> {
        stacks(status).iter().filter_map(|stack| stack["generation"].as_u64()).collect()
    };
    let first = generations(&local_cloud.status().await?);
    local_cloud
        .control
        .send_message(&LocalCloud::hub_place(), local_cloud.output("ReconcileQueueUrl")?, r#"{"sweep":{}}"#)
        .await?;
    let status = local_cloud
        .wait_for_status("the sweep to look at every account", cast.patience, |status| {
            let now = generations(status);
            let observed = now.iter().zip(&first).all(|(now, before)| now > before);
            let converged = stacks(status).iter().all(|stack| stack["leased_until_ms"] == 0);
            (observed && converged).then(|| status.clone())
        })
        .await?;
    let converged = stacks(&status).iter().all(|stack| stack["message"] == "as declared");
    ensure!(converged, "the sweep changed something: {status:#}");
    let after = local_cloud.control.describe_network(&place).await?;
    ensure!(
        format!("{before:?}") == format!("{after:?}"),
        "the sweep changed shop-prod:\n{before:#?}\n{after:#?}"
    );
    narrator.say("a sweep observed every account again: no changes, all as declared");
    Ok(())
}

fn stacks(status: &Value) -> Vec<Value> {
    status["stacks"].as_array().cloned().unwrap_or_default()
}

/// No two accounts' addresses overlap.
fn disjoint(status: &Value) -> Result<()> {
    let mut blocks = Vec::new();
    for stack in stacks(status) {
        let cidr: ipnet::Ipv4Net = stack["cidr"].as_str().context("a stack without CIDR")?.parse()?;
        for other in &blocks {
            let other: &ipnet::Ipv4Net = other;
            ensure!(!cidr.contains(other) && !other.contains(&cidr), "{cidr} and {other} overlap");
        }
        blocks.push(cidr);
    }
    Ok(())
}

fn describe(network: &Network) -> String {
    let mut lines = Vec::new();
    for vpc in &network.vpcs {
        lines.push(format!("VPC {} {}", vpc.id, vpc.cidr));
    }
    let mut subnets: Vec<String> = network
        .subnets
        .iter()
        .map(|subnet| {
            format!(
                "{} {:<8} {}",
                subnet.availability_zone,
                if subnet.name.contains("public") { "public" } else { "private" },
                subnet.cidr
            )
        })
        .collect();
    subnets.sort();
    lines.extend(subnets.iter().map(|subnet| format!("  subnet {subnet}")));
    let nats: Vec<String> =
        network.nat_gateways.iter().map(|nat| format!("{} ({})", nat.id, nat.state)).collect();
    lines.push(format!("  NAT gateways {}", nats.join(", ")));
    let default_routes = network
        .route_tables
        .iter()
        .flat_map(|table| &table.routes)
        .filter(|route| route.destination == "0.0.0.0/0");
    lines.push(format!(
        "  {} route tables, {} default routes",
        network.route_tables.len(),
        default_routes.count()
    ));
    let services = network.endpoints.iter().map(|it| it.service.rsplit('.').next().unwrap_or_default());
    lines.push(format!("  gateway endpoints {}", services.collect::<Vec<_>>().join(", ")));
    let logs: Vec<&str> = network.flow_logs.iter().map(|log| log.destination.as_str()).collect();
    lines.push(format!("  flow log to {}", logs.join(", ")));
    lines.push(format!("  network ACL {}", acl(network)));
    let groups: Vec<String> = network
        .security_groups
        .iter()
        .map(|group| format!("{} ({} in, {} out)", group.name, group.ingress, group.egress))
        .collect();
    lines.push(format!("  security groups {}", groups.join(", ")));
    let functions: Vec<&str> = network.functions.iter().map(|function| function.name.as_str()).collect();
    lines.push(format!("  probes {}", functions.join(", ")));
    let schedules: Vec<&str> =
        network.schedules.iter().map(|schedule| schedule.expression.as_str()).collect();
    lines.push(format!("  schedules {}", schedules.join(", ")));
    lines.join("\n")
}

/// The entries for what comes in, in the order they are tried.
fn acl(network: &Network) -> String {
    let words = network.acl_entries.iter().filter(|entry| !entry.egress).map(|entry| {
        let verb = if entry.allow { "allow" } else { "deny" };
        format!("{} {verb} {} from {}", entry.number, entry.traffic, entry.cidr)
    });
    words.collect::<Vec<_>>().join("; ")
}
