//! On-call in memory.

use std::sync::{Arc, Mutex, PoisonError};

use phonehome_cloud::{NotPaged, Page, PageState, Pager};
use tokio::time::Instant;

/// What on-call was told.
#[derive(Debug, Clone)]
pub struct Paged {
    /// The page's key: its end has the same.
    pub key: String,
    /// Whether it begins or ends.
    pub state: PageState,
    /// The subject.
    pub subject: String,
    /// When.
    pub at: Instant,
}

/// On-call in memory. Its copies are the same.
#[derive(Debug, Clone, Default)]
pub struct OnCall(Arc<Mutex<Vec<Paged>>>);

impl OnCall {
    /// What it was told, the first first.
    #[must_use]
    pub fn pages(&self) -> Vec<Paged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Pager for OnCall {
    async fn page(&self, page: &Page) -> Result<(), NotPaged> {
        let (key, state) = (page.key.clone(), page.state);
        let paged = Paged { key, state, subject: page.sns_subject(), at: Instant::now() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(paged);
        Ok(())
    }
}
