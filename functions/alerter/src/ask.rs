//! That accounts are observed in which the cause of something may be, and that probes run again what is in doubt, over
//! the queue that account events come by.

use std::collections::BTreeSet;

use phonehome_alerting::Rerun;
use phonehome_cloud::{Message, Queue};
use phonehome_wire::AccountId;

/// Asks the provisioner.
#[derive(Debug)]
pub struct Ask<Q> {
    /// What wakes the provisioner.
    pub queue: Q,
}

impl<Q: Queue> Ask<Q> {
    /// Has accounts observed, and what differs in them repaired. An ask that gets lost is made again a few minutes
    /// later, and a sweep sees them all, so that it fails no run.
    pub(crate) async fn observe(&self, accounts: &BTreeSet<AccountId>) {
        for account in accounts {
            let body = serde_json::json!({ "reconcile": { "account": account } }).to_string();
            tracing::info!(account = account.as_str(), "asked to be observed");
            if let Err(error) = self.queue.send(Message { body, ..Message::default() }).await {
                tracing::warn!(account = account.as_str(), %error, "not asked to be observed");
            }
        }
    }

    /// Has probes run again. What gets lost costs time, so that it fails no run.
    pub(crate) async fn rerun(&self, reruns: &[Rerun]) {
        for rerun in reruns {
            let body = serde_json::json!({ "rerun": rerun }).to_string();
            let (account, zone) = (rerun.account.as_str(), rerun.availability_zone.as_str());
            match self.queue.send(Message { body, ..Message::default() }).await {
                Ok(()) => tracing::info!(account, zone, checks = rerun.checks.len(), "asked to run again"),
                Err(error) => tracing::warn!(account, zone, %error, "not asked to run again"),
            }
        }
    }
}
