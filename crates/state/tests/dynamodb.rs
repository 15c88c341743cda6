//! The ledger on DynamoDB, which refuses transactions where memory does not: two at the same
//! moment on one document. DynamoDB is the local cloud's, made by `infra/hub.yaml`.

use std::collections::BTreeSet;
use std::path::Path;

use ipnet::Ipv4Net;
use phonehome_aws::DynamoTable;
use phonehome_aws::sdk;
use phonehome_fleet::AddressPool;
use phonehome_localcloud::{HUB_ACCOUNT, LocalCloud, LocalCloudOptions, REGION};
use phonehome_state::{Claim, Keys, SeenVpc, all, audit, claim, claim_existing, record_seen, release_block};
use phonehome_wire::{AccountId, StackId};

const ACCOUNTS: usize = 200;
/// As many provisioners as docs/deployment.md recommends (`ProvisionerConcurrency` in `infra/hub.yaml`).
const EXECUTORS: usize = 20;
const DAY_MS: u64 = 86_400_000;

/// The id that a short number stands for: of `7` it is `000000000007`.
fn account_id(number: &str) -> AccountId {
    format!("{number:0>12}").parse().unwrap()
}

fn stack_in(number: &str, region: &str) -> StackId {
    StackId { account: account_id(number), region: region.parse().unwrap() }
}

fn stack(number: &str) -> StackId {
    stack_in(number, REGION)
}

fn pool() -> AddressPool {
    let cidr = "10.0.0.0/12".parse().unwrap();
    AddressPool { name: "dev".into(), region: REGION.parse().unwrap(), cidr, block: 20 }
}

/// Every executor has a client of its own, as each function's instance does.
async fn claim_at_once(local_cloud: &LocalCloud) -> BTreeSet<Ipv4Net> {
    let mut tasks = Vec::new();
    for executor in 0..EXECUTORS {
        let config = sdk::in_local_cloud(local_cloud.emulator.endpoint(), HUB_ACCOUNT, REGION).await.unwrap();
        let table = DynamoTable::new(&config, local_cloud.output("TableName").unwrap());
        tasks.push(tokio::spawn(async move {
            let mut blocks = Vec::new();
            for account in (executor..ACCOUNTS).step_by(EXECUTORS) {
                let claimed = claim(&table, &[&pool()], &[], &stack(&account.to_string()), 0).await;
                blocks.push(claimed.unwrap().cidr);
            }
            blocks
        }));
    }
    let mut blocks = BTreeSet::new();
    for task in tasks {
        blocks.extend(task.await.unwrap());
    }
    blocks
}

async fn claims(table: &DynamoTable) -> Vec<Claim> {
    all(table, Keys::LEDGER).await.unwrap().into_iter().map(|(_, claim)| claim).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn on_dynamodb_accounts_fill_the_pool_from_below_and_blocks_rest_before_they_are_given_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut local_cloud = LocalCloud::start(LocalCloudOptions {
        repository: Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."),
        folder: folder.path().to_owned(),
        schedule_seconds: 60,
        overdue_after_seconds: 60,
        channels: vec!["#net".to_owned()],
    })
    .await
    .unwrap();
    local_cloud.deploy().await.unwrap();
    let lowest: BTreeSet<Ipv4Net> = pool().cidr.subnets(20).unwrap().take(ACCOUNTS).collect();
    assert_eq!(claim_at_once(&local_cloud).await, lowest, "the lowest blocks, without a gap");

    let config = sdk::in_local_cloud(local_cloud.emulator.endpoint(), HUB_ACCOUNT, REGION).await.unwrap();
    let table = DynamoTable::new(&config, local_cloud.output("TableName").unwrap());
    assert_eq!(claims(&table).await.len(), ACCOUNTS);
    assert_eq!(audit(&claims(&table).await, &[], &[], 0), []);

    let rested = release_block(&table, &stack("7"), 30, 0).await.unwrap().unwrap();
    assert_eq!(release_block(&table, &stack("7"), 30, 1).await.unwrap().as_ref(), Some(&rested));
    let during = claim(&table, &[&pool()], &[], &stack("301"), 30 * DAY_MS - 1).await.unwrap();
    assert!(!lowest.contains(&during.cidr), "{during}");
    let after = claim(&table, &[&pool()], &[], &stack("302"), 30 * DAY_MS).await.unwrap();
    assert_eq!(after.cidr, rested.cidr);

    let existing = claim_existing(&table, &stack("303"), "192.168.0.0/24".parse().unwrap(), 0).await.unwrap();
    // What was there before phonehome may have the addresses of others; what is given never has.
    let same = claim_existing(&table, &stack_in("8", "eu-west-1"), existing.cidr, 0).await.unwrap();
    assert!(same.cidr == existing.cidr && same.is_adopted() && existing.is_adopted());
    let vpc = SeenVpc {
        account: account_id("8"),
        region: REGION.parse().unwrap(),
        vpc_id: "vpc-8".into(),
        cidrs: pool().cidr.subnets(13).unwrap().collect(),
        ours: false,
        is_default: false,
    };
    assert!(record_seen(&table, &stack("8"), std::slice::from_ref(&vpc), 0).await.unwrap());
    assert!(!record_seen(&table, &stack("8"), &[vpc], 1).await.unwrap());
    let full = claim(&table, &[&pool()], &[], &stack("304"), 0).await.unwrap_err().to_string();
    assert!(full.contains("vpc-8 of account 000000000008"), "{full}");
}
