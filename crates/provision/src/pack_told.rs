//! What people hear of a starter pack's stack: what is wrong, once, and that it no longer is.

use std::fmt;

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_stacks::{ObservabilityRecord, Outcome, PackPhase, PackRecord, Told};
use phonehome_starter_pack::{MachineUser, STACK_NAME};

use crate::new_relic::VENDOR;
use crate::notices::incident;
use crate::observed::{ask, message_of, place};
use crate::provision::Job;

/// How long what a message says is, in characters.
const ABOUT_MAX: usize = 900;

/// What a problem is, for people.
pub(crate) fn about(problem: &impl fmt::Display) -> String {
    problem.to_string().chars().take(ABOUT_MAX).collect()
}

/// The message about what came of a turn, where it says something new. The record says then what was told.
pub(crate) fn told(
    job: &Job<'_>,
    record: &mut PackRecord,
    outcome: &Outcome,
    now_ms: u64,
) -> Option<Outgoing> {
    let subject = Subject { id: "pack", name: "the stack of its starter pack".to_owned() };
    match outcome {
        Outcome::Told(problem) => {
            let icon = if problem.is_withheld() || problem.is_halted() { WAITING } else { WRONG };
            subject.is_told(job, &mut record.told, icon, about(problem), now_ms)
        }
        Outcome::AsDeclared => subject.is_well(job, &mut record.told, now_ms),
        Outcome::StillDrifted | Outcome::Later { .. } => None,
    }
}

/// The icon of what is wrong.
pub(crate) const WRONG: &str = ":warning: ";
/// The icon of what waits for people.
pub(crate) const WAITING: &str = ":raised_hand: ";

/// What a message is about, beside the account: one message for as long as anything is wrong with it.
pub(crate) struct Subject<'a> {
    /// What its incidents begin with.
    pub(crate) id: &'a str,
    /// For people: `the stack of its starter pack`.
    pub(crate) name: String,
}

impl Subject<'_> {
    /// That this is wrong with it, unless that was told.
    pub(crate) fn is_told(
        &self,
        job: &Job<'_>,
        known: &mut Option<Told>,
        icon: &str,
        about: String,
        now_ms: u64,
    ) -> Option<Outgoing> {
        if known.as_ref().is_some_and(|known| known.about == about) {
            return None;
        }
        let kind = if known.is_some() { SlackKind::Updated } else { SlackKind::Opened };
        let incident_id =
            known.take().map_or_else(|| incident(job, self.id, now_ms), |known| known.incident_id);
        let headline = Words::of(icon).then(place(job)).text(format!(": {}", self.name));
        let message = SlackMessage::new(headline).section(Words::new().text(&about)).section(ask(job));
        let outgoing = message_of(job, &incident_id, now_ms, kind, &message);
        *known = Some(Told { incident_id, about });
        Some(outgoing)
    }

    /// That nothing is wrong with it any more, where something was told.
    pub(crate) fn is_well(&self, job: &Job<'_>, known: &mut Option<Told>, now_ms: u64) -> Option<Outgoing> {
        let known = known.take()?;
        let headline =
            Words::of(":white_check_mark: ").then(place(job)).text(format!(": {} is as declared", self.name));
        let was = Words::new().markup("*Was* ").text(&known.about);
        let thread = Some(Words::of("as declared again"));
        let message = SlackMessage::new(headline).section(was).thread(thread);
        Some(message_of(job, &known.incident_id, now_ms, SlackKind::Resolved, &message))
    }

    /// That it is not declared any more, where something was told: nothing else would ever end that.
    fn has_left(
        &self,
        job: &Job<'_>,
        known: &mut Option<Told>,
        stays: &str,
        now_ms: u64,
    ) -> Option<Outgoing> {
        let known = known.take()?;
        let headline = Words::of(":information_source: ").then(place(job));
        let message = SlackMessage::new(headline.text(format!(": {} is not declared any more", self.name)))
            .section(Words::new().text(stays))
            .section(Words::new().markup("*Was* ").text(&known.about))
            .section(ask(job))
            .thread(Some(Words::of("not declared any more")));
        Some(message_of(job, &known.incident_id, now_ms, SlackKind::Resolved, &message))
    }
}

/// The messages about machine users that are not among these any more, where something of them was told.
pub(crate) fn left(
    job: &Job<'_>,
    record: &mut PackRecord,
    declared: &[MachineUser],
    now_ms: u64,
) -> Vec<Outgoing> {
    let is_left = |name: &str| declared.iter().all(|user| user.name != name);
    let users = record.users.iter_mut().filter(|(name, _)| is_left(name));
    let left = users.filter_map(|(name, user)| {
        let stays = "It stays in the account with its keys, which are no longer looked at nor rotated. Take it away by hand, \
                     or declare it again";
        with_user(name, |it| it.has_left(job, &mut user.told, stays, now_ms))
    });
    left.collect()
}

/// The machine user of this name.
pub(crate) fn with_user<R>(name: &str, tell: impl FnOnce(&Subject<'_>) -> R) -> R {
    let id = format!("machine-user/{name}");
    tell(&Subject { id: &id, name: format!("its machine user {name}") })
}

/// The identity provider of the team's own.
pub(crate) fn provider() -> Subject<'static> {
    Subject {
        id: "identity-provider",
        name: "the identity provider that its deploy roles refer to".to_owned(),
    }
}

/// The message about an identity provider that no role refers to any more, where something of it was told.
pub(crate) fn provider_left(job: &Job<'_>, record: &mut PackRecord, now_ms: u64) -> Option<Outgoing> {
    let known = &mut record.provider.take()?.told;
    provider().has_left(job, known, "It is the team's own, and phonehome does nothing to it", now_ms)
}

/// The account at an observability vendor.
pub(crate) fn observability() -> Subject<'static> {
    Subject { id: "observability", name: format!("its account at {}", VENDOR.name) }
}

/// The message about a set-up at an observability vendor that is not declared any more, where something of it was told.
pub(crate) fn observability_left(
    job: &Job<'_>,
    record: &mut ObservabilityRecord,
    now_ms: u64,
) -> Option<Outgoing> {
    let stays = "What is there stays, with the key, the role and the link, and is no longer looked at. Take away what nobody \
                 needs by hand, or declare it again";
    observability().has_left(job, &mut record.told, stays, now_ms)
}

/// The message about a pack that is no longer declared, where people knew of it or a stack was made. The record says that
/// it ended.
pub(crate) fn ended(job: &Job<'_>, record: &mut PackRecord, now_ms: u64) -> Option<Outgoing> {
    let known = record.told.take();
    record.phase = PackPhase::Undeclared;
    record.message = "its stack stays as it is".to_owned();
    // Once it is declared again, what was changed by hand is told again.
    record.drift_told_ms = None;
    if known.is_none() && record.attempts == 0 {
        return None;
    }
    let headline = Words::of(":information_source: ").then(place(job));
    let message = SlackMessage::new(headline.text(": no starter pack is declared for it any more"))
        .section(Words::new().text(format!(
            "Its stack {STACK_NAME} stays in the account with all that is in it, roles too, and is no longer looked at. Take \
             away what nobody needs by hand, or declare it again"
        )))
        .section(ask(job));
    let (incident_id, kind) = match known {
        Some(known) => (known.incident_id, SlackKind::Resolved),
        None => (incident(job, "pack", now_ms), SlackKind::Opened),
    };
    Some(message_of(job, &incident_id, now_ms, kind, &message))
}
