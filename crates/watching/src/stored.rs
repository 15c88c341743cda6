//! What is stored of a report's probe, read as seldom as it can be: reports are many, and little of what they
//! are judged by changes. Nothing that is remembered decides by itself. Heartbeat and paths are written under the
//! condition that nobody else wrote the heartbeat, so that whoever read something old loses the race, and reads
//! again; and what may be of a while ago makes a report count as if it had come that much earlier.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use phonehome_alerting::{Heartbeat, Inputs, PATHS_KEPT_MS, Paths, ProbePart};
use phonehome_cloud::table::{Cache, Doc, Expect, Key, Table, TableError, Write};
use phonehome_fleet::{Bindings, Fleet, Source, isolated};
use phonehome_state::{Desired, InUse, Keys, LastRead, StackStatus, StateError, Unread, bindings, set_aside};
use phonehome_wire::{AccountId, Check, Report, StackId};
use serde::de::DeserializeOwned;

use crate::declaring::Declaring;
use crate::parsed::Parsed;
use crate::reached::Reached;
use crate::reading;
use crate::{Counted, Counting};

/// By endpoint of an isolation, who may connect to it: [`phonehome_fleet::isolated()`].
pub type Isolated = BTreeMap<String, Vec<Source>>;

/// How old the fleet file may be that a report is judged by, in milliseconds: 30 seconds.
pub const FLEET_KEPT_MS: u64 = 30_000;
/// How old it may be what the probes of a stack were given and what account a line is, in milliseconds: 5
/// minutes. A report of any input but the newest one that is known is a reason to read at once.
pub const STACK_KEPT_MS: u64 = 5 * 60_000;

/// A document, and whether it could be read.
#[derive(Debug)]
pub struct Read<D> {
    pub(crate) doc: Option<Doc>,
    pub(crate) value: Option<D>,
    pub(crate) unread: bool,
}

impl<D: DeserializeOwned> Read<D> {
    /// What cannot be read is counted.
    pub(crate) fn of(doc: Option<Doc>, counting: Counting<'_>) -> Self {
        Self::from(doc.map(Unread::or), counting)
    }
}

impl<D> Read<D> {
    /// What was made of a document, where there is one; what could not be read is counted.
    fn from(read: Option<Result<(Doc, D), Unread>>, counting: Counting<'_>) -> Self {
        match read {
            None => Self { doc: None, value: None, unread: false },
            Some(Ok((doc, value))) => Self { doc: Some(doc), value: Some(value), unread: false },
            Some(Err(unread)) => {
                counting(Counted::Unreadable);
                Self { doc: Some(unread.doc), value: None, unread: true }
            }
        }
    }

    pub(crate) fn expect(&self) -> Expect {
        Expect::unchanged(self.doc.as_ref())
    }

    /// Its version; 0 when there is none.
    pub(crate) fn version(&self) -> u64 {
        self.doc.as_ref().map_or(0, |doc| doc.version)
    }

    /// The copy to keep of what could not be read, when it is written anew.
    pub(crate) fn copy(&self, now_ms: u64) -> Option<Write> {
        self.doc.as_ref().filter(|_| self.unread).map(|doc| set_aside(doc, now_ms))
    }
}

/// What is stored of a part of a probe.
#[derive(Debug)]
pub struct Stored {
    pub(crate) inputs: Read<Arc<Inputs>>,
    pub(crate) stack: Read<Arc<StackStatus>>,
    pub(crate) heartbeat: Read<Heartbeat>,
    pub(crate) paths: Read<Paths>,
}

/// How new what is read has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// What is remembered will do, and a heartbeat of a moment ago.
    Lately,
    /// What is stored now: somebody else wrote first.
    Now,
}

/// The fleet files in use, and who may connect to what others must not.
#[derive(Debug)]
pub struct InForce {
    in_use: InUse,
    desired: Desired,
    declaring: Declaring,
    /// Who may connect to what others must not.
    pub isolated: Isolated,
}

impl InForce {
    fn of(in_use: InUse, bindings: &Bindings) -> Self {
        let desired = in_use.clone().desired(bindings);
        let isolated = isolated(desired.members(bindings));
        Self { in_use, desired, declaring: Declaring::default(), isolated }
    }

    /// What the one in force declares.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.desired.in_force().fleet
    }

    /// What the version declares that an account is to have.
    #[must_use]
    pub fn fleet_of(&self, account: &AccountId) -> &Fleet {
        self.desired.of(account).fleet
    }

    /// What the probes of a stack are to test now, by the version that its account is to have.
    pub(crate) fn declared(&self, stack: &StackStatus) -> Arc<[Check]> {
        self.declaring.of(self.fleet_of(&stack.account), stack)
    }

    /// Whether these are the only one in use, and the same as before.
    fn is_still(&self, in_use: &InUse) -> bool {
        let are_alone = self.in_use.rolling.is_none() && in_use.rolling.is_none();
        are_alone && Arc::ptr_eq(&self.in_use.base, &in_use.base)
    }
}

/// What a collector remembers from one invocation to the next.
#[derive(Debug, Default)]
pub struct Memory {
    docs: Cache,
    inputs: Parsed<Inputs>,
    stacks: Parsed<StackStatus>,
    pub(crate) reached: Parsed<Reached>,
    file: LastRead,
    fleet: Mutex<Option<(Arc<InForce>, u64)>>,
}

