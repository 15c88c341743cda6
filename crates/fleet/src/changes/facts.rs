//! What is declared, as names and values for people.

use std::collections::BTreeMap;

use phonehome_wire::{Check, CheckKind, Expect};
use serde_json::Value;

use crate::members::Member;
use crate::model::{DefaultVpcs, Fleet, Nat};

/// What the file says that is no line's, by its place: `probing.timeout_ms`.
pub(super) fn settings(fleet: &Fleet) -> BTreeMap<String, String> {
    /// What a line comes to is compared there.
    const OF_LINES: [&str; 7] = [
        "domains",
        "connections",
        "checks",
        "isolations",
        "environments",
        "account_settings",
        "starter_pack",
    ];
    let mut settings = BTreeMap::new();
    // A fleet is made of texts, numbers, lists and maps with texts as keys.
    let Ok(Value::Object(sections)) = serde_json::to_value(fleet) else { return settings };
    for (name, value) in sections {
        if !OF_LINES.contains(&name.as_str()) {
            flatten(name, &value, &mut settings);
        }
    }
    settings
}

fn flatten(place: String, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                flatten(format!("{place}.{name}"), value, into);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (index, item) in items.iter().enumerate() {
                flatten(format!("{place}[{index}]"), item, into);
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            into.insert(place, items.join(", "));
        }
        other => {
            into.insert(place, plain(other));
        }
    }
}

/// A text without its quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a line comes to.
pub(super) fn facts(fleet: &Fleet, member: &Member) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    account(fleet, member, &mut facts);
    if let Some(settings) = fleet.account_settings_of(member) {
        facts.extend(settings.named().into_iter().map(|(what, value)| (what.to_owned(), value)));
    }
    if let Some(Ok(pack)) = fleet.starter_pack_of(member).map(serde_json::to_value) {
        flatten("starter pack".to_owned(), &pack, &mut facts);
    }
    for link in fleet.links_of(member) {
        let peer = link.peer.line();
        for (what, ports) in [("may connect to", &link.outbound), ("lets in", &link.inbound)] {
            if !ports.is_empty() {
                let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
                facts.insert(format!("{what} {peer}, ports"), ports.join(", "));
            }
        }
    }
    for region in fleet.regions.iter().filter(|it| fleet.pool_for(&member.environment, &it.name).is_some()) {
        let name = &region.name;
        let zones: Vec<String> = region.availability_zones.iter().map(ToString::to_string).collect();
        facts.insert(format!("{name}, zones"), zones.join(", "));
        let pools = fleet.pools_for(&member.environment, name);
        let pools: Vec<String> =
            pools.map(|pool| format!("{} ({} in blocks of /{})", pool.name, pool.cidr, pool.block)).collect();
        facts.insert(format!("{name}, addresses"), pools.join(", "));
        for check in fleet.checks_for(member, name) {
            facts.insert(format!("{name}, tests {}", check.id.0), described(&check));
        }
    }
    facts
}

fn account(fleet: &Fleet, member: &Member, facts: &mut BTreeMap<String, String>) {
    let notes = fleet.route_for(&member.environment, &member.domain);
    let pages = fleet.page_route_for(&member.environment, &member.domain);
    let environment = fleet.environment(&member.environment);
    let has_pages = pages.page && environment.is_some_and(|environment| environment.paging);
    let nat = environment.map(|environment| match environment.nat {
        Nat::PerAz => "a gateway in each zone",
        Nat::Single => "one gateway for all zones",
        Nat::Regional => "a regional gateway",
        Nat::None => "none",
    });
    let default_vpcs = environment.map(|environment| match environment.default_vpcs {
        DefaultVpcs::Remove => "are removed",
        DefaultVpcs::Keep => "stay",
    });
    let adopt = member.adopt.as_ref().map(|it| format!("{} in {}", it.vpc_id, it.region));
    let unit = fleet.properties_of(member).unit.map(|unit| unit.to_string());
    let all = [
        ("account name", Some(member.account_name.clone())),
        ("account id", member.account_id.as_ref().map(ToString::to_string)),
        ("owner", Some(member.owner.clone())),
        ("owner's channel", member.owner_channel.clone()),
        ("adopts", adopt),
        ("organizational unit", unit),
        ("NAT", nat.map(str::to_owned)),
        ("default VPCs", default_vpcs.map(str::to_owned)),
        ("notes go to", Some(notes.slack_channel.clone())),
        ("pages", has_pages.then(|| format!("on-call, and {}", pages.slack_channel))),
    ];
    facts.extend(all.into_iter().filter_map(|(what, value)| Some((what.to_owned(), value?))));
}

/// `tcp api.payments.dev.example.internal:443, within 3000 ms`
fn described(check: &Check) -> String {
    let Check { kind, expect, timeout_ms, control, every_minutes, tries, .. } = check;
    let mut text = match kind {
        CheckKind::Tcp { host, port } => format!("tcp {host}:{port}"),
        CheckKind::Tls { host, port, server_name: None } => format!("tls {host}:{port}"),
        CheckKind::Tls { host, port, server_name: Some(name) } => format!("tls {host}:{port} as {name}"),
        CheckKind::Http { .. } | CheckKind::Dns { .. } | CheckKind::Egress { .. } | CheckKind::Unknown => {
            serde_json::to_value(kind).map(|kind| flat(&kind)).unwrap_or_default()
        }
    };
    if *expect == Expect::Deny {
        text.push_str(", must not connect");
    }
    if let Some(control) = control {
        text.push_str(&format!(", beside {}", control.0));
    }
    if *every_minutes != 1 {
        text.push_str(&format!(", every {every_minutes} minutes"));
    }
    text + &format!(", within {timeout_ms} ms, {tries} tries")
}

/// `type http, url https://…, status 200`
fn flat(kind: &Value) -> String {
    let mut parts = BTreeMap::new();
    flatten(String::new(), kind, &mut parts);
    let parts = parts.into_iter().map(|(name, value)| format!("{} {value}", name.trim_start_matches('.')));
    parts.collect::<Vec<_>>().join(", ")
}
