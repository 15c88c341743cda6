//! That the alerter looks again, while something waits for who is still to report: a report in which all passed wakes
//! nobody, and may be the one that it waited for.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lambda_events::sqs::SqsEvent;
use phonehome_cloud::{Message, Queue};
use phonehome_watching::{Pace, next_look_s};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many looks in a row wake the next one: those of a minute and a quarter in which somebody is still to report, and
/// of a page that waits for a repair. Lambda takes a function that wakes itself for a runaway after about 16; the
/// schedule looks every minute anyway.
const CHAIN_MAX: u32 = 12;

/// A message that wakes the alerter, of its own.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Look {
    /// How many looks there were before it, each of which woke the next.
    looks: u32,
}

/// Wakes the alerter again, and no more often than it has to be.
#[derive(Debug)]
pub struct Again<Q> {
    /// What wakes the alerter.
    pub queue: Q,
    /// Until when nobody need be woken, as somebody is already; milliseconds since the Unix epoch.
    woken_until_ms: AtomicU64,
}

impl<Q: Queue> Again<Q> {
    /// Wakes by this queue.
    pub fn new(queue: Q) -> Self {
        Self { queue, woken_until_ms: AtomicU64::new(0) }
    }

    /// Has the alerter look again soon, at `until_ms` at the latest. A lost message costs a minute at most, so that it
    /// fails no run.
    pub(crate) async fn look(&self, event: &Value, pace: Pace, now_ms: u64, until_ms: u64) {
        let looks = looks(event);
        let delay_s = next_look_s(pace, now_ms, until_ms);
        let woken_ms = self.woken_until_ms.load(Ordering::Relaxed);
        // Who is woken later than this needs is woken once more.
        let is_woken = woken_ms > now_ms && woken_ms <= now_ms + u64::from(delay_s) * 1000;
        if looks >= CHAIN_MAX || is_woken {
            return;
        }
        let body = serde_json::json!(Look { looks: looks + 1 }).to_string();
        match self.queue.send(Message { body, delay_s, ..Message::default() }).await {
            Ok(()) => self.woken_until_ms.store(now_ms + u64::from(delay_s) * 1000, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "the alerter is not woken again; it looks within a minute"),
        }
    }
}

/// The longest chain of looks that led to this event.
fn looks(event: &Value) -> u32 {
    let records = serde_json::from_value::<SqsEvent>(event.clone()).map(|event| event.records);
    let bodies = records.unwrap_or_default().into_iter().filter_map(|record| record.body);
    bodies.filter_map(|body| serde_json::from_str::<Look>(&body).ok()).map(|it| it.looks).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use phonehome_cloud::MemoryQueue;
    use serde_json::json;

    use super::*;

    fn woken_by(looks: &[u32]) -> Value {
        let record =
            |looks: &u32| json!({ "messageId": "m", "body": json!(Look { looks: *looks }).to_string() });
        json!({ "Records": looks.iter().map(record).collect::<Vec<_>>() })
    }

    #[tokio::test]
    async fn it_looks_again_after_ten_seconds_at_the_latest_and_is_woken_once() {
        let again = Again::new(MemoryQueue::default());
        again.look(&Value::Null, Pace::default(), 1_000_000, 1_060_000).await;
        again.look(&Value::Null, Pace::default(), 1_009_000, 1_060_000).await;
        again.look(&woken_by(&[1]), Pace::default(), 1_010_000, 1_012_500).await;
        // Something is due before that.
        again.look(&Value::Null, Pace::default(), 1_010_500, 1_011_500).await;
        let sent: Vec<(String, u32)> =
            again.queue.sent().into_iter().map(|it| (it.body, it.delay_s)).collect();
        let look = |looks: u32| format!("{{\"looks\":{looks}}}");
        assert_eq!(sent, [(look(1), 10), (look(2), 3), (look(1), 1)]);
    }

    #[tokio::test]
    async fn a_chain_of_looks_ends_before_lambda_ends_it() {
        let again = Again::new(MemoryQueue::default());
        let mut event = Value::Null;
        for step in 0..100_u64 {
            let before = again.queue.sent().len();
            again.look(&event, Pace::default(), 1_000_000 + step * 10_000, u64::MAX).await;
            let sent = again.queue.sent();
            if sent.len() == before {
                assert_eq!(step, 12);
                return;
            }
            event = json!({ "Records": [{ "messageId": "m", "body": sent.last().unwrap().body }] });
        }
        panic!("it never ends");
    }

    #[test]
    fn what_else_wakes_it_is_no_look() {
        let hint = json!({ "Records": [{ "messageId": "m", "body": "{\"transitions\":[]}" }] });
        assert_eq!([looks(&hint), looks(&Value::Null), looks(&woken_by(&[3, 7, 2]))], [0, 0, 7]);
    }
}
