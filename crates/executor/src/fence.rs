//! Who may change a stack: of two executors, only the newer one.

use std::fmt;
use std::future::Future;

use crate::Clock;

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

impl<F: Fence> Fence for &F {
    async fn check(&self) -> Result<(), Stale> {
        F::check(self).await
    }
}

/// Both must allow it. The first is asked first, so let that be the cheaper one.
impl<A: Fence, B: Fence> Fence for (A, B) {
    async fn check(&self) -> Result<(), Stale> {
        self.0.check().await?;
        self.1.check().await
    }
}

/// Always allows it: for tests, and for stacks that nobody else can know of.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFence;

impl Fence for NoFence {
    async fn check(&self) -> Result<(), Stale> {
        Ok(())
    }
}

/// Allows it until the lease is over. By the holder's own clock, which never goes back: choose an
/// end that leaves room for the calls under way then (a call takes seconds).
#[derive(Debug, Clone, Copy)]
pub struct Deadline<C> {
    clock: C,
    generation: u64,
    end_ms: u64,
}

impl<C: Clock> Deadline<C> {
    /// The lease of `generation`, which is over in `lease_ms` milliseconds from now.
    pub fn new(clock: C, generation: u64, lease_ms: u64) -> Self {
        let end_ms = clock.now_ms().saturating_add(lease_ms);
        Self { clock, generation, end_ms }
    }
}

impl<C: Clock> Fence for Deadline<C> {
    async fn check(&self) -> Result<(), Stale> {
        if self.clock.now_ms() < self.end_ms {
            Ok(())
        } else {
            Err(Stale { generation: self.generation, newest: None })
        }
    }
}
