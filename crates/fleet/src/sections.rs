//! Reads each section of a fleet file.

mod account_settings;
mod accounts;
mod checks;
mod exchange;
mod hosts;
mod items;
mod network;
mod probing;
mod properties;
mod rollout;
mod starter_pack;
mod vending;
mod watch;
mod windows;

use self::items::{items, optional_items};
use crate::draft::{Draft, Items};
use crate::model::FORMAT_VERSION;
use crate::names::Kind;
use crate::reader::{Cursor, Reader};
use crate::rules;

/// Reads the whole file.
pub(crate) fn draft(root: &Cursor, reader: &mut Reader) -> Option<Draft> {
    let mut file = root.map(reader)?;
    if let Some(version) = file.required("version") {
        version.integer(reader, "the version of a fleet file", FORMAT_VERSION..=FORMAT_VERSION);
    }
    let organization = file.required("organization").and_then(|o| accounts::organization(&o, reader));
    let regions = items(file.required("regions"), "Region", Kind::Region, reader, network::region);
    let pools = items(file.required("address_pools"), "address pool", Kind::Pool, reader, network::pool);
    let environments =
        items(file.required("environments"), "environment", Kind::Environment, reader, network::environment);
    let domains = items(file.required("domains"), "domain", Kind::Domain, reader, accounts::domain);
    // First, for it decides what there is to be warned of.
    let authorities = file.optional("authorities");
    reader.has_authorities = authorities.is_some();
    let authorities = authorities.and_then(|a| a.parsed(reader, rules::file_beside));
    let connections = optional_items(file.optional("connections"), reader, watch::connection);
    let checks = optional_items(file.optional("checks"), reader, checks::team_check);
    let isolations = optional_items(file.optional("isolations"), reader, watch::isolation);
    let forbidden = watch::forbidden_environments(file.optional("forbidden_environments"), reader);
    let network = file.optional("network").and_then(|n| network::settings(&n, reader)).unwrap_or_default();
    let (probing, egress_complete) = probing::probing(file.optional("probing"), reader);
    let alert_routes = match file.required("alert_routes") {
        Some(list) => watch::alert_routes(&list, reader),
        None => Items::unreadable(),
    };
    let platform_route = file.optional("platform_route").and_then(|r| watch::platform_route(&r, reader));
    let maintenance = optional_items(file.optional("maintenance"), reader, windows::window);
    let quiet_hours = optional_items(file.optional("quiet_hours"), reader, windows::window);
    let rollout = file.optional("rollout").and_then(|r| rollout::rollout(&r, reader));
    let vending = file.optional("vending").and_then(|v| vending::vending(&v, reader));
    let accounts = file.optional("accounts").and_then(|a| properties::accounts(&a, reader));
    let settings = file.optional("account_settings");
    let account_settings = settings.and_then(|s| account_settings::account_settings(&s, reader));
    let pack = file.optional("starter_pack");
    let starter_pack = pack.and_then(|p| Some((p.place.clone(), starter_pack::starter_pack(&p, reader)?)));
    file.finish(reader);
    Some(Draft {
        organization,
        regions,
        pools,
        environments,
        domains,
        connections,
        checks,
        isolations,
        forbidden,
        authorities,
        network,
        probing,
        egress_complete,
        alert_routes,
        platform_route,
        maintenance,
        quiet_hours,
        rollout,
        vending,
        accounts,
        account_settings,
        starter_pack,
    })
}
