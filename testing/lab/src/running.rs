//! What runs in the lab beside its network.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// What runs, each with what ends it when it is dropped.
#[derive(Debug)]
pub(crate) struct Running<T, H>(BTreeMap<T, H>);

impl<T, H> Default for Running<T, H> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Clone + Ord, H> Running<T, H> {
    /// Ends all that is not wanted.
    pub(crate) fn end_others(&mut self, wanted: &BTreeSet<T>) {
        self.0.retain(|one, _| wanted.contains(one));
    }

    /// Starts what is wanted and does not run.
    pub(crate) fn start_missing(
        &mut self,
        wanted: &BTreeSet<T>,
        start: impl Fn(&T) -> Result<H>,
    ) -> Result<()> {
        for one in wanted {
            if !self.0.contains_key(one) {
                self.0.insert(one.clone(), start(one)?);
            }
        }
        Ok(())
    }
}

/// A task that ends when this is dropped, with its sockets.
#[derive(Debug)]
pub(crate) struct Task {
    runtime: Handle,
    task: Option<JoinHandle<()>>,
}

impl Task {
    pub(crate) fn spawn(runtime: &Handle, work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { runtime: runtime.clone(), task: Some(runtime.spawn(work)) }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let Some(task) = self.task.take() else { return };
        task.abort();
        let _ = self.runtime.block_on(task);
    }
}
