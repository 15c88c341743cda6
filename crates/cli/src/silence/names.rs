//! Whether what a silence names is there: one that matches nothing silences nothing, and is noticed at night.

use std::collections::BTreeSet;

use phonehome_alerting::Matcher;
use phonehome_cloud::table::Table;
use phonehome_fleet::{Fleet, nearest};
use phonehome_state::StackStatus;
use phonehome_state::{Keys, readable};

use crate::output::Failure;

/// Everything that a silence can name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    accounts: BTreeSet<String>,
    domains: BTreeSet<String>,
    environments: BTreeSet<String>,
    availability_zones: BTreeSet<String>,
    checks: BTreeSet<String>,
    endpoints: BTreeSet<String>,
}

impl Names {
    /// Of the fleet files in use, and the accounts that have a stack.
    pub(crate) async fn of(table: &impl Table) -> Result<Self, Failure> {
        let desired = phonehome_state::desired(table).await.map_err(Failure::other)?;
        let mut names = Self::default();
        for fleet in desired.fleets() {
            names.add(fleet);
        }
        let stacks = readable::<StackStatus>(table, Keys::STACKS).await.map_err(Failure::other)?.found;
        for (_, stack) in stacks {
            names.accounts.extend([stack.account.into(), stack.account_name]);
        }
        Ok(names)
    }

    fn add(&mut self, fleet: &Fleet) {
        for member in fleet.members() {
            for region in &fleet.regions {
                for check in fleet.checks_for(&member, &region.name) {
                    self.checks.insert(check.id.0);
                    self.endpoints.insert(check.target.endpoint);
                }
            }
            self.accounts.insert(member.account_name);
            self.accounts.extend(member.account_id.map(String::from));
            self.domains.insert(member.domain);
            self.environments.insert(member.environment);
        }
        let zones = fleet.regions.iter().flat_map(|region| region.availability_zones.iter());
        self.availability_zones.extend(zones.map(ToString::to_string));
    }
}

/// Every name that the matcher gives must be one.
///
/// # Errors
/// The first that is none, with the one most like it.
pub(crate) fn check_names(matcher: &Matcher, names: &Names) -> Result<(), Failure> {
    let check = matcher.check.as_ref().map(|check| &check.0);
    for (option, given, known) in [
        ("--account", matcher.account.as_ref(), &names.accounts),
        ("--domain", matcher.domain.as_ref(), &names.domains),
        ("--environment", matcher.environment.as_ref(), &names.environments),
        ("--availability-zone", matcher.availability_zone.as_ref(), &names.availability_zones),
        ("--check", check, &names.checks),
        ("--endpoint", matcher.endpoint.as_ref(), &names.endpoints),
    ] {
        let Some(given) = given.filter(|given| !known.contains(*given)) else { continue };
        let meant = nearest(given, known.iter().map(String::as_str));
        let hint =
            meant.map_or_else(|| "there is none".to_owned(), |meant| format!("the nearest is {meant:?}"));
        return Err(Failure::input(format!(
            "{option} {given:?} is not in the fleet file in force; {hint}. Nothing is silenced"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use phonehome_wire::CheckId;

    use super::*;

    #[test]
    fn what_is_not_in_the_fleet_file_is_refused_with_the_nearest_name() {
        let fleet = phonehome_fleet::parse(include_str!("../../../../fleet.example.yaml")).unwrap();
        let mut names = Names::default();
        names.add(&fleet);
        let none = Matcher::default();
        let some = |text: &str| Some(text.to_owned());
        for (matcher, nearest) in [
            (Matcher { account: some("shop-prd"), ..none.clone() }, "shop-prod"),
            (Matcher { domain: some("shopp"), ..none.clone() }, "shop"),
            (Matcher { environment: some("production"), ..none.clone() }, "prod"),
            (Matcher { availability_zone: some("use1-az9"), ..none.clone() }, "use1-az"),
            (
                Matcher { check: Some(CheckId("connection/shop-to-payment/443".into())), ..none.clone() },
                "connection/shop-to-payments/443",
            ),
            (
                Matcher { endpoint: some("checkip.amazonaws.com"), ..none.clone() },
                "checkip.amazonaws.com:443",
            ),
        ] {
            let failure = check_names(&matcher, &names).unwrap_err();
            assert!(failure.input && failure.text.contains(nearest), "{}", failure.text);
        }
        let right = Matcher { account: some("shop-prod"), domain: some("shop"), ..none };
        assert!(check_names(&right, &names).is_ok());
    }
}
