//! Where pages go.

use std::future::Future;
use std::sync::{Arc, Mutex};

use crate::{CloudError, Page};

/// Somewhere that wakes people.
pub trait Pager: Send + Sync {
    /// Publishes a page, or its end.
    ///
    /// # Errors
    /// [`NotPaged`] unless it was accepted for certain.
    fn page(&self, page: &Page) -> impl Future<Output = Result<(), NotPaged>> + Send;
}

/// Why a page is not known to be accepted.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{error}")]
pub struct NotPaged {
    /// What went wrong last.
    pub error: CloudError,
    /// Whether it may have been accepted all the same: an answer did not come.
    pub in_doubt: bool,
}

/// A pager in memory that keeps what was paged.
#[derive(Debug, Clone, Default)]
pub struct MemoryPager {
    pages: Arc<Mutex<Vec<Page>>>,
}

impl MemoryPager {
    /// The subjects paged so far.
    pub fn pages(&self) -> Vec<String> {
        self.published().into_iter().map(|page| page.subject).collect()
    }

    /// What was paged so far.
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    pub fn published(&self) -> Vec<Page> {
        self.pages.lock().unwrap().clone()
    }
}

impl Pager for MemoryPager {
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    async fn page(&self, page: &Page) -> Result<(), NotPaged> {
        self.pages.lock().unwrap().push(page.clone());
        Ok(())
    }
}
