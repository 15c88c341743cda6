//! Which line of a fleet file is which account, and that it is stored.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use phonehome_accounts::{Survey, survey};
use phonehome_aws::{DynamoTable, sdk};
use phonehome_cloud::table::Table;
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_fleet::{Fleet, Line, RebindRefused};
use phonehome_onboarding::{Known, NotBound, Proposals, SeenAccount, propose};
use phonehome_state::{StateError, bindings, versions_in_use};
use phonehome_wire::AccountId;

use super::store::store;
use super::words::{Said, said};
use crate::creations::Orders;
use crate::output::{Done, Failure, Format};
use crate::validate::load;

/// Which lines of which file.
#[derive(Debug, Args)]
pub(super) struct BindArguments {
    /// The fleet file whose lines are accounts already.
    #[arg(long, default_value = "fleet.yaml")]
    fleet: PathBuf,
    /// That a line is this account, where it is not certain: DOMAIN/ENVIRONMENT=ID. Can be given several times.
    #[arg(long, value_name = "LINE=ACCOUNT_ID", value_parser = named)]
    bind: Vec<(Line, AccountId)>,
    /// Bind what is certain and what was named. Without this, it is only shown.
    #[arg(long)]
    yes: bool,
}

/// `shop/prod=123456789012`
fn named(text: &str) -> Result<(Line, AccountId), String> {
    let (line, account) = text.split_once('=').ok_or("write it as in shop/prod=123456789012")?;
    let (domain, environment) =
        line.split_once('/').ok_or("a line is DOMAIN/ENVIRONMENT, such as shop/prod")?;
    let account = account.parse::<AccountId>().map_err(|error| error.to_string())?;
    Ok((Line::new(domain, environment), account))
}

/// Shows which line is which account, and with `--yes` stores what is certain and what was named.
pub(super) async fn run(arguments: &BindArguments, table: &str, format: Format) -> Result<Done, Failure> {
    let fleet = load(&arguments.fleet, format)?.fleet;
    let named = each_once(&arguments.bind)?;
    let session = sdk::connect().await.map_err(Failure::other)?;
    let table = DynamoTable::new(&session, table);
    let Survey { accounts, without_units, .. } = survey(&session).await.map_err(Failure::other)?;
    let proposals = proposals(&table, &fleet, &accounts, &named).await?;
    refused(&proposals)?;
    let stored = match arguments.yes {
        true => Some(store(&table, &proposals, SystemClock.now_ms()).await?),
        false => None,
    };
    let exit_code = u8::from(stored.as_ref().is_some_and(|it| !it.overtaken.is_empty()));
    let without_units = without_units.map(|error| error.to_string());
    let said =
        Said { fleet: &arguments.fleet, proposals: &proposals, stored: stored.as_ref(), without_units };
    Ok(Done { text: said_as(&said, format)?, exit_code })
}

fn said_as(it: &Said<'_>, format: Format) -> Result<String, Failure> {
    match format {
        Format::Json => crate::output::json(&it.json()),
        Format::Text => Ok(said(it)),
    }
}

/// What was named, a line once.
fn each_once(named: &[(Line, AccountId)]) -> Result<BTreeMap<Line, AccountId>, Failure> {
    let mut lines = BTreeMap::new();
    for (line, account) in named {
        if lines.insert(line.clone(), account.clone()).is_some_and(|other| other != *account) {
            return Err(Failure::input(format!(
                "--bind says of {line} that it is two accounts: nothing was done"
            )));
        }
    }
    Ok(lines)
}

/// Compares the file with the organization and what is stored. The orders are read after the bindings: an account that
/// is asked for in between is seen.
pub(super) async fn proposals(
    table: &impl Table,
    fleet: &Fleet,
    accounts: &[SeenAccount],
    named: &BTreeMap<Line, AccountId>,
) -> Result<Proposals, Failure> {
    let in_use = match versions_in_use(table).await {
        Ok(versions) => versions,
        Err(StateError::NoFleet) => vec![],
        Err(error) => return Err(Failure::other(error)),
    };
    let in_use: Vec<&Fleet> = in_use.iter().map(|version| &version.fleet).collect();
    let bindings = bindings(table).await.map_err(Failure::other)?;
    let Orders { orders, unreadable } = Orders::read(table).await?;
    let known = Known {
        fleet,
        in_use: &in_use,
        bindings: &bindings,
        accounts,
        orders: &orders,
        unreadable: &unreadable,
    };
    Ok(propose(&known, named))
}

/// Refuses everything where something that a person named cannot be.
pub(super) fn refused(proposals: &Proposals) -> Result<(), Failure> {
    let mut problems: Vec<String> =
        proposals.unknown.iter().map(|line| format!("{line} is no line of the fleet file")).collect();
    let named = proposals.lines.iter().filter(|it| it.is_named);
    problems.extend(named.filter_map(|it| match &it.outcome {
        // Twice is as good as once.
        Ok(_) | Err(NotBound::Refused(RebindRefused::Already { .. })) => None,
        Err(against) => Some(format!("{}: {against}", it.line)),
    }));
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Failure::input(format!("{}. Nothing was done", problems.join("\nerror: ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "444444444441";

    #[test]
    fn a_line_is_named_with_its_account_and_what_is_not_that_says_what_to_write() {
        assert_eq!(
            named("shop/prod=444444444441").unwrap(),
            (Line::new("shop", "prod"), ID.parse().unwrap())
        );
        let cases = [
            ("shop/prod", "write it as in shop/prod=123456789012"),
            ("shop-prod=444444444441", "a line is DOMAIN/ENVIRONMENT, such as shop/prod"),
            ("shop/prod=44444444444", "44444444444"),
        ];
        for (text, hint) in cases {
            let refused = named(text).unwrap_err();
            assert!(refused.contains(hint), "{text}: {refused}");
        }
    }

    #[test]
    fn a_line_is_named_as_one_account_alone_though_it_may_be_said_twice() {
        let line = Line::new("shop", "prod");
        let (one, other) = ((line.clone(), ID.parse().unwrap()), (line, "444444444442".parse().unwrap()));
        assert_eq!(each_once(&[one.clone(), one.clone()]).unwrap().len(), 1);
        let refused = each_once(&[one, other]).unwrap_err();
        assert!(
            refused.input && refused.text.contains("shop/prod that it is two accounts"),
            "{}",
            refused.text
        );
    }
}
