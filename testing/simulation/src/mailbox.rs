//! A queue: messages that are there, and that come later.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use phonehome_cloud::{CloudError, Message, Queue, WallClock as _};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Duration, timeout_at};

use crate::clock::VirtualClock;

/// A message, and its number in its queue.
pub(crate) type Letter = (u64, (u64, String));

#[derive(Debug, Default)]
struct Letters {
    /// By when they can be had, in milliseconds since the Unix epoch, and by their number: when they came into the queue, and what they say.
    waiting: BTreeMap<(u64, u64), (u64, String)>,
    count: u64,
}

/// A queue of SQS's, without a bound. Its copies are the same.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox {
    clock: VirtualClock,
    letters: Arc<Mutex<Letters>>,
    news: Arc<Notify>,
}

impl Mailbox {
    pub(crate) fn new(clock: VirtualClock) -> Self {
        Self { clock, letters: Arc::default(), news: Arc::default() }
    }

    /// Puts a message in that can be had from `at_ms` on.
    pub(crate) fn put(&self, at_ms: u64, body: String) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.count += 1;
        let number = letters.count;
        letters.waiting.insert((at_ms, number), (at_ms.max(self.clock.now_ms()), body));
        self.news.notify_one();
    }

    /// Puts back what was not handled.
    pub(crate) fn put_back(&self, at_ms: u64, (number, body): Letter) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.waiting.insert((at_ms, number), body);
        self.news.notify_one();
    }

    /// The messages that were sent by then and are there, each with when it can be had.
    pub(crate) fn left(&self, until_ms: u64) -> Vec<String> {
        let letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let old = letters.waiting.iter().filter(|(_, (sent_ms, _))| *sent_ms <= until_ms);
        old.map(|((at_ms, _), (_, body))| format!("from {at_ms}: {body}")).collect()
    }

    /// Waits until there is a message, and for `window` until there are `most`.
    pub(crate) async fn batch(&self, most: usize, window: Duration) -> Vec<Letter> {
        let first_ms = loop {
            let next = self.first_ms();
            match next {
                Some(at_ms) if at_ms <= self.clock.now_ms() => break self.clock.now_ms(),
                Some(at_ms) => {
                    let _ = timeout_at(self.clock.instant(at_ms), self.news.notified()).await;
                }
                None => self.news.notified().await,
            }
        };
        let end_ms = first_ms + u64::try_from(window.as_millis()).unwrap_or(0);
        while self.ready() < most && self.clock.now_ms() < end_ms {
            let _ = timeout_at(self.clock.instant(end_ms), self.news.notified()).await;
        }
        let now_ms = self.clock.now_ms();
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        while let Some(first) = letters.waiting.first_entry().filter(|it| it.key().0 <= now_ms) {
            if taken.len() >= most {
                // Somebody else may be waiting, too.
                self.news.notify_one();
                break;
            }
            let ((_, number), body) = first.remove_entry();
            taken.push((number, body));
        }
        taken
    }

    /// Takes what can be had now.
    pub(crate) fn taken(&self) -> Vec<String> {
        let now_ms = self.clock.now_ms();
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let later = letters.waiting.split_off(&(now_ms + 1, 0));
        let taken = std::mem::replace(&mut letters.waiting, later);
        taken.into_values().map(|(_, body)| body).collect()
    }

    fn first_ms(&self) -> Option<u64> {
        let letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.waiting.keys().next().map(|(at_ms, _)| *at_ms)
    }

    fn ready(&self) -> usize {
        let now_ms = self.clock.now_ms();
        let letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.waiting.keys().take_while(|(at_ms, _)| *at_ms <= now_ms).count()
    }
}

impl Queue for Mailbox {
    async fn send(&self, message: Message) -> Result<(), CloudError> {
        self.put(self.clock.now_ms() + u64::from(message.delay_s) * 1000, message.body);
        Ok(())
    }

    async fn waiting(&self) -> Result<u64, CloudError> {
        Ok(self.ready() as u64)
    }
}

/// A batch as Lambda gives it to a function.
pub(crate) fn batch_of(letters: &[Letter]) -> Value {
    let record = |(number, (sent_ms, body)): &Letter| {
        json!({
            "messageId": number.to_string(), "body": body, "eventSource": "aws:sqs",
            "attributes": {"SentTimestamp": sent_ms.to_string()},
        })
    };
    json!({"Records": letters.iter().map(record).collect::<Vec<_>>()})
}
