//! `phonehome silences` and `phonehome unsilence`.

use phonehome_cloud::{SystemClock, WallClock as _};
use std::fmt::Write as _;

use phonehome_alerting::{Matcher, Silence};
use phonehome_cloud::table::{Expect, Table, TableError, Write};
use phonehome_fleet::nearest;
use phonehome_state::{Keys, readable};
use serde::Serialize;

use crate::output::Format;
use crate::output::time;
use crate::output::{Failure, json, table};

/// A silence and its id.
#[derive(Debug, Serialize)]
pub(crate) struct ActiveSilence {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) silence: Silence,
}

impl ActiveSilence {
    /// What, until when, by whom and why; one line.
    pub(crate) fn line(&self) -> String {
        let Silence { matcher, expires_at_ms, reason, by, .. } = &self.silence;
        format!("SILENCE {} {} until {} by {by}: {reason}", self.id, words(matcher), time(*expires_at_ms))
    }
}

/// The silences that have not ended, the first to end first. DynamoDB removes one some time after its end.
pub(crate) async fn active(table: &impl Table, now_ms: u64) -> Result<Vec<ActiveSilence>, Failure> {
    let silences = readable::<Silence>(table, Keys::SILENCES).await.map_err(Failure::other)?.found;
    let mut active: Vec<ActiveSilence> = silences
        .into_iter()
        .filter(|(_, silence)| silence.expires_at_ms > now_ms)
        .map(|(doc, silence)| ActiveSilence { id: doc.key.sort, silence })
        .collect();
    active.sort_by(|a, b| (a.silence.expires_at_ms, &a.id).cmp(&(b.silence.expires_at_ms, &b.id)));
    Ok(active)
}

/// `phonehome silences`.
pub(crate) async fn list(table_name: &str, format: Format) -> Result<String, Failure> {
    let active = active(&table(table_name).await?, SystemClock.now_ms()).await?;
    Ok(match format {
        Format::Json => json(&active)?,
        Format::Text if active.is_empty() => "Nothing is silenced.\n".to_owned(),
        Format::Text => active.iter().fold(String::new(), |mut text, it| {
            let _ = writeln!(text, "{}", it.line());
            text
        }),
    })
}

/// `phonehome unsilence ID`.
pub(crate) async fn end(id: &str, table_name: &str, format: Format) -> Result<String, Failure> {
    let table = table(table_name).await?;
    end_in(&table, id).await?;
    Ok(match format {
        Format::Json => json(&serde_json::json!({ "ended": id }))?,
        Format::Text => format!("{id} has ended; what is still wrong is said within a minute.\n"),
    })
}

async fn end_in(table: &impl Table, id: &str) -> Result<(), Failure> {
    let key = Keys::silence(id);
    let Some(doc) = table.get(&key).await.map_err(Failure::other)? else {
        let active = active(table, SystemClock.now_ms()).await?;
        let meant = nearest(id, active.iter().map(|it| it.id.as_str()));
        let hint =
            meant.map_or_else(|| "nothing is silenced".to_owned(), |meant| format!("the nearest is {meant}"));
        return Err(Failure::input(format!("no silence {id}; {hint}. `phonehome silences` lists them")));
    };
    match table.write(vec![Write::delete(key, Expect::unchanged(Some(&doc)))]).await {
        Ok(()) => Ok(()),
        Err(TableError::Conflict { .. }) => Err(Failure::other(format!(
            "{id} was changed at the same moment; `phonehome silences` shows what stands"
        ))),
        Err(error) => Err(Failure::other(error)),
    }
}

/// `account shop-prod, zone use1-az1`.
fn words(matcher: &Matcher) -> String {
    let Matcher { account, domain, environment, availability_zone, check, endpoint } = matcher;
    let check = check.as_ref().map(|check| &check.0);
    let parts = [
        ("account", account.as_ref()),
        ("domain", domain.as_ref()),
        ("environment", environment.as_ref()),
        ("zone", availability_zone.as_ref()),
        ("check", check),
        ("endpoint", endpoint.as_ref()),
    ];
    phonehome_text::joined(parts.into_iter().filter_map(|(what, value)| Some(format!("{what} {}", value?))))
}

#[cfg(test)]
mod tests {
    use phonehome_cloud::table::MemoryTable;

    use super::*;

    #[tokio::test]
    async fn silences_are_listed_and_ended_by_their_ids_and_one_that_is_over_is_not_shown() {
        let table = MemoryTable::default();
        let now_ms = SystemClock.now_ms();
        for (id, ends_ms) in
            [("later1", now_ms + 120_000), ("sooner", now_ms + 60_000), ("over00", now_ms - 1)]
        {
            let silence = Silence {
                matcher: Matcher { account: Some("shop-prod".into()), ..Matcher::default() },
                expires_at_ms: ends_ms,
                reason: "migration".into(),
                by: "arn:aws:sts::111122223333:assumed-role/ops/ada".into(),
                set_at_ms: now_ms,
            };
            table.write(vec![Write::put(Keys::silence(id), Expect::Absent, &silence)]).await.unwrap();
        }
        table.put_raw(Keys::silence("broken"), "nonsense");
        let ids = |active: Vec<ActiveSilence>| active.into_iter().map(|it| it.id).collect::<Vec<_>>();
        let shown = active(&table, now_ms).await.unwrap_or_default();
        let line = shown[0].line();
        for part in ["sooner", "account shop-prod", "until ", "assumed-role/ops/ada", "migration"] {
            assert!(line.contains(part), "{line}");
        }
        assert_eq!(ids(shown), ["sooner", "later1"]);
        assert!(end_in(&table, "soone").await.unwrap_err().text.contains("the nearest is sooner"));
        assert!(end_in(&table, "sooner").await.is_ok());
        assert_eq!(ids(active(&table, now_ms).await.unwrap_or_default()), ["later1"]);
        // Also one that nobody can read.
        assert!(end_in(&table, "broken").await.is_ok());
    }
}
