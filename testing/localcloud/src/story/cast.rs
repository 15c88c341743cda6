//! Who plays: the accounts, and what their probes aim at.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use phonehome_localcloud::Target;

/// The domains and environments of the demo's fleet file.
const DOMAINS: [&str; 3] = ["shop", "payments", "ledger"];
const ENVIRONMENTS: [&str; 2] = ["dev", "prod"];
const FLEET: &str = include_str!("fleet.yaml");

/// An account of the story.
#[derive(Debug, Clone)]
pub(crate) struct CastAccount {
    /// Its name, `shop-prod`.
    pub(crate) name: String,
    /// Its id, once AWS has given it one.
    pub(crate) id: String,
}

/// Accounts, and the listeners that stand for what their teams run.
#[derive(Debug)]
pub(crate) struct Cast {
    /// The accounts, in the order of their creation.
    pub(crate) members: Vec<CastAccount>,
    /// The fleet file of the story.
    pub(crate) fleet_file: PathBuf,
    /// The same with changes that somebody thinks about.
    pub(crate) next_fleet_file: PathBuf,
    /// The payments domain's service in prod, which the shop needs.
    pub(crate) payments_prod: Target,
    /// The ledger domain's database, which the payments domain needs and the shop must not reach.
    pub(crate) ledger: Target,
    /// Kept alive: the payments domain's service in dev, and the internet.
    _others: Vec<Target>,
}

impl Cast {
    /// Starts the listeners and writes the fleet file that names them.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let (payments_prod, payments_dev) = (Target::start(0).await?, Target::start(0).await?);
        let internet = Target::start(0).await?;
        let ledger = Target::start(0).await?;
        if Target::CAN_BE_SILENT {
            // Nobody may reach it before its neighbours are there.
            ledger.answer_only(&[])?;
        }
        let port = |target: &Target| target.address().port().to_string();
        // What must not be reached has to be silent: elsewhere the story does without.
        let is_told = |line: &&str| Target::CAN_BE_SILENT || !line.contains("LEDGER_PORT");
        let fleet: String = FLEET.lines().filter(is_told).map(|line| format!("{line}\n")).collect();
        let fleet = if Target::CAN_BE_SILENT { fleet } else { fleet.replace("isolations:\n", "") };
        let text = fleet
            .replace("PAYMENTS_PROD_PORT", &port(&payments_prod))
            .replace("PAYMENTS_DEV_PORT", &port(&payments_dev))
            .replace("INTERNET_PORT", &port(&internet))
            .replace("LEDGER_PORT", &port(&ledger));
        let fleet_file = folder.join("fleet.yaml");
        std::fs::write(&fleet_file, &text)?;
        let next = text.replace("name: dev, pools: [nonprod]", "name: dev, pools: [nonprod], nat: single");
        let next_fleet_file = folder.join("next-fleet.yaml");
        std::fs::write(&next_fleet_file, next)?;
        Ok(Self {
            members: vec![],
            fleet_file,
            next_fleet_file,
            payments_prod,
            ledger,
            _others: vec![payments_dev, internet],
        })
    }

    /// The names of the accounts to create.
    pub(crate) fn names() -> impl Iterator<Item = String> {
        DOMAINS
            .into_iter()
            .flat_map(|domain| ENVIRONMENTS.map(|environment| format!("{domain}-{environment}")))
    }

    /// The account of this name.
    pub(crate) fn id(&self, name: &str) -> Result<&str> {
        let found = self.members.iter().find(|member| member.name == name);
        found.map(|member| member.id.as_str()).with_context(|| format!("no account {name} in the story"))
    }
}
