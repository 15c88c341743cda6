//! The set-up that demo and end-to-end tests share: an organization with phonehome deployed to its
//! hub account from the project's own templates and release binaries.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use phonehome_nerdgraph::Nerdgraph;
use serde_json::Value;
use tokio::process::Command;

use crate::package::release_binary;
use crate::{Control, Emulator, EmulatorOptions, Network, Outputs, Place, Receiver, Service, Stage, venv};

/// The account that owns the organization.
pub const MANAGEMENT_ACCOUNT: &str = "111111111111";
/// The account phonehome runs in.
pub const HUB_ACCOUNT: &str = "222222222222";
/// The organization's id.
pub const ORGANIZATION: &str = "o-a1b2c3d4e5";
/// The one Region.
pub const REGION: &str = "us-east-1";
/// The Regions that accounts have here; on AWS it is at least 17. phonehome removes the default VPC of
/// each, and fewer of them save time.
const ACCOUNT_REGIONS: &str = "us-east-1,us-west-2,eu-central-1";
/// How often a function that may not may be invoked in a chain of its own; 16 on AWS, where an account
/// that is not ready waits for minutes. Here it waits for seconds.
const CHAIN: &str = "4";
/// Each write of this number meets a transaction on its item.
const CONFLICT_EVERY: &str = "10";
/// The role of the hub that what changes nothing is run with, by the name that infra/operator.yaml gives it.
pub(crate) const VIEWER_ROLE: &str = "phonehome-viewer";
/// Runs every part of the command (`infra/operator.yaml`).
pub(crate) const OPERATOR_ROLE: &str = "phonehome-operator";
/// Who they are then.
const SOMEBODY: &str = "somebody";
/// The key of the user as whom phonehome works at New Relic: nobody's, the stand-in takes this one.
pub(crate) const NEW_RELIC_USER_KEY: &str = "NRAK-LOCAL";

/// How the stage is set.
#[derive(Debug, Clone)]
pub struct LocalCloudOptions {
    /// The repository: templates, virtual environment, `target/release`.
    pub repository: PathBuf,
    /// Where logs and zips go.
    pub folder: PathBuf,
    /// Schedules of `rate(1 minute)` fire this often, in seconds.
    pub schedule_seconds: u32,
    /// How long a probe may be silent, in seconds.
    pub overdue_after_seconds: u32,
    /// Slack's channels.
    pub channels: Vec<String>,
}

/// A running local cloud with phonehome in it. Everything ends when it is dropped.
#[derive(Debug)]
pub struct LocalCloud {
    /// The emulator.
    pub emulator: Emulator,
    /// The people's side of AWS.
    pub control: Control,
    /// Slack and on-call.
    pub receiver: Receiver,
    /// New Relic, where accounts are observed.
    pub new_relic: Nerdgraph,
    /// What the hub's stack says of itself.
    pub hub: Outputs,
    pub(crate) options: LocalCloudOptions,
    /// The accounts that the member role is deployed to.
    pub(crate) with_member_role: Mutex<BTreeSet<String>>,
    /// Where the probes run. It ends last: functions may run in it.
    pub stage: Stage,
}

impl LocalCloud {
    /// Starts the emulator, Slack and on-call, with probes that run on this machine. Nothing is deployed yet.
    ///
    /// # Errors
    /// When something does not start; the error says what and shows the end of its log.
    pub async fn start(options: LocalCloudOptions) -> Result<Self> {
        Self::start_on(Stage::Host, options).await
    }

    /// The same with probes that run where the stage says.
    ///
    /// # Errors
    /// Like [`LocalCloud::start`].
    pub async fn start_on(mut stage: Stage, options: LocalCloudOptions) -> Result<Self> {
        let python = venv::python(&options.repository, "localcloud");
        ensure!(
            python.exists(),
            "{} is not there: `cargo xtask test` and `cargo xtask demo` make it",
            python.display()
        );
        let channels: Vec<&str> = options.channels.iter().map(String::as_str).collect();
        let receiver = Receiver::start(&channels).await?;
        let new_relic = Nerdgraph::start(NEW_RELIC_USER_KEY)?;
        let emulator = Emulator::start(&EmulatorOptions {
            python: python.clone(),
            log: options.folder.join("emulator.log"),
            management_account: MANAGEMENT_ACCOUNT.to_owned(),
            hub_account: HUB_ACCOUNT.to_owned(),
            organization_id: ORGANIZATION.to_owned(),
            schedule_seconds: Some(options.schedule_seconds),
            environment: stage
                .environment()
                .into_iter()
                .chain([
                    ("SLACK_API_URL".to_owned(), receiver.slack_url()),
                    ("NEW_RELIC_API_URL".to_owned(), new_relic.url().to_owned()),
                    ("PHONEHOME_LOCAL_REGIONS".to_owned(), ACCOUNT_REGIONS.to_owned()),
                    ("PHONEHOME_LOCAL_CHAIN".to_owned(), CHAIN.to_owned()),
                    ("PHONEHOME_LOCAL_CONFLICT_EVERY".to_owned(), CONFLICT_EVERY.to_owned()),
                ])
                .collect(),
        })
        .await?;
        let control = Control::start(&python, emulator.endpoint(), MANAGEMENT_ACCOUNT).await?;
        stage.follow(emulator.endpoint())?;
        Ok(Self {
            emulator,
            control,
            receiver,
            new_relic,
            hub: Outputs::new(),
            options,
            with_member_role: Mutex::default(),
            stage,
        })
    }

