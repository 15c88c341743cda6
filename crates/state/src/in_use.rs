//! Every version of the fleet file that counts for something, whoever has it already.

use phonehome_cloud::table::Table;

use crate::in_force::{InForce, in_force, usable};
use crate::rollouts::roll_out;
use crate::{Keys, StateError};

/// The version in force, and the one that is rolled out: also where no account's turn has come yet, and where the roll-out
/// is halted or goes back. For what cannot be undone, and so has to be right by both.
///
/// # Errors
/// [`StateError`], also where either of them cannot be read: an older one that can says nothing of what it declares.
pub async fn versions_in_use<T: Table>(table: &T) -> Result<Vec<InForce>, StateError> {
    let roll_out = roll_out(table).await?.map(|(_, it)| it);
    let base = in_force(table).await?;
    if let Some(problem) = base.unreadable {
        return Err(StateError::BadFleet(problem));
    }
    let mut versions = vec![base];
    if let Some(target) = roll_out.filter(|it| !it.is_over()).map(|it| it.versions.target) {
        let doc = table.get(&Keys::version(target)).await?;
        versions.push(usable(&doc.ok_or(StateError::NoVersion(target))?)?);
    }
    Ok(versions)
}
