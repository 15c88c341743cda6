//! Who may change a stack: of two executors, only the newer one.

use std::fmt;
use std::future::Future;

/// This executor may no longer change the stack: a newer one has it, or may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale {
    /// The generation that this executor applies.
    pub generation: u64,
    /// The newest generation there is. `None` when only this is known: the time for which the stack
    /// belonged to this executor is over.
    pub newest: Option<u64>,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { generation, newest } = self;
        match newest {
            Some(newest) => write!(
                f,
                "generation {generation} may no longer change this stack: generation {newest} has begun and \
                 does what is left"
            ),
            None => write!(
                f,
                "generation {generation} may no longer change this stack: its lease is over, and another \
                 executor may have taken over; the next run does what is left"
            ),
        }
    }
}

impl std::error::Error for Stale {}

/// Asked before each call is started.
pub trait Fence: Send + Sync {
    /// Whether this executor may still change the stack. A fence that cannot find out answers
    /// [`Stale`]: rather no call than one too many.
    fn check(&self) -> impl Future<Output = Result<(), Stale>> + Send;
}

/// Always allows it: for tests, and for stacks that nobody else can know of.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFence;

impl Fence for NoFence {
    async fn check(&self) -> Result<(), Stale> {
        Ok(())
    }
}
