//! What is stored of the probes, read as seldom as it can be: of those with which nothing is wrong what was made of
//! their paths is remembered, and only of the others more is needed than that.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::{Calm, Heartbeat, Incident, PATHS_KEPT_MS, PathState, Paths, ProbeView};
use phonehome_cloud::table::{Cache, Doc, GET_MANY_MAX, Key, Table, TableError};
use phonehome_state::{Keys, Unread};
use phonehome_wire::CheckId;
use serde::de::DeserializeOwned;

use crate::known::Known;
use crate::parts::{StoredPart, Watched};

/// How many parts are worked on at a time: their paths may be large, and are unpacked.
const AT_ONCE: usize = GET_MANY_MAX / 2;

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
    /// The probes with what is stored of them. The heartbeats are read together: they are small, and as many as
    /// there were probes in the last 90 days. Paths may be large, and anybody who has got hold of an account can
    /// make them so: none but those of these probes are asked for, and a part of them at a time is unpacked. Those
    /// that were read before and that the heartbeat still names are not read again.
    pub(crate) async fn read(
        &mut self,
        watched: Vec<Watched>,
        open: &[&Incident],
    ) -> Result<Vec<ProbeView>, TableError> {
        let heartbeats = self.table.query(Keys::HEARTBEATS).await?.into_iter();
        let mut heartbeats: BTreeMap<Key, Doc> = heartbeats.map(|doc| (doc.key.clone(), doc)).collect();
        let numbered = watched.iter().enumerate();
        let parts = numbered.flat_map(|(of, it)| it.stored_parts().into_iter().map(move |part| (of, part)));
        let mut parts: Vec<Numbered> = parts.collect();
        for some in parts.chunks_mut(AT_ONCE) {
            for (_, part) in &mut *some {
                let heartbeat = self.value::<Heartbeat>(heartbeats.remove(&Keys::heartbeat(&part.key)));
                part.unreadable.heartbeat = heartbeat.is_err();
                part.heartbeat = heartbeat.unwrap_or_default();
            }
            self.read_paths(&watched, some).await?;
        }
        drop(heartbeats);
        let concerned = self.concerned(&watched, &parts, open);
        let is_needed = |(of, part): &&mut Numbered| {
            part.calm.is_some() && concerned.contains(&watched[*of].view.account_name)
        };
        let mut needed: Vec<&mut Numbered> = parts.iter_mut().filter(is_needed).collect();
        for some in needed.chunks_mut(AT_ONCE) {
            self.read_whole(&watched, some).await?;
            some.iter_mut().for_each(|(_, part)| self.remember(part));
        }
        self.known.forget(self.now_ms);
        let mut parts = parts.into_iter().peekable();
        let mut of_probe = |number: usize| {
            std::iter::from_fn(|| parts.next_if(|(of, _)| *of == number)).map(|(_, part)| part).collect()
        };
        let merged =
            |(number, it): (usize, Watched)| it.merged(of_probe(number), self.now_ms, self.overdue_after_ms);
        Ok(watched.into_iter().enumerate().map(merged).collect())
    }

    /// What is known of the paths of these parts; where nothing is wrong with them no more than that.
    async fn read_paths(&mut self, watched: &[Watched], some: &mut [Numbered]) -> Result<(), TableError> {
        for (of, part) in &mut *some {
            let version = part.paths_version();
            if version > 0 && watched[*of].is_plain() && !self.is_late(&watched[*of], part) {
                let key = Keys::paths(&part.key);
                part.calm = self.known.calm(&key, version, watched[*of].declared, self.now_ms);
            }
        }
        let mut rest: Vec<&mut Numbered> = some.iter_mut().filter(|(_, part)| part.calm.is_none()).collect();
        self.read_whole(watched, &mut rest).await?;
        for (of, part) in rest {
            let it = &watched[*of];
            // Of one that is late everything is looked at anyway.
            let is_known = part.heartbeat.is_some() && !part.unreadable.any();
            let may_be_calm = it.is_plain() && is_known && !self.is_late(it, part);
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
            let paths = self.value::<Paths>(doc);
            part.calm = None;
            part.unreadable.paths = paths.is_err();
            part.paths = paths.unwrap_or_default().unwrap_or_default();
            // What is no longer declared decides nothing.
            let checks = watched[*of].view.checks.iter();
            let declared: BTreeSet<&CheckId> = checks.map(|check| &check.id).collect();
            part.paths.retain(|id, _| declared.contains(id));
            part.paths.values_mut().for_each(PathState::shorten);
        }
        Ok(())
    }

    /// The names of the accounts of which everything is looked at: with which something is wrong, or was told to be.
    fn concerned(&self, watched: &[Watched], parts: &[Numbered], open: &[&Incident]) -> BTreeSet<String> {
        let is_wrong = |(of, part): &&Numbered| part.calm.is_none() || self.is_late(&watched[*of], part);
        let wrong = parts.iter().filter(is_wrong).map(|(of, _)| &watched[*of].view.account_name);
        let told = open.iter().flat_map(|incident| &incident.members).map(|member| &member.account_name);
        let ids: BTreeSet<_> = open.iter().flat_map(|it| &it.members).map(|it| &it.probe.account).collect();
        let renamed = watched.iter().filter(|it| ids.contains(&it.view.key.account));
        wrong.chain(told).chain(renamed.map(|it| &it.view.account_name)).cloned().collect()
    }

    /// Whether a report of it is missing, or about to be.
    fn is_late(&self, watched: &Watched, part: &StoredPart) -> bool {
        let began_ms = part.heartbeat.as_ref().map_or(0, |it| it.last_started_at_ms);
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

    fn value<D: DeserializeOwned>(&mut self, doc: Option<Doc>) -> Result<Option<D>, ()> {
        match doc.map(Unread::or).transpose() {
            Ok(read) => Ok(read.map(|(_, value)| value)),
            Err(unread) => {
                self.unread.push(unread);
                Err(())
            }
        }
    }
}
