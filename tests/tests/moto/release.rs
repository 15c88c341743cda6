//! A fleet on moto, from the first observation until it has converged: kept, to be planned anew by later builds.

use std::collections::BTreeMap;

use phonehome_accounts::AwsStack;
use phonehome_cloud::CloudError;
use phonehome_cloud::SystemClock;
use phonehome_cloud::table::{MemoryTable, Table as _};
use phonehome_executor::StackApi as _;
use phonehome_localcloud::proxy::Proxy;
use phonehome_network::Kind;
use phonehome_planner::{ProbeSpec, StackSpec};
use phonehome_provision::{Job, Members, Provision, StackProgress};
use phonehome_releases::{Chance, Scenario, keep};
use phonehome_state::{Keys, PublishedFleet, base, publish};
use phonehome_wire::{Region, StackId};
use serde_json::{Value, json};

use crate::place;

const SHAPE: &str = "on-moto";
const REGION: &str = "us-east-1";
/// Account and name of each member.
const MEMBERS: [(&str, &str); 1] = [("600000000001", "shop-prod")];
const ROUNDS_MAX: usize = 8;

const FLEET: &str = r##"
version: 1
organization: { id: o-a1b2c3d4e5, management_account: "111111111111", hub_account: "222222222222" }
regions: [{ name: us-east-1, availability_zones: [use1-az1, use1-az2, use1-az4] }]
address_pools: [{ name: all, region: us-east-1, cidr: 10.0.0.0/12, block: 18 }]
environments: [{ name: dev, pools: [all], nat: single }, { name: prod, pools: [all] }]
domains: [{ name: shop, owner: team-shop, environments: [dev, prod] }]
network: { gateway_endpoints: [s3, dynamodb], flow_logs_bucket: phonehome-flow-logs }
probing: { egress: [{ host: example.com, port: 443 }] }
alert_routes: [{ slack_channel: "#net" }]
"##;

/// Accounts on moto. It keeps no code of functions, so no probes are made.
struct OnMoto(BTreeMap<String, Proxy>);

impl Members for OnMoto {
    type Stack = AwsStack;

    fn probe(&self, _stack: &StackId, _authorities: Option<&str>) -> Result<Option<ProbeSpec>, String> {
        Ok(None)
    }

    async fn open(&self, spec: &StackSpec, known_vpc: Option<&str>) -> Result<AwsStack, CloudError> {
        let stack = place::open(&self.0[spec.account.as_str()], spec).await;
        Ok(stack.with_known_vpc(known_vpc.map(str::to_owned)))
    }

    async fn regions(&self, _stack: &StackId) -> Result<Vec<Region>, CloudError> {
        Ok(vec![])
    }
}

#[tokio::test]
async fn what_is_stored_of_networks_on_moto_is_read_by_the_release_before() {
    let mut proxies = BTreeMap::new();
    for (account, _) in MEMBERS {
        proxies.insert(account.to_owned(), place::proxy(account).await);
    }
    let provision = Provision {
        table: MemoryTable::default(),
        members: OnMoto(proxies),
        cooldown_ms: 0,
        clock: SystemClock,
    };
    let table = &provision.table;
    let published =
        PublishedFleet { text: FLEET.into(), published_by: "test".into(), ..PublishedFleet::default() };
    publish(table, &base(table).await.unwrap(), published).await.unwrap();
    let fleet = phonehome_fleet::parse(FLEET).unwrap();
    let began_ms =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let mut chance = Chance::default();
    let mut inventories = vec![];
    for (account, name) in MEMBERS {
        let member = fleet.member(name).unwrap();
        let place: StackId = format!("{account}/{REGION}").parse().unwrap();
        assert!(phonehome_state::bind(table, &member.line(), &place.account, name, began_ms).await.unwrap());
        let (account_id, region) = (&place.account, &place.region);
        let job = Job {
            fleet: &fleet,
            member: &member,
            account: account_id,
            region,
            authorities: None,
            limits: None,
            published: None,
        };
        let mut progress = None;
        for _ in 0..ROUNDS_MAX {
            let reconciled = provision.reconcile(&job).await.unwrap();
            progress = Some(reconciled.progress);
            if progress == Some(StackProgress::Converged) {
                break;
            }
        }
        assert_eq!(progress, Some(StackProgress::Converged), "{name}");
        let claim = provision.expected_claim(&job, &[]).await.unwrap();
        let spec = StackSpec { cidr: claim.cidr, ..StackSpec::bare(&place, name) };
        let stack = provision.members.open(&spec, None).await.unwrap();
        let seen = json!(stack.observe(&Kind::ALL).await.unwrap());
        inventories.push((format!("inventory/{SHAPE}/{account}.{REGION}.json"), chance.steady(&seen)));
    }
    inventories.push((format!("inventory/{SHAPE}/probe.json"), Value::Null));
    for (path, seen) in inventories {
        keep(&path, &seen);
    }
    let partitions = [
        "fleet",
        Keys::STACKS,
        Keys::BINDINGS,
        Keys::BOUND_ACCOUNTS,
        Keys::LEDGER,
        Keys::HOLDERS,
        Keys::SEEN,
    ];
    let mut docs = vec![];
    for partition in partitions {
        for doc in table.query(partition).await.unwrap() {
            let body: Value = doc.read().unwrap();
            docs.push((doc.key.partition, doc.key.sort, chance.steady(&body)));
        }
    }
    assert!(docs.len() >= 7, "{docs:?}");
    Scenario::new(SHAPE, began_ms).table(docs);
}
