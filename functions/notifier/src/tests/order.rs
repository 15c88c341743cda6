//! The order of a page and its end, whatever dies between them, and how many pages there are.

use std::sync::atomic::{AtomicU64, Ordering};

use phonehome_cloud::table::{Key, TableError};
use phonehome_cloud::{CloudError, NotPaged, Page, PageState, Pager, WallClock};

use super::*;

/// A clock that is put.
#[derive(Clone)]
struct TestClock(Arc<AtomicU64>);

impl WallClock for TestClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// An invocation dies at a write or a call, before that was done or after.
#[derive(Default)]
struct Life {
    /// How many writes and calls it lives through; for ever when `None`.
    left: Option<usize>,
    dies_after: bool,
    is_dead: bool,
}

/// The table and on-call of one invocation.
#[derive(Clone, Default)]
struct Mortal {
    inner: MemoryTable,
    life: Arc<Mutex<Life>>,
    /// What was published: of which page, and its state.
    published: Arc<Mutex<Vec<(String, PageState)>>>,
    /// How often it is throttled first.
    throttled: Arc<Mutex<usize>>,
}

impl Mortal {
    /// Whether the next thing is done, and whether anybody lives to hear so.
    fn next(&self) -> (bool, bool) {
        let mut life = self.life.lock().unwrap();
        if life.is_dead {
            return (false, false);
        }
        match life.left {
            Some(0) => {
                life.is_dead = true;
                (life.dies_after, false)
            }
            left => {
                life.left = left.map(|left| left - 1);
                (true, true)
            }
        }
    }

    fn journal(&self, key: &str) -> Vec<PageState> {
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
        let (done, lives) = self.next();
        let result = if done { self.inner.write(writes).await } else { Ok(()) };
        if lives { result } else { Err(died().into()) }
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
        let (done, lives) = self.next();
        if done {
            self.published.lock().unwrap().push((page.key.clone(), page.state));
        }
        if lives { Ok(()) } else { Err(NotPaged { error: died(), in_doubt: true }) }
    }
}

struct World {
    notifier: Notifier<Mortal, Mortal, FakeSlack, TestClock>,
    clock: TestClock,
}

impl World {
    fn new() -> Self {
        let clock = TestClock(Arc::new(AtomicU64::new(1_793_873_700_000)));
        let mortal = Mortal::default();
        let notifier = Notifier {
            clock: clock.clone(),
            table: mortal.clone(),
            pager: mortal,
            chat: FakeSlack::default(),
            metrics: Metrics::void("notifier"),
        };
        Self { notifier, clock }
    }

    /// One invocation, a minute and a bit after the last, so that its claims have run out.
    async fn run(&self, left: Option<usize>, dies_after: bool) {
        self.clock.0.fetch_add(61_000, Ordering::Relaxed);
        *self.notifier.table.life.lock().unwrap() = Life { left, dies_after, is_dead: false };
        let _ = self.notifier.handle().await;
    }

    async fn put(&self, incident: &str, sequence: u32, body: OutgoingBody) {
        let id = format!("{incident}/{sequence}/page");
        let at_ms = self.clock.now_ms();
        let outgoing = Outgoing { id: id.clone(), incident_id: incident.into(), at_ms, sequence, body };
        let write = Write::put(Keys::outbox(at_ms, &id), Expect::Absent, &Outboxed::new(outgoing));
        self.notifier.table.inner.write(vec![write]).await.unwrap();
    }

    async fn left(&self) -> usize {
        outbox(&self.notifier.table.inner).await.len()
    }
}

fn ended(merged: Option<&str>) -> OutgoingBody {
    let OutgoingBody::Page { subject, text, title, accounts, of, .. } = page("over") else { unreachable!() };
    let merged_into = merged.map(str::to_owned);
    OutgoingBody::Page { subject, text, resolved: true, title, accounts, of, merged_into }
}

use PageState::{Alarm, Ok as Over};

/// A page and its end, with an invocation that dies at each write and each call, before or after it, and a
/// second one that does the same; the end comes before, between or after them, or never.
#[tokio::test]
async fn killed_at_any_write_or_call_on_call_is_called_once_per_key_and_no_page_follows_its_end() {
    let mut sent_twice = 0;
    for ends_before_run in [0, 1, 2, 3, usize::MAX] {
        for (first, second) in (0..6).flat_map(|first| (0..6).map(move |second| (first, second))) {
            for (after, then_after) in [(false, false), (false, true), (true, false), (true, true)] {
                let case = format!("{ends_before_run} {first} {second} {after} {then_after}");
                let world = World::new();
                world.put("a", 1, page("wake up")).await;
                let lives = [(Some(first), after), (Some(second), then_after), (None, false), (None, false)];
                for run in 0..8 {
                    if run == ends_before_run {
                        world.put("a", 2, ended(None)).await;
                    }
                    let (left, dies_after) = lives.get(run).copied().unwrap_or_default();
                    world.run(left, dies_after).await;
                }
                assert_eq!(world.left().await, 0, "{case}");
                let journal = world.notifier.table.journal("a");
                let mut as_a_service_sees_it = journal.clone();
                as_a_service_sees_it.dedup();
                sent_twice += usize::from(as_a_service_sees_it != journal);
                let expected: &[&[PageState]] = match ends_before_run {
                    usize::MAX => &[&[Alarm]],
                    // It may be that nobody was told anything, or, of what nobody knows, only the end.
                    0..=2 => &[&[], &[Over], &[Alarm, Over]],
                    _ => &[&[Alarm, Over]],
                };
                assert!(expected.contains(&as_a_service_sees_it.as_slice()), "{case}: {journal:?}");
            }
        }
    }
    assert!(sent_twice > 0, "at least once is all that SNS can be given: some were sent twice");
}

