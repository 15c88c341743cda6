//! Queues.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::CloudError;

/// SQS's longest delay of one message, in seconds.
pub const DELAY_S_MAX: u32 = 900;

/// A message to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The text, at most 256 KB.
    pub body: String,
    /// How long it stays hidden, in seconds, at most [`DELAY_S_MAX`].
    pub delay_s: u32,
    /// String attributes, at most 10.
    pub attributes: Vec<(String, String)>,
}

/// Somewhere to send messages to.
pub trait Queue: Send + Sync {
    /// Sends one message.
    fn send(&self, message: Message) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// Sends all messages, with as few calls as it takes. After an error some of them may have been sent:
    /// whoever sends them again sends those twice.
    fn send_all(&self, messages: Vec<Message>) -> impl Future<Output = Result<(), CloudError>> + Send {
        async move {
            for message in messages {
                self.send(message).await?;
            }
            Ok(())
        }
    }
    /// How many messages wait to be received, as far as the queue knows: about a minute late, and not exactly.
    fn waiting(&self) -> impl Future<Output = Result<u64, CloudError>> + Send;
}

/// A queue in memory that keeps what was sent.
#[derive(Debug, Clone, Default)]
pub struct MemoryQueue {
    sent: Arc<Mutex<Vec<Message>>>,
    waiting: Arc<AtomicU64>,
}

impl MemoryQueue {
    /// What was sent so far.
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    pub fn sent(&self) -> Vec<Message> {
        self.sent.lock().unwrap().clone()
    }

    /// From now on so many messages wait: nobody receives them here, so it does not know by itself.
    pub fn set_waiting(&self, messages: u64) {
        self.waiting.store(messages, Ordering::SeqCst);
    }
}

impl Queue for MemoryQueue {
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    async fn send(&self, message: Message) -> Result<(), CloudError> {
        self.sent.lock().unwrap().push(message);
        Ok(())
    }

    async fn waiting(&self) -> Result<u64, CloudError> {
        Ok(self.waiting.load(Ordering::SeqCst))
    }
}
