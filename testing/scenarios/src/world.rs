//! A small fleet that stands: in an EC2 in memory, made by the provisioner, and in the lab.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use phonehome_alerting::{PathStatus, Paths};
use phonehome_cloud::SystemClock;
use phonehome_cloud::table::{MemoryTable, Table as _};
use phonehome_fakecloud::{FakeCloud, SharedCloud};
use phonehome_fleet::{Fleet, Line};
use phonehome_lab::{Answer, Certificate, Host, Inventories, Lab, Wishes};
use phonehome_network::{Address, Inventory, Resource, Subnet, Tagged as _, Tier};
use phonehome_provision::{Job, Provision, StackProgress};
use phonehome_state::{Keys, PublishedFleet, base, bind, publish};
use phonehome_wire::{AzId, ProbeInput, StackId};
use tokio::runtime::Runtime;

use crate::accounts::Accounts;
use crate::hub::Hub;

const FLEET: &str = include_str!("fleet.yaml");
/// The accounts that the fleet file declares, by their names.
const ACCOUNTS: [(&str, &str); 3] =
    [("shop-stage", "111100000001"), ("shop-prod", "111100000002"), ("payments-prod", "111100000003")];
/// More observations than a stack needs.
const OBSERVATIONS_MAX: usize = 20;
/// Which address of its subnet a host has.
const HOST: u32 = 100;

/// What the fleet's checks aim at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// payments' application in a zone, 1 or 2: port 443.
    Application(u8),
    /// payments' database, in the first zone: port 5432.
    Database,
    /// A host on the internet.
    Internet,
    /// Tells which address it sees.
    Echo,
}

/// A fleet of three accounts with two zones each.
pub struct World {
    cloud: SharedCloud,
    provision: Provision<MemoryTable, Accounts>,
    fleet: Fleet,
    lab: Lab,
    /// What there is beside what EC2 says.
    pub wishes: Wishes,
    /// Judges reports and tells of them.
    pub hub: Hub,
    runtime: Runtime,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("wishes", &self.wishes).finish_non_exhaustive()
    }
}

/// An account of the fleet, in its Region.
///
/// # Panics
/// When the fleet has none of this name.
pub fn stack(account_name: &str) -> StackId {
    let found = ACCOUNTS.iter().find(|(name, _)| *name == account_name);
    let (_, id) = found.expect("the fleet has an account of this name");
    format!("{id}/us-east-1").parse().expect("its shape is that of a stack's id")
}

impl Target {
    /// Where it is: with two zones, each has its own subnet.
    fn host<'w>(self, wishes: &'w mut Wishes, subnets: &BTreeMap<AzId, Subnet>) -> Option<&'w mut Host> {
        let address = self.address(subnets)?;
        wishes.hosts.iter_mut().find(|it| it.address == address)
    }

    /// Its address. Those of a VPC follow from payments' private subnets.
    fn address(self, subnets: &BTreeMap<AzId, Subnet>) -> Option<Ipv4Addr> {
        let in_zone = |zone: u8, number: u32| {
            let subnet = subnets.get(format!("use1-az{zone}").as_str())?;
            Some(Ipv4Addr::from(u32::from(subnet.cidr.network()) + number))
        };
        match self {
            Self::Application(zone) => in_zone(zone, HOST),
            Self::Database => in_zone(1, HOST + 1),
            Self::Internet => Some(Ipv4Addr::new(192, 0, 2, 10)),
            Self::Echo => Some(Ipv4Addr::new(192, 0, 2, 80)),
        }
    }
}

