//! Where the probes run, and what they aim at: a network in which packets meet what EC2 says, or this machine as it is.

mod lab;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};

use crate::listeners::Target;
use crate::messages::Network;

use lab::{LabHosts, PacketLab};

/// Says where the probes are to run: `lab` or `host`. Where it says nothing it is the lab, if one can be made.
pub const STAGE_VARIABLE: &str = "PHONEHOME_STAGE";

/// Where the probes run.
#[derive(Debug)]
pub enum Stage {
    /// As processes of this machine. What they aim at listens on 127.0.0.1, and no route, gateway, peering, ACL or
    /// group is between them.
    Host,
    /// In a packet lab that follows the emulator's EC2. What they aim at are hosts in subnets.
    Lab(PacketLab),
}

/// Something that listens.
#[derive(Debug)]
pub struct Service(Kind);

#[derive(Debug)]
enum Kind {
    Target(Target),
    Hosts(LabHosts),
}

impl Stage {
    /// The stage that [`STAGE_VARIABLE`] names; without it a lab, or, with the reason, this machine. In `folder` the
    /// lab keeps its socket and its logs.
    ///
    /// # Errors
    /// When a lab is asked for and cannot be made.
    pub async fn choose(repository: &Path, folder: &Path) -> Result<(Self, Option<String>)> {
        let wanted = std::env::var(STAGE_VARIABLE).unwrap_or_default();
        if wanted == "host" {
            return Ok((Self::Host, Some(format!("{STAGE_VARIABLE}=host"))));
        }
        match (PacketLab::start(repository, folder).await, wanted.as_str()) {
            (Ok(lab), "" | "lab") => Ok((Self::Lab(lab), None)),
            (Err(problem), "") => Ok((Self::Host, Some(format!("{problem:#}")))),
            (Err(problem), "lab") => Err(problem),
            (_, other) => bail!("{STAGE_VARIABLE}={other:?} is neither \"lab\" nor \"host\""),
        }
    }

    /// Whether packets meet what EC2 says.
    #[must_use]
    pub fn is_lab(&self) -> bool {
        matches!(self, Self::Lab(_))
    }

    /// Whether what must not be reached can be silent.
    #[must_use]
    pub fn can_be_silent(&self) -> bool {
        self.is_lab() || Target::CAN_BE_SILENT
    }

    /// What the emulator has to know of it.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        match self {
            Self::Host => BTreeMap::new(),
            Self::Lab(lab) => lab.environment(),
        }
    }

    /// From now on it follows the EC2 of this emulator.
    pub(crate) fn follow(&mut self, endpoint: &str) -> Result<()> {
        match self {
            Self::Host => Ok(()),
            Self::Lab(lab) => lab.follow(endpoint),
        }
    }

    /// A service of this name and port, of a team's in an account. On this machine it has another name and port, see
    /// [`Service::host`]; in a lab it has no address before it is [settled](crate::LocalCloud::settle).
    ///
    /// # Errors
    /// Every port is taken.
    pub async fn service(&self, name: &str, port: u16) -> Result<Service> {
        Ok(Service(match self {
            Self::Host => Kind::Target(Target::start(0).await?),
            Self::Lab(lab) => Kind::Hosts(lab.service(name, port).await?),
        }))
    }

    /// The same on the internet.
    ///
    /// # Errors
    /// Every port is taken.
    pub async fn internet(&self, name: &str, port: u16) -> Result<Service> {
        Ok(Service(match self {
            Self::Host => Kind::Target(Target::start(0).await?),
            Self::Lab(lab) => Kind::Hosts(lab.internet(name, port).await?),
        }))
    }
}

impl Service {
    /// Its name, as probes are to be told.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.0 {
            Kind::Target(target) => target.address().ip().to_string(),
            Kind::Hosts(hosts) => hosts.name.clone(),
        }
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        match &self.0 {
            Kind::Target(target) => target.address().port(),
            Kind::Hosts(hosts) => hosts.port,
        }
    }

    /// Both, as messages name it.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}:{}", self.host(), self.port())
    }

    /// It stops listening: connections are refused.
    ///
    /// # Errors
    /// The lab is gone.
    pub async fn stop(&mut self) -> Result<()> {
        match &mut self.0 {
            Kind::Target(target) => {
                target.stop().await;
                Ok(())
            }
            Kind::Hosts(hosts) => hosts.listen(false).await,
        }
    }

    /// It listens again.
    ///
    /// # Errors
    /// It never stopped, another process has taken the port since, or the lab is gone.
    pub async fn start_again(&mut self) -> Result<()> {
        match &mut self.0 {
            Kind::Target(target) => target.start_again().await,
            Kind::Hosts(hosts) => hosts.listen(true).await,
        }
    }

    /// On this machine, it is silent to all other accounts. In a lab its network decides.
    ///
    /// # Errors
    /// It does not listen, or this machine cannot do that ([`Stage::can_be_silent`]).
    pub fn answer_only(&self, accounts: &[&str]) -> Result<()> {
        match &self.0 {
            Kind::Target(target) => target.answer_only(accounts),
            Kind::Hosts(_) => Ok(()),
        }
    }

    /// Whether it has to be given its place in an account's network before it is there.
    pub(crate) fn is_homeless(&self) -> bool {
        matches!(self.0, Kind::Hosts(_))
    }

    /// It gets a host in each private subnet; `None` when the account has not all it needs yet.
    pub(crate) async fn settle(&mut self, stack: &str, network: &Network) -> Result<Option<()>> {
        match &mut self.0 {
            Kind::Target(_) => Ok(Some(())),
            Kind::Hosts(hosts) => hosts.settle(stack, network).await,
        }
    }
}
