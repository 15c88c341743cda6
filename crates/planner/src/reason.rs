//! Why changes are not made.

use std::fmt;

use phonehome_network::{Address, Kind};
use phonehome_text::agree;
use serde::{Serialize, Serializer};

use crate::Disruption;

/// Why a change is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WithheldReason {
    /// More of its kind are taken away than one plan may.
    NeedsPermission(NeededPermission),
    /// It does more to running traffic than a plan may.
    Disturbs(Disruption),
    /// Not all of this kind could be seen, and nothing is decided on half a view.
    Unseen(Kind),
    /// It comes after something that is withheld.
    NeedsWithheld(Address),
    /// Only something that is withheld would use it.
    OnlyForWithheld,
    /// It was there before phonehome, which never deletes what it adopted.
    Adopted,
    /// So many have to go together, and not all may.
    NotAll {
        /// How many.
        needed: usize,
        /// Why one of them may not.
        because: Box<WithheldReason>,
    },
    /// It is allowed, but the functions have made as many removals in this hour as they may.
    Hour {
        /// How many are allowed in an hour.
        per_hour: u32,
        /// When the next hour begins; milliseconds since the Unix epoch.
        next_ms: u64,
    },
    /// It is allowed, and no rollback would bring back what it gives up: it waits until the version that asks for it is
    /// in force.
    UntilInForce,
    /// The account's roles are those of an older `infra/member-role.yaml`, which do not allow it.
    NeedsTemplate {
        /// What is needed, and what is there.
        needed: NeededTemplate,
        /// What it comes after or is made for, where that is what needs it.
        through: Option<Address>,
    },
    /// AWS takes no more of them. For people: how many, and what to do.
    BeyondQuota(String),
    /// Something else is in its place, and no permission helps. For people: what.
    Impossible(String),
}

impl WithheldReason {
    /// When it goes on, where the hour has no more removals; milliseconds since the Unix epoch. Where no hour has any
    /// it never does.
    pub fn next_hour_ms(&self) -> Option<u64> {
        match self {
            Self::Hour { per_hour, next_ms } => (*per_hour > 0).then_some(*next_ms),
            Self::NotAll { because, .. } => because.next_hour_ms(),
            Self::NeedsPermission(_)
            | Self::Disturbs(_)
            | Self::Unseen(_)
            | Self::NeedsWithheld(_)
            | Self::OnlyForWithheld
            | Self::Adopted
            | Self::UntilInForce
            | Self::NeedsTemplate { .. }
            | Self::BeyondQuota(_)
            | Self::Impossible(_) => None,
        }
    }
}

/// A permission that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeededPermission {
    /// The option that gives it.
    pub option: Allowance,
    /// How many are allowed in one plan.
    pub allowed: u32,
}

/// A version of `infra/member-role.yaml` that an account does not have yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeededTemplate {
    /// The first version that allows the change.
    pub needed: u32,
    /// The version that the account has.
    pub there: u32,
}

/// An option of `phonehome plan` and `apply`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// `--allow-delete`
    Delete,
    /// `--allow-replace`
    Replace,
    /// `--allow-unpeer`
    Unpeer,
    /// `--allow-disruption`
    Disruption,
}

impl Allowance {
    /// As it is written on the command line.
    pub fn option(self) -> &'static str {
        match self {
            Self::Delete => "--allow-delete",
            Self::Replace => "--allow-replace",
            Self::Unpeer => "--allow-unpeer",
            Self::Disruption => "--allow-disruption",
        }
    }
}

impl fmt::Display for NeededPermission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option = self.option.option();
        match self.allowed {
            0 => write!(f, "needs permission ({option})"),
            number => {
                let allowed = agree(number, "is", "are");
                write!(f, "needs permission: only {allowed} allowed in one plan ({option})")
            }
        }
    }
}

impl fmt::Display for NeededTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, there } = self;
        write!(f, "needs version {needed} of infra/member-role.yaml, and the account has version {there}")
    }
}

impl fmt::Display for WithheldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsPermission(needed) => needed.fmt(f),
            Self::Disturbs(disruption) => {
                let option = Allowance::Disruption.option();
                write!(f, "{}, and that needs permission ({option})", disruption.in_words())
            }
            Self::Unseen(kind) => write!(f, "not all {} could be seen", kind.plural()),
            Self::NeedsWithheld(address) => write!(f, "needs {address}, which is withheld"),
            Self::OnlyForWithheld => f.write_str("only something that is withheld would use it"),
            Self::Adopted => f.write_str("it was there before phonehome, which adopted it"),
            Self::NotAll { needed, because } => {
                write!(f, "{} needed; {because}", agree(*needed, "removal is", "removals are"))
            }
            Self::Hour { per_hour, next_ms } => {
                let minutes = next_ms / 60_000;
                write!(
                    f,
                    "is allowed, but {} made already (`network.removals_per_hour`): it goes on at {:02}:{:02} UTC",
                    agree(*per_hour, "removal an hour is", "removals an hour are"),
                    minutes / 60 % 24,
                    minutes % 60
                )
            }
            Self::UntilInForce => f.write_str(
                "is allowed, but no rollback brings it back: it waits until the version is in force",
            ),
            Self::NeedsTemplate { needed, through: None } => needed.fmt(f),
            Self::NeedsTemplate { needed, through: Some(address) } => {
                write!(f, "goes with {address}, which {needed}")
            }
            Self::BeyondQuota(why) | Self::Impossible(why) => f.write_str(why),
        }
    }
}

impl Serialize for WithheldReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
