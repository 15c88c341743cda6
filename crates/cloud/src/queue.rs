//! Queues.

use std::future::Future;
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
}

/// A queue in memory that keeps what was sent.
#[derive(Debug, Clone, Default)]
pub struct MemoryQueue {
    sent: Arc<Mutex<Vec<Message>>>,
}

impl MemoryQueue {
    /// What was sent so far.
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    pub fn sent(&self) -> Vec<Message> {
        self.sent.lock().unwrap().clone()
    }
}

impl Queue for MemoryQueue {
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    async fn send(&self, message: Message) -> Result<(), CloudError> {
        self.sent.lock().unwrap().push(message);
        Ok(())
    }
}
