//! The whole organization, for whoever is to make a fleet file of it.

use std::collections::BTreeMap;

use aws_sdk_organizations::Client;
use phonehome_aws::{OfSdk as _, Session};
use phonehome_cloud::CloudError;
use phonehome_onboarding::SeenAccount;
use phonehome_properties::{ParentId, PropertiesApi as _};
use phonehome_wire::AccountId;

use crate::organization::{BETWEEN_PAGES, listed, state_of};
use crate::properties::AwsProperties;

/// What there is of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// All accounts, closed ones too, as Organizations lists them.
    pub accounts: Vec<SeenAccount>,
    /// The ARN of one of them, which names the organization; `None` where there is none.
    pub arn: Option<String>,
    /// Why no unit is known of any account; `None` where they are.
    pub without_units: Option<CloudError>,
}

/// Lists all accounts, and walks the units that they are in: two calls for each unit, five a second. Where a unit cannot
/// be read none is known, which is said and fails nothing.
///
/// # Errors
/// [`CloudError`] when the accounts cannot be listed; half a list is none.
pub async fn survey(session: &Session) -> Result<Survey, CloudError> {
    let client = Client::new(session.config());
    let accounts = listed(&client).await?;
    let arn = accounts.iter().find_map(|account| account.arn()).map(str::to_owned);
    let (units, without_units) = match units(session, &client).await {
        Ok(units) => (units, None),
        Err(error) => (BTreeMap::new(), Some(error)),
    };
    let seen = |account: &aws_sdk_organizations::types::Account| {
        let id: AccountId = account.id()?.parse().ok()?;
        Some(SeenAccount {
            name: account.name().unwrap_or_default().to_owned(),
            email: account.email().unwrap_or_default().to_owned(),
            state: state_of(account),
            unit: units.get(&id).cloned(),
            id,
        })
    };
    Ok(Survey { accounts: accounts.iter().filter_map(seen).collect(), arn, without_units })
}

/// The units that each account is in, by their names from below the root.
async fn units(session: &Session, client: &Client) -> Result<BTreeMap<AccountId, Vec<String>>, CloudError> {
    let api = AwsProperties::new(session);
    let (mut units, mut waiting) = (BTreeMap::new(), vec![(api.root().await?, vec![])]);
    while let Some((parent, path)) = waiting.pop() {
        tokio::time::sleep(BETWEEN_PAGES).await;
        for account in accounts_in(client, &parent).await? {
            units.insert(account, path.clone());
        }
        for unit in api.units_in(&parent).await? {
            waiting.push((unit.id, [path.clone(), vec![unit.name]].concat()));
        }
    }
    Ok(units)
}

/// The accounts of a unit or the root, but not those of units below it.
async fn accounts_in(client: &Client, parent: &ParentId) -> Result<Vec<AccountId>, CloudError> {
    const OPERATION: &str = "organizations:ListAccountsForParent";
    let (mut accounts, mut next) = (Vec::new(), None);
    loop {
        let request = client.list_accounts_for_parent().parent_id(parent.as_str());
        let page = request.set_next_token(next).send().await;
        let page = page.map_err(|error| CloudError::of(OPERATION, parent.as_str(), &error))?;
        accounts.extend(page.accounts().iter().filter_map(|it| it.id()?.parse().ok()));
        next = page.next_token().map(str::to_owned);
        if next.is_none() {
            return Ok(accounts);
        }
        tokio::time::sleep(BETWEEN_PAGES).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::stand_in::stand_in;

    fn account(id: &str, state: &str) -> Value {
        json!({
            "Id": id, "Name": "shop-prod", "Email": format!("{id}@example.com"), "State": state,
            "Arn": format!("arn:aws:organizations::111111111111:account/o-a1b2c3d4e5/{id}"),
        })
    }

    /// An organization with a page of accounts that is empty and not the last, and two units, one in the other.
    fn answer(operation: &str, body: &Value) -> (u16, Value) {
        let parent = body["ParentId"].as_str().unwrap_or_default();
        (
            200,
            match (operation, body["NextToken"].as_str()) {
                ("ListAccounts", None) => {
                    json!({ "Accounts": [account("333333333333", "ACTIVE")], "NextToken": "2" })
                }
                ("ListAccounts", Some("2")) => json!({ "Accounts": [], "NextToken": "3" }),
                ("ListAccounts", _) => {
                    json!({ "Accounts": [account("444444444444", "PENDING_CLOSURE"), { "Name": "?" }] })
                }
                ("ListRoots", _) => json!({ "Roots": [{ "Id": "r-root" }] }),
                ("ListOrganizationalUnitsForParent", _) => match parent {
                    "r-root" => {
                        json!({ "OrganizationalUnits": [{ "Id": "ou-root-1", "Name": "Workloads" }] })
                    }
                    "ou-root-1" => json!({ "OrganizationalUnits": [{ "Id": "ou-root-2", "Name": "Prod" }] }),
                    _ => json!({}),
                },
                (_, None) if parent == "ou-root-2" => json!({ "Accounts": [], "NextToken": "2" }),
                (_, Some("2")) => json!({ "Accounts": [{ "Id": "333333333333" }] }),
                _ => json!({}),
            },
        )
    }

    #[tokio::test]
    async fn every_account_is_listed_with_its_state_and_units_through_empty_pages() {
        let (session, _) = stand_in(answer).await;
        let survey = survey(&session).await.unwrap();
        let units = |it: &SeenAccount| it.unit.clone().map(|unit| unit.join("/"));
        let seen: Vec<_> =
            survey.accounts.iter().map(|it| (it.id.to_string(), it.state.to_string(), units(it))).collect();
        let (one, other) = ("333333333333".to_owned(), "444444444444".to_owned());
        let expected = [
            (one, "ACTIVE".to_owned(), Some("Workloads/Prod".to_owned())),
            (other, "PENDING_CLOSURE".to_owned(), None),
        ];
        assert_eq!(seen, expected);
        assert_eq!(survey.accounts[0].email, "333333333333@example.com");
        assert!(survey.arn.unwrap().ends_with("o-a1b2c3d4e5/333333333333") && survey.without_units.is_none());
    }

    #[tokio::test]
    async fn where_units_are_denied_accounts_are_listed_all_the_same_and_none_has_half_a_path() {
        for denied in ["ListRoots", "ListOrganizationalUnitsForParent", "ListAccountsForParent"] {
            let (session, _) = stand_in(move |operation, body| match operation == denied {
                true => (400, json!({ "__type": "AccessDeniedException", "message": "no" })),
                false => answer(operation, body),
            })
            .await;
            let survey = survey(&session).await.unwrap();
            assert_eq!(survey.accounts.len(), 2);
            assert!(survey.accounts.iter().all(|it| it.unit.is_none()), "{denied}");
            assert_eq!(survey.without_units.unwrap().operation, format!("organizations:{denied}"));
        }
        let denied =
            |_: &str, _: &Value| (400, json!({ "__type": "AccessDeniedException", "message": "no" }));
        let (session, _) = stand_in(denied).await;
        assert!(survey(&session).await.is_err());
    }
}
