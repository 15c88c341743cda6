//! What a run says of the things that its check depends on.

use serde::{Deserialize, Serialize};

/// What came of one run of a check, as far as it tells one cause from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Outcome {
    /// As it should be: it connected and was answered, or the isolation is proven; of a probe, it reported.
    Pass,
    /// The name was not resolved: no connection was tried.
    Unresolved,
    /// The resolver answered that the name does not exist, or has other records than it should.
    WrongName,
    /// Nobody answered, or somebody on the way said that there is no way.
    Silence,
    /// The target's host refused: the way is sound.
    Refused,
    /// The target was connected to, and what it then said was wrong.
    WrongAnswer,
    /// It was answered, but through another public address than the declared one: the way is not as it should be.
    Astray,
    /// What must be kept apart connected. That a packet crossed is a fact, never chance.
    Open,
    /// The report that was due did not come.
    Missing,
    /// It proves nothing; only that the probe reported.
    Inconclusive,
}

/// When in a run something is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// For the report to arrive: the probe, and phonehome itself.
    Report,
    /// For the probe to run: where it does. A report does not clear that: it comes also from where no packet gets out.
    Run,
    /// For the name to be resolved.
    Resolve,
    /// For packets to come and go: everything between the probe and the target's host.
    Way,
    /// For the target to answer.
    Target,
    /// For the target to be out of reach.
    Isolation,
}

/// A set of stages: when something is needed may be more than once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stages(u8);

/// The number of a component or a segment, and the stages at which it is needed, in four bytes: there are millions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Needed(u32);

impl Needed {
    /// # Panics
    /// With a number of more than 24 bits.
    pub(crate) fn new(number: u32, stages: Stages) -> Self {
        assert!(number < 1 << 24, "there are more than 16 million components or segments");
        Self(number << 8 | u32::from(stages.0))
    }

    pub(crate) fn get(self) -> (u32, Stages) {
        let [.., stages] = self.0.to_be_bytes();
        (self.0 >> 8, Stages(stages))
    }
}

/// What a result says of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// It may be broken: this is what one would see.
    Accuses,
    /// It works: otherwise this would not have been seen.
    Clears,
    /// Nothing: the run did not come to need it, or does not tell.
    Nothing,
}

/// The bit of a path by itself: whatever fails on it accuses it.
const ALONE: u8 = 1 << 7;

impl Stages {
    pub(crate) const ALONE: Self = Self(ALONE);

    pub(crate) fn with(self, stage: Stage) -> Self {
        Self(self.0 | 1 << stage as u8)
    }

    pub(crate) fn joined(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Of something that is needed at these stages. It is accused when one of them accuses it, and cleared only when
    /// all do.
    pub(crate) fn say(self, outcome: Outcome) -> Says {
        const ALL: [Stage; 6] =
            [Stage::Report, Stage::Run, Stage::Resolve, Stage::Way, Stage::Target, Stage::Isolation];
        if self.0 & ALONE != 0 {
            return match outcome {
                Outcome::Pass => Says::Clears,
                Outcome::Inconclusive | Outcome::Missing => Says::Nothing,
                _ => Says::Accuses,
            };
        }
        let mut clears = true;
        for stage in ALL.into_iter().filter(|stage| self.0 & (1 << *stage as u8) != 0) {
            match stage.says(outcome) {
                Says::Accuses => return Says::Accuses,
                Says::Clears => {}
                Says::Nothing => clears = false,
            }
        }
        if clears { Says::Clears } else { Says::Nothing }
    }
}

impl Stage {
    fn says(self, outcome: Outcome) -> Says {
        match (self, outcome) {
            (_, Outcome::Inconclusive) => Says::Nothing,
            // That one zone is kept apart says nothing of the others.
            (Self::Isolation | Self::Run, Outcome::Pass) => Says::Nothing,
            (_, Outcome::Pass)
            | (
                Self::Resolve,
                Outcome::WrongName
                | Outcome::Silence
                | Outcome::Refused
                | Outcome::WrongAnswer
                | Outcome::Astray,
            )
            | (Self::Way, Outcome::Refused | Outcome::WrongAnswer)
            | (Self::Target, Outcome::Astray) => Says::Clears,
            (Self::Report | Self::Run, Outcome::Missing)
            | (Self::Resolve, Outcome::Unresolved)
            | (Self::Way, Outcome::Silence | Outcome::Astray)
            | (
                Self::Target,
                Outcome::WrongName | Outcome::Silence | Outcome::Refused | Outcome::WrongAnswer,
            )
            | (Self::Isolation, Outcome::Open) => Says::Accuses,
            // Whatever else a report says, it arrived.
            (Self::Report, _) => Says::Clears,
            _ => Says::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(stages: &[Stage]) -> Stages {
        stages.iter().fold(Stages::default(), |all, stage| all.with(*stage))
    }

    #[test]
    fn a_failure_accuses_what_was_needed_then_and_clears_what_was_needed_before() {
        use Outcome::{Astray, Missing, Pass, Refused, Silence, Unresolved, WrongAnswer, WrongName};
        use Says::{Accuses, Clears, Nothing};
        let table = [
            (Unresolved, [Clears, Accuses, Nothing, Nothing]),
            (WrongName, [Clears, Clears, Nothing, Accuses]),
            (Silence, [Clears, Clears, Accuses, Accuses]),
            (Refused, [Clears, Clears, Clears, Accuses]),
            (WrongAnswer, [Clears, Clears, Clears, Accuses]),
            (Astray, [Clears, Clears, Accuses, Clears]),
            (Missing, [Accuses, Nothing, Nothing, Nothing]),
            (Pass, [Clears; 4]),
        ];
        for (outcome, said) in table {
            let stages = [Stage::Report, Stage::Resolve, Stage::Way, Stage::Target];
            assert_eq!(stages.map(|stage| at(&[stage]).say(outcome)), said, "{outcome:?}");
        }
    }

    #[test]
    fn a_report_clears_what_carries_it_and_not_where_it_comes_from() {
        assert_eq!(at(&[Stage::Report]).say(Outcome::Pass), Says::Clears);
        assert_eq!(at(&[Stage::Run]).say(Outcome::Pass), Says::Nothing);
        assert_eq!(at(&[Stage::Run]).say(Outcome::Missing), Says::Accuses);
    }

    #[test]
    fn what_is_needed_at_two_stages_is_cleared_only_by_what_clears_both() {
        let account = at(&[Stage::Resolve, Stage::Way]);
        assert_eq!(account.say(Outcome::Unresolved), Says::Accuses);
        assert_eq!(account.say(Outcome::Silence), Says::Accuses);
        assert_eq!(account.say(Outcome::Refused), Says::Clears);
        assert_eq!(at(&[Stage::Way, Stage::Target]).say(Outcome::Unresolved), Says::Nothing);
    }
}