impl World {
    /// Makes the fleet's networks in an EC2 in memory, and from what that says the lab's. A probe that is silent for
    /// `overdue_after` is lost.
    ///
    /// # Errors
    /// When a stack does not converge, or the kernel refuses something.
    pub fn new(probe: &Path, interval: Duration, overdue_after: Duration) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let table = MemoryTable::default();
        let cloud = SharedCloud::new(FakeCloud::new());
        // Of this EC2 everything is visible at once: no stack has to be left alone.
        let members = Accounts(cloud.clone());
        let provision = Provision { table: table.clone(), members, cooldown_ms: 0, clock: SystemClock };
        let fleet = phonehome_fleet::parse(FLEET).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
        let published = PublishedFleet { text: FLEET.to_owned(), ..PublishedFleet::default() };
        runtime.block_on(async {
            let base = base(&table).await?;
            publish(&table, &base, published).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
            bind_all(&table, &fleet).await?;
            converge(&provision, &fleet).await
        })?;
        let inventories = inventories(&cloud);
        let wishes = wishes(&private_subnets(&inventories[&stack("payments-prod")]), &inventories)?;
        let lab = Lab::build(&inventories, &wishes, probe)?;
        let hub = Hub::new(&table, interval, overdue_after);
        Ok(Self { cloud, provision, fleet, lab, wishes, hub, runtime })
    }

    /// Brings the lab's network to what EC2 says now, and to what is wished.
    ///
    /// # Errors
    /// As [`Lab::update`].
    pub fn follow(&mut self) -> Result<()> {
        self.lab.update(&inventories(&self.cloud), &self.wishes)
    }

    /// Somebody changes something in an account, past all rules.
    pub fn edit(&self, account_name: &str, change: impl FnOnce(&mut Inventory)) {
        let StackId { account, region } = stack(account_name);
        self.cloud.with(|cloud| cloud.stack(account.as_str(), region.as_str()).edit(change));
    }

    /// Looks at an account.
    pub fn inventory(&self, account_name: &str) -> Inventory {
        let StackId { account, region } = stack(account_name);
        self.cloud.with(|cloud| cloud.stack(account.as_str(), region.as_str()).truth())
    }

    /// A host that is aimed at.
    ///
    /// # Panics
    /// When the wishes have it no more.
    pub fn host(&mut self, target: Target) -> &mut Host {
        let subnets = private_subnets(&self.inventory("payments-prod"));
        target.host(&mut self.wishes, &subnets).expect("nobody took it away")
    }

    /// A sweep: the provisioner observes every account and repairs what it may.
    ///
    /// # Errors
    /// When an account does not converge.
    pub fn repair(&mut self) -> Result<()> {
        self.runtime.block_on(converge(&self.provision, &self.fleet))
    }

    /// Every probe, with what its schedule gives it to test.
    pub fn probes(&self) -> Vec<(String, AzId, ProbeInput)> {
        let of_account = |(name, _): &(&str, &str)| {
            let inputs = self.inventory(name).schedules.into_iter().filter_map(|schedule| schedule.input);
            let name = (*name).to_owned();
            inputs.map(|input| (name.clone(), input.availability_zone.clone(), input)).collect::<Vec<_>>()
        };
        ACCOUNTS.iter().flat_map(of_account).collect()
    }

    pub(crate) fn lab(&self) -> &Lab {
        &self.lab
    }

    /// A report arrives at the hub.
    ///
    /// # Errors
    /// As [`Hub::report`].
    pub fn report(&mut self, report: &phonehome_wire::Report) -> Result<()> {
        self.runtime.block_on(self.hub.report(report))
    }

    /// On-call was not called lately, and nothing was repaired.
    ///
    /// # Errors
    /// As [`Hub::forget`].
    pub fn forget(&self) -> Result<()> {
        self.runtime.block_on(self.hub.forget())
    }

    /// The ids of the incidents that are open.
    pub fn open(&self) -> Vec<String> {
        let found = self.runtime.block_on(self.provision.table.query(Keys::INCIDENTS)).unwrap_or_default();
        found.into_iter().map(|doc| doc.key.sort).collect()
    }

    /// What has gone over the lab's networks so far.
    ///
    /// # Errors
    /// As [`Lab::counters`].
    pub fn counters(&self) -> Result<phonehome_lab::Counters> {
        self.lab.counters()
    }

    /// What the ids of subnets, gateways and peerings stand for: `shop-prod subnet/private/use1-az1`.
    pub fn names(&self) -> BTreeMap<String, String> {
        let of_account = |(name, _): &(&str, &str)| {
            let inventory = self.inventory(name);
            let named = |it: &dyn phonehome_network::Tagged| {
                Some((it.id().to_owned(), format!("{name} {}", it.address()?)))
            };
            inventory.tagged().filter_map(named).collect::<Vec<_>>()
        };
        ACCOUNTS.iter().flat_map(of_account).collect()
    }

    /// How many paths the hub knows to be as declared.
    pub fn paths_up(&self) -> usize {
        let found = self.runtime.block_on(self.provision.table.query(Keys::PATHS)).unwrap_or_default();
        let paths = found.iter().filter_map(|doc| doc.read::<Paths>().ok());
        paths.flat_map(|it| it.into_values()).filter(|it| it.status == PathStatus::Up).count()
    }

    /// The alerter's schedule fires.
    ///
    /// # Errors
    /// As [`Hub::minute`].
    pub fn minute(&mut self) -> Result<()> {
        self.runtime.block_on(self.hub.minute())
    }
}