    /// The management account makes the organization's trail, which the accounts' events come by.
    ///
    /// # Errors
    /// There is one already.
    pub async fn make_trail(&self) -> Result<()> {
        self.control.organization_trail(REGION).await.context("making the organization's trail")
    }

    /// Runs `phonehome doctor` with the management account's credentials; answers with what it printed,
    /// and whether it found everything in order.
    ///
    /// # Errors
    /// When it cannot be run.
    pub async fn doctor(&self) -> Result<(String, bool)> {
        let management = Place::new(MANAGEMENT_ACCOUNT, REGION);
        let output = self.command(&["doctor"], self.emulator.environment(&management)).await?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok((text, output.status.success()))
    }

    /// Where the command is.
    ///
    /// # Errors
    /// It is not built.
    pub fn phonehome_binary(&self) -> Result<PathBuf> {
        release_binary(&self.options.repository, "phonehome")
    }

    /// Where phonehome runs.
    pub fn hub_place() -> Place {
        Place::new(HUB_ACCOUNT, REGION)
    }

    /// What an account has.
    ///
    /// # Errors
    /// The emulator does not answer.
    pub async fn network(&self, account: &str) -> Result<Network> {
        self.control.describe_network(&Place::new(account, REGION)).await
    }

    /// Observes an account until `found` answers.
    ///
    /// # Errors
    /// After `timeout`, with what was waited for and what was seen last.
    pub async fn wait_for_network<R>(
        &self,
        account: &str,
        what: &str,
        timeout: Duration,
        mut found: impl FnMut(&Network) -> Option<R>,
    ) -> Result<R> {
        let start = Instant::now();
        loop {
            let network = self.network(account).await?;
            if let Some(answer) = found(&network) {
                return Ok(answer);
            }
            if start.elapsed() > timeout {
                bail!(
                    "waited {} s in vain for {what}; account {account} has {network:#?}",
                    timeout.as_secs()
                );
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// A service gets its place in an account, once the account has its subnets: on a stage with a network it has
    /// an address from then on.
    ///
    /// # Errors
    /// After `timeout`.
    pub async fn settle(&self, service: &mut Service, account: &str, timeout: Duration) -> Result<()> {
        let start = Instant::now();
        while service.is_homeless() {
            let network = self.network(account).await?;
            if service.settle(&format!("{account}/{REGION}"), &network).await?.is_some() {
                return Ok(());
            }
            ensure!(start.elapsed() < timeout, "account {account} has no place for {}", service.endpoint());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// One output of the hub's stack.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn output(&self, name: &str) -> Result<&str> {
        self.hub.get(name).map(String::as_str).with_context(|| format!("infra/hub.yaml has no output {name}"))
    }

    /// Runs the command `phonehome` with the hub account's credentials; answers with its standard
    /// output.
    ///
    /// # Errors
    /// When it exits with anything but 0; the error shows what it printed.
    pub async fn phonehome(&self, arguments: &[&str]) -> Result<String> {
        self.run(arguments, BTreeMap::new()).await
    }

    /// The same with the role `phonehome-viewer`, which may also look into member accounts, as `plan`
    /// does, and change nothing.
    ///
    /// # Errors
    /// Like [`LocalCloud::phonehome`].
    pub async fn phonehome_as_viewer(&self, arguments: &[&str]) -> Result<String> {
        let credentials =
            self.control.credentials_of(&Self::hub_place(), VIEWER_ROLE, HUB_ACCOUNT, SOMEBODY).await?;
        self.run(arguments, credentials).await
    }

    /// The command with the role of the people who publish, which may look into every account.
    ///
    /// # Errors
    /// Like [`LocalCloud::phonehome`].
    pub async fn phonehome_as_operator(&self, arguments: &[&str]) -> Result<String> {
        let credentials =
            self.control.credentials_of(&Self::hub_place(), OPERATOR_ROLE, HUB_ACCOUNT, SOMEBODY).await?;
        self.run(arguments, credentials).await
    }

    async fn run(&self, arguments: &[&str], credentials: BTreeMap<String, String>) -> Result<String> {
        let mut environment = self.emulator.environment(&Self::hub_place());
        environment.extend(credentials);
        let output = self.command(arguments, environment).await?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!("phonehome {arguments:?} failed: {text}{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(text)
    }

    async fn command(&self, arguments: &[&str], environment: BTreeMap<String, String>) -> Result<Output> {
        let mut command = Command::new(self.phonehome_binary()?);
        command.args(arguments).env_clear().envs(environment).stdin(Stdio::null());
        Ok(command.output().await?)
    }

    /// `phonehome status --format json`.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn status(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.phonehome(&["status", "--format", "json"]).await?)?)
    }

    /// Asks `phonehome status` until `found` answers.
    ///
    /// # Errors
    /// After `timeout`, with what was waited for and the newest status.
    pub async fn wait_for_status<R>(
        &self,
        what: &str,
        timeout: Duration,
        mut found: impl FnMut(&Value) -> Option<R>,
    ) -> Result<R> {
        let start = Instant::now();
        loop {
            let status = self.status().await?;
            if let Some(answer) = found(&status) {
                return Ok(answer);
            }
            if start.elapsed() > timeout {
                let text = self.phonehome(&["status"]).await?;
                bail!("waited {} s in vain for {what}; the status is\n{text}", timeout.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
