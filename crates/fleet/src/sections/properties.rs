//! What accounts bear in the organization.

use super::items::Distinct;
use crate::model::{AccountTag, Accounts, Contact, Contacts, SupportPlan};
use crate::place::{Flaw, Place};
use crate::reader::{Cursor, Reader};
use crate::rules;

/// Organizations allows 50 tags of an account, of which phonehome has one itself, `phonehome:line`.
const TAGS_MAX: usize = 49;

const PLANS: [(&str, SupportPlan); 7] = [
    ("basic", SupportPlan::Basic),
    ("developer", SupportPlan::Developer),
    ("business", SupportPlan::Business),
    ("business-plus", SupportPlan::BusinessPlus),
    ("enterprise-on-ramp", SupportPlan::EnterpriseOnRamp),
    ("enterprise", SupportPlan::Enterprise),
    ("unified-operations", SupportPlan::UnifiedOperations),
];

pub(super) fn accounts(cursor: &Cursor, reader: &mut Reader) -> Option<(Place, Accounts)> {
    let mut map = cursor.map(reader)?;
    let [tags, contacts, plan] = ["tags", "contacts", "support_plan"].map(|key| map.optional(key));
    map.finish(reader);
    let tags = tags.map(|list| account_tags(&list, reader)).unwrap_or_default();
    let contacts = contacts.and_then(|c| account_contacts(&c, reader)).unwrap_or_default();
    let support_plan = plan.and_then(|c| c.choice(reader, &PLANS));
    Some((cursor.place.clone(), Accounts { tags, contacts, support_plan }))
}

fn account_tags(list: &Cursor, reader: &mut Reader) -> Vec<AccountTag> {
    let cursors = list.list(reader).unwrap_or_default();
    if cursors.len() > TAGS_MAX {
        let flaw = Flaw::new(format!("{} tags; an account has room for {TAGS_MAX}", cursors.len()));
        reader.report(&list.place, flaw.hint("AWS allows 50, and one is phonehome's own, `phonehome:line`"));
    }
    let (mut keys, mut tags) = (Distinct::default(), vec![]);
    for cursor in &cursors {
        if let Some(tag) = tag(cursor, reader) {
            keys.push(cursor, tag.key.clone(), reader);
            tags.push(tag);
        }
    }
    tags
}

fn tag(cursor: &Cursor, reader: &mut Reader) -> Option<AccountTag> {
    let mut map = cursor.map(reader)?;
    let [key, value] = ["key", "value"].map(|key| map.required(key));
    map.finish(reader);
    let key_text = key.as_ref().and_then(|c| c.parsed(reader, rules::tag_key));
    let value = value.and_then(|c| c.parsed(reader, rules::tag_value));
    Some(AccountTag { key: key_text?, value: value? })
}

fn account_contacts(cursor: &Cursor, reader: &mut Reader) -> Option<Contacts> {
    let mut map = cursor.map(reader)?;
    let all = ["operations", "billing", "security"].map(|key| map.optional(key));
    map.finish(reader);
    let [operations, billing, security] = all.map(|it| it.and_then(|c| contact(&c, reader)));
    Some(Contacts { operations, billing, security })
}

fn contact(cursor: &Cursor, reader: &mut Reader) -> Option<Contact> {
    let mut map = cursor.map(reader)?;
    let [name, title, email, phone] = ["name", "title", "email", "phone"].map(|key| map.required(key));
    map.finish(reader);
    let name = name.and_then(|c| c.parsed(reader, |text| rules::contact_text(text, 64)));
    let title = title.and_then(|c| c.parsed(reader, |text| rules::contact_text(text, 50)));
    let email = email.and_then(|c| c.parsed(reader, rules::contact_email));
    let phone = phone.and_then(|c| c.parsed(reader, rules::contact_phone));
    Some(Contact { name: name?, title: title?, email: email?, phone: phone? })
}
