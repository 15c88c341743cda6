//! Who plays: the accounts, and what their probes aim at.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use phonehome_localcloud::{LocalCloud, Past, Service, Stage};

use super::narrator::PATIENCE;

/// The domains and environments of the demo's fleet file.
const DOMAINS: [&str; 3] = ["shop", "payments", "ledger"];
const ENVIRONMENTS: [&str; 2] = ["dev", "prod"];
/// What listens at the payments domain, at the ledger domain, and on the internet.
const API: u16 = 443;
const DATABASE: u16 = 5432;
const HTTPS: u16 = 443;
const ON_THE_INTERNET: &str = "checkip.example.com";
const FLEET: &str = include_str!("fleet.yaml");

/// An account of the story.
#[derive(Debug, Clone)]
pub(crate) struct CastAccount {
    /// Its name, `shop-prod`.
    pub(crate) name: String,
    /// Its id, once AWS has given it one.
    pub(crate) id: String,
}

/// Accounts, and what their teams run.
#[derive(Debug)]
pub(crate) struct Cast {
    /// The accounts, in the order of their creation.
    pub(crate) members: Vec<CastAccount>,
    /// The fleet file of the story.
    pub(crate) fleet_file: PathBuf,
    /// The same with changes that somebody thinks about.
    pub(crate) next_fleet_file: PathBuf,
    /// The same with a connection to a port of the ledger at which nobody listens.
    pub(crate) mistaken_fleet_file: PathBuf,
    /// The payments domain's service in prod, which the shop needs.
    pub(crate) payments_prod: Service,
    payments_dev: Service,
    /// The ledger domain's database in prod and in dev, which the payments domain needs and the shop must not reach.
    ledger: [Service; 2],
    /// Kept alive: the internet.
    _internet: Service,
    /// What Slack had been told before anything was broken.
    pub(crate) past: Past,
}

impl Cast {
    /// Starts what the teams run, and writes the fleet file that names it.
    pub(crate) async fn start(stage: &Stage, folder: &Path) -> Result<Self> {
        let api = async |environment| stage.service(&name("api.payments", environment), API).await;
        let database = async |environment| stage.service(&name("db.ledger", environment), DATABASE).await;
        let (payments_prod, payments_dev) = (api("prod").await?, api("dev").await?);
        let ledger = [database("prod").await?, database("dev").await?];
        let internet = stage.internet(ON_THE_INTERNET, HTTPS).await?;
        if stage.can_be_silent() {
            // Nobody may reach it before its neighbours are there.
            ledger.iter().try_for_each(|it| it.answer_only(&[]))?;
        }
        let named = [
            ("PAYMENTS_PROD", &payments_prod),
            ("PAYMENTS_DEV", &payments_dev),
            ("LEDGER_PROD", &ledger[0]),
            ("LEDGER_DEV", &ledger[1]),
            ("INTERNET", &internet),
        ];
        let text = fleet(stage.can_be_silent(), &named);
        let fleet_file = folder.join("fleet.yaml");
        std::fs::write(&fleet_file, &text)?;
        let next = text.replace("name: dev, pools: [nonprod]", "name: dev, pools: [nonprod], nat: single");
        let next_fleet_file = folder.join("next-fleet.yaml");
        std::fs::write(&next_fleet_file, next)?;
        let port = ledger[1].port();
        let declared = format!("ports: [{port}], environments: [dev]");
        let mistaken =
            text.replace(&declared, &format!("ports: [{port}, {}], environments: [dev]", port + 1));
        let mistaken_fleet_file = folder.join("mistaken-fleet.yaml");
        std::fs::write(&mistaken_fleet_file, mistaken)?;
        let (members, past) = (vec![], Past::default());
        Ok(Self {
            members,
            fleet_file,
            next_fleet_file,
            mistaken_fleet_file,
            payments_prod,
            payments_dev,
            ledger,
            _internet: internet,
            past,
        })
    }

    /// What the teams run gets its place, as soon as their accounts have subnets; and the ledger's databases answer
    /// those alone who may connect.
    pub(crate) async fn settle(&mut self, local_cloud: &LocalCloud) -> Result<()> {
        let ids = |name: &str| self.id(name).map(str::to_owned);
        let payments = [ids("payments-prod")?, ids("payments-dev")?];
        let ledgers = [ids("ledger-prod")?, ids("ledger-dev")?];
        if local_cloud.stage.can_be_silent() {
            self.ledger.iter().try_for_each(|it| it.answer_only(&[&payments[0], &payments[1]]))?;
        }
        let apis = [&mut self.payments_prod, &mut self.payments_dev];
        let homes = apis.into_iter().zip(&payments).chain(self.ledger.iter_mut().zip(&ledgers));
        for (service, account) in homes {
            local_cloud.settle(service, account, PATIENCE).await?;
        }
        Ok(())
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

fn name(of: &str, environment: &str) -> String {
    format!("{of}.{environment}.example.internal")
}

/// The fleet file. What must not be reached has to be silent: where nothing can be, the story does without.
fn fleet(can_be_silent: bool, named: &[(&str, &Service)]) -> String {
    let is_told = |line: &&str| can_be_silent || !line.contains("LEDGER");
    let text: String = FLEET.lines().filter(is_told).map(|line| format!("{line}\n")).collect();
    let text = if can_be_silent { text } else { text.replace("isolations:\n", "") };
    named.iter().fold(text, |text, (name, service)| {
        let text = text.replace(&format!("{name}_HOST"), &service.host());
        text.replace(&format!("{name}_PORT"), &service.port().to_string())
    })
}
