//! A network that is there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use phonehome_wire::{AUTHORITIES_FILE, AzId, ProbeInput, Report, StackId};
use tokio::runtime::Runtime;

use crate::apply::apply;
use crate::authority::Authority;
use crate::counters::{Counters, Meter};
use crate::describe::{Inventories, ProbeSite, Sites, describe_with_sites};
use crate::function::{Call, Code, Seat, Started};
use crate::namespaces::prepare;
use crate::network::{Network, Wire};
use crate::running::{Running, Task};
use crate::serve::{Kind, Service, start};
use crate::wire::Forwarder;
use crate::wishes::{Resolver, Wishes};

/// How long the probe may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where the probes' code is, as far as they look for it: with the lab's own authority beside it.
const CODE: &str = "/run/lab/code";
/// The same without any authority.
const BARE_CODE: &str = "/run/lab/bare-code";

/// A function is in no subnet that the lab knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{stack} has no function {function} in a subnet: the inventories say nothing of it, or not yet")]
pub struct UnknownFunction {
    /// Its name.
    pub function: String,
    /// Where it was looked for.
    pub stack: StackId,
}

/// A network in which packets move, with hosts and resolvers that answer. Dropped, it is gone.
///
/// One process has one at a time, inside namespaces of its own ([`crate::enter`]).
#[derive(Debug)]
pub struct Lab {
    network: Network,
    sites: Sites,
    services: Running<Service, Task>,
    wires: Running<Wire, Forwarder>,
    meter: Meter,
    authority: Authority,
    /// The probe's binary; `None`: functions bring their own code.
    probe: Option<PathBuf>,
    runs: AtomicU64,
    runtime: Runtime,
}

impl Lab {
    /// Makes the network. `probe` is the probe's binary.
    ///
    /// # Errors
    /// When a wish does not fit the inventories, or the kernel refuses something: it says which command of which
    /// namespace.
    pub fn build(inventories: &Inventories, wishes: &Wishes, probe: &Path) -> Result<Self> {
        let mut lab = Self::empty()?;
        lab.probe = Some(probe.to_owned());
        lab.update(inventories, wishes)?;
        Ok(lab)
    }

