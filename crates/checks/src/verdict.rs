//! From what a check met to its verdict. Pure.

use phonehome_wire::{CheckId, Expect, Stage, Verdict};

/// The longest error or reason in a report, in characters.
pub(crate) const MAX_TEXT: usize = 300;

/// What a check, or one address of it, met; says nothing yet of whether that is good or bad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The whole exchange worked, with what is named here.
    Reached(String),
    /// The network refused, or nothing answered: what a closed path looks like.
    Denied { stage: Stage, error: String },
    /// It failed otherwise: the name did not resolve, or something answered wrongly.
    Failed { stage: Stage, error: String },
    /// The probe itself could not test.
    ProbeError(String),
}

impl Outcome {
    pub(crate) fn denied(stage: Stage, error: impl Into<String>) -> Self {
        Self::Denied { stage, error: error.into() }
    }

    pub(crate) fn failed(stage: Stage, error: impl Into<String>) -> Self {
        Self::Failed { stage, error: error.into() }
    }

    fn miss(&self) -> Option<(Stage, &str)> {
        match self {
            Self::Denied { stage, error } | Self::Failed { stage, error } => Some((*stage, error)),
            Self::Reached(_) | Self::ProbeError(_) => None,
        }
    }

    /// Whether something at the other end was reached, even if it then answered wrongly.
    fn touched(&self) -> bool {
        match self {
            Self::Reached(_) => true,
            Self::Failed { stage, .. } => *stage > Stage::Connect,
            Self::Denied { .. } | Self::ProbeError(_) => false,
        }
    }
}

/// The one outcome of a check whose host has several addresses.
///
/// What is known for certain comes first: a failed address fails a connection and a reached one
/// breaks an isolation, even when the probe could not test the rest.
pub(crate) fn combine(outcomes: Vec<Outcome>, expect: Expect) -> Outcome {
    let total = outcomes.len();
    if expect == Expect::Deny
        && let Some(open) = outcomes.iter().find(|outcome| outcome.touched())
    {
        return open.clone();
    }
    let probe_error = outcomes.iter().find(|outcome| matches!(outcome, Outcome::ProbeError(_)));
    let misses: Vec<(Stage, &str)> = outcomes.iter().filter_map(Outcome::miss).collect();
    let incomplete_denial = expect == Expect::Deny && probe_error.is_some();
    if misses.is_empty() || incomplete_denial {
        return match probe_error {
            Some(probe_error) => probe_error.clone(),
            None => Outcome::Reached(reached(&outcomes)),
        };
    }
    let stage = misses.iter().map(|(stage, _)| *stage).min().unwrap_or(Stage::Connect);
    let errors = misses.iter().map(|(_, error)| *error).collect::<Vec<_>>().join("; ");
    let error = match total {
        1 => errors,
        _ => format!("{} of {total} addresses: {errors}", misses.len()),
    };
    match outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failed { .. })) {
        true => Outcome::Failed { stage, error },
        false => Outcome::Denied { stage, error },
    }
}

fn reached(outcomes: &[Outcome]) -> String {
    let names = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Reached(what) => Some(what.as_str()),
        _ => None,
    });
    names.collect::<Vec<_>>().join(", ")
}

/// The verdict on what must connect.
pub(crate) fn judge_connect(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Reached(_) => Verdict::Ok,
        Outcome::Denied { stage, error } | Outcome::Failed { stage, error } => {
            Verdict::Fail { stage, error: shorten(&error) }
        }
        Outcome::ProbeError(reason) => Verdict::ProbeError { reason: shorten(&reason) },
    }
}

/// What is known of the positive control of a check that must not connect.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Control<'a> {
    /// The check names none.
    NotNamed,
    /// No check of the run has this id.
    Unknown(&'a CheckId),
    /// The control must not connect either, so it cannot show that the probe can reach anything.
    IsDeny(&'a CheckId),
    /// The control's verdict in the same run.
    Ran(&'a CheckId, &'a Verdict),
}

impl Control<'_> {
    /// Why a denial next to this control proves nothing; `None` when it does prove isolation.
    fn objection(self) -> Option<String> {
        match self {
            Self::Ran(_, Verdict::Ok) => None,
            Self::NotNamed => Some("the check names no positive control".to_owned()),
            Self::Unknown(id) => Some(format!("its control {id:?} is not among the checks", id = id.0)),
            Self::IsDeny(id) => Some(format!("its control {id:?} must not connect either", id = id.0)),
            Self::Ran(id, verdict) => {
                Some(format!("its control {id:?} did not pass ({why})", id = id.0, why = why(verdict)))
            }
        }
    }
}

fn why(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Fail { error, .. } => error,
        Verdict::Inconclusive { reason } | Verdict::ProbeError { reason } => reason,
        Verdict::Ok | Verdict::DenyProven => "it passed",
    }
}

/// The verdict on what must not connect.
pub(crate) fn judge_deny(outcome: Outcome, control: Control<'_>) -> Verdict {
    let touched = outcome.touched();
    match outcome {
        Outcome::Reached(what) => {
            Verdict::Fail { stage: Stage::Open, error: shorten(&format!("reached {what}")) }
        }
        Outcome::Failed { error, .. } if touched => {
            Verdict::Fail { stage: Stage::Open, error: shorten(&format!("something answered: {error}")) }
        }
        // A name that does not resolve keeps a path from being tested; it does not close it.
        Outcome::Failed { error, .. } => Verdict::Inconclusive { reason: shorten(&error) },
        Outcome::Denied { error, .. } => match control.objection() {
            None => Verdict::DenyProven,
            Some(objection) => {
                Verdict::Inconclusive { reason: shorten(&format!("{error}, but {objection}")) }
            }
        },
        Outcome::ProbeError(reason) => Verdict::ProbeError { reason: shorten(&reason) },
    }
}

/// At most [`MAX_TEXT`] characters on one line; parts of it come from certificates and peers.
pub(crate) fn shorten(text: &str) -> String {
    let mut clean: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT + 1).collect();
    if let Some((cut, _)) = clean.char_indices().nth(MAX_TEXT) {
        clean.truncate(cut);
        clean.pop();
        clean.push('…');
    }
    clean
}

#[cfg(test)]
mod tests;
