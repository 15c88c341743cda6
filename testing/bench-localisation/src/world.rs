//! What is true of a fleet: what each run of each path comes to.

use phonehome_localisation::Outcome;

use phonehome_bench_localisation::Fault;
use phonehome_bench_localisation::{Aim, Fleet, PORTS, Path, ZONES};
use phonehome_bench_localisation::{Fate, Network};

pub(crate) struct World {
    pub(crate) fleet: Fleet,
    pub(crate) paths: Vec<Path>,
}

impl World {
    pub(crate) fn of(accounts: u32, connections: u32) -> Self {
        let fleet = Fleet::of(accounts, connections);
        let paths = fleet.paths();
        Self { fleet, paths }
    }

    /// What a run of each path comes to, and which probes report, with these faults.
    pub(crate) fn truth(&self, faults: &[Fault]) -> Truth {
        let mut network = Network::of(&self.fleet);
        for fault in faults {
            fault.apply(&self.fleet, &mut network);
        }
        let outcomes = self.paths.iter().map(|path| self.outcome(&network, path)).collect();
        let probes = u32::try_from(self.fleet.accounts.len()).unwrap_or(0) * ZONES;
        let reports = (0..probes).map(|probe| network.reports(probe / ZONES, probe % ZONES)).collect();
        Truth { outcomes, reports }
    }

    fn outcome(&self, network: &Network, path: &Path) -> Outcome {
        let fate = network.connect(&self.fleet, path);
        let Aim::Closed { connection, zone } = path.aim else {
            return match fate {
                Fate::Connected => Outcome::Pass,
                Fate::Unresolved => Outcome::Unresolved,
                Fate::Lost => Outcome::Silence,
                Fate::Refused => Outcome::Refused,
            };
        };
        // Silence proves something only where what may be reached is.
        let control = Path { aim: Aim::Target { connection, zone, port: PORTS[0] }, ..*path };
        match fate {
            Fate::Connected | Fate::Refused => Outcome::Open,
            Fate::Lost if network.connect(&self.fleet, &control) == Fate::Connected => Outcome::Pass,
            Fate::Lost | Fate::Unresolved => Outcome::Inconclusive,
        }
    }
}

/// What is true of every path and probe for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Truth {
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) reports: Vec<bool>,
}
