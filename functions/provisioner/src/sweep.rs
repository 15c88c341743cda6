//! A sweep: every account is observed.

use phonehome_cloud::table::Table;
use phonehome_cloud::{Organization, Queue};
use phonehome_provision::Members;
use phonehome_runtime::Refusal;
use phonehome_state::{Keys, Phase, StackStatus, Unread, readable};

use crate::event::Reconcile;
use crate::handler::{Provisioner, later, table_error};

impl<T: Table, Q: Queue, O: Organization, M: Members> Provisioner<T, Q, O, M> {
    /// Queues every account that is a line of a fleet file in use, and every one that has a stack. An
    /// event can be missed; this cannot.
    pub(crate) async fn sweep(&self) -> Result<(), Refusal> {
        let desired = self.desired().await?;
        let accounts = self.organization.accounts().await.map_err(later)?;
        self.notify_unlisted(&desired, &accounts, true).await?;
        let mut queue = self.bind_all(&desired).await?;
        // Also those that have a stack: one of a closed account has to be noted as such.
        let stacks =
            readable::<StackStatus>(&self.provision.table, Keys::STACKS).await.map_err(table_error)?;
        queue.extend(stacks.unreadable.iter().filter_map(Unread::stack).map(|stack| stack.account));
        queue.extend(
            stacks
                .found
                .into_iter()
                .filter(|(_, stack)| stack.phase != Phase::Gone)
                .map(|(_, stack)| stack.account),
        );
        for account in &queue {
            self.send(&Reconcile::of(account.clone()), 0).await?;
        }
        tracing::info!(queued = queue.len(), "sweep");
        Ok(())
    }
}
