//! The ledger's behaviour, on a table in memory.

mod auditing;
mod claiming;
mod contention;
mod existing;
mod peeking;
mod releasing;
mod sequences;

use ipnet::Ipv4Net;
use phonehome_fleet::AddressPool;
use phonehome_wire::{AccountId, StackId};

use super::*;

const REGION: &str = "us-east-1";
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

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

fn pool(name: &str, cidr: &str, block: u8) -> AddressPool {
    AddressPool { name: name.into(), region: REGION.parse().unwrap(), cidr: net(cidr), block }
}

fn held(cidr: &str, account: &str) -> Claim {
    Claim {
        cidr: net(cidr),
        pool: "dev".into(),
        account: account_id(account),
        region: REGION.parse().unwrap(),
        claimed_at_ms: 0,
        state: ClaimState::Held,
    }
}

fn quarantined(cidr: &str, account: &str, until_ms: u64) -> Claim {
    let state = ClaimState::Quarantined { released_at_ms: 0, until_ms };
    Claim { state, ..held(cidr, account) }
}

fn vpc(id: &str, account: &str, cidr: &str) -> SeenVpc {
    SeenVpc {
        account: account_id(account),
        region: REGION.parse().unwrap(),
        vpc_id: id.into(),
        cidrs: vec![net(cidr)],
        ours: false,
        is_default: false,
    }
}

fn ours(id: &str, account: &str, cidr: &str) -> SeenVpc {
    SeenVpc { ours: true, ..vpc(id, account, cidr) }
}

fn default_vpc(id: &str, account: &str) -> SeenVpc {
    SeenVpc { is_default: true, ..vpc(id, account, "172.31.0.0/16") }
}
