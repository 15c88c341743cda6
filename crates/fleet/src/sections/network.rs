//! Regions, address pools, environments.

use super::items::{Distinct, declared_name, reference, references};
use super::{account_settings, starter_pack};
use crate::addresses::{LARGEST_BLOCK, SMALLEST_BLOCK};
use crate::draft::unknown_region;
use crate::model::{AddressPool, DefaultVpcs, Environment, GatewayService, Nat, Network, Region};
use crate::names::Kind;
use crate::place::Flaw;
use crate::reader::{Cursor, Reader};
use crate::rules;

/// AWS's smallest VPC and subnet, as a prefix length.
const AWS_SMALLEST: u32 = 28;

pub(super) fn region(cursor: &Cursor, reader: &mut Reader) -> Option<Region> {
    let mut map = cursor.map(reader)?;
    let name = declared_name(&mut map, Kind::Region, reader);
    let known = name.as_ref().and_then(|name| rules::region(name).ok());
    let zones = map.required("availability_zones").and_then(|c| c.filled_list(reader, "AZ ID"));
    let mut availability_zones = Distinct::default();
    for cursor in zones.unwrap_or_default() {
        if let Some(zone) = cursor.parsed(reader, |text| rules::az_id(text, known.as_ref())) {
            availability_zones.push(&cursor, zone, reader);
        }
    }
    map.finish(reader);
    name?;
    Some(Region { name: known.unwrap_or_else(unknown_region), availability_zones: availability_zones.items })
}

pub(super) fn pool(cursor: &Cursor, reader: &mut Reader) -> Option<AddressPool> {
    let mut map = cursor.map(reader)?;
    let name = declared_name(&mut map, Kind::Pool, reader);
    let region = map.required("region").and_then(|c| reference(&c, Kind::Region, reader));
    let cidr = map.required("cidr").and_then(|c| c.parsed(reader, rules::pool_cidr));
    let block = map.required("block").and_then(|c| block(&c, cidr.map(|net| net.prefix_len()), reader));
    map.finish(reader);
    Some(AddressPool {
        name: name?,
        region: region.and_then(|name| name.parse().ok()).unwrap_or_else(unknown_region),
        // All addresses there are: never too few, and no pool's own.
        cidr: cidr.unwrap_or_default(),
        block: block.unwrap_or(SMALLEST_BLOCK),
    })
}

fn block(cursor: &Cursor, pool: Option<u8>, reader: &mut Reader) -> Option<u8> {
    let prefix = cursor.integer(reader, "a prefix length", 0..=32)?;
    let flaw = if prefix < u32::from(LARGEST_BLOCK) || prefix > AWS_SMALLEST {
        Flaw::new(format!("AWS allows networks from /{LARGEST_BLOCK} to /{AWS_SMALLEST}, not /{prefix}"))
            .hint("a /18 gives each account 16,384 addresses")
    } else if prefix > u32::from(SMALLEST_BLOCK) {
        Flaw::new(format!("a /{prefix} is too small for a network: its subnets would be smaller than a /28"))
            .hint(format!("a block is a /{SMALLEST_BLOCK} or larger: 8 zones, 4 subnets in each"))
    } else if pool.is_some_and(|pool| prefix < u32::from(pool)) {
        let pool = pool.unwrap_or_default();
        Flaw::new(format!("a block of /{prefix} does not fit into a pool of /{pool}"))
            .hint(format!("give `block` a number from {} to {SMALLEST_BLOCK}", pool.max(LARGEST_BLOCK)))
    } else {
        return u8::try_from(prefix).ok();
    };
    reader.report(&cursor.place, flaw);
    None
}

pub(super) fn environment(cursor: &Cursor, reader: &mut Reader) -> Option<Environment> {
    const NAT: [(&str, Nat); 4] =
        [("per-az", Nat::PerAz), ("single", Nat::Single), ("regional", Nat::Regional), ("none", Nat::None)];
    const DEFAULT_VPCS: [(&str, DefaultVpcs); 2] =
        [("remove", DefaultVpcs::Remove), ("keep", DefaultVpcs::Keep)];
    let mut map = cursor.map(reader)?;
    let name = declared_name(&mut map, Kind::Environment, reader);
    let pools = map.required("pools").map(|c| references(&c, Kind::Pool, "address pool", reader));
    let nat = map.optional("nat").and_then(|c| c.choice(reader, &NAT));
    let paging = map.optional("paging").and_then(|c| c.boolean(reader));
    let default_vpcs = map.optional("default_vpcs").and_then(|c| c.choice(reader, &DEFAULT_VPCS));
    let unit = map.optional("organizational_unit").and_then(|c| c.parsed(reader, rules::unit_path));
    let settings = map.optional("account_settings");
    let account_settings = settings.and_then(|c| account_settings::account_settings(&c, reader));
    let pack = map.optional("starter_pack").and_then(|c| starter_pack::starter_pack(&c, reader));
    map.finish(reader);
    Some(Environment {
        name: name?,
        pools: pools.unwrap_or_default(),
        nat: nat.unwrap_or_default(),
        paging: paging.unwrap_or_default(),
        default_vpcs: default_vpcs.unwrap_or_default(),
        organizational_unit: unit,
        account_settings,
        starter_pack: pack,
    })
}

/// Reads `network`.
pub(super) fn settings(cursor: &Cursor, reader: &mut Reader) -> Option<Network> {
    let mut map = cursor.map(reader)?;
    let bucket = map.optional("flow_logs_bucket").and_then(|c| c.parsed(reader, rules::bucket_name));
    let endpoints = map.optional("gateway_endpoints").and_then(|c| gateway_endpoints(&c, reader));
    let days = map.optional("quarantine_days");
    let days = days.and_then(|c| c.integer(reader, "`quarantine_days`", 0..=365));
    let removals = map.optional("removals_per_hour");
    let removals = removals.and_then(|c| c.integer(reader, "`removals_per_hour`", 0..=10_000));
    map.finish(reader);
    let default = Network::default();
    Some(Network {
        flow_logs_bucket: bucket,
        gateway_endpoints: endpoints.unwrap_or(default.gateway_endpoints),
        quarantine_days: days.unwrap_or(default.quarantine_days),
        removals_per_hour: removals.unwrap_or(default.removals_per_hour),
    })
}

fn gateway_endpoints(cursor: &Cursor, reader: &mut Reader) -> Option<Vec<GatewayService>> {
    const SERVICES: [(&str, GatewayService); 2] =
        [("s3", GatewayService::S3), ("dynamodb", GatewayService::Dynamodb)];
    let mut services = Distinct::default();
    for cursor in cursor.list(reader)? {
        if let Some(service) = cursor.choice(reader, &SERVICES) {
            services.push(&cursor, service, reader);
        }
    }
    Some(services.items)
}
