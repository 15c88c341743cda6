//! What phonehome does not do by itself, or cannot, and what people can do about it.

use std::fmt;

use phonehome_cloud::MemberRoleLacks;

use crate::check::Difference;
use crate::expected::{Refused, Unplanned};
use crate::stack::ResourceNote;
use crate::status::PackStatus;
use crate::wanted::TooLarge;

/// What becomes of a template that failed.
const TRIED_AGAIN: &str = "It was undone, and is tried again by itself";
const TRIED_ENOUGH: &str =
    "It was tried as often as makes sense: it is tried again once the fleet file declares something else";
/// How many of a list are named in a message.
const NAMED_MAX: usize = 5;

/// Why a pack stack is not as declared, and stays so until somebody does something or time has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A stack of that name is somebody else's.
    Foreign {
        /// Its ARN.
        id: String,
    },
    /// It works with another role than phonehome gave it.
    OtherRole {
        /// The role that it has.
        has: String,
        /// The one that it should have.
        wanted: String,
    },
    /// It has been changing for so long that it will not end by itself.
    Stuck {
        /// Its status.
        status: PackStatus,
    },
    /// It is in a status that only people lead out of.
    ByHand {
        /// Its status.
        status: PackStatus,
        /// CloudFormation's reason.
        reason: Option<String>,
        /// What leads out of it.
        way: ByHand,
    },
    /// Its creation failed and left something behind.
    Remains(Vec<ResourceNote>),
    /// Making or changing it failed.
    Failed {
        /// AWS's reasons.
        said: String,
        /// Whether it is tried again by itself.
        is_tried_again: bool,
    },
    /// What would be changed is not done by anybody's permission.
    Refused(Vec<Refused>),
    /// What would be changed is done once its version is in force: the names of the resources that leave it or are replaced.
    UntilInForce(Vec<String>),
    /// The change set would do something else than was worked out beforehand: the world moved.
    Moved {
        /// Its name.
        set: String,
        /// In what it differs.
        differences: Vec<Difference>,
    },
    /// The change set does what was worked out beforehand, and that is not what the version was planned with.
    Unplanned {
        /// The version.
        version: u64,
        /// The change set's name.
        set: String,
        /// What is not in its plan.
        unplanned: Vec<Unplanned>,
    },
    /// Something was changed by hand.
    Drifted(Vec<ResourceNote>),
    /// The member role may not do what is needed.
    Denied {
        /// `cloudformation:DescribeStacks`
        operation: String,
        /// AWS's message.
        said: String,
    },
    /// CloudFormation takes no template of this size: nothing is asked.
    TooLarge(TooLarge),
    /// AWS does not take a call.
    Rejected {
        /// The operation.
        operation: String,
        /// AWS's message.
        said: String,
    },
}

/// What leads out of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByHand {
    /// `aws cloudformation delete-stack`, after what it left has been looked at.
    Delete,
    /// `aws cloudformation rollback-stack`.
    Rollback,
    /// `aws cloudformation continue-update-rollback --resources-to-skip`.
    SkipResources,
    /// AWS Support, or a newer phonehome.
    Ask,
}

impl Problem {
    /// Whether nothing is wrong but that something waits: for a permission, or for people to agree.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::UntilInForce(_))
    }

    /// Whether what would be done is not what was planned.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        matches!(self, Self::Moved { .. } | Self::Unplanned { .. })
    }
}

/// The first of a list, one after the other, and how many more there are.
fn named<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    for (at, item) in items.iter().take(NAMED_MAX).enumerate() {
        let between = if at == 0 { "" } else { "; " };
        write!(f, "{between}{item}")?;
    }
    match items.len().saturating_sub(NAMED_MAX) {
        0 => Ok(()),
        more => write!(f, "; and {more} more"),
    }
}

impl fmt::Display for ResourceNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.logical_id, self.resource_type)?;
        if let Some(id) = &self.physical_id {
            write!(f, " {id}")?;
        }
        write!(f, "): {}", self.says)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.logical_id, self.why)
    }
}

impl fmt::Display for Unplanned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.logical_id, self.what)
    }
}

/// That a change set halted, at what, and what people do with it.
fn halted<T: fmt::Display>(f: &mut fmt::Formatter<'_>, what: &str, items: &[T], set: &str) -> fmt::Result {
    write!(f, "{what} (")?;
    named(f, items)?;
    write!(
        f,
        "). Nothing was done. Look at the change set (aws cloudformation describe-change-set --stack-name \
         phonehome-starter-pack --change-set-name {set}) and at who changed the stack or what is in it; undo that, or plan \
         again and publish"
    )
}

impl fmt::Display for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delete => {
                "look at what it left (aws cloudformation describe-stack-resources), and delete the stack \
                 (aws cloudformation delete-stack); phonehome makes it anew"
            }
            Self::Rollback => {
                "undo the change (aws cloudformation rollback-stack); phonehome goes on from there"
            }
            Self::SkipResources => {
                "put right what the reason says, or leave those resources out (aws cloudformation \
                 continue-update-rollback --resources-to-skip)"
            }
            Self::Ask => {
                "look at the stack's events (aws cloudformation describe-stack-events), and ask AWS Support"
            }
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign { id } => write!(
                f,
                "the stack {id} does not bear phonehome's tag, and is left alone: delete it or give it another name, or take \
                 the starter pack out of the fleet file for this account"
            ),
            Self::OtherRole { has, wanted } => write!(
                f,
                "it works with the role {has}, and phonehome gave it {wanted}: somebody changed it. Find out who (CloudTrail, \
                 UpdateStack), and update it once with that role (aws cloudformation update-stack --use-previous-template \
                 --role-arn {wanted})"
            ),
            Self::Stuck { status } => write!(
                f,
                "it has been {status} for two hours: {}; a change that does not end can be stopped (aws cloudformation \
                 cancel-update-stack)",
                ByHand::Ask
            ),
            Self::ByHand { status, reason, way } => {
                write!(f, "it is {status}")?;
                if let Some(reason) = reason {
                    write!(f, " ({reason})")?;
                }
                write!(f, ": {way}")
            }
            Self::Remains(left) => {
                f.write_str("its creation failed and left something: ")?;
                named(f, left)?;
                write!(f, ". Nothing of it is deleted by phonehome: {}", ByHand::Delete)
            }
            Self::Failed { said, is_tried_again } => {
                write!(f, "CloudFormation could not do it: {said}. ")?;
                f.write_str(if *is_tried_again { TRIED_AGAIN } else { TRIED_ENOUGH })
            }
            Self::Refused(refused) => {
                f.write_str("not done: ")?;
                named(f, refused)
            }
            Self::UntilInForce(ids) => {
                f.write_str(
                    "not done before its version is in force, because no roll-back brings it back: ",
                )?;
                named(f, ids)
            }
            Self::Moved { set, differences } => {
                let what = "the world moved: the change set is not what was worked out beforehand";
                halted(f, what, differences, set)
            }
            Self::Unplanned { version, set, unplanned } => {
                let what = format!("the world moved since version {version} was planned without this");
                halted(f, &what, unplanned, set)
            }
            Self::Drifted(notes) => {
                f.write_str("changed by hand: ")?;
                named(f, notes)?;
                f.write_str(". phonehome does not put it back by itself: undo it, or declare it")
            }
            Self::Denied { operation, said } => {
                let doing = &format!("call {operation}");
                MemberRoleLacks { doing, said, parameter: "StarterPack" }.fmt(f)
            }
            Self::TooLarge(too_large) => too_large.fmt(f),
            Self::Rejected { operation, said } => write!(f, "AWS does not take {operation} ({said})"),
        }
    }
}
