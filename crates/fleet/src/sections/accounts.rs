//! The organization and the domains.

use super::items::{declared_name, reference};
use super::{account_settings, starter_pack};
use crate::model::{Domain, DomainEnvironment, Organization, default_member_role};
use crate::names::Kind;
use crate::place::Flaw;
use crate::reader::{Cursor, Reader};
use crate::rules;
use crate::times;

/// What GraphQL calls an `Int`, and New Relic the id of an account.
const VENDOR_IDS: std::ops::RangeInclusive<u32> = 1..=2_147_483_647;

pub(super) fn organization(cursor: &Cursor, reader: &mut Reader) -> Option<Organization> {
    let mut map = cursor.map(reader)?;
    let id = map.required("id").and_then(|c| c.parsed(reader, rules::organization_id));
    let management = map.required("management_account");
    let management_account = management.as_ref().and_then(|c| c.parsed(reader, rules::account_id));
    let hub = map.required("hub_account");
    let hub_account = hub.as_ref().and_then(|c| c.parsed(reader, rules::account_id));
    // Declared here, so that no member can be one of them; the two may be the same.
    if let (Some(cursor), Some(id)) = (&management, &management_account) {
        reader.declare(Kind::AccountId, id, &cursor.place);
    }
    if let (Some(cursor), Some(id)) = (&hub, &hub_account)
        && hub_account != management_account
    {
        reader.declare(Kind::AccountId, id, &cursor.place);
    }
    let member_role = map.optional("member_role").and_then(|c| c.parsed(reader, rules::role_name));
    let time_zone = map.optional("time_zone").and_then(|c| c.parsed(reader, times::time_zone));
    let runbook = map.optional("runbook").and_then(|c| c.parsed(reader, rules::page_url));
    map.finish(reader);
    Some(Organization {
        id: id.unwrap_or_default(),
        management_account: management_account?,
        hub_account: hub_account?,
        member_role: member_role.unwrap_or_else(default_member_role),
        time_zone,
        runbook,
    })
}

pub(super) fn domain(cursor: &Cursor, reader: &mut Reader) -> Option<Domain> {
    let mut map = cursor.map(reader)?;
    let name = declared_name(&mut map, Kind::Domain, reader);
    let renamed_from = map.optional("renamed_from").and_then(|c| c.parsed(reader, rules::name));
    let owner = map.required("owner").and_then(|c| c.parsed(reader, rules::filled));
    let owner_channel = map.optional("owner_channel").and_then(|c| c.parsed(reader, rules::slack_channel));
    let settings = map.optional("account_settings");
    let account_settings = settings.and_then(|c| account_settings::account_settings(&c, reader));
    let pack = map.optional("starter_pack").and_then(|c| starter_pack::starter_pack(&c, reader));
    let list = map.required("environments").and_then(|c| c.filled_list(reader, "environment"));
    if list.is_none() {
        reader.names.unreadable(Kind::Account);
    }
    let cursors = list.unwrap_or_default();
    let mut environments: Vec<DomainEnvironment> = vec![];
    for cursor in &cursors {
        if let Some(entry) = environment(cursor, name.as_deref(), reader) {
            if environments.iter().any(|earlier| earlier.name == entry.name) {
                reader.report(&cursor.place, Flaw::new(format!("`{}` stands here twice", entry.name)));
            }
            environments.push(entry);
        }
    }
    map.finish(reader);
    if environments.len() < cursors.len() {
        // Without all of its environments it would be blamed for lacking some; see Draft.
        environments.clear();
    }
    let owner = owner.unwrap_or_default();
    Some(Domain {
        name: name?,
        renamed_from,
        owner,
        owner_channel,
        account_settings,
        starter_pack: pack,
        environments,
    })
}

/// One environment of a domain: its name, or a map.
fn environment(cursor: &Cursor, domain: Option<&str>, reader: &mut Reader) -> Option<DomainEnvironment> {
    let entry = if cursor.is_map() {
        detailed_environment(cursor, reader)
    } else {
        let name = reference(cursor, Kind::Environment, reader);
        name.map(|name| DomainEnvironment {
            name,
            renamed_from: None,
            account_name: None,
            account_id: None,
            email: None,
            adopt: None,
            adopt_region: None,
            organizational_unit: None,
            observability_account: None,
        })
    };
    let Some((entry, domain)) = entry.as_ref().zip(domain) else {
        // An account without a known name: references to it are not to be blamed.
        reader.names.unreadable(Kind::Account);
        return entry;
    };
    let account_name = entry.account_name(domain);
    if entry.account_name.is_none()
        && let Err(flaw) = rules::account_name(&account_name)
    {
        reader.report(&cursor.place, flaw.hint("give a shorter one with `account_name`"));
    }
    // The same environment twice is reported as such, once.
    if entry.account_name.is_some() || !reader.names.is_declared(Kind::Account, &account_name) {
        reader.declare(Kind::Account, &account_name, &cursor.place);
    }
    Some(entry.clone())
}

fn detailed_environment(cursor: &Cursor, reader: &mut Reader) -> Option<DomainEnvironment> {
    let mut map = cursor.map(reader)?;
    let name = map.required("name").and_then(|c| reference(&c, Kind::Environment, reader));
    let renamed_from = map.optional("renamed_from").and_then(|c| c.parsed(reader, rules::name));
    let account_name = map.optional("account_name").and_then(|c| c.parsed(reader, rules::account_name));
    let id_cursor = map.optional("account_id");
    let account_id = id_cursor.as_ref().and_then(|c| c.parsed(reader, rules::account_id));
    if let (Some(cursor), Some(id)) = (&id_cursor, &account_id) {
        reader.declare(Kind::AccountId, id, &cursor.place);
    }
    let email_cursor = map.optional("email");
    let email = email_cursor.as_ref().and_then(|c| c.parsed(reader, rules::email));
    if let (Some(cursor), Some(email)) = (&email_cursor, &email) {
        reader.declare(Kind::Email, &email.to_lowercase(), &cursor.place);
    }
    let adopt_cursor = map.optional("adopt");
    let adopt = adopt_cursor.as_ref().and_then(|c| c.parsed(reader, rules::vpc_id));
    if let (Some(cursor), Some(id)) = (&adopt_cursor, &adopt) {
        reader.declare(Kind::Vpc, id, &cursor.place);
    }
    let region_cursor = map.optional("adopt_region");
    let adopt_region = region_cursor.as_ref().and_then(|c| reference(c, Kind::Region, reader));
    if let (Some(cursor), None) = (&region_cursor, &adopt_cursor) {
        let flaw = Flaw::new("`adopt_region` without `adopt`");
        reader.report(&cursor.place, flaw.hint("name the VPC that is taken over with `adopt`"));
    }
    let unit = map.optional("organizational_unit").and_then(|c| c.parsed(reader, rules::unit_path));
    let observed_cursor = map.optional("observability_account");
    let observed =
        observed_cursor.as_ref().and_then(|c| c.integer(reader, "the id of an account", VENDOR_IDS));
    if let (Some(cursor), Some(id)) = (&observed_cursor, observed) {
        reader.declare(Kind::ObservabilityAccount, &id.to_string(), &cursor.place);
    }
    map.finish(reader);
    Some(DomainEnvironment {
        name: name?,
        renamed_from,
        account_name,
        account_id,
        email,
        adopt,
        adopt_region: adopt_region.and_then(|name| name.parse().ok()),
        organizational_unit: unit,
        observability_account: observed,
    })
}
