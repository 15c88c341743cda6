//! `phonehome record`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use phonehome_alerting::{Incident, IncidentState};
use phonehome_aws::{DynamoTable, sdk};
use phonehome_cloud::table::Table;
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_replay::{Line, Objects, Recorded, documents, record};
use phonehome_state::{Keys, fleet};
use phonehome_text::count;
use serde_json::json;

use crate::output::{Failure, Format, json as to_json, time};

/// How long before an incident a recording begins, in milliseconds: half an hour, so that it is known of each path
/// that it worked.
const BEFORE_MS: u64 = 30 * 60_000;
/// How long after its end it ends: 10 minutes.
const AFTER_MS: u64 = 10 * 60_000;
/// How long it takes until a report is in the bucket, in milliseconds: `BufferingHints` in `infra/hub.yaml`, 5
/// minutes, and what it takes to deliver.
const KEPT_AFTER_MS: u64 = 10 * 60_000;
/// Without reports for so long at an end, something was not fetched, in milliseconds: 3 minutes.
const MISSING_MS: u64 = 3 * 60_000;
/// An hour, in milliseconds: there is a folder for each.
const HOUR_MS: u64 = 60 * 60_000;

/// What to record, and from where.
#[derive(Debug, Args)]
pub(crate) struct RecordArguments {
    /// An incident, open or over: from 30 minutes before it to 10 minutes after it.
    #[arg(long, required_unless_present = "from", conflicts_with_all = ["from", "to"])]
    incident: Option<String>,
    /// From when: 2026-11-25T02:00:00Z.
    #[arg(long, requires = "to")]
    from: Option<Timestamp>,
    /// Until when.
    #[arg(long, requires = "from")]
    to: Option<Timestamp>,
    /// The folder with the reports that were fetched from the bucket; without it, how to fetch them is said.
    #[arg(long, value_name = "FOLDER")]
    reports: Option<PathBuf>,
    /// The file to write; packed where its name ends with .gz.
    #[arg(short, long, default_value = "recording.jsonl.gz")]
    output: PathBuf,
}

/// Writes a recording, or says how to fetch the reports for it.
pub(crate) async fn run(
    arguments: RecordArguments,
    table_name: &str,
    format: Format,
) -> Result<String, Failure> {
    let session = sdk::connect().await.map_err(Failure::other)?;
    let table = DynamoTable::new(&session, table_name);
    let (from_ms, to_ms) = span(&arguments, &table).await?;
    let Some(folder) = &arguments.reports else {
        let hub = fleet(&table).await.map_err(Failure::other)?.organization.hub_account;
        let region = session.region().unwrap_or("REGION");
        return Err(Failure::input(how_to_fetch(hub.as_str(), region, from_ms, to_ms)));
    };
    let objects = Objects::of(folder).map_err(Failure::input)?;
    let judged_by = documents(&table, from_ms, to_ms).await.map_err(Failure::other)?;
    let recorded = write(&arguments.output, objects, &judged_by, (from_ms, to_ms))?;
    let (output, missing) = (arguments.output.display().to_string(), missing(&recorded, from_ms, to_ms));
    if format == Format::Json {
        return to_json(&json!({
            "file": output, "from_ms": from_ms, "to_ms": to_ms, "recorded": recorded, "missing": missing,
        }));
    }
    let mut text = format!(
        "{output}: {} from {} to {}, from {}\n",
        count(recorded.reports, "report"),
        time(from_ms),
        time(to_ms),
        count(recorded.files as u64, "file"),
    );
    if recorded.bad_lines > 0 {
        text.push_str(&format!("{} cannot be read, and is left out\n", count(recorded.bad_lines, "line")));
    }
    text.extend(missing.iter().map(|it| format!("note: {it}\n")));
    Ok(text)
}

