//! Invocations that die, or whose answers get lost.

use std::sync::atomic::{AtomicU64, Ordering};

use phonehome_cloud::table::{Key, TableError};
use phonehome_cloud::{CloudError, NotPaged, Page, PageState, Pager, WallClock};
use phonehome_slack::{Post, Search, Sought};

use super::*;

/// A clock that is put.
#[derive(Clone)]
pub(super) struct TestClock(pub(super) Arc<AtomicU64>);

impl WallClock for TestClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What happens at a write or a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum End {
    /// The invocation dies before it is done.
    #[default]
    Before,
    /// It dies once it is done.
    After,
    /// It is done, its answer gets lost, and the invocation goes on.
    Unheard,
}

/// How an invocation goes.
#[derive(Default)]
pub(super) struct Life {
    /// How many writes and calls go well first; all of them when `None`.
    pub(super) left: Option<usize>,
    pub(super) end: End,
    is_dead: bool,
}

/// The table, on-call and Slack of one invocation.
#[derive(Clone, Default)]
pub(super) struct Mortal {
    pub(super) inner: MemoryTable,
    pub(super) slack: FakeSlack,
    life: Arc<Mutex<Life>>,
    /// What was published: of which page, and its state.
    pub(super) published: Arc<Mutex<Vec<(String, PageState)>>>,
    /// How often it is throttled first.
    pub(super) throttled: Arc<Mutex<usize>>,
}

impl Mortal {
    /// Whether the next thing is done, and whether anybody hears so.
    fn next(&self) -> (bool, bool) {
        let mut life = self.life.lock().unwrap();
        if life.is_dead {
            return (false, false);
        }
        match life.left {
            Some(0) => {
                life.left = None;
                life.is_dead = life.end != End::Unheard;
                (life.end != End::Before, false)
            }
            left => {
                life.left = left.map(|left| left - 1);
                (true, true)
            }
        }
    }

    pub(super) fn journal(&self, key: &str) -> Vec<PageState> {
        let published = self.published.lock().unwrap();
        published.iter().filter(|(of, _)| of == key).map(|(_, state)| *state).collect()
    }
}

fn died() -> CloudError {
    CloudError::service("test", "x", "Died", "the invocation is over")
}

impl Table for Mortal {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.inner.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.inner.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let (done, heard) = self.next();
        let result = if done { self.inner.write(writes).await } else { Ok(()) };
        if heard { result } else { Err(died().into()) }
    }
}

impl Pager for Mortal {
    async fn page(&self, page: &Page) -> Result<(), NotPaged> {
        let mut throttled = self.throttled.lock().unwrap();
        if *throttled > 0 {
            *throttled -= 1;
            let error = CloudError::service("sns:Publish", "x", "Throttled", "slow down");
            return Err(NotPaged { error, in_doubt: false });
        }
        let (done, heard) = self.next();
        if done {
            self.published.lock().unwrap().push((page.key.clone(), page.state));
        }
        if heard { Ok(()) } else { Err(NotPaged { error: died(), in_doubt: true }) }
    }
}

impl Chat for Mortal {
    async fn post(&self, post: Post<'_>) -> Result<MessageRef, SlackError> {
        let (done, heard) = self.next();
        let unheard = || SlackError::Unreachable("the invocation is over".into());
        let place = if done { self.slack.post(post).await } else { Err(unheard()) };
        if heard { place } else { Err(unheard()) }
    }

    async fn update(
        &self,
        message: &MessageRef,
        text: &str,
        blocks: Option<&Value>,
    ) -> Result<(), SlackError> {
        let (done, heard) = self.next();
        let edited = if done { self.slack.update(message, text, blocks).await } else { Ok(()) };
        if heard { edited } else { Err(SlackError::Unreachable("the invocation is over".into())) }
    }

    async fn find(&self, search: Search<'_>) -> Result<Sought, SlackError> {
        self.slack.find(search).await
    }
}

impl ChatSource for Mortal {
    type Chat = Self;

    async fn open(&self) -> Result<Self, String> {
        Ok(self.clone())
    }
}

pub(super) struct World {
    pub(super) notifier: Notifier<Mortal, Mortal, Mortal, TestClock>,
    pub(super) clock: TestClock,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(FakeSlack::default())
    }

    pub(super) fn with(slack: FakeSlack) -> Self {
        let clock = TestClock(Arc::new(AtomicU64::new(1_793_873_700_000)));
        let mortal = Mortal { slack, ..Mortal::default() };
        let notifier = Notifier {
            clock: clock.clone(),
            table: mortal.clone(),
            pager: mortal.clone(),
            chat: mortal,
            metrics: Metrics::void("notifier"),
        };
        Self { notifier, clock }
    }

    /// One invocation, a minute and a bit after the last, so that its claims have run out.
    pub(super) async fn run(&self, left: Option<usize>, end: End) {
        self.clock.0.fetch_add(61_000, Ordering::Relaxed);
        *self.notifier.table.life.lock().unwrap() = Life { left, end, is_dead: false };
        let _ = self.notifier.handle().await;
    }

    /// One to which nothing happens.
    pub(super) async fn live(&self) {
        self.run(None, End::Before).await;
    }

    pub(super) async fn put(&self, incident: &str, sequence: u32, body: OutgoingBody) {
        let id = format!("{incident}/{sequence}/{}", if body.is_page() { "page" } else { "slack" });
        let at_ms = self.clock.now_ms();
        let outgoing = Outgoing { id: id.clone(), incident_id: incident.into(), at_ms, sequence, body };
        let write = Write::put(Keys::outbox(at_ms, &id), Expect::Absent, &Outboxed::new(outgoing));
        self.notifier.table.inner.write(vec![write]).await.unwrap();
    }

    pub(super) async fn left(&self) -> usize {
        outbox(&self.notifier.table.inner).await.len()
    }
}
