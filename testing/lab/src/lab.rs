//! A network that is there.

use std::collections::BTreeSet;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use phonehome_wire::{AUTHORITIES_FILE, AzId, ProbeInput, Report, StackId};
use tokio::runtime::Runtime;

use crate::apply::apply;
use crate::authority::Authority;
use crate::counters::{Counters, Meter};
use crate::describe::{Inventories, Sites, describe_with_sites};
use crate::namespaces::prepare;
use crate::network::{Network, Wire};
use crate::prober::Prober;
use crate::running::{Running, Task};
use crate::serve::{Kind, Service, start};
use crate::wire::Forwarder;
use crate::wishes::{Resolver, Wishes};

/// Where the probes' code is, as far as they look for it: with the lab's own authority beside it.
const CODE: &str = "/run/lab/code";
/// The same without any authority.
const BARE_CODE: &str = "/run/lab/bare-code";

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
    /// The probe's binary.
    probe: PathBuf,
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
        prepare()?;
        let authority = Authority::new()?;
        for folder in [CODE, BARE_CODE] {
            std::fs::create_dir_all(folder).context(folder)?;
        }
        std::fs::write(format!("{CODE}/{AUTHORITIES_FILE}"), &authority.pem)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let mut lab = Self {
            network: Network::default(),
            sites: Sites::default(),
            services: Running::default(),
            wires: Running::default(),
            meter: Meter::default(),
            authority,
            probe: probe.to_owned(),
            runs: AtomicU64::new(0),
            runtime,
        };
        lab.update(inventories, wishes)?;
        Ok(lab)
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

    /// The probe of an account's zone, to be run without the lab: while it runs, the network may change.
    ///
    /// # Errors
    /// When the inventories have no probe there.
    pub fn prober(&self, stack: &StackId, zone: &AzId) -> Result<Prober> {
        let site = self.sites.probes.get(&(stack.clone(), zone.clone()));
        let site = site.with_context(|| format!("no function of {stack} is in a subnet of {zone}"))?;
        Ok(Prober {
            stack: stack.clone(),
            site: site.clone(),
            probe: self.probe.clone(),
            code: if site.has_authorities { CODE } else { BARE_CODE },
            run: self.runs.fetch_add(1, Ordering::Relaxed),
            runtime: self.runtime.handle().clone(),
        })
    }

    /// Runs the probe of an account's zone once.
    ///
    /// # Errors
    /// When the inventories have no probe there, or it gives no report.
    pub fn probe(&self, stack: &StackId, zone: &AzId, input: &ProbeInput) -> Result<Report> {
        self.prober(stack, zone)?.run(input)
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
