//! `phonehome silence`.

mod active;
mod names;

use phonehome_cloud::{SystemClock, WallClock as _};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use clap::Args;
use phonehome_alerting::{Matcher, Silence};
use phonehome_aws::DynamoTable;
use phonehome_aws::{caller_arn, sdk};
use phonehome_cloud::table::{Expect, Table, TableError, Write, on_conflict};
use phonehome_state::Keys;
use phonehome_text::count;
use phonehome_wire::CheckId;

use crate::output::Format;
use crate::output::{Failure, json};

use names::{Names, check_names};

pub(crate) use active::{ActiveSilence, active, end, list};

/// What to silence, for how long, and why.
#[derive(Debug, Args)]
pub(crate) struct SilenceArguments {
    /// An account: its id or its name.
    #[arg(long)]
    account: Option<String>,
    /// A product domain.
    #[arg(long)]
    domain: Option<String>,
    /// An environment.
    #[arg(long)]
    environment: Option<String>,
    /// An Availability Zone ID.
    #[arg(long)]
    availability_zone: Option<String>,
    /// A check, by its id.
    #[arg(long)]
    check: Option<String>,
    /// A target, as `phonehome status` shows it.
    #[arg(long)]
    endpoint: Option<String>,
    /// For how long: 30m, 2h, 1d; at most 30d.
    #[arg(long = "for", value_name = "DURATION", value_parser = minutes)]
    minutes: u64,
    /// Why; everyone sees it.
    #[arg(long)]
    reason: String,
}

/// The longest a silence lasts, in minutes: a forgotten one must end by itself.
const MINUTES_MAX: u64 = 30 * 24 * 60;

/// How many letters and digits an id has: a thousand million ids, and short enough to type.
const ID_CHARS: usize = 6;
/// How often an id that is taken is drawn again.
const ATTEMPTS_MAX: u32 = 5;

/// Stores a silence.
pub(crate) async fn run(
    arguments: SilenceArguments,
    table_name: &str,
    format: Format,
) -> Result<String, Failure> {
    let minutes = arguments.minutes;
    let matcher = Matcher {
        account: arguments.account,
        domain: arguments.domain,
        environment: arguments.environment,
        availability_zone: arguments.availability_zone,
        check: arguments.check.map(CheckId),
        endpoint: arguments.endpoint,
    };
    if matcher == Matcher::default() {
        return Err(Failure::input(
            "say what to silence: --account, --domain, --environment, --availability-zone, --check or --endpoint",
        ));
    }
    if arguments.reason.trim().is_empty() {
        return Err(Failure::input("--reason is empty; everyone who wonders about the silence reads it"));
    }
    let session = sdk::connect().await.map_err(Failure::other)?;
    let table = DynamoTable::new(&session, table_name);
    check_names(&matcher, &Names::of(&table).await?)?;
    let now_ms = SystemClock.now_ms();
    let by = caller_arn(&session).await.map_err(Failure::other)?;
    let expires_at_ms = now_ms + minutes * 60_000;
    let silence = Silence { matcher, expires_at_ms, reason: arguments.reason, by, set_at_ms: now_ms };
    let id = store(&table, &silence).await?;
    Ok(match format {
        Format::Json => json(&serde_json::json!({ "id": id, "silence": silence }))?,
        Format::Text => format!(
            "Silenced for {} as {id}; then what is still wrong is said. To end it before: \
             phonehome unsilence {id}\n",
            count(minutes, "minute")
        ),
    })
}

/// Stores it under an id of its own.
async fn store(table: &impl Table, silence: &Silence) -> Result<String, Failure> {
    let mut attempt = 0;
    let stored = on_conflict(ATTEMPTS_MAX, || {
        attempt += 1;
        store_as(table, silence, id(silence, attempt))
    });
    stored.await.map_err(Failure::other)
}

async fn store_as(table: &impl Table, silence: &Silence, id: String) -> Result<String, TableError> {
    let write = Write::put(Keys::silence(&id), Expect::Absent, silence);
    table.write(vec![write.expiring(silence.expires_at_ms / 1000)]).await?;
    Ok(id)
}

/// Letters and digits that are not taken for each other.
fn id(silence: &Silence, attempt: u32) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let mut hasher = DefaultHasher::new();
    (attempt, silence.set_at_ms, &silence.by, &silence.reason, silence.expires_at_ms).hash(&mut hasher);
    serde_json::json!(silence.matcher).to_string().hash(&mut hasher);
    let hash = hasher.finish();
    (0..ID_CHARS).map(|place| char::from(LETTERS[(hash >> (5 * place)) as usize & 31])).collect()
}

/// `30m`, `2h`, `1d` in minutes.
fn minutes(text: &str) -> Result<u64, &'static str> {
    let units = [("m", 1), ("h", 60), ("d", 24 * 60)];
    let read = |(unit, each): &(&str, u64)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*each);
    let minutes = units.iter().find_map(read).filter(|minutes| (1..=MINUTES_MAX).contains(minutes));
    minutes.ok_or("not a duration like 30m, 2h or 1d, at most 30d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silence_has_a_short_id_and_two_that_are_alike_have_two() {
        let silence = Silence {
            matcher: Matcher { domain: Some("shop".into()), ..Matcher::default() },
            expires_at_ms: 2000,
            reason: "migration".into(),
            by: "arn:aws:iam::111122223333:user/ada".into(),
            set_at_ms: 1000,
        };
        let table = phonehome_cloud::table::MemoryTable::default();
        let first = store(&table, &silence).await.unwrap_or_else(|failure| panic!("{}", failure.text));
        let second = store(&table, &silence).await.unwrap_or_else(|failure| panic!("{}", failure.text));
        assert_ne!(first, second);
        assert!(first.len() == 6 && first.chars().all(|it| it.is_ascii_alphanumeric()), "{first}");
        assert_eq!(table.expires_at_s(&Keys::silence(&first)), Some(2));
    }

    #[tokio::test]
    async fn a_silence_is_read_by_the_release_before() {
        let matcher = Matcher {
            account: Some("shop-prod".into()),
            domain: Some("shop".into()),
            environment: Some("prod".into()),
            availability_zone: Some("use1-az1".into()),
            check: Some(phonehome_wire::CheckId("egress/example.com/443".into())),
            endpoint: Some("example.com:443".into()),
        };
        let (reason, by) = ("a migration".into(), "arn:aws:iam::111122223333:user/ada".into());
        let began_ms = phonehome_releases::RECORDED_AT_MS;
        let silence =
            Silence { matcher, expires_at_ms: began_ms + 3_600_000, reason, by, set_at_ms: began_ms };
        let table = phonehome_cloud::table::MemoryTable::default();
        store(&table, &silence).await.unwrap_or_else(|failure| panic!("{}", failure.text));
        let docs = table.all().into_iter();
        // An id is six letters or digits by chance.
        let docs = docs
            .map(|doc| (doc.key.partition, "a1b2c3".to_owned(), serde_json::from_str(&doc.body).unwrap()));
        phonehome_releases::Scenario::new("silenced", began_ms).table(docs);
    }

    #[test]
    fn a_silence_always_has_an_end_within_thirty_days() {
        for (text, expected) in
            [("30m", Some(30)), ("2h", Some(120)), ("1d", Some(1440)), ("30d", Some(43_200))]
        {
            assert_eq!(minutes(text).ok(), expected, "{text}");
        }
        for text in ["", "m", "0m", "31d", "1w", "1.5h", "-1h", "h2", "99999999999999999999d", "2é"] {
            assert!(minutes(text).is_err(), "{text}");
        }
    }
}