/// From when until when; what cannot be in the bucket yet is not waited for.
async fn span(arguments: &RecordArguments, table: &impl Table) -> Result<(u64, u64), Failure> {
    let now_ms = SystemClock.now_ms();
    let (from_ms, to_ms) = match (&arguments.incident, arguments.from, arguments.to) {
        (Some(id), ..) => {
            let incident = incident(table, id).await?;
            let end_ms = match incident.state {
                IncidentState::Open => now_ms,
                IncidentState::Resolved { at_ms, .. } => at_ms.saturating_add(AFTER_MS),
            };
            (incident.since_ms.saturating_sub(BEFORE_MS), end_ms)
        }
        (None, Some(from), Some(to)) => (milliseconds(from), milliseconds(to)),
        (None, ..) => return Err(Failure::input("say what to record: --incident, or --from and --to")),
    };
    let to_ms = to_ms.min(now_ms.saturating_sub(KEPT_AFTER_MS));
    if from_ms >= to_ms {
        return Err(Failure::input(format!(
            "there is nothing from {} to {}: reports are in the bucket after ten minutes",
            time(from_ms),
            time(to_ms)
        )));
    }
    Ok((from_ms, to_ms))
}

fn milliseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or(0)
}

async fn incident(table: &impl Table, id: &str) -> Result<Incident, Failure> {
    for key in [Keys::incident(id), Keys::resolved(id)] {
        if let Some(doc) = table.get(&key).await.map_err(Failure::other)? {
            return doc.read().map_err(Failure::other);
        }
    }
    Err(Failure::input(format!(
        "there is no incident {id:?}: `phonehome status` lists those that are open, and each message in Slack has its id; \
         one that is over is kept for 90 days"
    )))
}

/// The commands that fetch the reports of this time: one for each hour's folder.
fn how_to_fetch(hub: &str, region: &str, from_ms: u64, to_ms: u64) -> String {
    let mut text = format!(
        "say where the reports are: --reports FOLDER. To fetch those from {} to {}, as phonehome-operator:\n",
        time(from_ms),
        time(to_ms)
    );
    // An object lies in the folder of the hour in which its first report came.
    let first = (from_ms.saturating_sub(KEPT_AFTER_MS)) / HOUR_MS;
    for hour in first..=to_ms / HOUR_MS {
        let at = i64::try_from(hour * HOUR_MS).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let Some(folder) = at.map(|at| at.strftime("%Y/%m/%d/%H").to_string()) else { continue };
        text.push_str(&format!(
            "  aws s3 cp --recursive s3://phonehome-reports-{hub}-{region}/reports/{folder}/ reports/{folder}/\n"
        ));
    }
    text + "Then the same again with --reports reports"
}

fn write(path: &Path, objects: Objects, judged_by: &[Line], span: (u64, u64)) -> Result<Recorded, Failure> {
    let failed = |error: std::io::Error| Failure::other(format!("{}: {error}", path.display()));
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    let recorded = if path.extension().is_some_and(|it| it == "gz") {
        let mut packed = GzEncoder::new(&mut file, Compression::default());
        let recorded = record(objects, judged_by, span, &mut packed).map_err(Failure::other)?;
        packed.finish().map_err(failed)?;
        recorded
    } else {
        record(objects, judged_by, span, &mut file).map_err(Failure::other)?
    };
    file.flush().map_err(failed)?;
    Ok(recorded)
}

/// What of the time the fetched reports do not reach.
fn missing(recorded: &Recorded, from_ms: u64, to_ms: u64) -> Vec<String> {
    let (Some(first_ms), Some(last_ms)) = (recorded.first_ms, recorded.last_ms) else {
        return vec![
            "not one report of this time was fetched: a replay tells that all are silent".to_owned(),
        ];
    };
    let mut missing = Vec::new();
    if first_ms > from_ms + MISSING_MS {
        missing.push(format!("the first report came {}: was the hour before fetched?", time(first_ms)));
    }
    if last_ms + MISSING_MS < to_ms {
        missing.push(format!(
            "the last report came {}: what comes after it a replay takes for silence",
            time(last_ms)
        ));
    }
    missing
}

#[cfg(test)]
mod tests {
    use phonehome_cloud::table::MemoryTable;

    use super::*;

    /// 2026-11-25T01:55:00Z.
    const FROM_MS: u64 = 1_795_571_700_000;