impl Memory {
    /// The fleet files in use, or what was in use a moment ago.
    ///
    /// # Errors
    /// [`StateError`]: also where it was known before, as what is in force now may be something else.
    pub async fn fleet(&self, table: &impl Table, now_ms: u64) -> Result<Arc<InForce>, StateError> {
        let known = self.fleet.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((in_force, at_ms)) = &known
            && at_ms + FLEET_KEPT_MS > now_ms
        {
            return Ok(Arc::clone(in_force));
        }
        let in_use = self.file.in_use(table).await?;
        let in_force = match known {
            Some((in_force, _)) if in_force.is_still(&in_use) => in_force,
            // Who is who matters while accounts have different ones.
            _ if in_use.rolling.is_some() => Arc::new(InForce::of(in_use, &bindings(table).await?)),
            _ => Arc::new(InForce::of(in_use, &Bindings::default())),
        };
        *self.fleet.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&in_force), now_ms));
        Ok(in_force)
    }

    /// Everything that is stored of the report's part of a probe. What cannot be read is absent, and counted; what
    /// is there instead of it is written anew with this report, and a copy kept.
    ///
    /// # Errors
    /// [`TableError`]
    pub async fn stored(
        &self,
        table: &impl Table,
        counting: Counting<'_>,
        report: &Report,
        freshness: Freshness,
        now_ms: u64,
    ) -> Result<Stored, TableError> {
        let probe = ProbePart::of(report);
        let stack = probe.probe.stack();
        let key = Keys::heartbeat(&probe);
        let heartbeat = match freshness {
            Freshness::Lately => table.get_many_eventually(&[key]).await?.pop(),
            Freshness::Now => table.get(&key).await?,
        };
        let heartbeat = Read::from(heartbeat.map(reading::heartbeat), counting);
        let newest = heartbeat.value.as_ref();
        let (given, paths) = match freshness {
            Freshness::Lately => (self.given(report, newest, now_ms), self.paths(&probe, newest, now_ms)),
            Freshness::Now => (None, None),
        };
        let (inputs, status) = given.unzip();
        let keys = [Keys::inputs(&stack), Keys::stack(&stack), Keys::paths(&probe)];
        let [inputs, stack, paths] = self.rest(table, keys, [inputs, status, paths], now_ms).await?;
        Ok(Stored {
            inputs: Read::from(inputs.map(|doc| self.inputs.value(doc)), counting),
            stack: Read::from(stack.map(|doc| self.stacks.value(doc)), counting),
            heartbeat,
            paths: Read::from(paths.map(reading::paths), counting),
        })
    }

    /// What the report's probe was given and its stack, as they are remembered: where the run had the newest
    /// input that is known, and no run with a newer one has been heard of.
    fn given(&self, report: &Report, newest: Option<&Heartbeat>, now_ms: u64) -> Option<(Doc, Doc)> {
        let stack = StackId::new(&report.account, &report.region);
        let since_ms = now_ms.saturating_sub(STACK_KEPT_MS);
        let inputs = self.docs.since(&Keys::inputs(&stack), since_ms)?;
        let status = self.docs.since(&Keys::stack(&stack), since_ms)?;
        let (inputs, known) = self.inputs.value(inputs).ok()?;
        let generations = known.generations(&report.availability_zone, report.part)?;
        let is_newest = generations.first() == Some(&report.generation);
        let is_known = newest.is_none_or(|newest| generations.contains(&newest.generation));
        (is_newest && is_known).then_some((inputs, status))
    }

    /// The paths of a part, where those that are remembered are the ones that go with its heartbeat.
    pub(crate) fn paths(&self, probe: &ProbePart, newest: Option<&Heartbeat>, now_ms: u64) -> Option<Doc> {
        let version = newest.map(|newest| newest.paths_version).filter(|version| *version > 0)?;
        self.docs.of_version(&Keys::paths(probe), version, now_ms.saturating_sub(PATHS_KEPT_MS))
    }

    /// The documents under these keys: as they are known, and read where they are not.
    async fn rest<const N: usize>(
        &self,
        table: &impl Table,
        keys: [Key; N],
        mut known: [Option<Doc>; N],
        now_ms: u64,
    ) -> Result<[Option<Doc>; N], TableError> {
        let missing = keys.iter().zip(&known).filter(|(_, doc)| doc.is_none());
        let missing: Vec<Key> = missing.map(|(key, _)| key.clone()).collect();
        for doc in self.read(table, missing, now_ms).await? {
            if let Some(index) = keys.iter().position(|key| *key == doc.key) {
                known[index] = Some(doc);
            }
        }
        Ok(known)
    }

    /// Reads these documents, and remembers them.
    pub(crate) async fn read(
        &self,
        table: &impl Table,
        keys: Vec<Key>,
        now_ms: u64,
    ) -> Result<Vec<Doc>, TableError> {
        if keys.is_empty() {
            return Ok(vec![]);
        }
        let docs = table.get_many(&keys).await?;
        docs.iter().for_each(|doc| self.docs.keep(doc, now_ms));
        Ok(docs)
    }

    /// A document of a stack or a line as it was in the last [`STACK_KEPT_MS`].
    pub(crate) fn lately(&self, key: &Key, now_ms: u64) -> Option<Doc> {
        self.docs.since(key, now_ms.saturating_sub(STACK_KEPT_MS))
    }

    /// Remembers what was written.
    pub(crate) fn keep(&self, doc: &Doc, now_ms: u64) {
        self.docs.keep(doc, now_ms);
    }
}
