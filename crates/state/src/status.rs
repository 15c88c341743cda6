//! How far a stack has come, as it is stored and shown.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use phonehome_wire::{AccountId, AzId, Region, StackId};
use serde::{Deserialize, Serialize};

use phonehome_network::{KnownProbes, Rule};

/// The stored status of one stack. It is always overwritten with what was just seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackStatus {
    /// The account's id.
    pub account: AccountId,
    /// The account's name.
    pub account_name: String,
    /// Its domain.
    pub domain: String,
    /// Its environment.
    pub environment: String,
    /// The Region.
    pub region: Region,
    /// The AZ IDs that have a probe.
    pub availability_zones: Vec<AzId>,
    /// The pool the block is from.
    pub pool: String,
    /// The block it holds.
    pub cidr: Ipv4Net,
    /// The number of the newest plan; it only grows.
    pub generation: u64,
    /// How far it is.
    pub phase: Phase,
    /// Which version of the fleet file it was as declared by, when it last was; 0 where that is not known, as of what
    /// an older release left, or somebody made from a terminal.
    #[serde(default)]
    pub version: u64,
    /// VPC, subnets and probes are as declared; a lost tag or an open security group does not count.
    pub network_ready: bool,
    /// Every NAT gateway is available and routed to.
    pub egress_ready: bool,
    /// Every declared connection's peering is there, with its routes and rules.
    #[serde(default)]
    pub connections_ready: bool,
    /// The VPC, once it was seen: peers need its id, and the next observation asks for it by its id.
    #[serde(default)]
    pub vpc_id: Option<String>,
    /// The private subnets that were seen: where peers' routes lead.
    #[serde(default)]
    pub private_subnets: Vec<Ipv4Net>,
    /// What the inbound group lets in because a declared connection opened it: what of it is no longer
    /// declared is told from what somebody opened by hand.
    #[serde(default)]
    pub opened: Vec<Rule>,
    /// For people: what would be changed but needs permission.
    #[serde(default)]
    pub withheld: Vec<String>,
    /// For people: what is allowed, and done once the stack's version is in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub until_in_force: Vec<String>,
    /// When what is allowed goes on, where the hour had no more removals; milliseconds since the Unix epoch, 0 where
    /// nothing waits for that.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub next_hour_ms: u64,
    /// What tells the spec that was found to be as declared from any other: what differs from it later
    /// has drifted.
    #[serde(default)]
    #[serde(rename = "settled_spec")]
    pub converged_spec: Option<String>,
    /// The same of the spec that was there in full at an observation, with nothing withheld or out of view,
    /// and has not changed since: only what differs from that was changed by hand, and is led back unasked.
    #[serde(default)]
    pub full_spec: Option<String>,
    /// The version whose plan this stack's own was held against; 0 for none. From then on what is left of it is
    /// done, and what has drifted is repaired, as ever.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub agreed_version: u64,
    /// Which version of `infra/member-role.yaml` the account is known to have, or a later one; 0 where nothing is known:
    /// nobody has asked, or a call was denied since.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub member_template: u32,
    /// What the account's `infra/member-role.yaml` is too old for; none where it is new enough for the newest plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outdated: Option<Outdated>,
    /// What is known of its probes, where the last observation found everything as declared: the next one reads
    /// less. At most some 3 KB, with six zones of six parts each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_probes: Option<KnownProbes>,
    /// For people: what it waits for or what failed.
    pub message: String,
    /// When the account was first seen, in milliseconds since the Unix epoch.
    pub first_seen_ms: u64,
    /// When this was written.
    pub updated_at_ms: u64,
    /// By AZ ID, when that zone was first there in a stack that was [`Phase::Ready`]: from then on its
    /// probe is expected to report. Milliseconds since the Unix epoch.
    pub ready_since_ms: BTreeMap<AzId, u64>,
    /// By the number of each further part of the probes' checks ([`phonehome_fleet::Parts`]), when the stack was
    /// first ready with it: from then on the probe of each zone is expected to report of it, too. Milliseconds
    /// since the Unix epoch.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts_since_ms: BTreeMap<u32, u64>,
    /// What its NAT gateways and their addresses cost a month, without data, in US cents; `None` where nobody has seen
    /// them since releases note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nat_cents: Option<u64>,
    /// The code that its probes have, and since when; `None` while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_code: Option<ProbeCodeSince>,
    /// Until when an invocation has it to itself; 0 when none has.
    #[serde(default)]
    pub leased_until_ms: u64,
}

/// An account whose roles are those of an older `infra/member-role.yaml` than its plan needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outdated {
    /// The version that all of the plan together needs.
    pub needed: u32,
    /// The version that is there.
    pub there: u32,
    /// Since when an observation found it so, milliseconds since the Unix epoch.
    pub since_ms: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

impl StackStatus {
    /// The account in the Region that this is about.
    pub fn stack(&self) -> StackId {
        StackId::new(&self.account, &self.region)
    }
}

/// The code that all probes of a stack have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeCodeSince {
    /// Lambda's `CodeSha256` of it, with the certificate authorities that go with it.
    pub code_sha256: String,
    /// When they were first seen to have it: a run that began later is one of this code. Milliseconds since the Unix
    /// epoch.
    pub since_ms: u64,
}

/// How far a stack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A block is claimed, nothing is made yet: the account may not be ready.
    Claimed,
    /// Steps were done, and something is still on its way.
    Waiting,
    /// As declared.
    Ready,
    /// A step failed in a way that trying again does not mend.
    Failed,
    /// The account is closed or has left the organization. Nothing is done to it any more.
    Gone,
}