#[tokio::test]
async fn a_page_that_sns_throttles_dies_with_its_end_and_neither_is_sent() {
    let world = World::new();
    *world.notifier.pager.throttled.lock().unwrap() = 1;
    world.put("a", 1, page("wake up")).await;
    world.run(None, false).await;
    assert_eq!(world.left().await, 1);
    world.put("a", 2, ended(None)).await;
    world.run(None, false).await;
    assert_eq!((world.left().await, world.notifier.table.journal("a")), (0, vec![]));
    assert_eq!(world.notifier.metrics.counts()["PagesWithdrawn"], 1);
}

#[tokio::test]
async fn the_order_is_the_sequence_whatever_the_clocks_say() {
    let world = World::new();
    world.run(None, false).await;
    // Decided later by a clock that is behind; and what was sent is not withdrawn.
    world.put("a", 1, page("wake up")).await;
    world.run(None, false).await;
    world.clock.0.fetch_sub(90_000, Ordering::Relaxed);
    world.put("a", 7, ended(None)).await;
    world.put("b", 2, ended(None)).await;
    world.clock.0.fetch_add(1, Ordering::Relaxed);
    world.put("b", 1, page("wake up")).await;
    world.clock.0.fetch_add(90_000, Ordering::Relaxed);
    world.run(None, false).await;
    assert_eq!(world.notifier.table.journal("a"), [Alarm, Over]);
    assert_eq!(world.notifier.table.journal("b"), [], "it is over, and nobody was told");
}

#[tokio::test]
async fn of_an_incident_that_goes_on_as_another_nobody_is_told_an_end() {
    let world = World::new();
    world.put("sent", 1, page("wake up")).await;
    world.run(None, false).await;
    *world.notifier.pager.throttled.lock().unwrap() = 1;
    world.put("waits", 1, page("wake up")).await;
    world.run(None, false).await;
    world.put("sent", 2, ended(Some("other"))).await;
    world.put("waits", 2, ended(Some("other"))).await;
    for _ in 0..3 {
        world.run(None, false).await;
    }
    assert_eq!(world.notifier.table.journal("sent"), [Alarm]);
    world.put("sent", 3, ended(None)).await;
    world.put("waits", 3, ended(None)).await;
    world.run(None, false).await;
    assert_eq!(world.notifier.table.journal("sent"), [Alarm, Over]);
    assert_eq!(world.notifier.table.journal("waits"), []);
    assert_eq!(world.left().await, 0);
}

#[tokio::test]
async fn of_many_pages_five_are_sent_in_a_minute_and_one_of_them_says_what_is_held_back() {
    let world = World::new();
    for number in 0..12 {
        world.put(&format!("incident {number}"), 1, page("wake up")).await;
    }
    let published = || world.notifier.table.published.lock().unwrap().clone();
    world.run(None, false).await;
    let _ = world.notifier.handle().await;
    let sums =
        |state| published().iter().filter(|(key, of)| key.starts_with("held-back-") && *of == state).count();
    assert_eq!((published().len(), sums(Alarm)), (5, 1), "within the minute");
    world.run(None, false).await;
    assert_eq!((published().len(), sums(Alarm)), (10, 1), "told once");
    for _ in 0..3 {
        world.run(None, false).await;
    }
    let alarms = published().iter().filter(|(_, state)| *state == Alarm).count();
    assert_eq!(
        (alarms, sums(Over), world.left().await),
        (13, 1, 0),
        "nothing is lost, and it is said when over"
    );
}

#[tokio::test]
async fn what_was_held_back_and_is_over_is_never_sent() {
    let world = World::new();
    for number in 0..12 {
        world.put(&format!("incident {number}"), 1, page("wake up")).await;
    }
    world.run(None, false).await;
    for number in 0..12 {
        world.put(&format!("incident {number}"), 2, ended(None)).await;
    }
    for _ in 0..3 {
        world.run(None, false).await;
    }
    let published = world.notifier.table.published.lock().unwrap().clone();
    assert_eq!(published.len(), 10, "four pages, the sum, and their ends: {published:?}");
    assert_eq!(world.left().await, 0);
}
