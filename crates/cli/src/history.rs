//! `phonehome history` and `phonehome get`.

use phonehome_state::{PublishedFleet, history, version};
use serde_json::json;

use crate::output::Format;
use crate::output::time;
use crate::output::{Failure, json as to_json, table};

/// Every version of the fleet file: number, when, who, and what was permitted with it.
pub(crate) async fn run(table_name: &str, format: Format) -> Result<String, Failure> {
    let (versions, unreadable) = history(&table(table_name).await?).await.map_err(Failure::other)?;
    if format == Format::Json {
        let versions: Vec<_> = versions
            .iter()
            .map(|it| {
                json!({
                    "version": it.number,
                    "published_at_ms": it.published_at_ms,
                    "published_by": it.published_by,
                    "permitted": it.accepted.summary,
                    "permitted_until_ms": it.accepted.until_ms,
                    "probes": it.probes,
                    "plan": it.accepted.contract.as_ref().map(|contract| &contract.plan),
                })
            })
            .collect();
        return to_json(&json!({"versions": versions, "unreadable": unreadable}));
    }
    let mut text: String = versions.iter().rev().map(line).collect();
    for key in unreadable {
        text.push_str(&format!("{key} cannot be read\n"));
    }
    if text.is_empty() {
        text.push_str("nothing is published yet\n");
    }
    Ok(text)
}

fn line(it: &PublishedFleet) -> String {
    let permitted = match it.accepted.summary.as_str() {
        "" => "without a plan",
        summary => summary,
    };
    let number = if it.number == 0 { "current".to_owned() } else { it.number.to_string() };
    let plan = it.accepted.contract.as_ref().map(|contract| format!(" (plan {})", contract.plan));
    let plan = plan.unwrap_or_default();
    let probes = it.probes.as_ref().map(|probes| format!("; probes of {}", probes.title()));
    let probes = probes.unwrap_or_default();
    format!("{number:>7}  {}  {}  {permitted}{plan}{probes}\n", time(it.published_at_ms), it.published_by)
}

/// The text of one version.
pub(crate) async fn get(which: &str, table_name: &str, format: Format) -> Result<String, Failure> {
    let number = match which {
        "current" => None,
        number => Some(number.parse::<u64>().map_err(|_| {
            Failure::input(format!("{number:?} is neither the number of a version nor `current`"))
        })?),
    };
    let found = version(&table(table_name).await?, number).await.map_err(Failure::other)?;
    let found = found.ok_or_else(|| {
        Failure::input(format!("there is no version {which}: `phonehome history` lists all of them"))
    })?;
    match format {
        Format::Json => to_json(&found),
        Format::Text => Ok(found.text),
    }
}
