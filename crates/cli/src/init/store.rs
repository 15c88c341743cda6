//! That lines are accounts, stored.

use phonehome_cloud::table::Table;
use phonehome_fleet::Line;
use phonehome_onboarding::Proposals;
use phonehome_state::rebind;
use phonehome_text::{agree, joined};

use crate::output::Failure;

/// What was stored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) bound: Vec<Line>,
    /// The lines of which somebody else stored something at the same moment.
    pub(super) overtaken: Vec<Line>,
}

/// Stores each binding under the condition that neither line nor account has another one by now.
pub(super) async fn store(table: &impl Table, proposals: &Proposals, now_ms: u64) -> Result<Stored, Failure> {
    let mut stored = Stored::default();
    for it in &proposals.lines {
        let Ok(rebinding) = &it.outcome else { continue };
        match rebind(table, rebinding, now_ms).await {
            Ok(true) => stored.bound.push(it.line.clone()),
            Ok(false) => stored.overtaken.push(it.line.clone()),
            Err(error) => {
                return Err(Failure::other(format!(
                    "{error}. {} bound before that ({}); run it again",
                    agree(stored.bound.len(), "line was", "lines were"),
                    joined(&stored.bound)
                )));
            }
        }
    }
    Ok(stored)
}
