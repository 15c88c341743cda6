//! The draft as YAML.

use std::fmt::Write as _;

use crate::guess::unit_shown;
use crate::placed::{Placed, PlacedLine};
use crate::seen::{Organization, SeenAccount};
use crate::shown::shown;

/// An address pool of a draft.
pub(crate) struct Pool {
    pub(crate) name: &'static str,
    pub(crate) cidr: &'static str,
    /// The prefix length of an account's block.
    pub(crate) block: u8,
}

/// All of the file, without what stands before it.
pub(crate) fn file(
    organization: &Organization,
    (region, zones): (&str, &[String]),
    pools: &[Pool],
    placed: &Placed<'_>,
) -> String {
    let Organization { id, management_account, hub_account } = organization;
    let mut text = format!(
        "version: 1\n\norganization:\n  id: {id}\n  management_account: \"{management_account}\"\n  hub_account: \
         \"{hub_account}\" # the account whose credentials drafted this\n\nregions:\n  - {{ name: {region}, \
         availability_zones: [{}] }}\n\naddress_pools:\n",
        zones.join(", ")
    );
    for Pool { name, cidr, block } in pools {
        let _ = writeln!(text, "  - {{ name: {name}, region: {region}, cidr: {cidr}, block: {block} }}");
    }
    text.push_str("\nenvironments:\n");
    for (name, number) in or_one(placed.environments()) {
        let _ = writeln!(text, "  - {{ name: {name}, pools: [{}] }} # lines: {number}", pool_of(name));
    }
    text.push_str("\ndomains:\n");
    for (domain, lines) in &placed.domains {
        let _ = writeln!(text, "  - name: {domain}\n    owner: team-{domain}\n    environments:");
        lines.iter().for_each(|line| text.push_str(&entry(domain, line)));
    }
    if placed.domains.is_empty() {
        text.push_str(
            "  # No account could be placed. This line is none, and only there for the file to be valid.\n  - name: \
             example\n    owner: team-example\n    environments: [prod]\n",
        );
    }
    text + "\nalert_routes:\n  - { slack_channel: \"#phonehome\" }\n"
}

/// Without any there is one, for the file to be valid.
fn or_one(environments: Vec<(&'static str, usize)>) -> Vec<(&'static str, usize)> {
    if environments.is_empty() { vec![("prod", 0)] } else { environments }
}

/// Where the addresses of an environment's accounts come from.
pub(crate) fn pool_of(environment: &str) -> &'static str {
    if environment == "prod" { "prod" } else { "nonprod" }
}

fn entry(domain: &str, line: &PlacedLine<'_>) -> String {
    let PlacedLine { environment, account, account_name } = line;
    let name = account_name.map(|name| format!("account_name: \"{name}\", ")).unwrap_or_default();
    let other = account_name.is_none() && account.name != format!("{domain}-{environment}");
    let called = if other { format!(" # called {}", shown(&account.name)) } else { String::new() };
    format!("      - {{ name: {environment}, {name}account_id: \"{}\" }}{called}\n", account.id)
}

/// The accounts that are no line, with why, as comments: id, name, address and, where it is known, unit.
pub(crate) fn left(placed: &Placed<'_>) -> String {
    let mut text = String::new();
    for (why, accounts) in &placed.left {
        let _ = writeln!(text, "#\n# {why}:");
        accounts.iter().for_each(|account| text.push_str(&comment(account)));
    }
    text
}

fn comment(account: &SeenAccount) -> String {
    let SeenAccount { id, name, email, unit, .. } = account;
    let unit = unit.as_ref().filter(|unit| !unit.is_empty());
    let unit = unit.map(|unit| format!("  in {}", unit_shown(unit))).unwrap_or_default();
    format!("#   {id}  {}  {}{unit}\n", shown(name), shown(email))
}
