//! Which account each line is, and what becomes of those that are none.

use phonehome_aws::Session;
use phonehome_cloud::table::Table;
use phonehome_state::{Accepted, Desired};
use phonehome_text::{agree, list};
use phonehome_vending::Vacancy;
use serde_json::Value;

use crate::creations::{Creations, Orders, permitted};
use crate::output::Failure;
use crate::who::Who;

/// How many lines are named that are to come with the version that is rolled out.
const NAMED: usize = 10;

/// The same for machines, and for people.
pub(super) async fn observe(
    session: &Session,
    table: &impl Table,
    desired: &Desired,
) -> Result<(Value, Vec<String>), Failure> {
    let in_force = desired.in_force();
    let who = Who::observe(session, table, &in_force.fleet).await?;
    let creations = Creations::of(
        &in_force.fleet,
        &who,
        &Orders::read(table).await?,
        &permitted(&in_force.accepted.accounts),
    );
    let closed = who.closed().into_iter().map(|it| format!("line without an account: {it}"));
    let to_come = desired.rolling().and_then(|it| to_come(it.target.number, &it.target.accepted, &creations));
    let notes = closed.chain(creations.lines()).chain(to_come).chain(who.notes()).collect();
    let mut json = who.as_json();
    json["accounts"] = creations.json();
    Ok((json, notes))
}

/// The accounts that are permitted by the version that is rolled out, and not by the one in force.
fn to_come(version: u64, accepted: &Accepted, in_force: &Creations) -> Option<String> {
    let is_known = |it: &Vacancy| it.permitted_at_ms.is_some();
    let new: Vec<_> = accepted.accounts.iter().filter(|it| !in_force.any(&it.line, is_known)).collect();
    (!new.is_empty()).then(|| {
        format!(
            "{} permitted by version {version}, and made once that is in force in all accounts: {}",
            agree(new.len(), "account is", "accounts are"),
            list(new.iter().map(|it| &it.line), NAMED)
        )
    })
}

#[cfg(test)]
mod tests {
    use phonehome_fleet::Line;
    use phonehome_state::PermittedAccount;

    use super::*;

    #[test]
    fn accounts_of_the_version_that_is_rolled_out_are_told_as_to_come() {
        let line = |environment| Line::new("shop", environment);
        let permitted = |environment| PermittedAccount { line: line(environment), at_ms: 7 };
        let accepted =
            Accepted { accounts: vec![permitted("dev"), permitted("prod")], ..Accepted::default() };
        let none = Creations::default();
        assert_eq!(
            to_come(8, &accepted, &none).as_deref(),
            Some(
                "2 accounts are permitted by version 8, and made once that is in force in all accounts: shop/dev, shop/prod"
            )
        );
        assert_eq!(to_come(8, &Accepted::default(), &none), None);
    }
}
