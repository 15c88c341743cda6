//! Look, decide, store the decision and what is told of it together; and ask for the accounts whose turn has come.

use phonehome_alerting::Outgoing;
use phonehome_cloud::table::{ATTEMPTS, Expect, Table, Write, on_conflict};
use phonehome_cloud::{Message, Queue, SystemClock, WallClock};
use phonehome_rollout::{Decision, RollOut, decide, superseded};
use phonehome_runtime::Error;
use phonehome_state::{Accepted, Keys, Outboxed, PublishedFleet};
use phonehome_watching::{Rolling, rolling};
use phonehome_wire::AccountId;
use serde_json::json;

use crate::message::tell;

/// What rolls versions out.
#[derive(Debug)]
pub struct RollOuts<T, Q, C = SystemClock> {
    /// Where state is kept.
    pub table: T,
    /// The provisioner's queue.
    pub queue: Q,
    /// What time it is.
    pub clock: C,
}

impl<T: Table, Q: Queue, C: WallClock> RollOuts<T, Q, C> {
    /// Handles one invocation. What woke it does not matter: it observes everything that there is to decide of.
    ///
    /// # Errors
    /// When the table cannot be asked or written, or something that is stored cannot be read: nothing was decided then.
    /// When an account could not be queued: it is asked for again after a while, and a sweep comes by.
    pub async fn handle(&self) -> Result<(), Error> {
        let asked = on_conflict(ATTEMPTS, || self.run(self.clock.now_ms())).await?;
        for account in asked {
            let body = json!({ "reconcile": { "account": account } }).to_string();
            self.queue.send(Message { body, ..Message::default() }).await?;
        }
        Ok(())
    }

    /// One observation and its decision. Returns the accounts that the provisioner is to look at.
    pub(crate) async fn run(&self, now_ms: u64) -> Result<Vec<AccountId>, Error> {
        let Some(rolling) = rolling(&self.table, now_ms).await? else { return Ok(vec![]) };
        let before = &rolling.roll_out;
        let decision = match rolling.overtaken {
            true => over(superseded(before, now_ms)),
            false => decide(before, &rolling.observed, now_ms),
        };
        let (after, outgoing) = tell(&decision, &rolling.observed, &rolling.channel, now_ms);
        if after != *before || !outgoing.is_empty() {
            self.table.write(writes(&rolling, &decision, &after, outgoing)).await?;
            let (version, phase) = (after.versions.target, &after.phase);
            tracing::info!(version, ?phase, turned = after.versions.turned.len(), "roll-out");
        }
        Ok(decision.reconcile)
    }
}

/// What is decided where there is nothing to decide any more.
fn over(roll_out: RollOut) -> Decision {
    Decision { roll_out, reconcile: vec![], waits: vec![], completes: false }
}

/// The version as it is in force from this moment on: what waited for that is permitted for as long as anything.
fn in_force(target: &PublishedFleet, at_ms: u64) -> PublishedFleet {
    let accepted = Accepted { in_force_at_ms: Some(at_ms), ..target.accepted.clone() };
    PublishedFleet { accepted, ..target.clone() }
}

/// All that is stored, in one transaction: where it completes, the version is put in force in the same.
fn writes(rolling: &Rolling, decision: &Decision, after: &RollOut, outgoing: Vec<Outgoing>) -> Vec<Write> {
    let mut writes = vec![Write::over(Some(&rolling.doc), Keys::rollout(), after)];
    if decision.completes {
        let expect = Expect::unchanged(Some(&rolling.in_force));
        writes.push(Write::put(Keys::fleet(), expect, &in_force(&rolling.target, after.decided_at_ms)));
    }
    writes.extend(outgoing.into_iter().map(|outgoing| {
        let key = Keys::outbox(outgoing.at_ms, &outgoing.id);
        Write::put(key, Expect::Absent, &Outboxed::new(outgoing))
    }));
    writes
}
