//! `phonehome rebind`.

use std::collections::BTreeMap;

use clap::Args;
use phonehome_aws::DynamoTable;
use phonehome_aws::sdk;
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_fleet::{Line, RebindRefused, Rebinding};
use phonehome_state::{in_force, rebind};
use phonehome_vending::{Lines, Order, order_against};
use phonehome_wire::AccountId;
use serde_json::json;

use crate::creations::{Orders, Permitted, permitted};
use crate::output::Failure;
use crate::output::{Done, Format};
use crate::who::Who;

/// Say that a line of the fleet file is another account, or that an account is another line.
#[derive(Debug, Args)]
pub(crate) struct RebindArguments {
    /// The line: DOMAIN/ENVIRONMENT, such as shop/prod.
    line: String,
    /// The account's id.
    account: AccountId,
    /// Also where another account's network then has nobody to look after it, where the account is another line of the
    /// fleet file or was made for one, or where an account is being made for the line.
    #[arg(long)]
    force: bool,
    /// Do it. Without this, it is only shown.
    #[arg(long)]
    yes: bool,
}

/// Shows, and with `--yes` does, what rebinding comes to.
pub(crate) async fn run(arguments: RebindArguments, table: &str, format: Format) -> Result<Done, Failure> {
    let RebindArguments { line, account, force, yes } = arguments;
    let session = sdk::connect().await.map_err(Failure::other)?;
    let table = DynamoTable::new(&session, table);
    let in_force = in_force(&table).await.map_err(Failure::other)?;
    let fleet = &in_force.fleet;
    let Who { roster, bindings, .. } = Who::observe(&session, &table, fleet).await?;
    let rebinding = match fleet.rebinding(&line, &account, &bindings, &roster, force) {
        Ok(rebinding) => rebinding,
        // Twice is as good as once.
        Err(already @ RebindRefused::Already { .. }) => {
            return said(format, false, &already.to_string());
        }
        Err(refused) => return Err(Failure::input(refused)),
    };
    let orders = Orders::read(&table).await?.orders;
    let against = order_against(&rebinding, &orders, &Lines::of(fleet, &bindings));
    if let Some(stands) = against.filter(|_| !force) {
        return Err(Failure::input(format!("{stands}. With --force {}", stands.if_forced())));
    }
    let text = describe(&rebinding) + &left(&rebinding, &permitted(&in_force.accepted.accounts), &orders);
    if !yes {
        return said(format, false, &format!("{text}\nNothing was done. Add --yes to do it."));
    }
    if !rebind(&table, &rebinding, SystemClock.now_ms()).await.map_err(Failure::other)? {
        return Err(Failure::other(
            "somebody else changed who is who at the same moment; nothing was done. Run it again",
        ));
    }
    said(format, true, &format!("{text}\nDone. The next sweep goes by it, within 30 minutes."))
}

fn describe(rebinding: &Rebinding) -> String {
    let Rebinding { member, account, account_name, replaces, leaves } = rebinding;
    let line = member.line();
    let mut text = format!("{line} becomes account {account} ({account_name}).");
    if let Some(leaves) = leaves {
        text.push_str(&format!(
            " It was {leaves}: its network, its addresses and its peerings stay as they are."
        ));
    }
    if let Some(replaces) = replaces {
        text.push_str(&format!(
            " Account {replaces} is no longer {line}: what it has stays, and nobody looks after it until it is \
             another line, or `phonehome decommission {replaces}`."
        ));
    }
    text
}

/// That an account is made for the line that loses its own, where that is so.
fn left(rebinding: &Rebinding, permitted: &Permitted, orders: &BTreeMap<Line, Order>) -> String {
    let is_made = |line: &&Line| permitted.contains_key(*line) && !orders.contains_key(*line);
    match rebinding.leaves.as_ref().filter(is_made) {
        Some(leaves) => format!(
            " {leaves} is no account then, and an account was permitted for it: phonehome makes one. Take {leaves} out of \
             the file first if that is not meant."
        ),
        None => String::new(),
    }
}

fn said(format: Format, done: bool, text: &str) -> Result<Done, Failure> {
    Ok(Done::from(match format {
        Format::Json => crate::output::json(&json!({"rebound": done, "message": text}))?,
        Format::Text => format!("{text}\n"),
    }))
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    #[test]
    fn that_a_line_loses_its_account_and_gets_a_new_one_is_said_before_it_is_done() {
        let fleet = phonehome_fleet::parse(include_str!("../../../fleet.example.yaml")).unwrap();
        let member = fleet.members().remove(0);
        let (leaves, account) = (Line::new("pay", "dev"), AccountId::from_str("111111111111").unwrap());
        let account_name = "pay-dev".to_owned();
        let rebinding =
            Rebinding { member, account, account_name, replaces: None, leaves: Some(leaves.clone()) };
        let permitted = Permitted::from([(leaves.clone(), 7)]);
        let said = left(&rebinding, &permitted, &BTreeMap::new());
        assert!(
            said.starts_with(" pay/dev is no account then, and an account was permitted for it"),
            "{said}"
        );
        assert_eq!(left(&rebinding, &Permitted::new(), &BTreeMap::new()), "");
        // One was made for it already: none is made again.
        let order = Order::place(leaves.clone(), "a@example.com".into(), "pay-dev".into(), 5);
        assert_eq!(left(&rebinding, &permitted, &BTreeMap::from([(leaves, order)])), "");
    }
}
