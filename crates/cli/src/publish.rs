//! `phonehome publish`.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use phonehome_aws::table::{Doc, Expect, Table, TableError, Write};
use phonehome_state::{Keys, PublishedFleet};
use serde_json::json;

use crate::Format;
use crate::output::{Failure, json as to_json, table};
use crate::validate::load;

/// Checks the file and stores it, unless it is stored already.
pub(crate) async fn run(path: &Path, table_name: &str, format: Format) -> Result<String, Failure> {
    let (text, fleet) = load(path, format)?;
    let table = table(table_name).await?;
    let stored = table.get(&Keys::fleet()).await.map_err(Failure::other)?;
    let known = stored.as_ref().map(Doc::read::<PublishedFleet>).transpose().map_err(Failure::other)?;
    let changed = known.is_none_or(|known| known.text != text);
    if changed {
        let published = PublishedFleet { text, published_at_ms: now_ms(), published_by: user() };
        let write = Write::put(Keys::fleet(), Expect::unchanged(stored.as_ref()), &published);
        table.write(vec![write]).await.map_err(|error| match error {
            TableError::Conflict { .. } => {
                Failure::other("someone else published at the same moment; nothing was stored. Run it again")
            }
            other => Failure::other(other),
        })?;
    }
    let accounts = fleet.members().len();
    Ok(match format {
        Format::Json => to_json(&json!({"changed": changed, "accounts": accounts}))?,
        Format::Text if changed => format!(
            "{}: published, {accounts} accounts. The next sweep applies it, within 30 minutes.\n",
            path.display()
        ),
        Format::Text => format!("{}: already in force, nothing stored.\n", path.display()),
    })
}

/// Now, in milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Who runs this, for people.
pub(crate) fn user() -> String {
    ["GITHUB_ACTOR", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "unknown".to_owned())
}