    /// A lab in which nothing is yet, and whose functions bring their own code.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn empty() -> Result<Self> {
        prepare()?;
        let authority = Authority::new()?;
        for folder in [CODE, BARE_CODE] {
            std::fs::create_dir_all(folder).context(folder)?;
        }
        std::fs::write(format!("{CODE}/{AUTHORITIES_FILE}"), &authority.pem)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self {
            network: Network::default(),
            sites: Sites::default(),
            services: Running::default(),
            wires: Running::default(),
            meter: Meter::default(),
            authority,
            probe: None,
            runs: AtomicU64::new(0),
            runtime,
        })
    }

    /// Makes it another network, by what differs.
    ///
    /// # Errors
    /// As [`build`](Self::build). When the kernel refuses something, the network is between the two, and of no more
    /// use.
    pub fn update(&mut self, inventories: &Inventories, wishes: &Wishes) -> Result<()> {
        let (network, sites) = describe_with_sites(inventories, wishes)?;
        let services = services(&sites, wishes);
        // Their sockets would keep namespaces and ports.
        self.services.end_others(&services);
        self.wires.end_others(&network.wires);
        let ends = self.network.links.difference(&network.links).flat_map(|it| [&it.near, &it.far]);
        self.meter.let_go(&ends.collect())?;
        apply(&self.network, &network)?;
        self.meter.follow(&sites.parts)?;
        (self.network, self.sites) = (network, sites);
        self.wires.start_missing(&self.network.wires, |wire| {
            Forwarder::start(wire).with_context(|| format!("the slow wire of {}", wire.devices[0]))
        })?;
        self.services.start_missing(&services, |service| {
            start(self.runtime.handle(), &self.authority, service)
                .with_context(|| format!("{} in {}", service.address, service.namespace))
        })?;
        Ok(())
    }

    /// What has gone over the network's parts so far.
    ///
    /// # Errors
    /// When the kernel does not say it.
    pub fn counters(&self) -> Result<Counters> {
        self.meter.read()
    }

    /// The certificate of the authority that signs what the lab's servers present, as PEM.
    pub fn authority(&self) -> &str {
        &self.authority.pem
    }

    /// Runs the probe of an account's zone once.
    ///
    /// # Errors
    /// As [`start_probe`](Self::start_probe), and when it gives no report.
    pub fn probe(&self, stack: &StackId, zone: &AzId, input: &ProbeInput) -> Result<Report> {
        self.start_probe(stack, zone, input)?.report()
    }

    /// Starts the probe of an account's zone. It runs on by itself: the lab may be changed before it ends.
    ///
    /// # Errors
    /// When the inventories have no probe there, or it cannot be started.
    pub fn start_probe(&self, stack: &StackId, zone: &AzId, input: &ProbeInput) -> Result<Started> {
        let site = self.sites.probes.get(&(stack.clone(), zone.clone()));
        let site = site.with_context(|| format!("no function of {stack} is in a subnet of {zone}"))?;
        let program = self.probe.clone().context("this lab was made without a probe")?;
        let folder = if site.has_authorities { CODE } else { BARE_CODE };
        let call = Call {
            request_id: format!("run-{}", self.number()),
            stack: stack.clone(),
            function: site.function.clone(),
            code: Code { program, folder: folder.into() },
            event: serde_json::to_vec(input)?,
            timeout: PATIENCE,
            memory_mb: 128,
            environment: BTreeMap::from([("AWS_LAMBDA_LOG_LEVEL".to_owned(), "error".to_owned())]),
        };
        self.start_at(call, site)
    }

    /// Starts a function in the first of its subnets. It runs on by itself: the lab may be changed before it ends.
    ///
    /// # Errors
    /// [`UnknownFunction`] when the inventories have no such function in a subnet; others when it cannot be started.
    pub fn start(&self, call: Call) -> Result<Started> {
        let of_stack = self.sites.probes.iter().filter(|((stack, _), _)| *stack == call.stack);
        let site = of_stack.map(|(_, site)| site).find(|site| site.function == call.function);
        let unknown = || UnknownFunction { function: call.function.clone(), stack: call.stack.clone() };
        let site = site.ok_or_else(unknown)?;
        self.start_at(call, site)
    }

    fn start_at(&self, call: Call, site: &ProbeSite) -> Result<Started> {
        let seat = Seat { namespace: &site.namespace, resolver: site.resolver, number: self.number() };
        Started::start(call, &seat, self.runtime.handle().clone())
    }

    /// One that no other run has.
    fn number(&self) -> u64 {
        self.runs.fetch_add(1, Ordering::Relaxed)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.services.end_others(&BTreeSet::new());
        self.wires.end_others(&BTreeSet::new());
        self.meter = Meter::default();
        // What is left goes with the process.
        let _ = apply(&self.network, &Network::default());
    }
}

fn services(sites: &Sites, wishes: &Wishes) -> BTreeSet<Service> {
    let mut services = BTreeSet::new();
    for (host, namespace) in wishes.hosts.iter().zip(&sites.hosts) {
        for (port, answer) in &host.ports {
            let Some(kind) = Kind::of(*answer, &wishes.names) else { continue };
            let address = SocketAddrV4::new(host.address, *port);
            services.insert(Service { namespace: namespace.clone(), address, kind });
        }
    }
    for site in sites.resolvers.iter().filter(|it| it.is_on) {
        let resolver: Resolver = wishes.resolvers.get(&site.vpc_id).copied().unwrap_or_default();
        let (namespace, address) = (site.namespace.clone(), SocketAddrV4::new(site.address, 53));
        services.insert(Service { namespace, address, kind: Kind::Resolver(resolver, wishes.names.clone()) });
    }
    services
}

#[cfg(test)]
mod tests;
