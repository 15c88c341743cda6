//! One probe of the world, with the questions answered that every later step asks of it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::{Check, CheckId, Expect, Purpose};

use crate::{PathStatus, ProbeView, Symptom, World};

/// What can be said of a path or a member now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Good,
    Bad,
    /// Nothing: the probe is silent, or its newest result is inconclusive.
    Unknown,
    /// Its newest results do not agree: it stays as it is.
    Undecided,
    /// What is stored of it could not be read: it stays as it is.
    Unseen,
    /// It is no longer in the fleet file.
    Undeclared,
}

pub(crate) struct Probe<'w> {
    pub(crate) view: &'w ProbeView,
    /// Whether a report of it is missing, of those that are read.
    pub(crate) silent: bool,
    /// Whether none has been read for as long; it may wait for the collector.
    pub(crate) unread: bool,
    /// Whether nothing is heard of it; of one whose checks are spread over parts, of none of them.
    pub(crate) unheard: bool,
    /// Of which declared checks nothing is heard.
    unheard_checks: BTreeSet<&'w CheckId>,
    /// What fails and is not chance.
    pub(crate) failing: BTreeSet<Symptom>,
    /// Every declared check, once somebody asks for any.
    #[expect(
        clippy::box_collection,
        reason = "most are never asked: what is not there is a word, and not a map"
    )]
    checks: OnceCell<Box<BTreeMap<&'w CheckId, &'w Check>>>,
}

impl<'w> Probe<'w> {
    pub(crate) fn of(
        World { policy, now_ms, .. }: &World,
        view: &'w ProbeView,
        failing: BTreeSet<Symptom>,
        heard_until_ms: u64,
    ) -> Self {
        let silent = view.is_missing(policy, heard_until_ms);
        let may_be_unheard = silent || !view.parts.is_empty();
        let unheard = may_be_unheard.then(|| view.checks.iter().map(|check| &check.id)).into_iter().flatten();
        Self {
            view,
            silent,
            unread: view.is_missing(policy, *now_ms),
            unheard: view.is_unheard(policy, heard_until_ms),
            unheard_checks: unheard.filter(|id| view.is_check_unheard(policy, heard_until_ms, id)).collect(),
            failing,
            checks: OnceCell::new(),
        }
    }

    /// Every declared check.
    pub(crate) fn checks(&self) -> &BTreeMap<&'w CheckId, &'w Check> {
        self.checks
            .get_or_init(|| Box::new(self.view.checks.iter().map(|check| (&check.id, check)).collect()))
    }

    fn fails(&self, id: &CheckId) -> bool {
        !self.failing.is_empty() && self.failing.contains(&Symptom::Down { check: id.clone() })
    }

    /// Whether the reports arrive that would tell of a declared check.
    pub(crate) fn hears_of(&self, id: &CheckId) -> bool {
        !self.unheard_checks.contains(id)
    }

    /// Whether nothing is heard of it, and that is no chance: who is still to report may say otherwise.
    pub(crate) fn is_gone(&self) -> bool {
        self.unheard && self.failing.contains(&Symptom::Silent)
    }

    /// The same of the reports that would tell of a declared check.
    pub(crate) fn is_gone_with(&self, id: &CheckId) -> bool {
        !self.hears_of(id) && self.failing.contains(&Symptom::Silent)
    }

    /// Whether everything that is stored of it could be read.
    pub(crate) fn is_whole(&self) -> bool {
        !self.view.unreadable.any()
    }

    /// What was said of its newest crash.
    pub(crate) fn crash(&self) -> &'w str {
        self.view.crash.as_ref().map_or("", |crash| &crash.error)
    }

    pub(crate) fn path(&self, id: &CheckId) -> Health {
        if self.checks().contains_key(id) { self.declared_path(id) } else { Health::Undeclared }
    }

    /// What can be said of the path of a declared check.
    pub(crate) fn declared_path(&self, id: &CheckId) -> Health {
        match self.view.paths.get(id) {
            _ if self.view.unreadable.paths => Health::Unseen,
            _ if !self.hears_of(id) => Health::Unknown,
            _ if self.view.calm.is_some() => {
                self.view.passing_by_id(id).map_or(Health::Unknown, |_| Health::Good)
            }
            Some(_) if self.fails(id) => Health::Bad,
            // Green as of when? It may have been silent since.
            _ if self.view.unreadable.heartbeat => Health::Unseen,
            Some(path) if !path.results.is_empty() || path.status == PathStatus::Down => Health::Undecided,
            Some(path) if path.is_green() => Health::Good,
            Some(_) | None => Health::Unknown,
        }
    }

    /// What can be said of the path of the declared check with this number.
    pub(crate) fn path_at(&self, number: usize) -> Health {
        match &self.view.calm {
            Some(_) if self.unheard_checks.is_empty() && !self.view.unreadable.paths => {
                self.view.passing(number).map_or(Health::Unknown, |_| Health::Good)
            }
            _ => self.declared_path(&self.view.checks[number].id),
        }
    }

    /// Since when the path of the declared check with this number is known to be good; `None` while it is not.
    pub(crate) fn good_since_at(&self, number: usize) -> Option<u64> {
        if self.view.calm.is_none() {
            return self.good_since(&self.view.checks[number].id);
        }
        let path = self.view.passing(number).filter(|_| self.path_at(number) == Health::Good)?;
        Some(path.since_ms.max(self.view.heartbeat.as_ref().map_or(0, |heartbeat| heartbeat.heard_since_ms)))
    }

    /// Since when a path is known to be as declared; `None` while it is not.
    pub(crate) fn good_since(&self, id: &CheckId) -> Option<u64> {
        let path = self.view.passing_by_id(id).filter(|_| self.declared_path(id) == Health::Good)?;
        let heard_ms = self.view.heartbeat_of(id).map_or(0, |heartbeat| heartbeat.heard_since_ms);
        Some(path.since_ms.max(heard_ms))
    }

    /// The checks that must connect, with what is known of them. Isolations are left out: an
    /// isolation does not fail because the network is dead.
    pub(crate) fn connects(&self) -> impl Iterator<Item = (&'w Check, Health)> {
        let must_connect = self.checks().values().filter(|check| check.expect == Expect::Connect);
        must_connect.map(|check| (*check, self.declared_path(&check.id)))
    }

    /// Whether nothing that is known to have been tried gets out.
    pub(crate) fn is_dead(&self) -> bool {
        let mut connects = self
            .connects()
            .filter(|(_, health)| !matches!(health, Health::Unknown | Health::Undecided))
            .peekable();
        connects.peek().is_some() && connects.all(|(_, health)| health == Health::Bad)
    }

    pub(crate) fn egress(&self) -> impl Iterator<Item = Health> {
        let egress = self.connects().filter(|(check, _)| check.purpose == Purpose::Egress);
        egress.map(|(_, health)| health)
    }
}
