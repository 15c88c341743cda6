//! The status of a CloudFormation stack.

use std::fmt;

/// A stack's status, as `StackStatus` of the API's model has it
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Stack.html>).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PackStatus {
    /// It is not made yet.
    CreateInProgress,
    /// Its creation failed, and somebody had asked for no roll-back.
    CreateFailed,
    /// It is there.
    CreateComplete,
    /// Its creation failed and is undone.
    RollbackInProgress,
    /// Its creation failed and could not be undone.
    RollbackFailed,
    /// Its creation failed and was undone: it can only be deleted.
    RollbackComplete,
    /// It is deleted.
    DeleteInProgress,
    /// Something of it could not be deleted.
    DeleteFailed,
    /// It is no more.
    DeleteComplete,
    /// It is changed.
    UpdateInProgress,
    /// It was changed, and what is no longer in it goes.
    UpdateCompleteCleanupInProgress,
    /// It was changed.
    UpdateComplete,
    /// A change failed, and somebody had asked for no roll-back.
    UpdateFailed,
    /// A change failed and is undone.
    UpdateRollbackInProgress,
    /// A change failed and could not be undone.
    UpdateRollbackFailed,
    /// A change failed and was undone, and what it had made goes.
    UpdateRollbackCompleteCleanupInProgress,
    /// A change failed and was undone.
    UpdateRollbackComplete,
    /// Nothing of it is made: it has a change set that nobody has executed.
    ReviewInProgress,
    /// Resources are taken into it.
    ImportInProgress,
    /// Resources were taken into it.
    ImportComplete,
    /// Taking resources into it failed and is undone.
    ImportRollbackInProgress,
    /// Taking resources into it failed and could not be undone.
    ImportRollbackFailed,
    /// Taking resources into it failed and was undone.
    ImportRollbackComplete,
    /// One that came to the API since.
    Unknown(String),
}

/// Every status that there is, with its name.
const NAMES: [(&str, PackStatus); 23] = [
    ("CREATE_IN_PROGRESS", PackStatus::CreateInProgress),
    ("CREATE_FAILED", PackStatus::CreateFailed),
    ("CREATE_COMPLETE", PackStatus::CreateComplete),
    ("ROLLBACK_IN_PROGRESS", PackStatus::RollbackInProgress),
    ("ROLLBACK_FAILED", PackStatus::RollbackFailed),
    ("ROLLBACK_COMPLETE", PackStatus::RollbackComplete),
    ("DELETE_IN_PROGRESS", PackStatus::DeleteInProgress),
    ("DELETE_FAILED", PackStatus::DeleteFailed),
    ("DELETE_COMPLETE", PackStatus::DeleteComplete),
    ("UPDATE_IN_PROGRESS", PackStatus::UpdateInProgress),
    ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", PackStatus::UpdateCompleteCleanupInProgress),
    ("UPDATE_COMPLETE", PackStatus::UpdateComplete),
    ("UPDATE_FAILED", PackStatus::UpdateFailed),
    ("UPDATE_ROLLBACK_IN_PROGRESS", PackStatus::UpdateRollbackInProgress),
    ("UPDATE_ROLLBACK_FAILED", PackStatus::UpdateRollbackFailed),
    ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", PackStatus::UpdateRollbackCompleteCleanupInProgress),
    ("UPDATE_ROLLBACK_COMPLETE", PackStatus::UpdateRollbackComplete),
    ("REVIEW_IN_PROGRESS", PackStatus::ReviewInProgress),
    ("IMPORT_IN_PROGRESS", PackStatus::ImportInProgress),
    ("IMPORT_COMPLETE", PackStatus::ImportComplete),
    ("IMPORT_ROLLBACK_IN_PROGRESS", PackStatus::ImportRollbackInProgress),
    ("IMPORT_ROLLBACK_FAILED", PackStatus::ImportRollbackFailed),
    ("IMPORT_ROLLBACK_COMPLETE", PackStatus::ImportRollbackComplete),
];

impl PackStatus {
    /// By its name in the API.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let known = NAMES.iter().find(|(known, _)| *known == name);
        known.map_or_else(|| Self::Unknown(name.to_owned()), |(_, status)| status.clone())
    }

    /// Every status of the API's model.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(_, status)| status.clone())
    }
}

impl fmt::Display for PackStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => f.write_str(name),
            known => {
                let named = NAMES.iter().find(|(_, status)| status == known);
                f.write_str(named.map_or("", |(name, _)| name))
            }
        }
    }
}
