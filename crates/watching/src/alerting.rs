//! One look: everything is gathered, decided, and stored.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::{Decision, GrayZones, Rerun, Reruns, Suspected, World, decide, gray_zones, notices};
use phonehome_cloud::table::{ATTEMPTS, Doc, Expect, Table, TableError, Write, on_conflict};
use phonehome_state::{Keys, Outboxed, StateError};
use phonehome_wire::{AccountId, StackId};

use crate::found::found;
use crate::known::Known;
use crate::storing::Storing;
use crate::world::{Gathered, Pace, gather};

/// How many looks there are in the time between two runs of a probe, while something waits: one in 10 seconds.
const LOOKS: u64 = 6;

/// Who decides.
#[derive(Debug)]
pub struct Alerting<'a, T> {
    /// Where state is kept.
    pub table: &'a T,
    /// What was read before.
    pub known: &'a Known,
    /// How often probes run.
    pub pace: Pace,
}

/// What was looked at, and what was decided of it and is stored.
#[derive(Debug)]
pub struct Decided {
    /// What was looked at.
    pub gathered: Gathered,
    /// What was decided.
    pub decision: Decision,
}

/// In how many seconds to look again, where something waits until `until_ms` at the latest.
#[must_use]
pub fn next_look_s(pace: Pace, now_ms: u64, until_ms: u64) -> u32 {
    let every_ms = (u64::from(pace.interval_s) * 1000 / LOOKS).max(1000);
    let delay_ms = until_ms.saturating_sub(now_ms).clamp(1, every_ms);
    u32::try_from(delay_ms.div_ceil(1000)).unwrap_or(1)
}

