//! Lambda: takes batches out of the queue and gives them to the provisioner, so many at once.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use phonehome_alerting::{Heartbeat, ProbeKey};
use phonehome_aws::Metrics;
use phonehome_cloud::table::{Expect, Table as _, Write};
use phonehome_cloud::{Message, WallClock as _};
use phonehome_fakecloud::{FakeCloud, Options, SharedCloud};
use phonehome_provision::{COOLDOWN_MS, Provision};
use phonehome_state::{Keys, Phase, PublishedFleet, StackStatus, base, publish, readable};
use provisioner::Provisioner;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use crate::accounts::Accounts;
use crate::fleet;
use crate::hub::{SlowOrganization, SlowTable, Waiting};

/// Records of a batch: `BatchSize` in infra/hub.yaml.
const BATCH: usize = 10;
/// How often an idle poller looks. SQS answers a long poll at once when a message comes.
const POLL: Duration = Duration::from_millis(50);
/// How long a record that was not handled stays hidden: `VisibilityTimeout` in infra/hub.yaml.
const HIDDEN: Duration = Duration::from_secs(360);
/// Longer than anything here takes, in virtual time.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);
/// When it is, at first: the fake's clock counts from the Unix epoch. Milliseconds.
const START_MS: u64 = 1_800_000_000_000;
/// How long a NAT gateway is pending.
const NAT_PENDING_MS: u64 = 100_000;

type Function = Provisioner<SlowTable, Waiting, SlowOrganization, Accounts, SharedCloud>;

/// A hub, and the accounts that it looks after.
pub(crate) struct Fleet {
    pub(crate) accounts: Accounts,
    pub(crate) table: SlowTable,
    pub(crate) queue: Waiting,
    pub(crate) organization: SlowOrganization,
    pub(crate) cloud: SharedCloud,
    function: Arc<Function>,
    number: usize,
}

impl Fleet {
    /// So many accounts, each as declared with these gateway endpoints.
    pub(crate) async fn standing(number: usize, endpoints: &str) -> Result<Self> {
        let mut cloud =
            FakeCloud::with_options(Options { nat_pending_ms: NAT_PENDING_MS, ..Options::default() });
        cloud.advance(START_MS);
        let cloud = SharedCloud::by_tokio_time(cloud).with_limits(1);
        let (accounts, table, queue) = (Accounts::new(&cloud), SlowTable::default(), Waiting::default());
        let organization = SlowOrganization::of(fleet::accounts(number));
        let members = accounts.clone();
        let function = Provisioner {
            provision: Provision {
                table: table.clone(),
                members,
                cooldown_ms: COOLDOWN_MS,
                clock: cloud.clone(),
            },
            queue: queue.clone(),
            dead_letters: Waiting::default(),
            organization: organization.clone(),
            metrics: Metrics::void("provisioner"),
            requeue_delay_s: 20,
            management_account: "111111111111".parse()?,
        };
        let made = Self { accounts, table, queue, organization, cloud, function: Arc::new(function), number };
        made.publish(endpoints).await?;
        made.queue.put(json!({"sweep": {}}).to_string(), Duration::ZERO);
        made.run(4).await?;
        // What was made last may have left a lease; the next look finds nothing to do.
        made.queue.put(json!({"sweep": {}}).to_string(), Duration::from_secs(200));
        made.run(4).await?;
        made.ensure_ready().await?;
        made.table.take_calls();
        made.accounts.take_calls();
        made.organization.take_calls();
        Ok(made)
    }

    /// Puts the fleet file in force.
    pub(crate) async fn publish(&self, endpoints: &str) -> Result<()> {
        let text = fleet::text(self.number, endpoints);
        let published = PublishedFleet { text, published_by: "bench".into(), ..PublishedFleet::default() };
        let base = base(&self.table.of).await?;
        publish(&self.table.of, &base, published).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        Ok(())
    }

    /// Runs the function, at most `at_once` invocations side by side, until nothing is in the queue. Returns when the
    /// last one ended.
    pub(crate) async fn run(&self, at_once: usize) -> Result<()> {
        let began = Instant::now();
        let workers = (0..at_once).map(|_| self.worker(began));
        futures_util::future::try_join_all(workers).await?;
        let refused = self.function.dead_letters.receive(1);
        ensure!(refused.is_empty(), "a record was refused: {refused:?}");
        Ok(())
    }

    async fn worker(&self, began: Instant) -> Result<()> {
        while !self.queue.is_idle() {
            let messages = self.queue.receive(BATCH);
            if messages.is_empty() {
                if began.elapsed() > PATIENCE {
                    bail!("there is still work after {PATIENCE:?}");
                }
                sleep(POLL).await;
                continue;
            }
            let records: Vec<Value> = messages.iter().enumerate().map(record).collect();
            let handled = self.function.handle(&json!({"Records": records})).await;
            let handled = handled.map_err(|error| anyhow::anyhow!("{error}"))?;
            for again in handled.batch_item_failures {
                let number: usize = again.item_identifier.parse()?;
                self.queue.put_message(messages[number].clone(), HIDDEN);
            }
            self.queue.done();
        }
        Ok(())
    }

    /// The probes of all accounts have just reported.
    pub(crate) async fn report(&self) -> Result<()> {
        sleep(Duration::from_secs(60)).await;
        let now_ms = self.cloud.now_ms();
        for stack in self.stacks().await? {
            for zone in &stack.availability_zones {
                let (account, region) = (stack.account.clone(), stack.region.clone());
                let key = ProbeKey { account, region, availability_zone: zone.clone() };
                let heartbeat: Heartbeat = serde_json::from_value(json!({
                    "key": key, "run_id": "run", "last_started_at_ms": now_ms, "last_received_at_ms": now_ms,
                }))?;
                let at = Keys::heartbeat(&key.part(0));
                self.table.of.write(vec![Write::put(at, Expect::Absent, &heartbeat)]).await?;
            }
        }
        Ok(())
    }

    /// Every stack, as it is stored.
    pub(crate) async fn stacks(&self) -> Result<Vec<StackStatus>> {
        let stacks = readable::<StackStatus>(&self.table.of, Keys::STACKS).await?;
        Ok(stacks.found.into_iter().map(|(_, status)| status).collect())
    }

    async fn ensure_ready(&self) -> Result<()> {
        let stacks = self.stacks().await?;
        ensure!(stacks.len() == self.number, "{} of {} stacks are there", stacks.len(), self.number);
        let not_ready = stacks.iter().find(|stack| stack.phase != Phase::Ready);
        ensure!(not_ready.is_none(), "it is not as declared: {not_ready:?}");
        Ok(())
    }
}

/// As Lambda hands a message over, by its place in the batch.
fn record((place, message): (usize, &Message)) -> Value {
    let text = |(name, value): &(String, String)| {
        (name.clone(), json!({"stringValue": value, "dataType": "String"}))
    };
    let attributes: Map<String, Value> = message.attributes.iter().map(text).collect();
    json!({"messageId": place.to_string(), "body": message.body, "messageAttributes": attributes})
}
