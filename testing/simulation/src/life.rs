//! How long an invocation lives: to its end, or to some write or call of its own.

use std::sync::{Arc, Mutex, PoisonError};

use phonehome_bench_localisation::Random;
use phonehome_cloud::CloudError;
use phonehome_cloud::table::{Doc, Key, Table, TableError, Write};
use phonehome_cloud::{Message, NotPaged, Page, Pager, Queue};
use phonehome_slack::{Chat, MessageRef, Post, Search, SlackError, Sought};
use serde_json::Value;

use crate::on_call::OnCall;
use crate::slack::Slack;

/// What happens at the write or call that does not go well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The invocation dies before it is done.
    Before,
    /// It dies once it is done.
    After,
    /// It is done, its answer gets lost, and the invocation goes on.
    Unheard,
    /// It is not done, which is answered, and the invocation goes on.
    Refused,
}

#[derive(Debug)]
struct Course {
    /// How many writes and calls go well first; all of them when `None`.
    left: Option<u32>,
    end: End,
    is_dead: bool,
}

/// The invocation that an execution environment is in. Its copies are the same.
#[derive(Debug, Clone)]
pub(crate) struct Life(Arc<Mutex<Course>>);

/// What becomes of a write or a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) is_done: bool,
    pub(crate) is_heard: bool,
    /// That it was not done is known.
    pub(crate) is_refused: bool,
}

/// How many writes and calls an invocation that does not go well may make first, at most.
const WRITES_MAX: u32 = 12;

impl Default for Life {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Course { left: None, end: End::Before, is_dead: false })))
    }
}

impl Life {
    /// An invocation begins, and does not go well in so many of a million.
    pub(crate) fn begin(&self, ppm: u32, random: &mut Random) {
        let ends = [End::Before, End::After, End::Unheard, End::Refused];
        let left = random.happens(ppm).then(|| random.below(WRITES_MAX));
        let course = Course { left, end: ends[random.below(4) as usize], is_dead: false };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = course;
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_dead
    }

    pub(crate) fn next(&self) -> Fate {
        let mut course = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fate = |is_done, is_heard, is_refused| Fate { is_done, is_heard, is_refused };
        if course.is_dead {
            return fate(false, false, false);
        }
        let Some(left) = course.left else { return fate(true, true, false) };
        if left > 0 {
            course.left = Some(left - 1);
            return fate(true, true, false);
        }
        course.left = None;
        course.is_dead = matches!(course.end, End::Before | End::After);
        match course.end {
            End::Before => fate(false, false, false),
            End::Refused => fate(false, false, true),
            End::After | End::Unheard => fate(true, false, false),
        }
    }
}

fn lost() -> CloudError {
    CloudError::service("simulated", "x", "Lost", "no answer came")
}

/// Something that an invocation uses.
#[derive(Debug, Clone)]
pub(crate) struct Of<T> {
    pub(crate) inner: T,
    pub(crate) life: Life,
}

impl<T: Table> Table for Of<T> {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        if self.life.is_dead() { Err(lost().into()) } else { self.inner.get(key).await }
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        if self.life.is_dead() { Err(lost().into()) } else { self.inner.query(partition).await }
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Doc>, TableError> {
        if self.life.is_dead() { Err(lost().into()) } else { self.inner.get_many(keys).await }
    }

    async fn get_many_eventually(&self, keys: &[Key]) -> Result<Vec<Doc>, TableError> {
        if self.life.is_dead() { Err(lost().into()) } else { self.inner.get_many_eventually(keys).await }
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let fate = self.life.next();
        let result = if fate.is_done { self.inner.write(writes).await } else { Ok(()) };
        if fate.is_heard { result } else { Err(lost().into()) }
    }
}

impl<T: Queue> Queue for Of<T> {
    async fn send(&self, message: Message) -> Result<(), CloudError> {
        let fate = self.life.next();
        let result = if fate.is_done { self.inner.send(message).await } else { Ok(()) };
        if fate.is_heard { result } else { Err(lost()) }
    }

    async fn waiting(&self) -> Result<u64, CloudError> {
        if self.life.is_dead() { Err(lost()) } else { self.inner.waiting().await }
    }
}

impl Pager for Of<OnCall> {
    async fn page(&self, page: &Page) -> Result<(), NotPaged> {
        let fate = self.life.next();
        let result = if fate.is_done { self.inner.page(page).await } else { Ok(()) };
        if fate.is_heard { result } else { Err(NotPaged { error: lost(), in_doubt: !fate.is_refused }) }
    }
}

impl Of<Slack> {
    fn unheard(fate: Fate) -> SlackError {
        if fate.is_refused {
            return SlackError::Unreachable("the connection is refused".into());
        }
        SlackError::Unreachable("no answer came".into())
    }
}

impl Chat for Of<Slack> {
    async fn post(&self, post: Post<'_>) -> Result<MessageRef, SlackError> {
        let fate = self.life.next();
        let place = if fate.is_done { self.inner.post(post).await } else { Err(Self::unheard(fate)) };
        if fate.is_heard { place } else { Err(Self::unheard(fate)) }
    }

    async fn update(
        &self,
        message: &MessageRef,
        text: &str,
        blocks: Option<&Value>,
    ) -> Result<(), SlackError> {
        let fate = self.life.next();
        let edited = if fate.is_done { self.inner.update(message, text, blocks).await } else { Ok(()) };
        if fate.is_heard { edited } else { Err(Self::unheard(fate)) }
    }

    async fn find(&self, search: Search<'_>) -> Result<Sought, SlackError> {
        if self.life.is_dead() {
            return Err(SlackError::Unreachable("no answer came".into()));
        }
        self.inner.find(search).await
    }
}

impl notifier::ChatSource for Of<Slack> {
    type Chat = Self;

    async fn open(&self) -> Result<Self, String> {
        Ok(self.clone())
    }
}
