//! What is stored of the probes, read as seldom as it can be: of those with which nothing is wrong what was made of
//! their paths is remembered, and only of the others more is needed than that.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use futures_util::future::try_join_all;
use phonehome_alerting::{Calm, Heartbeat, Incident, PATHS_KEPT_MS, PathState, Paths};
use phonehome_cloud::table::{Cache, Doc, GET_MANY_MAX, Key, SortKeys, Table, TableError};
use phonehome_state::{Keys, Unread};

use crate::heard::Heard;
use crate::known::Known;
use crate::parts::{StoredPart, Watched};
use crate::reading;

/// How many parts are worked on at a time: their paths may be large, and are unpacked.
const AT_ONCE: usize = GET_MANY_MAX / 2;

/// How many heartbeats DynamoDB gives at once: 1 MB of some 415 bytes each.
const HEARTBEATS_A_PAGE: usize = 2_500;
/// How many parts of the heartbeats are read side by side: more would not come sooner, as they are one key's, of which
/// DynamoDB gives 12 MB a second.
const HEARTBEATS_AT_ONCE: usize = 4;

/// How long before a report is missing its account is looked at as a whole, in milliseconds: the inference has its times
/// in seconds.
const EARLIER_MS: u64 = 3_000;

/// Reads what is stored of probes.
pub(crate) struct Probes<'t, T> {
    pub(crate) table: &'t T,
    pub(crate) known: &'t Known,
    /// When that is; milliseconds since the Unix epoch.
    pub(crate) now_ms: u64,
    /// For how long a probe may be silent, in milliseconds.
    pub(crate) overdue_after_ms: u64,
    /// For how long after a run began a report is missing, in milliseconds.
    pub(crate) missing_after_ms: u64,
    /// What could not be read.
    pub(crate) unread: &'t mut Vec<Unread>,
}

/// A part, and the number of the probe that it is of.
type Numbered = (usize, StoredPart);

