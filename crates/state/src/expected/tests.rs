//! What is expected, Region by Region.

use std::sync::Arc;

use phonehome_fleet::Fleet;

use super::*;

const FILE: &str = "version: 1
organization: { id: o-a1b2c3d4e5, management_account: \"111111111111\", hub_account: \"222222222222\" }
regions:
  - { name: us-east-1, availability_zones: [use1-az1] }
  - { name: eu-west-1, availability_zones: [euw1-az1] }
address_pools:
  - { name: all, region: us-east-1, cidr: 10.0.0.0/12, block: 18 }
  - { name: all-eu, region: eu-west-1, cidr: 10.16.0.0/12, block: 18 }
environments: [{ name: prod, pools: [all, all-eu] }]
domains:
  - { name: a, owner: x, environments: [prod] }
  - { name: b, owner: x, environments: [prod] }
alert_routes: [{ slack_channel: \"#net\" }]
";
const CONNECTION: &str = "connections: [{ from: a, to: b, ports: [443], check: { host: x } }]\n";
const A: &str = "444455556666";
const B: &str = "555566667777";

fn in_force(number: u64, text: &str) -> Arc<InForce> {
    let fleet: Fleet = phonehome_fleet::parse(text).unwrap();
    Arc::new(InForce {
        fleet,
        number,
        published_at_ms: 0,
        published_by: String::new(),
        accepted: Default::default(),
        authorities: None,
        probes: None,
        unreadable: None,
    })
}

fn stack(account: &str, domain: &str, region: &str, version: u64) -> StackStatus {
    let status = serde_json::json!({
        "account": account, "account_name": format!("{domain}-prod"), "domain": domain, "environment": "prod",
        "region": region, "availability_zones": [], "pool": "all", "cidr": "10.0.0.0/18", "generation": 1,
        "phase": "ready", "version": version, "network_ready": true, "egress_ready": true, "message": "",
        "first_seen_ms": 0, "updated_at_ms": 0, "ready_since_ms": {},
    });
    serde_json::from_value(status).unwrap()
}

#[test]
fn a_connection_counts_in_each_region_once_both_stacks_there_have_the_version() {
    let turned: BTreeSet<AccountId> = [A, B].iter().map(|id| id.parse().unwrap()).collect();
    let target = in_force(2, &format!("{FILE}{CONNECTION}"));
    let in_use = InUse { base: in_force(1, FILE), rolling: Some(Rolling { target, turned }) };
    let (here, there) = ("us-east-1", "eu-west-1");
    let stacks =
        [stack(A, "a", here, 2), stack(B, "b", here, 2), stack(A, "a", there, 2), stack(B, "b", there, 1)];
    let bindings = crate::known([], &stacks);
    let expecting = in_use.expecting(&bindings, &stacks);
    let expected = |number: usize| expecting.of(&stacks[number], |_| false).unwrap().checks.len();
    assert_eq!((expected(0), expected(2)), (1, 0));
}