    #[test]
    fn each_hour_whose_folder_can_have_a_report_of_the_time_is_fetched() {
        let text = how_to_fetch("222222222222", "eu-west-1", FROM_MS, FROM_MS + 10 * 60_000);
        let folders: Vec<&str> = text.lines().filter_map(|line| line.split("/reports/").nth(1)).collect();
        assert_eq!(
            folders,
            ["2026/11/25/01/ reports/2026/11/25/01/", "2026/11/25/02/ reports/2026/11/25/02/"]
        );
        assert!(text.contains("s3://phonehome-reports-222222222222-eu-west-1/reports/"), "{text}");
        let early = how_to_fetch("1", "r", FROM_MS - 50 * 60_000, FROM_MS);
        assert!(early.contains("2026/11/25/00/ "), "an object may begin in the hour before: {early}");
    }

    #[test]
    fn what_was_not_fetched_is_said() {
        let to_ms = FROM_MS + HOUR_MS;
        let recorded = |first_ms, last_ms| Recorded { first_ms, last_ms, ..Recorded::default() };
        assert_eq!(missing(&recorded(None, None), FROM_MS, to_ms).len(), 1);
        assert!(missing(&recorded(Some(FROM_MS + 1), Some(to_ms - 1)), FROM_MS, to_ms).is_empty());
        let half = missing(&recorded(Some(FROM_MS + 1), Some(to_ms - HOUR_MS / 2)), FROM_MS, to_ms);
        assert!(half[0].starts_with("the last report came 2026-11-25 02:25:00Z"), "{half:?}");
        let late = missing(&recorded(Some(FROM_MS + HOUR_MS / 2), Some(to_ms)), FROM_MS, to_ms);
        assert!(late[0].starts_with("the first report came"), "{late:?}");
    }

    fn of_incident(id: &str) -> RecordArguments {
        RecordArguments {
            incident: Some(id.to_owned()),
            from: None,
            to: None,
            reports: None,
            output: "recording.jsonl.gz".into(),
        }
    }

    fn stored(state: &serde_json::Value) -> String {
        let incident = json!({
            "id": "i", "suspect": {"kind": "fleet"}, "severity": "page", "state": state, "since_ms": FROM_MS,
            "opened_at_ms": FROM_MS + 60_000, "updated_at_ms": FROM_MS, "revision": 1, "members": [],
        });
        incident.to_string()
    }

    #[tokio::test]
    async fn an_incident_is_recorded_from_half_an_hour_before_its_first_failure_to_ten_minutes_after_its_end()
    {
        let table = MemoryTable::default();
        // Long ago, so that all of it is in the bucket.
        let ago_ms = SystemClock.now_ms() - 48 * HOUR_MS;
        let shift = |text: String| text.replace(&FROM_MS.to_string(), &ago_ms.to_string());
        let over =
            json!({"state": "resolved", "at_ms": ago_ms + HOUR_MS, "resolution": {"how": "recovered"}});
        table.put_raw(Keys::resolved("i"), &shift(stored(&over)));
        let found = span(&of_incident("i"), &table).await.unwrap();
        assert_eq!(found, (ago_ms - BEFORE_MS, ago_ms + HOUR_MS + AFTER_MS));
        let unknown = span(&of_incident("j"), &table).await.unwrap_err();
        assert!(unknown.input && unknown.text.contains("there is no incident \"j\""), "{}", unknown.text);
    }

    #[tokio::test]
    async fn what_is_not_in_the_bucket_yet_is_not_waited_for() {
        let table = MemoryTable::default();
        let (now_ms, begun) = (SystemClock.now_ms(), |ago_ms: u64| SystemClock.now_ms() - ago_ms);
        let open =
            stored(&json!({"state": "open"})).replace(&FROM_MS.to_string(), &begun(HOUR_MS).to_string());
        table.put_raw(Keys::incident("i"), &open);
        let (_, to_ms) = span(&of_incident("i"), &table).await.unwrap();
        assert!((now_ms - KEPT_AFTER_MS..now_ms - KEPT_AFTER_MS + 60_000).contains(&to_ms));
        let at = |ms: u64| Timestamp::from_millisecond(i64::try_from(ms).unwrap()).ok();
        let young =
            RecordArguments { incident: None, from: at(begun(60_000)), to: at(now_ms), ..of_incident("") };
        let refused = span(&young, &table).await.unwrap_err();
        assert!(refused.text.contains("reports are in the bucket after ten minutes"), "{}", refused.text);
    }
}