impl<T: Table> Probes<'_, T> {
    /// Puts into the probes, which are in the order of their keys, what is stored of them. The heartbeats are read page
    /// by page: they are small, and as many as there were probes in the last 90 days. Paths may be large, and anybody who
    /// has got hold of an account can make them so: none but those of these probes are asked for, and a part of them at a
    /// time is unpacked. Those that were read before and that the heartbeat still names are not read again.
    pub(crate) async fn read(
        &mut self,
        watched: &mut [Watched],
        open: &[&Incident],
    ) -> Result<(), TableError> {
        let Heard { mut spread, unread } = self.heard(watched).await?;
        self.unread.extend(unread);
        let mut rest: Vec<usize> = vec![];
        for of in 0..watched.len() {
            match self.known_calm(&watched[of]) {
                Some(calm) => {
                    let part = StoredPart { calm: Some(calm), ..watched[of].only_part() };
                    self.merge(watched, vec![(of, part)]);
                }
                None => rest.push(of),
            }
        }
        let mut wrong: BTreeSet<String> = BTreeSet::new();
        for some in rest.chunks(AT_ONCE) {
            let mut parts: Vec<Numbered> = Vec::new();
            for &of in some {
                match spread.remove(&of) {
                    Some(several) => parts.extend(several.into_iter().map(|part| (of, part))),
                    None => parts.push((of, watched[of].only_part())),
                }
            }
            for some in parts.chunks_mut(AT_ONCE) {
                self.read_paths(watched, some).await?;
            }
            let is_wrong = |(of, part): &&Numbered| {
                part.calm.is_none() || self.is_late(&watched[*of], part.heartbeat.as_ref())
            };
            wrong.extend(parts.iter().filter(is_wrong).map(|(of, _)| watched[*of].view.account_name.clone()));
            self.merge(watched, parts);
        }
        self.read_concerned(watched, wrong, open).await?;
        self.known.forget(self.now_ms);
        Ok(())
    }

    /// Takes in the heartbeats, which are as many as there were probes in the last 90 days, parts of them side by side.
    async fn heard(&self, watched: &mut [Watched]) -> Result<Heard, TableError> {
        let bounds = bounds(watched);
        let bounds = || bounds.iter().map(|key| Some(key.as_str()));
        let parts = [None].into_iter().chain(bounds()).zip(bounds().chain([None]));
        let heard = Mutex::new((Heard::of(watched), watched));
        let take = |docs| {
            let (heard, watched) = &mut *heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.note(watched, docs);
        };
        let parts = parts.map(|(from, before)| {
            self.table.query_between(Keys::HEARTBEATS, SortKeys { from, before }, take)
        });
        try_join_all(parts).await?;
        Ok(heard.into_inner().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// What is known of the paths of a probe with which nothing is wrong.
    fn known_calm(&self, watched: &Watched) -> Option<Calm> {
        let heartbeat = watched.view.heartbeat.as_ref().filter(|it| it.paths_version > 0)?;
        if !watched.is_plain() || self.is_late(watched, Some(heartbeat)) {
            return None;
        }
        let key = Keys::paths(&watched.view.key.part(0));
        self.known.calm(&key, heartbeat.paths_version, watched.declared, self.now_ms)
    }

    /// Puts parts, those of a probe one after the other, into their probes.
    fn merge(&self, watched: &mut [Watched], parts: Vec<Numbered>) {
        let mut parts = parts.into_iter().peekable();
        while let Some((of, _)) = parts.peek() {
            let of = *of;
            let stored = std::iter::from_fn(|| parts.next_if(|(it, _)| *it == of)).map(|(_, part)| part);
            watched[of].merge(stored.collect(), self.now_ms, self.overdue_after_ms);
        }
    }

    /// Everything that is stored of the accounts with which something is `wrong`, or was told to be.
    async fn read_concerned(
        &mut self,
        watched: &mut [Watched],
        wrong: BTreeSet<String>,
        open: &[&Incident],
    ) -> Result<(), TableError> {
        let concerned = concerned(watched, wrong, open);
        let is_needed =
            |(_, it): &(usize, &Watched)| it.view.calm.is_some() && concerned.contains(&it.view.account_name);
        let needed: Vec<usize> =
            watched.iter().enumerate().filter(is_needed).map(|(number, _)| number).collect();
        for some in needed.chunks(AT_ONCE) {
            let mut parts: Vec<Numbered> = some.iter().map(|of| (*of, watched[*of].only_part())).collect();
            self.read_whole(watched, &mut parts.iter_mut().collect::<Vec<_>>()).await?;
            parts.iter_mut().for_each(|(_, part)| self.remember(part));
            self.merge(watched, parts);
        }
        Ok(())
    }

    /// Reads the paths of these parts; where nothing is wrong with them no more is kept than that.
    async fn read_paths(&mut self, watched: &[Watched], some: &mut [Numbered]) -> Result<(), TableError> {
        self.read_whole(watched, &mut some.iter_mut().collect::<Vec<_>>()).await?;
        for (of, part) in some {
            let it = &watched[*of];
            // Of one that is late everything is looked at anyway.
            let is_known = part.heartbeat.is_some() && !part.unreadable.any();
            let may_be_calm = it.is_plain() && is_known && !self.is_late(it, part.heartbeat.as_ref());
            if !may_be_calm {
                self.remember(part);
            } else if let Some(calm) = Calm::of(&it.view.checks, &part.paths) {
                let (key, version) = (Keys::paths(&part.key), part.paths_version());
                // Whoever wrote them since is heard of by the next heartbeat.
                if part.read_version == version {
                    self.known.keep_calm(&key, version, it.declared, self.now_ms, &calm);
                }
                (part.paths, part.newly_read) = (Paths::new(), None);
                part.calm = Some(calm);
            } else {
                self.remember(part);
            }
        }
        Ok(())
    }

    /// The paths of these parts as they are stored, at most [`AT_ONCE`].
    async fn read_whole(
        &mut self,
        watched: &[Watched],
        some: &mut [&mut Numbered],
    ) -> Result<(), TableError> {
        let mut docs = self.paths(some.iter().map(|(_, part)| part)).await?;
        for (of, part) in some {
            let (doc, is_new) = docs.remove(&Keys::paths(&part.key)).unzip();
            part.read_version = doc.as_ref().map_or(0, |doc: &Doc| doc.version);
            part.newly_read = doc.clone().filter(|_| is_new == Some(true));
            let paths = self.value(doc.map(reading::paths));
            part.calm = None;
            part.unreadable.paths = paths.is_err();
            // What is no longer declared decides nothing.
            let declared: HashSet<&str> = watched[*of].view.checks.aims().map(|aim| aim.id).collect();
            let stored = paths.unwrap_or_default().unwrap_or_default().into_iter();
            // A map that is made at once takes less than one that has grown.
            part.paths = stored.filter(|(id, _)| declared.contains(id.0.as_str())).collect();
            part.paths.values_mut().for_each(PathState::shorten);
        }
        Ok(())
    }

    /// Whether a report of it, or of a part of it with this heartbeat, is missing, or about to be.
    fn is_late(&self, watched: &Watched, heartbeat: Option<&Heartbeat>) -> bool {
        let began_ms = heartbeat.map_or(0, |it| it.last_started_at_ms);
        let heard_ms = began_ms.max(watched.view.expected_since_ms);
        (self.now_ms + EARLIER_MS).saturating_sub(heard_ms) > self.missing_after_ms
    }

    /// Remembers a part's paths as they are stored: somebody looks at all of them.
    fn remember(&self, part: &mut StoredPart) {
        if let Some(doc) = part.newly_read.take() {
            self.known.paths.keep(&doc, self.now_ms);
        }
    }

    /// The documents of these parts' paths, by their keys, and whether they were read just now.
    async fn paths(
        &self,
        parts: impl Iterator<Item = &StoredPart>,
    ) -> Result<BTreeMap<Key, (Doc, bool)>, TableError> {
        let known: &Cache = &self.known.paths;
        let since_ms = self.now_ms.saturating_sub(PATHS_KEPT_MS);
        let mut docs: BTreeMap<Key, (Doc, bool)> = BTreeMap::new();
        let mut missing: BTreeSet<Key> = BTreeSet::new();
        for part in parts {
            let (key, version) = (Keys::paths(&part.key), part.paths_version());
            match known.of_version(&key, version, since_ms).filter(|_| version > 0) {
                Some(doc) => {
                    docs.insert(key, (doc, false));
                }
                None => {
                    missing.insert(key);
                }
            }
        }
        if !missing.is_empty() {
            for doc in self.table.get_many(&missing.into_iter().collect::<Vec<_>>()).await? {
                docs.insert(doc.key.clone(), (doc, true));
            }
        }
        Ok(docs)
    }

    fn value<D>(&mut self, read: Option<Result<(Doc, D), Unread>>) -> Result<Option<D>, ()> {
        match read.transpose() {
            Ok(read) => Ok(read.map(|(_, value)| value)),
            Err(unread) => {
                self.unread.push(unread);
                Err(())
            }
        }
    }
}

/// Where the heartbeats of these probes are cut, so that as much is before each of these keys as behind it: in order, each
/// once.
fn bounds(watched: &[Watched]) -> BTreeSet<String> {
    let parts = (watched.len() / HEARTBEATS_A_PAGE).clamp(1, HEARTBEATS_AT_ONCE);
    let first = |part: usize| watched[part * watched.len() / parts].view.key.part(0).to_string();
    (1..parts).map(first).collect()
}

/// The names of the accounts of which everything is looked at: with which something is `wrong`, or was told to be.
fn concerned(watched: &[Watched], wrong: BTreeSet<String>, open: &[&Incident]) -> BTreeSet<String> {
    let members = || open.iter().flat_map(|incident| &incident.members);
    let ids: BTreeSet<_> = members().map(|it| &it.probe.account).collect();
    let renamed = watched.iter().filter(|it| ids.contains(&it.view.key.account));
    let told = members().map(|member| &member.account_name);
    let mut concerned = wrong;
    concerned.extend(told.chain(renamed.map(|it| &it.view.account_name)).cloned());
    concerned
}

#[cfg(test)]
mod tests;
