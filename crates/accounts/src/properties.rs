//! AWS Organizations and Account Management, as whoever keeps accounts as declared asks them: with a role in the
//! management account.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_account::types::AlternateContactType;
use aws_sdk_organizations::types::Tag;
use phonehome_aws::{OfSdk as _, Session};
use phonehome_cloud::{Cause, CloudError};
use phonehome_fleet::{Contact, ContactType};
use phonehome_properties::{ParentId, PropertiesApi, Unit};
use phonehome_wire::AccountId;

use crate::organization::is_active;

/// What accounts bear in their organization.
#[derive(Debug, Clone)]
pub struct AwsProperties {
    organizations: aws_sdk_organizations::Client,
    accounts: aws_sdk_account::Client,
}

impl AwsProperties {
    /// The organization that the caller's account owns.
    pub fn new(session: &Session) -> Self {
        let organizations = aws_sdk_organizations::Client::new(session.config());
        Self { organizations, accounts: aws_sdk_account::Client::new(session.config()) }
    }
}

/// An answer that lacks what every such answer has.
fn unusable(operation: &'static str, subject: &str, lacks: &str) -> CloudError {
    CloudError::of_cause(operation, subject, Cause::Response(format!("it names no {lacks}")))
}

fn contact_type(which: ContactType) -> AlternateContactType {
    match which {
        ContactType::Operations => AlternateContactType::Operations,
        ContactType::Billing => AlternateContactType::Billing,
        ContactType::Security => AlternateContactType::Security,
    }
}

impl PropertiesApi for AwsProperties {
    async fn root(&self) -> Result<ParentId, CloudError> {
        const OPERATION: &str = "organizations:ListRoots";
        let answer = self.organizations.list_roots().send().await;
        let answer = answer.map_err(|error| CloudError::of(OPERATION, "the organization", &error))?;
        let root = answer.roots().iter().find_map(|root| root.id());
        root.map(ParentId::new).ok_or_else(|| unusable(OPERATION, "the organization", "root"))
    }

