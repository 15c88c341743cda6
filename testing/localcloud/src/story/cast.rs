//! Who plays: the accounts, and what their probes aim at.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use phonehome_localcloud::{LocalCloud, Past, Service, Stage};

/// The domains and environments of the demo's fleet file.
const DOMAINS: [&str; 3] = ["shop", "payments", "ledger"];
const ENVIRONMENTS: [&str; 2] = ["dev", "prod"];
/// The last of them as it is declared, after which further ones are.
const LAST_DOMAIN: &str = "  - { name: ledger, owner: team-ledger, environments: [dev, prod] }\n";
/// What listens at the payments domain, at the ledger domain, and on the internet.
const API: u16 = 443;
const DATABASE: u16 = 5432;
const HTTPS: u16 = 443;
const ON_THE_INTERNET: &str = "checkip.example.com";
const FLEET: &str = include_str!("fleet.yaml");
/// The tag that each account has from the beginning.
const OWNER_TAG: &str = "{ key: owner, value: \"{owner}\" }";

/// An account of the story.
#[derive(Debug, Clone)]
pub(crate) struct CastAccount {
    /// Its name, `shop-prod`.
    pub(crate) name: String,
    /// Its id, once AWS has given it one.
    pub(crate) id: String,
}

/// How large the fleet of the story is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// How many accounts there are: those that the story is about, and others beside them.
    accounts: usize,
}

impl Size {
    /// As many accounts as the story is about; no less will do.
    pub(crate) const LEAST: u16 = 6;
    /// As many as there are blocks in the pools, with some to spare; each is three processes at a time.
    pub(crate) const MOST: u16 = 100;

    /// A fleet of so many accounts, [`Size::LEAST`] to [`Size::MOST`].
    pub(crate) fn of(accounts: u16) -> Self {
        // Each domain has all environments.
        let accounts = usize::from(accounts.clamp(Self::LEAST, Self::MOST));
        Self { accounts: accounts.next_multiple_of(ENVIRONMENTS.len()) }
    }

    /// Whether there is nobody but whom the story is about.
    pub(crate) fn is_least(self) -> bool {
        self.accounts == usize::from(Self::LEAST)
    }

    /// Schedules fire this often instead of once a minute, in seconds: so that nobody has to wait, and that a machine
    /// of two cores can run all the probes.
    pub(crate) fn schedule_seconds(self) -> u32 {
        let seconds = 3 * self.accounts.div_ceil(usize::from(Self::LEAST)) / 2;
        u32::try_from(seconds).unwrap_or(u32::MAX).max(3)
    }

    /// A probe counts as silent after this long: four missed runs.
    pub(crate) fn overdue_seconds(self) -> u32 {
        4 * self.schedule_seconds()
    }

    /// The longest any single step may take before the demo gives up.
    fn patience(self) -> Duration {
        Duration::from_secs(90) * u32::try_from(self.accounts.div_ceil(10)).unwrap_or(u32::MAX)
    }

    /// How many domains and environments there are.
    pub(crate) fn declared(self) -> String {
        format!("{} domains × dev and prod", self.accounts.div_ceil(ENVIRONMENTS.len()))
    }

    /// The domains that the story does not name.
    fn further_domains(self) -> impl Iterator<Item = String> {
        let further = (self.accounts - usize::from(Self::LEAST)).div_ceil(ENVIRONMENTS.len());
        (1..=further).map(|number| format!("product-{number:02}"))
    }

    /// The names of the accounts to create.
    pub(crate) fn names(self) -> impl Iterator<Item = String> {
        let domains = DOMAINS.map(str::to_owned).into_iter().chain(self.further_domains());
        let of = |domain: String| ENVIRONMENTS.map(|environment| format!("{domain}-{environment}"));
        domains.flat_map(of).take(self.accounts)
    }
}

/// Accounts, and what their teams run.
#[derive(Debug)]
pub(crate) struct Cast {
    /// How many accounts there are.
    pub(crate) size: Size,
    /// The longest any single step may take before the demo gives up.
    pub(crate) patience: Duration,
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
    pub(crate) async fn start(stage: &Stage, folder: &Path, size: Size) -> Result<Self> {
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
        let text = fleet(size, stage.can_be_silent(), &named);
        let fleet_file = folder.join("fleet.yaml");
        std::fs::write(&fleet_file, &text)?;
        let next = text
            .replace("name: dev, pools: [nonprod]", "name: dev, pools: [nonprod], nat: single")
            .replace(OWNER_TAG, &format!("{OWNER_TAG}, {{ key: cost-center, value: \"{{domain}}\" }}"));
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
            size,
            patience: size.patience(),
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
            local_cloud.settle(service, account, self.patience).await?;
        }
        Ok(())
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
fn fleet(size: Size, can_be_silent: bool, named: &[(&str, &Service)]) -> String {
    let is_told = |line: &&str| can_be_silent || !line.contains("LEDGER");
    let text: String = FLEET.lines().filter(is_told).map(|line| format!("{line}\n")).collect();
    let text = if can_be_silent { text } else { text.replace("isolations:\n", "") };
    let further: String = size
        .further_domains()
        .map(|name| format!("  - {{ name: {name}, owner: team-{name}, environments: [dev, prod] }}\n"))
        .collect();
    let text = text.replace(LAST_DOMAIN, &format!("{LAST_DOMAIN}{further}"));
    named.iter().fold(text, |text, (name, service)| {
        let text = text.replace(&format!("{name}_HOST"), &service.host());
        text.replace(&format!("{name}_PORT"), &service.port().to_string())
    })
}
