//! What CloudFormation shows, as phonehome has it.

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::primitives::DateTime;
use aws_sdk_cloudformation::types::{
    self, ChangeAction, EvaluationType, ResourceChangeDetail, StackDriftStatus, StackEvent,
    StackResourceDrift, StackResourceDriftStatus, StackResourceSummary,
};
use phonehome_network::{TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE};
use phonehome_stacks::{
    Attribute, ChangeSet, ChangeSetState, Changed, DriftStatus, MARK, PackStack, PackStatus, PolicyAction,
    Replacement, ResourceChange, ResourceNote,
};

/// How long what is said of a resource may be, in characters: it goes into a message.
const SAYS_MAX: usize = 200;

fn ms(at: Option<&DateTime>) -> Option<u64> {
    at.and_then(|at| at.to_millis().ok()).and_then(|ms| u64::try_from(ms).ok())
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn clipped(text: &str) -> String {
    text.chars().take(SAYS_MAX).collect()
}

/// `None` of one without an id, which every stack has.
pub(super) fn stack(shown: &types::Stack) -> Option<PackStack> {
    let drift = shown.drift_information();
    let outputs = shown.outputs().iter().find(|output| output.output_key() == Some(MARK));
    let is_tag =
        |tag: &types::Tag| tag.key() == Some(TAG_MANAGED_BY) && tag.value() == Some(TAG_MANAGED_BY_VALUE);
    Some(PackStack {
        id: shown.stack_id()?.to_owned(),
        status: PackStatus::named(shown.stack_status()?.as_str()),
        reason: shown.stack_status_reason().map(clipped),
        role_arn: shown.role_arn().map(str::to_owned),
        is_tagged: shown.tags().iter().any(is_tag),
        mark: outputs.and_then(|output| output.output_value()).map(str::to_owned),
        changed_at_ms: ms(shown.last_updated_time()).or(ms(shown.creation_time())).unwrap_or_default(),
        drift: match drift.and_then(|drift| drift.stack_drift_status()) {
            Some(StackDriftStatus::Drifted) => DriftStatus::Drifted,
            Some(StackDriftStatus::InSync) => DriftStatus::InSync,
            Some(StackDriftStatus::NotChecked) | None => DriftStatus::NotChecked,
            Some(_) => DriftStatus::Unknown,
        },
        drift_checked_at_ms: ms(drift.and_then(|drift| drift.last_check_timestamp())),
    })
}

pub(super) fn change_set(page: &DescribeChangeSetOutput, changes: Vec<ResourceChange>) -> ChangeSet {
    let status = page.status().map(|it| it.as_str()).unwrap_or_default();
    let execution = page.execution_status().map(|it| it.as_str()).unwrap_or_default();
    let state = ChangeSetState::of(status, execution);
    ChangeSet { state, reason: page.status_reason().map(clipped), changes }
}

/// A change that is none of a resource, or says less than it must, is one that nobody asked for.
pub(super) fn change(shown: &types::Change) -> ResourceChange {
    let Some(shown) = shown.resource_change() else {
        return ResourceChange {
            logical_id: String::new(),
            resource_type: String::new(),
            changed: Changed::Other,
            replacement: Replacement::Possible,
            policy: None,
            attributes: vec![],
        };
    };
    ResourceChange {
        logical_id: text(shown.logical_resource_id()),
        resource_type: text(shown.resource_type()),
        changed: match shown.action() {
            Some(ChangeAction::Add) => Changed::Add,
            Some(ChangeAction::Modify) => Changed::Modify,
            Some(ChangeAction::Remove) => Changed::Remove,
            _ => Changed::Other,
        },
        replacement: match shown.replacement() {
            None | Some(types::Replacement::False) => Replacement::No,
            Some(types::Replacement::True) => Replacement::Yes,
            Some(_) => Replacement::Possible,
        },
        policy: shown.policy_action().map(|policy| match policy {
            types::PolicyAction::Retain => PolicyAction::Retain,
            types::PolicyAction::ReplaceAndRetain => PolicyAction::ReplaceAndRetain,
            _ => PolicyAction::Delete,
        }),
        attributes: shown.details().iter().map(attribute).collect(),
    }
}

fn attribute(detail: &ResourceChangeDetail) -> Attribute {
    let target = detail.target();
    let of = target.and_then(|target| target.attribute()).map(|it| it.as_str()).unwrap_or_default();
    let name = target.and_then(|target| target.name());
    Attribute {
        name: name.map_or_else(|| of.to_owned(), |name| format!("{of}.{name}")),
        is_dynamic: detail.evaluation() == Some(&EvaluationType::Dynamic),
    }
}

/// `None` of what was deleted.
pub(super) fn remaining(shown: &StackResourceSummary) -> Option<ResourceNote> {
    let status = shown.resource_status().map(|it| it.as_str()).unwrap_or_default();
    // What was never made has no id.
    let is_gone = status == "DELETE_COMPLETE" || shown.physical_resource_id().is_none_or(str::is_empty);
    (!is_gone).then(|| ResourceNote {
        logical_id: text(shown.logical_resource_id()),
        physical_id: shown.physical_resource_id().map(str::to_owned),
        resource_type: text(shown.resource_type()),
        says: status.to_owned(),
    })
}

/// What failed in the newest operation, the first first. `events` are the newest first.
pub(super) fn failed_events(events: &[StackEvent]) -> Vec<ResourceNote> {
    let is_the_stacks = |event: &&StackEvent| event.physical_resource_id() == event.stack_id();
    let begins = |event: &&StackEvent| {
        let status = event.resource_status().map(|it| it.as_str()).unwrap_or_default();
        is_the_stacks(event) && ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"].contains(&status)
    };
    let newest = events.iter().take_while(|event| !begins(event));
    let failed = newest.filter(|event| {
        let status = event.resource_status().map(|it| it.as_str()).unwrap_or_default();
        status.ends_with("_FAILED") && !is_the_stacks(event)
    });
    let mut notes: Vec<ResourceNote> = failed
        .map(|event| ResourceNote {
            logical_id: text(event.logical_resource_id()),
            physical_id: event.physical_resource_id().filter(|id| !id.is_empty()).map(str::to_owned),
            resource_type: text(event.resource_type()),
            says: clipped(event.resource_status_reason().unwrap_or_default()),
        })
        .collect();
    notes.reverse();
    notes
}

pub(super) fn drifted(shown: &StackResourceDrift) -> ResourceNote {
    let names = shown.property_differences().iter().filter_map(|difference| difference.property_path());
    let names: Vec<&str> = names.map(|path| path.trim_start_matches('/')).collect();
    let is_gone = shown.stack_resource_drift_status() == Some(&StackResourceDriftStatus::Deleted);
    let says = if is_gone { "it was deleted".to_owned() } else { format!("{} changed", names.join(", ")) };
    ResourceNote {
        logical_id: text(shown.logical_resource_id()),
        physical_id: shown.physical_resource_id().map(str::to_owned),
        resource_type: text(shown.resource_type()),
        says: clipped(&says),
    }
}