impl<T: Table> Alerting<'_, T> {
    /// One observation of everything.
    ///
    /// # Errors
    /// When the table cannot be asked or written: nothing was decided, or only a part of it was stored.
    pub async fn look(&self, now_ms: u64) -> Result<Decided, StateError> {
        on_conflict(ATTEMPTS, async || {
            let mut gathered = gather(self.table, self.known, now_ms, &self.pace).await?;
            let decision = self.decided(&mut gathered.world).await?;
            let (revision, now_ms) = (gathered.revision, gathered.world.now_ms);
            let mut storing = Storing { table: self.table, revision, now_ms };
            gathered.troubles.extend(storing.decision(&decision, &gathered.stored).await?);
            Ok::<_, StateError>(Decided { gathered, decision })
        })
        .await
    }

    /// What is decided of the world, with what is known of the stacks in which causes may be: which ones these are is
    /// known when it was decided.
    async fn decided(&self, world: &mut World) -> Result<Decision, TableError> {
        let decision = decide(world);
        if decision.suspected.is_empty() {
            return Ok(decision);
        }
        let mut stacks: BTreeMap<StackId, String> = BTreeMap::new();
        for view in &world.probes {
            let stack = view.key.stack();
            if decision.suspected.contains_key(&stack) {
                stacks.entry(stack).or_insert_with(|| view.account_name.clone());
            }
        }
        let found = found(self.table, &stacks).await?;
        if found.is_empty() {
            return Ok(decision);
        }
        world.findings = found.findings;
        world.changes.extend(found.changes);
        Ok(decide(world))
    }

    /// Which accounts are to be observed now, as causes may be in them: each is asked for once. It is noted before anybody
    /// is asked, so that an ask that gets lost is made again, and none comes twice. Another run that notes it first asks.
    ///
    /// # Errors
    /// [`TableError`]
    pub async fn to_observe(&self, decided: &Decided) -> Result<BTreeSet<AccountId>, TableError> {
        let Decided { gathered, decision } = decided;
        let key = Keys::suspected();
        let stored = self.table.get(&key).await?;
        let before = match stored.as_ref().map(Doc::read::<Suspected>) {
            // What cannot be read is not written anew: it may be of a newer version.
            Some(Err(error)) => {
                tracing::warn!(%error, "it is not known which accounts were asked to be observed");
                return Ok(BTreeSet::new());
            }
            Some(Ok(before)) => before,
            None => Suspected::default(),
        };
        let Gathered { world, observed_ms, .. } = gathered;
        let (after, accounts) = before.after(decision, &world.open, observed_ms, world.now_ms);
        if after == before {
            return Ok(BTreeSet::new());
        }
        match self.table.write(vec![Write::over(stored.as_ref(), key, &after)]).await {
            Ok(()) => Ok(accounts),
            Err(TableError::Conflict { .. }) => Ok(BTreeSet::new()),
            Err(error) => Err(error),
        }
    }

    /// Which probes are to run again now, as a few more results would say whether something fails. It is noted before
    /// anybody is asked, so that none is asked twice for the same. Another run that notes it first asks.
    ///
    /// # Errors
    /// [`TableError`]
    pub async fn to_rerun(&self, decided: &Decided) -> Result<Vec<Rerun>, TableError> {
        let Decided { gathered, decision } = decided;
        if decision.doubts.is_empty() {
            return Ok(vec![]);
        }
        let key = Keys::reruns();
        let stored = self.table.get(&key).await?;
        let before = match stored.as_ref().map(Doc::read::<Reruns>) {
            // What cannot be read is not written anew: it may be of a newer version.
            Some(Err(error)) => {
                tracing::warn!(%error, "it is not known which probes were asked to run again");
                return Ok(vec![]);
            }
            Some(Ok(before)) => before,
            None => Reruns::default(),
        };
        let (after, reruns) = before.after(&decision.doubts, &gathered.world);
        if reruns.is_empty() {
            return Ok(vec![]);
        }
        match self.table.write(vec![Write::over(stored.as_ref(), key, &after)]).await {
            Ok(()) => Ok(reruns),
            Err(TableError::Conflict { .. }) => Ok(vec![]),
            Err(error) => Err(error),
        }
    }

    /// Tells what somebody should look into, once: that it was told is stored with the message. It comes
    /// after the decision, which must not wait for it; another run that tells it first has told it.
    ///
    /// # Errors
    /// [`TableError`]
    pub async fn notify_once(&self, gathered: &Gathered) -> Result<(), TableError> {
        let Gathered { troubles, notified, channel, of_ledger, .. } = gathered;
        let now_ms = gathered.world.now_ms;
        let Some((after, message)) = notices(troubles, of_ledger.as_deref(), notified, channel, now_ms)
        else {
            return Ok(());
        };
        let mut writes = vec![Write::over(gathered.notified_doc.as_ref(), Keys::notices(), &after)];
        if let Some(message) = message {
            let key = Keys::outbox(message.at_ms, &message.id);
            writes.push(Write::put(key, Expect::Absent, &Outboxed::new(message)));
        }
        match self.table.write(writes).await {
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            // It is written each few minutes, also while there is nothing to tell: no run may fail by it.
            Err(error @ TableError::Newer { .. }) => {
                tracing::warn!(%error, "it is not known what trouble has been told, so that none is");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Tells which zones are slow beside their siblings, once each, and when that is over. Nobody waits for it either.
    ///
    /// # Errors
    /// [`TableError`]
    pub async fn tell_slow_zones(&self, gathered: &Gathered) -> Result<(), TableError> {
        let key = Keys::gray_zones();
        let stored = self.table.get(&key).await?;
        let before = match stored.as_ref().map(Doc::read::<GrayZones>) {
            // What cannot be read is not written anew: it may be of a newer version.
            Some(Err(error)) => {
                tracing::warn!(%error, "it is not known which zones have been told to be slow");
                return Ok(());
            }
            Some(Ok(before)) => before,
            None => GrayZones::default(),
        };
        let Some((after, messages)) = gray_zones(&gathered.world, &before, &gathered.channel) else {
            return Ok(());
        };
        let mut writes = vec![Write::over(stored.as_ref(), key, &after)];
        writes.extend(messages.into_iter().map(|message| {
            let key = Keys::outbox(message.at_ms, &message.id);
            Write::put(key, Expect::Absent, &Outboxed::new(message))
        }));
        match self.table.write(writes).await {
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
