//! The organization, as it was seen.

use phonehome_closing::AccountState;
use phonehome_wire::AccountId;

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenAccount {
    /// Its id.
    pub id: AccountId,
    /// Its name, which its owner can change, as Organizations has it.
    pub name: String,
    /// The e-mail address of its root user.
    pub email: String,
    /// Where it is in its life.
    pub state: AccountState,
    /// The names of the units that it is in, from below the root, none in the root itself; `None`: not known.
    pub unit: Option<Vec<String>>,
}

/// Which organization it is, and where phonehome runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id, `o-` and 10 to 32 small letters and digits.
    pub id: String,
    /// The account that owns it.
    pub management_account: AccountId,
    /// The account that phonehome runs in.
    pub hub_account: AccountId,
}

/// That an account's ARN does not say of which organization it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{arn:?} is not the ARN of an account of an organization, arn:aws:organizations::111111111111:account/o-a1b2c3d4e5/\
     222222222222: the organization's id and its management account are not known"
)]
pub struct NoOrganization {
    /// What was to be read.
    pub arn: String,
}

impl Organization {
    /// From the ARN of any account of it
    /// (<https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html>): it names the management account
    /// and the organization, which saves a call and a right.
    ///
    /// # Errors
    /// [`NoOrganization`]
    pub fn of(arn: &str, hub_account: AccountId) -> Result<Self, NoOrganization> {
        let parts = || {
            let parts: Vec<&str> = arn.splitn(6, ':').collect();
            let [_, _, "organizations", _, management, resource] = parts.as_slice() else { return None };
            let (id, _) = resource.strip_prefix("account/")?.split_once('/')?;
            Some((id.to_owned(), management.parse().ok()?))
        };
        let (id, management_account) = parts().ok_or_else(|| NoOrganization { arn: arn.to_owned() })?;
        Ok(Self { id, management_account, hub_account })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accounts_arn_names_its_organization_and_the_account_that_owns_it() {
        let hub: AccountId = "222222222222".parse().unwrap();
        let of = |arn: &str| {
            Organization::of(arn, hub.clone()).map(|it| (it.id, it.management_account.to_string()))
        };
        let expected = ("o-a1b2c3d4e5".to_owned(), "111111111111".to_owned());
        for partition in ["aws", "aws-us-gov"] {
            let arn =
                format!("arn:{partition}:organizations::111111111111:account/o-a1b2c3d4e5/333333333333");
            assert_eq!(of(&arn), Ok(expected.clone()));
        }
        for arn in ["", "arn:aws:organizations::1:account/o-a1b2c3d4e5/3", "arn:aws:iam::111111111111:role/x"]
        {
            assert_eq!(of(arn), Err(NoOrganization { arn: arn.to_owned() }));
        }
    }
}