/// The accounts are known as the fleet file's lines, as the provisioner makes them when it meets them.
async fn bind_all(table: &MemoryTable, fleet: &Fleet) -> Result<()> {
    for member in fleet.members() {
        let line = Line::new(&member.domain, &member.environment);
        bind(table, &line, &stack(&member.account_name).account, &member.account_name, 0).await?;
    }
    Ok(())
}

/// What has this address in a stack.
pub fn at<'i, T: phonehome_network::Tagged>(
    resources: &'i mut [T],
    resource: &Resource,
) -> Option<&'i mut T> {
    let is_it = |address: Address| address.resource == *resource;
    resources.iter_mut().find(|it| it.address().is_some_and(is_it))
}

async fn converge(provision: &Provision<MemoryTable, Accounts>, fleet: &Fleet) -> Result<()> {
    let mut last = String::new();
    for _ in 0..OBSERVATIONS_MAX {
        let mut is_done = true;
        for (name, _) in ACCOUNTS {
            let member = fleet.member(name).with_context(|| format!("the fleet file declares no {name}"))?;
            let StackId { account, region } = &stack(name);
            let (member, limits, published) = (&member, None, None);
            let job = Job { fleet, member, account, region, authorities: None, limits, published };
            let progress = provision.reconcile(&job).await?.progress;
            if progress != StackProgress::Converged {
                is_done = false;
                last = format!("{name}: {progress:?}");
            }
        }
        if is_done {
            return Ok(());
        }
    }
    bail!("not converged after {OBSERVATIONS_MAX} observations: {last}")
}

fn inventories(cloud: &SharedCloud) -> Inventories {
    let of = |(name, _): &(&str, &str)| {
        let stack = stack(name);
        let StackId { account, region } = &stack;
        let inventory = cloud.with(|cloud| cloud.stack(account.as_str(), region.as_str()).truth());
        (stack, inventory)
    };
    ACCOUNTS.iter().map(of).collect()
}

fn private_subnets(inventory: &Inventory) -> BTreeMap<AzId, Subnet> {
    let is_private = |it: &&Subnet| {
        let resource = it.address().map(|address| address.resource);
        matches!(resource, Some(Resource::Subnet { tier: Tier::Private, .. }))
    };
    let subnets = inventory.subnets.iter().filter(is_private);
    subnets.filter_map(|it| Some((it.az_id.parse().ok()?, it.clone()))).collect()
}

/// The hosts that the fleet's checks aim at, and their names.
fn wishes(subnets: &BTreeMap<AzId, Subnet>, inventories: &Inventories) -> Result<Wishes> {
    let payments = stack("payments-prod");
    let is_inbound = |address: Address| address.resource == Resource::InboundSecurityGroup;
    let mut groups = inventories[&payments].security_groups.iter();
    let group = groups.find(|it| it.address().is_some_and(is_inbound)).context("payments lets nobody in")?;
    let mut wishes = Wishes::default();
    let mut host = |target: Target, name: &str, ports: BTreeMap<u16, Answer>| -> Result<()> {
        let address = target.address(subnets).context("payments has no such subnet")?;
        let subnet = subnets.values().find(|it| it.cidr.contains(&address));
        let place = subnet.map_or(phonehome_lab::Place::Internet, |subnet| phonehome_lab::Place::Subnet {
            stack: payments.clone(),
            subnet_id: subnet.id.clone(),
            groups: BTreeSet::from([group.id.clone()]),
            public: None,
        });
        wishes.hosts.push(Host { place, address, ports });
        wishes.names.entry(name.to_owned()).or_default().push(address);
        Ok(())
    };
    let https = || BTreeMap::from([(443, Answer::Https(Certificate::Valid))]);
    host(Target::Application(1), "api.payments.test", https())?;
    host(Target::Application(2), "api.payments.test", https())?;
    host(Target::Database, "db.payments.test", BTreeMap::from([(5432, Answer::Tcp)]))?;
    host(Target::Internet, "www.internet.test", BTreeMap::from([(443, Answer::Tcp)]))?;
    host(Target::Echo, "echo.internet.test", BTreeMap::from([(80, Answer::Http)]))?;
    Ok(wishes)
}
