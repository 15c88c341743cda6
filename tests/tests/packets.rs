//! phonehome on the local cloud with its probes in a packet lab: what EC2 says is what their packets meet. Where no
//! lab can be made the test says so and is left out; with `CI=true` it fails, unless `PHONEHOME_NO_NAMESPACES=1` says
//! that this is known. `cargo xtask test` builds what this needs.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use phonehome_localcloud::{LocalCloud, LocalCloudOptions, Network, Place, REGION, RouteTable, Stage};
use serde_json::Value;

/// The longest anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);
const FLEET: &str = r##"
version: 1
organization: { id: o-a1b2c3d4e5, management_account: "111111111111", hub_account: "222222222222" }
regions: [{ name: us-east-1, availability_zones: [use1-az1, use1-az2] }]
address_pools: [{ name: all, region: us-east-1, cidr: 10.0.0.0/12, block: 18 }]
environments: [{ name: dev, pools: [all] }]
domains: [{ name: shop, owner: team-shop, environments: [dev] }]
probing: { timeout_ms: 1000, egress: [{ host: checkip.example.com, port: 443 }] }
alert_routes: [{ slack_channel: "#net" }]
"##;

/// The statuses of an account's paths in both zones, `use1-az1` first, once both have reported.
fn paths(status: &Value) -> Option<[&str; 2]> {
    let reported = status["paths"].as_object()?;
    let of = |zone: &str| {
        let (_, paths) = reported.iter().find(|(probe, _)| probe.ends_with(zone))?;
        paths.as_object()?.values().next()?["status"].as_str()
    };
    Some([of("use1-az1")?, of("use1-az2")?])
}

/// Both zones get out, and nothing is on its way that would make phonehome look again by itself.
fn is_settled(status: &Value) -> Option<()> {
    let stack = status["stacks"].as_array()?.first()?;
    let is_ready =
        stack["phase"] == "ready" && stack["leased_until_ms"] == 0 && stack["message"] == "as declared";
    (is_ready && paths(status)? == ["up", "up"]).then_some(())
}

/// The route table of the private subnet in `use1-az1`.
fn first_private(network: &Network) -> Option<&RouteTable> {
    let subnets = &network.subnets;
    let subnet =
        subnets.iter().find(|it| it.name.contains("private") && it.availability_zone == "use1-az1")?;
    network.route_tables.iter().find(|it| it.subnets.contains(&subnet.id))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_deleted_stops_the_packets_of_its_zone_until_phonehome_makes_it_again() -> Result<()>
{
    let (folder, repository) = (tempfile::tempdir()?, Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    let (stage, why_not) = Stage::choose(&repository, folder.path()).await?;
    if let Some(why) = why_not {
        let is_set = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
        ensure!(!is_set("CI", "true") || is_set("PHONEHOME_NO_NAMESPACES", "1"), "{why}");
        eprintln!("LEFT OUT, {why}");
        return Ok(());
    }
    let _internet = stage.internet("checkip.example.com", 443).await?;
    let options = LocalCloudOptions {
        repository,
        folder: folder.path().to_owned(),
        schedule_seconds: 2,
        overdue_after_seconds: 20,
        channels: vec!["#net".to_owned()],
    };
    let mut local_cloud = LocalCloud::start_on(stage, options).await?;
    local_cloud.make_trail().await?;
    local_cloud.deploy().await?;
    let file = folder.path().join("fleet.yaml");
    std::fs::write(&file, FLEET)?;
    local_cloud.phonehome_as_operator(&["publish", "--yes", "--fleet", &file.display().to_string()]).await?;
    let account = local_cloud.control.create_account("shop-dev", "shop-dev@example.com").await?;
    local_cloud.deploy_member_role(std::slice::from_ref(&account)).await?;
    let are = |wanted: [&'static str; 2]| move |status: &Value| (paths(status)? == wanted).then_some(());
    local_cloud.wait_for_status("both zones to get out", PATIENCE, is_settled).await?;

    let place = Place::new(&account, REGION);
    while !local_cloud.control.default_vpcs(&place).await?.with_default_vpc.is_empty() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    let network = local_cloud.network(&account).await?;
    let table = first_private(&network).context("shop-dev has no private route table in use1-az1")?;
    // Without CloudTrail's event phonehome does not hear of it, and repairs nothing.
    local_cloud.control.cloudtrail(true).await?;
    local_cloud.delete_default_route(&account, &table.id, "alice@example.com").await?;
    local_cloud.wait_for_status("use1-az1 alone to be cut off", PATIENCE, are(["down", "up"])).await?;
    local_cloud.control.cloudtrail(false).await?;
    local_cloud.wait_for_status("use1-az1 to get out again", PATIENCE, are(["up", "up"])).await
}
