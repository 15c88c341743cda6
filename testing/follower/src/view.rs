//! One account and Region, looked at.

use std::collections::BTreeSet;

use anyhow::Result;
use ipnet::Ipv4Net;
use phonehome_accounts::{AwsStack, ProbeCode};
use phonehome_aws::Session;
use phonehome_executor::StackApi as _;
use phonehome_fleet::Nat;
use phonehome_network::{Inventory, Kind, Tags};
use phonehome_planner::{Features, History, StackSpec, ZoneSpec};
use phonehome_wire::{AzId, StackId};

/// What packets meet, and where functions are.
const KINDS: [Kind; 11] = [
    Kind::Vpc,
    Kind::VpcAttribute,
    Kind::Subnet,
    Kind::InternetGateway,
    Kind::ElasticIp,
    Kind::NatGateway,
    Kind::RouteTable,
    Kind::SecurityGroup,
    Kind::NetworkAcl,
    Kind::Peering,
    Kind::Function,
];

/// An account and Region. The adapter finds functions by the names of their zones, which are learnt from the subnets.
#[derive(Debug)]
pub(crate) struct View {
    stack: StackId,
    session: Session,
    zones: BTreeSet<AzId>,
}

impl View {
    pub(crate) fn new(stack: StackId, session: Session) -> Self {
        Self { stack, session, zones: BTreeSet::new() }
    }

    /// Everything that packets meet.
    ///
    /// # Errors
    /// Any call's.
    pub(crate) async fn observe(&mut self) -> Result<Inventory> {
        let seen = self.ask().await?;
        let zones = seen.subnets.iter().filter_map(|subnet| subnet.az_id.parse().ok());
        let unknown: Vec<AzId> = zones.filter(|zone| !self.zones.contains(zone)).collect();
        if unknown.is_empty() {
            return Ok(seen);
        }
        self.zones.extend(unknown);
        self.ask().await
    }

    async fn ask(&self) -> Result<Inventory> {
        let api = AwsStack::new(&self.session, self.spec(), ProbeCode::new(vec![]));
        Ok(api.observe(&KINDS).await?)
    }

    /// A stack of which nothing is declared: it is only looked at.
    fn spec(&self) -> StackSpec {
        let nowhere = Ipv4Net::default();
        let zone = |az_id: &AzId| ZoneSpec {
            az_id: az_id.clone(),
            public: nowhere,
            private: nowhere,
            nat_az_id: None,
        };
        StackSpec {
            account: self.stack.account.clone(),
            account_name: String::new(),
            region: self.stack.region.clone(),
            cidr: nowhere,
            zones: self.zones.iter().map(zone).collect(),
            nat: Nat::None,
            features: Features::default(),
            links: vec![],
            adopt: None,
            probe: None,
            tags: Tags::default(),
            history: History::default(),
        }
    }
}
