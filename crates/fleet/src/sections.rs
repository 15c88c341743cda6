//! Reads each section of a fleet file.

mod accounts;
mod items;
mod network;
mod watch;

use self::items::{items, optional_items};
use crate::draft::{Draft, Items};
use crate::model::FORMAT_VERSION;
use crate::names::Kind;
use crate::reader::{Cursor, Reader};

/// Reads the whole file.
pub(crate) fn draft(root: &Cursor, reader: &mut Reader) -> Option<Draft> {
    let mut file = root.map(reader)?;
    if let Some(version) = file.required("version") {
        version.integer(reader, "the version of a fleet file", FORMAT_VERSION..=FORMAT_VERSION);
    }
    let authorities = file.optional("authorities").and_then(|path| path.text(reader));
    reader.has_authorities = authorities.is_some();
    let organization = file.required("organization").and_then(|o| accounts::organization(&o, reader));
    let regions = items(file.required("regions"), "Region", Kind::Region, reader, network::region);
    let pools = items(file.required("address_pools"), "address pool", Kind::Pool, reader, network::pool);
    let environments =
        items(file.required("environments"), "environment", Kind::Environment, reader, network::environment);
    let domains = items(file.required("domains"), "domain", Kind::Domain, reader, accounts::domain);
    let connections = optional_items(file.optional("connections"), reader, watch::connection);
    let isolations = optional_items(file.optional("isolations"), reader, watch::isolation);
    let forbidden = watch::forbidden_environments(file.optional("forbidden_environments"), reader);
    let network = file.optional("network").and_then(|n| network::settings(&n, reader)).unwrap_or_default();
    let (probing, egress_complete) = watch::probing(file.optional("probing"), reader);
    let alert_routes = match file.required("alert_routes") {
        Some(list) => watch::alert_routes(&list, reader),
        None => Items::unreadable(),
    };
    let platform_route = file.optional("platform_route").and_then(|r| watch::platform_route(&r, reader));
    let rollout = file.optional("rollout").and_then(|r| watch::rollout(&r, reader)).unwrap_or_default();
    file.finish(reader);
    Some(Draft {
        organization,
        regions,
        pools,
        environments,
        domains,
        connections,
        isolations,
        forbidden,
        network,
        probing,
        authorities,
        egress_complete,
        alert_routes,
        platform_route,
        rollout,
    })
}
