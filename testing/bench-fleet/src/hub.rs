//! What the provisioner has in the hub: table, queue and Organizations, on which each call takes its time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use phonehome_cloud::table::{Doc, Key, MemoryTable, Table, TableError, Write};
use phonehome_cloud::{Account, AccountPage, CloudError, Message, Organization, Queue};
use phonehome_wire::AccountId;
use tokio::time::{Instant, sleep};

/// How long a call takes, of whatever service.
pub(crate) const LATENCY: Duration = Duration::from_millis(50);

/// A table, each call of which takes [`LATENCY`].
#[derive(Debug, Clone, Default)]
pub(crate) struct SlowTable {
    pub(crate) of: MemoryTable,
    calls: Arc<AtomicUsize>,
}

impl SlowTable {
    /// The calls since the last time.
    pub(crate) fn take_calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }

    async fn call(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        sleep(LATENCY).await;
    }
}

impl Table for SlowTable {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.call().await;
        self.of.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.call().await;
        self.of.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.call().await;
        self.of.write(writes).await
    }
}

/// A queue in which messages wait until they are received.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting {
    /// By when each is to be seen, and its number.
    messages: Arc<Mutex<BTreeMap<(Instant, usize), Message>>>,
    sent: Arc<AtomicUsize>,
    /// How many batches are being handled.
    handled: Arc<AtomicUsize>,
}

impl Waiting {
    fn messages(&self) -> MutexGuard<'_, BTreeMap<(Instant, usize), Message>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, body: String, delay: Duration) {
        self.put_message(Message { body, ..Message::default() }, delay);
    }

    pub(crate) fn put_message(&self, message: Message, delay: Duration) {
        let number = self.sent.fetch_add(1, Ordering::SeqCst);
        self.messages().insert((Instant::now() + delay, number), message);
    }

    /// The oldest that may be seen now, at most so many.
    pub(crate) fn receive(&self, most: usize) -> Vec<Message> {
        let (mut messages, now) = (self.messages(), Instant::now());
        let mut received = Vec::new();
        while received.len() < most {
            match messages.first_entry() {
                Some(first) if first.key().0 <= now => received.push(first.remove()),
                _ => break,
            }
        }
        if !received.is_empty() {
            self.handled.fetch_add(1, Ordering::SeqCst);
        }
        received
    }

    /// A batch that was received is handled.
    pub(crate) fn done(&self) {
        self.handled.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether nothing is in it, and nobody is at work who may put something into it.
    pub(crate) fn is_idle(&self) -> bool {
        self.messages().is_empty() && self.handled.load(Ordering::SeqCst) == 0
    }
}

impl Queue for Waiting {
    async fn send(&self, message: Message) -> Result<(), CloudError> {
        self.send_all(vec![message]).await
    }

    /// In batches of ten, eight at once, as the adapter sends them.
    async fn send_all(&self, messages: Vec<Message>) -> Result<(), CloudError> {
        let rounds = messages.len().div_ceil(80);
        sleep(LATENCY * u32::try_from(rounds).unwrap_or(u32::MAX)).await;
        for message in messages {
            let delay = Duration::from_secs(message.delay_s.into());
            self.put_message(message, delay);
        }
        Ok(())
    }

    async fn waiting(&self) -> Result<u64, CloudError> {
        sleep(LATENCY).await;
        let (messages, now) = (self.messages(), Instant::now());
        Ok(messages.keys().filter(|(at, _)| *at <= now).count() as u64)
    }
}

/// Organizations, with the limits that all of its callers share.
#[derive(Debug, Clone)]
pub(crate) struct SlowOrganization {
    accounts: Arc<Vec<Account>>,
    describe: Bucket,
    list: Bucket,
    pub(crate) refused: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

impl SlowOrganization {
    pub(crate) fn of(accounts: Vec<Account>) -> Self {
        Self {
            accounts: Arc::new(accounts),
            describe: Bucket::new(30, 20),
            list: Bucket::new(12, 8),
            refused: Arc::default(),
            calls: Arc::default(),
        }
    }

    /// The calls since the last time.
    pub(crate) fn take_calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }

    async fn call(&self, operation: &'static str, bucket: &Bucket) -> Result<(), CloudError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let allowed = bucket.take();
        sleep(LATENCY).await;
        if allowed {
            return Ok(());
        }
        self.refused.fetch_add(1, Ordering::SeqCst);
        Err(CloudError::service(operation, "the organization", "TooManyRequestsException", "slow down"))
    }
}

impl Organization for SlowOrganization {
    async fn account(&self, id: &AccountId) -> Result<Option<Account>, CloudError> {
        self.call("organizations:DescribeAccount", &self.describe).await?;
        Ok(self.accounts.iter().find(|account| account.id == *id).cloned())
    }

    async fn page(&self, next: Option<&str>) -> Result<AccountPage, CloudError> {
        const PAGE: usize = 20;
        self.call("organizations:ListAccounts", &self.list).await?;
        let from = next.and_then(|next| next.parse().ok()).unwrap_or(0);
        let accounts = self.accounts.iter().skip(from).take(PAGE).cloned().collect();
        let next = (from + PAGE < self.accounts.len()).then(|| (from + PAGE).to_string());
        Ok(AccountPage { accounts, next })
    }
}

/// Calls at once, and calls a second after that.
#[derive(Debug, Clone)]
struct Bucket {
    burst: u32,
    token: Duration,
    /// When it is full again.
    full_at: Arc<Mutex<Option<Instant>>>,
}

impl Bucket {
    fn new(burst: u32, per_second: u32) -> Self {
        Self { burst, token: Duration::from_secs(1) / per_second, full_at: Arc::default() }
    }

    /// Whether a call may be made now.
    fn take(&self) -> bool {
        let now = Instant::now();
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = full_at.map_or(now, |at| at.max(now)) + self.token;
        let allowed = next <= now + self.token * self.burst;
        if allowed {
            *full_at = Some(next);
        }
        allowed
    }
}
