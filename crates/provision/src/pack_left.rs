//! The data that a starter pack's stack keeps or has left, before its account is closed.

use phonehome_closing::{Holder, Retained};
use phonehome_cloud::table::Table;
use phonehome_cloud::{Cause, CloudError, WallClock};
use phonehome_stacks::{PackRecord, pack_key};
use phonehome_starter_pack::{STACK_NAME, kept_data};
use phonehome_wire::StackId;
use serde_json::Value;

use crate::Members;
use crate::provision::Provision;

/// What is known of the data that a pack's stack left when somebody deleted it: phonehome may not look for that itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftData {
    /// It may still be there.
    MayBeThere,
    /// A person has looked, and says that it is gone.
    IsGone,
}

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// What a pack's stack keeps or has left there, where CloudFormation was ever asked for one: that is stored before.
    /// Where it was not, the member role need not have the rights to look. A record that cannot be read may say so.
    pub(crate) async fn retained(
        &self,
        stack: &StackId,
        left: LeftData,
    ) -> Result<Vec<Retained>, CloudError> {
        let doc =
            self.table.get(&pack_key(stack)).await.map_err(|error| unknown(stack, error.to_string()))?;
        let Some(doc) = doc else { return Ok(vec![]) };
        let record = doc.read::<PackRecord>();
        if record.as_ref().is_ok_and(|record| record.attempts == 0) {
            return Ok(vec![]);
        }
        match (self.members.retained(stack).await?, record) {
            (Some(listed), _) => Ok(listed),
            (None, _) if left == LeftData::IsGone => Ok(vec![]),
            (None, Ok(record)) => left_by(&record),
            (None, Err(error)) => Err(unknown(stack, error.to_string())),
        }
    }
}

/// What a stack left that is not there any more, by the template that was last seen in it.
fn left_by(record: &PackRecord) -> Result<Vec<Retained>, CloudError> {
    let stack = record.stack();
    let Some(deployed) = &record.deployed else {
        return match record.verified.is_some() || record.version > 0 {
            true => Err(unknown(&stack, "its template was never noted")),
            false => Ok(vec![]),
        };
    };
    let template: Value = serde_json::from_str(&deployed.body).unwrap_or_default();
    if !template.is_object() {
        return Err(unknown(&stack, "it had a template that is not phonehome's"));
    }
    let retained = kept_data(&template).into_iter().map(|it| Retained {
        id: it.name_in(&stack.account, &stack.region),
        what: it.what.to_owned(),
        holder: Holder::DeletedStack(STACK_NAME.to_owned()),
    });
    Ok(retained.collect())
}

/// That what it left is not known.
fn unknown(stack: &StackId, why: impl Into<String>) -> CloudError {
    let why = format!(
        "what its stack {STACK_NAME} has left is not known: {}; look for it, and say --left-data-is-gone",
        why.into()
    );
    CloudError::of_cause("dynamodb:GetItem", stack.to_string(), Cause::Response(why))
}