    async fn units_in(&self, parent: &ParentId) -> Result<Vec<Unit>, CloudError> {
        const OPERATION: &str = "organizations:ListOrganizationalUnitsForParent";
        let (mut units, mut next) = (Vec::new(), None);
        loop {
            let request = self.organizations.list_organizational_units_for_parent();
            let answer = request.parent_id(parent.as_str()).set_next_token(next).send().await;
            let page = answer.map_err(|error| CloudError::of(OPERATION, parent.as_str(), &error))?;
            units.extend(page.organizational_units().iter().filter_map(|unit| {
                Some(Unit { id: ParentId::new(unit.id()?), name: unit.name()?.to_owned() })
            }));
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(units);
            }
        }
    }

    async fn parent_of(&self, account: &AccountId) -> Result<ParentId, CloudError> {
        const OPERATION: &str = "organizations:ListParents";
        let answer = self.organizations.list_parents().child_id(account.as_str()).send().await;
        let answer = answer.map_err(|error| CloudError::of(OPERATION, account.as_str(), &error))?;
        // An account has one parent (the API's documentation of ListParents).
        let parent = answer.parents().iter().find_map(|parent| parent.id());
        parent.map(ParentId::new).ok_or_else(|| unusable(OPERATION, account.as_str(), "parent"))
    }

    async fn create_unit(&self, parent: &ParentId, name: &str) -> Result<(), CloudError> {
        const OPERATION: &str = "organizations:CreateOrganizationalUnit";
        let request = self.organizations.create_organizational_unit();
        let answer = request.parent_id(parent.as_str()).name(name).send().await;
        answer.map(drop).map_err(|error| CloudError::of(OPERATION, name, &error))
    }

    async fn move_account(
        &self,
        account: &AccountId,
        from: &ParentId,
        to: &ParentId,
    ) -> Result<(), CloudError> {
        const OPERATION: &str = "organizations:MoveAccount";
        let request = self.organizations.move_account().account_id(account.as_str());
        let request = request.source_parent_id(from.as_str()).destination_parent_id(to.as_str());
        let answer = request.send().await;
        answer.map(drop).map_err(|error| CloudError::of(OPERATION, account.as_str(), &error))
    }

    async fn is_active(&self, account: &AccountId) -> Result<bool, CloudError> {
        const OPERATION: &str = "organizations:DescribeAccount";
        match self.organizations.describe_account().account_id(account.as_str()).send().await {
            Ok(answer) => Ok(answer.account().is_some_and(is_active)),
            Err(error) => match CloudError::of(OPERATION, account.as_str(), &error) {
                missing if missing.says_missing() => Ok(false),
                other => Err(other),
            },
        }
    }

    async fn tags(&self, account: &AccountId) -> Result<BTreeMap<String, String>, CloudError> {
        const OPERATION: &str = "organizations:ListTagsForResource";
        let (mut tags, mut next) = (BTreeMap::new(), None);
        loop {
            let request = self.organizations.list_tags_for_resource().resource_id(account.as_str());
            let answer = request.set_next_token(next).send().await;
            let page = answer.map_err(|error| CloudError::of(OPERATION, account.as_str(), &error))?;
            tags.extend(page.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())));
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(tags);
            }
        }
    }

    async fn tag(&self, account: &AccountId, tags: &BTreeMap<String, String>) -> Result<(), CloudError> {
        const OPERATION: &str = "organizations:TagResource";
        let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags: Result<Vec<Tag>, _> = tags.collect();
        let tags = tags.map_err(|error| {
            CloudError::of_cause(OPERATION, account.as_str(), Cause::Request(error.to_string()))
        })?;
        let request = self.organizations.tag_resource().resource_id(account.as_str());
        let answer = request.set_tags(Some(tags)).send().await;
        answer.map(drop).map_err(|error| CloudError::of(OPERATION, account.as_str(), &error))
    }

    async fn untag(&self, account: &AccountId, keys: &BTreeSet<String>) -> Result<(), CloudError> {
        const OPERATION: &str = "organizations:UntagResource";
        let request = self.organizations.untag_resource().resource_id(account.as_str());
        let answer = request.set_tag_keys(Some(keys.iter().cloned().collect())).send().await;
        answer.map(drop).map_err(|error| CloudError::of(OPERATION, account.as_str(), &error))
    }

    async fn contact(&self, account: &AccountId, which: ContactType) -> Result<Option<Contact>, CloudError> {
        const OPERATION: &str = "account:GetAlternateContact";
        let request = self.accounts.get_alternate_contact().account_id(account.as_str());
        let answer = match request.alternate_contact_type(contact_type(which)).send().await {
            Ok(answer) => answer,
            Err(error) => match CloudError::of(OPERATION, account.as_str(), &error) {
                missing if missing.says_missing() => return Ok(None),
                other => return Err(other),
            },
        };
        let contact = answer.alternate_contact();
        let contact = contact.ok_or_else(|| unusable(OPERATION, account.as_str(), "contact"))?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(Some(Contact {
            name: text(contact.name()),
            title: text(contact.title()),
            email: text(contact.email_address()),
            phone: text(contact.phone_number()),
        }))
    }

    async fn put_contact(
        &self,
        account: &AccountId,
        which: ContactType,
        contact: &Contact,
    ) -> Result<(), CloudError> {
        const OPERATION: &str = "account:PutAlternateContact";
        let request = self.accounts.put_alternate_contact().account_id(account.as_str());
        let request = request.alternate_contact_type(contact_type(which)).name(&contact.name);
        let request = request.title(&contact.title).email_address(&contact.email);
        let answer = request.phone_number(&contact.phone).send().await;
        answer.map(drop).map_err(|error| CloudError::of(OPERATION, account.as_str(), &error))
    }
}

#[cfg(test)]
mod tests;
