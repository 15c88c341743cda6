//! A fleet on the local cloud, made by the release binaries, until all probes have reported: kept, to be
//! planned anew by later builds. `cargo xtask test` builds what this needs.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use phonehome_accounts::{AwsStack, ProbeCode};
use phonehome_aws::{DynamoTable, sdk};
use phonehome_cloud::table::Table as _;
use phonehome_executor::StackApi as _;
use phonehome_localcloud::{HUB_ACCOUNT, LocalCloud, LocalCloudOptions, REGION, Target};
use phonehome_network::Kind;
use phonehome_planner::{Home, StackSpec};
use phonehome_releases::{Chance, Scenario, keep, recording};
use phonehome_state::{Keys, StackStatus, fleet};
use serde_json::{Value, json};

const SHAPE: &str = "on-the-local-cloud";
/// The longest anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// The accounts, and the ids that they have in the recording.
const MEMBERS: [(&str, &str); 2] = [("shop-prod", "700000000001"), ("payments-prod", "700000000002")];
const PARTITIONS: [&str; 11] = [
    "fleet",
    Keys::STACKS,
    Keys::BINDINGS,
    Keys::BOUND_ACCOUNTS,
    Keys::LEDGER,
    Keys::HOLDERS,
    Keys::SEEN,
    Keys::INPUTS,
    Keys::NOTICES,
    Keys::HEARTBEATS,
    Keys::PATHS,
];

fn text(service: u16, internet: u16) -> String {
    format!(
        r##"
version: 1
organization: {{ id: o-a1b2c3d4e5, management_account: "111111111111", hub_account: "222222222222" }}
regions: [{{ name: us-east-1, availability_zones: [use1-az1, use1-az2] }}]
address_pools: [{{ name: all, region: us-east-1, cidr: 10.0.0.0/12, block: 18 }}]
environments: [{{ name: prod, pools: [all], paging: true }}]
domains:
  - {{ name: shop, owner: team-shop, environments: [prod] }}
  - {{ name: payments, owner: team-payments, environments: [prod] }}
connections: [{{ from: shop, to: payments, ports: [{service}], check: {{ host: 127.0.0.1 }} }}]
probing: {{ timeout_ms: 1000, egress: [{{ host: 127.0.0.1, port: {internet} }}] }}
alert_routes: [{{ slack_channel: "#net", page: true }}]
"##
    )
}

async fn local_cloud(folder: &Path) -> Result<LocalCloud> {
    let mut local_cloud = LocalCloud::start(LocalCloudOptions {
        repository: Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
        folder: folder.to_owned(),
        schedule_seconds: 2,
        overdue_after_seconds: 20,
        channels: vec!["#net".to_owned()],
    })
    .await?;
    local_cloud.make_trail().await?;
    local_cloud.deploy().await?;
    Ok(local_cloud)
}

async fn until_all_is_up(local_cloud: &LocalCloud) -> Result<()> {
    let up = |status: &Value| {
        let stacks = status["stacks"].as_array()?;
        let is_ready = |stack: &Value| {
            stack["phase"] == "ready" && stack["connections_ready"] == true && stack["leased_until_ms"] == 0
        };
        let ready = stacks.len() == MEMBERS.len() && stacks.iter().all(is_ready);
        let reported = status["paths"].as_object()?;
        let mut paths = reported.values().filter_map(Value::as_object).flat_map(|paths| paths.values());
        (ready && reported.len() == 4 && paths.all(|path| path["status"] == "up")).then_some(())
    };
    local_cloud.wait_for_status("every stack to be ready and every path up", PATIENCE, up).await
}

/// What all probes have in common, with places for account and Region.
fn probes(code_sha256: &Value) -> Value {
    let role = |name: &str| format!("arn:aws:iam::ACCOUNT:role/{name}");
    json!({
        "code_sha256": code_sha256, "architecture": "x86_64", "role_arn": role("phonehome-probe"),
        "schedule_role_arn": role("phonehome-schedule"),
        "bus_arn": "arn:aws:events:REGION:ACCOUNT:event-bus/phonehome",
        "log_group": "/phonehome/probe", "memory_mb": 128, "timeout_s": 30,
    })
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it only records, for `cargo xtask record-release`: runs and generations are others each time"]
async fn a_fleet_on_the_local_cloud_is_kept_by_the_release_before() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let local_cloud = local_cloud(folder.path()).await?;
    let began_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis() as u64;
    let (service, internet) = (Target::start(0).await?, Target::start(0).await?);
    let (service, internet) = (service.address().port(), internet.address().port());
    let file = folder.path().join("fleet.yaml");
    std::fs::write(&file, text(service, internet))?;
    local_cloud.phonehome_as_operator(&["publish", "--yes", "--fleet", &file.display().to_string()]).await?;
    let mut given =
        vec![(service.to_string(), "10443".to_owned()), (internet.to_string(), "10080".to_owned())];
    let mut accounts = vec![];
    for (name, recorded) in MEMBERS {
        let account = local_cloud.control.create_account(name, &format!("{name}@example.com")).await?;
        given.push((account.clone(), recorded.to_owned()));
        accounts.push(account);
    }
    local_cloud.deploy_member_role(&accounts).await?;
    until_all_is_up(&local_cloud).await?;

    let endpoint = local_cloud.emulator.endpoint();
    let hub = sdk::in_local_cloud(endpoint, HUB_ACCOUNT, REGION).await?;
    let table = DynamoTable::new(&hub, local_cloud.output("TableName")?);
    let declared = fleet(&table).await?;
    let mut chance = Chance::with(given);
    let mut kept = vec![];
    for account in &accounts {
        let status = table
            .get(&Keys::stack(&format!("{account}/{REGION}").parse().unwrap()))
            .await?
            .context("a stack")?;
        let status: StackStatus = status.read()?;
        let member = declared.member(&status.account_name).context("a member")?;
        let home = Home { account: account.parse()?, region: REGION.parse().unwrap(), cidr: status.cidr };
        let spec = StackSpec::of(&declared, &member, home, None, vec![])?;
        let config = sdk::in_local_cloud(endpoint, account, REGION).await?;
        let stack =
            AwsStack::new(&config, spec, ProbeCode::new(vec![])).with_known_vpc(status.vpc_id.clone());
        kept.push((status.account_name, account.clone(), json!(stack.observe(&Kind::ALL).await?)));
    }
    let probe = &kept[0].2["functions"][0];
    let code = probe["code_sha256"].clone();
    for (_, account, seen) in &kept {
        let account = chance.steady(&json!(account));
        let path = format!("inventory/{SHAPE}/{}.{REGION}.json", account.as_str().unwrap_or_default());
        keep(&path, &chance.steady(seen));
    }
    keep(&format!("inventory/{SHAPE}/probe.json"), &probes(&code));
    let mut docs = vec![];
    for partition in PARTITIONS {
        for doc in table.query(partition).await? {
            let body: Value = doc.read()?;
            let sort = chance.steady(&json!(doc.key.sort));
            docs.push((
                doc.key.partition,
                sort.as_str().unwrap_or_default().to_owned(),
                chance.steady(&body),
            ));
        }
    }
    ensure!(recording().is_some(), "PHONEHOME_RECORD_RELEASE names no release");
    Scenario::new(SHAPE, began_ms).table(docs);
    Ok(())
}
