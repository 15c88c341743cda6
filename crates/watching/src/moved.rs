//! Checks that move from one part of a probe's checks to another, as more are declared or fewer: what is known of
//! their paths moves with them, so that what was down, or has worked, goes on as it was.

use std::collections::BTreeMap;

use phonehome_alerting::{Asked, Heartbeat, Inputs, PathStatus, Paths, ProbeKey, ProbePart};
use phonehome_cloud::table::{Table, TableError, Write};
use phonehome_fleet::Parts;
use phonehome_state::{Keys, StackStatus};
use phonehome_wire::{Check, CheckId, Report};

use crate::Counting;
use crate::stored::Read;

/// The part that each check is in now which a report's part tested, or still does, and which is another's.
pub(crate) struct Moved(BTreeMap<CheckId, u32>);

impl Moved {
    /// A check is in the part that the fleet file says, once that part was given it.
    pub(crate) fn of(report: &Report, inputs: Option<&Inputs>, declared: &[Check]) -> Self {
        let Some(inputs) = inputs.filter(|it| report.part > 0 || !it.parts.is_empty()) else {
            return Self(BTreeMap::new());
        };
        let (parts, zone) = (Parts::of(declared), &report.availability_zone);
        let home = declared.iter().map(|check| (&check.id, parts.part_of(check)));
        let others = home.filter(|(id, part)| *part != report.part && inputs.tests(id, zone, *part));
        Self(others.map(|(id, part)| (id.clone(), part)).collect())
    }

    /// What a run was asked, without what is no longer its part's.
    pub(crate) fn left(&self, mut asked: Asked) -> Asked {
        asked.checks.retain(|id, _| !self.0.contains_key(id));
        asked.declared.retain(|id| !self.0.contains_key(id));
        asked
    }

    /// Of these paths those that move, by the part that they move to.
    pub(crate) fn among(&self, paths: &Paths) -> BTreeMap<u32, Paths> {
        let mut moving: BTreeMap<u32, Paths> = BTreeMap::new();
        for (id, path) in paths {
            if let Some(part) = self.0.get(id) {
                moving.entry(*part).or_default().insert(id.clone(), path.clone());
            }
        }
        moving
    }
}

/// What tells the parts of a stack from those of the same number that were needed before.
pub(crate) struct Lives<'s> {
    pub(crate) inputs: Option<&'s Inputs>,
    pub(crate) stack: Option<&'s StackStatus>,
}

impl Lives<'_> {
    /// Whether what is stored of a further part of a probe is of the time before the part was needed again: of an
    /// input that is none of its last ones, and heard of before the stack was ready with it. What was down then says
    /// nothing of now. Paths of another version than the heartbeat names were written since.
    pub(crate) fn is_earlier(&self, of: &ProbePart, newest: Option<&Heartbeat>, paths_version: u64) -> bool {
        let Some(newest) = newest.filter(|_| of.part > 0) else { return false };
        let given = self.inputs.and_then(|it| it.generations(&of.probe.availability_zone, of.part));
        let since_ms = self.stack.and_then(|it| it.parts_since_ms.get(&of.part));
        newest.paths_version == paths_version
            && !given.is_some_and(|given| given.contains(&newest.generation))
            && since_ms.is_none_or(|since_ms| newest.last_received_at_ms < *since_ms)
    }

    /// What has to be written so that these paths are known in the parts of a probe that they move to. What a part
    /// knows by itself already stays.
    pub(crate) async fn hand_over(
        &self,
        table: &impl Table,
        counting: Counting<'_>,
        probe: &ProbeKey,
        moving: BTreeMap<u32, Paths>,
        expire_at_s: u64,
    ) -> Result<Vec<Write>, TableError> {
        let mut writes = Vec::new();
        for (part, moving) in moving {
            let to = probe.part(part);
            let heartbeat = Read::<Heartbeat>::of(table.get(&Keys::heartbeat(&to)).await?, counting);
            let before = Read::<Paths>::of(table.get(&Keys::paths(&to)).await?, counting);
            // Its own next report mends what cannot be read.
            if before.unread || heartbeat.unread {
                continue;
            }
            let is_earlier = self.is_earlier(&to, heartbeat.value.as_ref(), before.version());
            let known = before.value.clone().unwrap_or_default();
            let mut paths = if is_earlier { Paths::new() } else { known };
            for (id, path) in moving {
                if paths.get(&id).is_none_or(|known| known.status == PathStatus::Unknown) {
                    paths.insert(id, path);
                }
            }
            if before.value.as_ref() != Some(&paths) {
                let put = Write::over(before.doc.as_ref(), Keys::paths(&to), &paths);
                writes.push(put.expiring(expire_at_s));
            }
        }
        Ok(writes)
    }
}
