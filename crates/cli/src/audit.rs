//! `phonehome audit`.

use std::time::{SystemTime, UNIX_EPOCH};

use phonehome_cloud::table::Table;
use phonehome_fleet::AddressPool;
use phonehome_state::{Claim, Keys, Seen, Severity, all, audit};
use phonehome_text::{agree, count};
use serde_json::json;

use crate::output::{Done, Format};
use crate::output::{Failure, table};

/// Compares the ledger with the VPCs that were seen in the accounts.
pub(crate) async fn run(table_name: &str, format: Format) -> Result<Done, Failure> {
    let table = table(table_name).await?;
    let desired = phonehome_state::desired(&table).await.map_err(Failure::other)?;
    let claims: Vec<Claim> = documents(&table, Keys::LEDGER).await?;
    let seen: Vec<Seen> = documents(&table, Keys::SEEN).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let mut pools: Vec<AddressPool> = Vec::new();
    for pool in desired.fleets().flat_map(|fleet| &fleet.address_pools) {
        if !pools.contains(pool) {
            pools.push(pool.clone());
        }
    }
    let findings = audit(&claims, &seen, &pools, now_ms);
    let text = match format {
        Format::Json => {
            let findings: Vec<_> = findings
                .iter()
                .map(|it| json!({"severity": severity(it.severity()), "finding": it.to_string()}))
                .collect();
            crate::output::json(&json!({"findings": findings}))?
        }
        Format::Text => {
            let lines = findings.iter().map(|it| format!("{}: {it}\n", severity(it.severity())));
            let held = claims.iter().filter(|claim| claim.is_held()).count();
            lines.collect::<String>()
                + &format!(
                    "{} held, {} in quarantine, {} looked at: {}.\n",
                    agree(held, "block is", "blocks are"),
                    agree(claims.len() - held, "is", "are"),
                    agree(seen.len(), "account and Region was", "accounts and Regions were"),
                    count(findings.len(), "finding")
                )
        }
    };
    Ok(Done { text, exit_code: u8::from(!findings.is_empty()) })
}

fn severity(severity: Severity) -> String {
    format!("{severity:?}").to_lowercase()
}

async fn documents<T: serde::de::DeserializeOwned>(
    table: &impl Table,
    partition: &str,
) -> Result<Vec<T>, Failure> {
    let documents = all(table, partition).await.map_err(Failure::other)?;
    Ok(documents.into_iter().map(|(_, document)| document).collect())
}
