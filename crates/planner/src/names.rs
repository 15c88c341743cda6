//! What things are called in one account, so that its plan can be told without the ids that AWS makes.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use phonehome_network::{Address, Tags};

use crate::StackSpec;

/// What a plan's ids and addresses stand for in its account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The account's own name.
    pub(crate) account_name: String,
    /// The Region that the stack is in.
    pub(crate) region: String,
    /// The tags that every resource of the stack has, beside phonehome's own.
    pub(crate) tags: Tags,
    /// Whether probes are a part of the plan: without their code only the network is.
    pub(crate) has_probes: bool,
    /// Which resource of the stack each id is.
    pub(crate) addresses: BTreeMap<String, Address>,
    /// What others know a resource by: the public addresses of an elastic IP or a regional NAT gateway, the blocks of a
    /// VPC, by its id.
    pub(crate) known_as: BTreeMap<String, Vec<String>>,
    /// By the name of a schedule that is to get another input, the ids of the checks that stay as they are.
    pub(crate) kept_checks: BTreeMap<String, BTreeSet<String>>,
    /// The account's block, and those of the accounts that it is connected to.
    blocks: Vec<Block>,
}

/// Addresses that are an account's.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    owner: Owner,
    cidr: Ipv4Net,
}

/// Whose addresses they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// The account's own.
    Own,
    /// Another account's, by its name.
    Peer(String),
}

impl Names {
    /// The names of a stack, with what its ids were found to be, what others know them by, and the checks that its
    /// schedules keep.
    pub(crate) fn of(
        spec: &StackSpec,
        addresses: BTreeMap<String, Address>,
        known_as: BTreeMap<String, Vec<String>>,
        kept_checks: BTreeMap<String, BTreeSet<String>>,
    ) -> Self {
        let peers = spec.links.iter().flat_map(|link| {
            let owner = Owner::Peer(link.peer_name.clone());
            let cidrs = link.peer_cidrs.iter().chain(&link.peer_subnets);
            cidrs.map(move |cidr| Block { owner: owner.clone(), cidr: *cidr })
        });
        Self {
            account_name: spec.account_name.clone(),
            region: spec.region.to_string(),
            tags: spec.tags.clone(),
            has_probes: spec.probe.is_some(),
            addresses,
            known_as,
            kept_checks,
            blocks: std::iter::once(Block { owner: Owner::Own, cidr: spec.cidr }).chain(peers).collect(),
        }
    }

    /// The names of the accounts that it is connected to; of one with several blocks several times.
    pub(crate) fn peers(&self) -> impl Iterator<Item = &String> {
        self.blocks.iter().filter_map(|block| match &block.owner {
            Owner::Peer(name) => Some(name),
            Owner::Own => None,
        })
    }

    /// Whose addresses these are, and how far into the block they begin; `None` where they are nobody's of
    /// the fleet.
    pub(crate) fn place(&self, cidr: &Ipv4Net) -> Option<(Owner, u32)> {
        let block = self.blocks.iter().find(|block| block.cidr.contains(cidr))?;
        let offset = u32::from(cidr.network()) - u32::from(block.cidr.network());
        Some((block.owner.clone(), offset))
    }
}
