//! Which account each line is, and what becomes of those that are none.

use phonehome_aws::Session;
use phonehome_cloud::table::Table;
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_fleet::Line;
use phonehome_state::{Accepted, Desired};
use phonehome_text::{agree, list};
use phonehome_vending::{Hold, OrderState, Prospect, Vacancy};
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
    let who = Who::observe_in_use(session, table, &in_force.fleet).await?;
    let creations = Creations::of(
        &in_force.fleet,
        &who,
        &Orders::read(table).await?,
        &permitted(&in_force.accepted.accounts),
    );
    let closed = who.closed().into_iter().map(|it| format!("line without an account: {it}"));
    let to_come = desired.rolling().and_then(|it| to_come(it.target.number, &it.target.accepted, &creations));
    let rolling = desired.rolling().and_then(|it| held_by(it.target.number, &creations));
    let hold = phonehome_vending::held(table, SystemClock.now_ms()).await.map_err(Failure::other)?;
    let held = hold.and_then(|it| held(&it.hold, &creations)).into_iter().chain(rolling);
    let notes = closed.chain(creations.lines()).chain(to_come).chain(held).chain(who.notes()).collect();
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

/// Why no account is asked for, where one is to come.
fn held(hold: &Hold, creations: &Creations) -> Option<String> {
    let is_waited_for = creations.iter().any(Vacancy::is_to_come);
    is_waited_for.then(|| format!("no account is asked for at the moment: {hold}"))
}

/// The accounts that are permitted and not asked for while this version is rolled out.
fn held_by(version: u64, creations: &Creations) -> Option<String> {
    let is_next = |it: &&Vacancy| {
        let is_next = matches!(it.prospect, Prospect::ToMake | Prospect::Ordered(OrderState::Waiting { .. }));
        is_next && it.permitted_at_ms.is_some()
    };
    let held: Vec<Line> = creations.iter().filter(is_next).map(Vacancy::line).collect();
    (!held.is_empty()).then(|| {
        format!(
            "{} asked for while version {version} is rolled out, also when that is halted (`phonehome rollout`): {}",
            agree(held.len(), "permitted account is not", "permitted accounts are not"),
            list(&held, NAMED)
        )
    })
}

#[cfg(test)]
mod tests {
    use phonehome_state::PermittedAccount;
    use phonehome_vending::Order;

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

    #[test]
    fn what_is_permitted_and_waits_for_another_versions_roll_out_is_told_with_that_version() {
        let text = include_str!("../../../fleet/tests/fixtures/small.yaml");
        let vending = "version: 1\nvending: { email: \"aws+{domain}-{environment}@example.com\" }\n";
        let fleet = phonehome_fleet::parse(&text.replacen("version: 1\n", vending, 1)).unwrap();
        let who = Who::of(&fleet, phonehome_fleet::Bindings::default(), vec![]);
        let (dev, prod) = (Line::new("shop", "dev"), Line::new("shop", "prod"));
        let permitted = |line: &Line| [(line.clone(), 7)].into();
        let creations = |orders, line: &Line| Creations::of(&fleet, &who, &orders, &permitted(line));
        let told = "1 permitted account is not asked for while version 8 is rolled out, also when that is halted \
                    (`phonehome rollout`): shop/dev";
        assert_eq!(held_by(8, &creations(Orders::default(), &dev)).as_deref(), Some(told));
        let hold = held(&Hold::NumberLimit, &creations(Orders::default(), &dev)).unwrap();
        assert!(
            hold.starts_with("no account is asked for at the moment: the organization has as many"),
            "{hold}"
        );
        assert_eq!(held(&Hold::NumberLimit, &Creations::default()), None, "nobody waits for one");
        let made = Order::place(prod.clone(), "a@example.com".to_owned(), "shop-prod".to_owned(), 1);
        let mut under_way = Orders::default();
        under_way.orders.insert(prod.clone(), made);
        assert_eq!(held_by(8, &creations(under_way, &prod)), None, "it was asked for before");
    }
}
