//! Where pages go.

use std::future::Future;
use std::sync::{Arc, Mutex};

use crate::CloudError;

/// Somewhere that wakes people.
pub trait Pager: Send + Sync {
    /// Publishes one page. `subject`: at most 100 ASCII characters, as SNS demands.
    fn page(&self, subject: &str, text: &str) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// A pager in memory that keeps what was paged.
#[derive(Debug, Clone, Default)]
pub struct MemoryPager {
    pages: Arc<Mutex<Vec<String>>>,
}

impl MemoryPager {
    /// The subjects paged so far.
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    pub fn pages(&self) -> Vec<String> {
        self.pages.lock().unwrap().clone()
    }
}

impl Pager for MemoryPager {
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    async fn page(&self, subject: &str, _text: &str) -> Result<(), CloudError> {
        self.pages.lock().unwrap().push(subject.to_owned());
        Ok(())
    }
}
