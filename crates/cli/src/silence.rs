//! `phonehome silence`.

use clap::Args;
use phonehome_alerting::{Matcher, Silence};
use phonehome_aws::table::{Expect, Table, Write};
use phonehome_state::Keys;
use phonehome_wire::CheckId;

use crate::Format;
use crate::output::{Failure, json, table};
use crate::publish::{now_ms, user};

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
    #[arg(long = "for", value_name = "DURATION")]
    duration: String,
    /// Why; everyone sees it.
    #[arg(long)]
    reason: String,
}

/// The longest a silence lasts, in minutes: a forgotten one must end by itself.
const MINUTES_MAX: u64 = 30 * 24 * 60;

/// Stores a silence.
pub(crate) async fn run(
    arguments: SilenceArguments,
    table_name: &str,
    format: Format,
) -> Result<String, Failure> {
    let minutes = minutes(&arguments.duration).ok_or_else(|| {
        Failure::input(format!(
            "--for {:?} is not a duration like 30m, 2h or 1d, at most 30d",
            arguments.duration
        ))
    })?;
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
    let now_ms = now_ms();
    let expires_at_ms = now_ms + minutes * 60_000;
    let silence = Silence { matcher, expires_at_ms, reason: arguments.reason, by: user(), set_at_ms: now_ms };
    let write = Write::put(Keys::silence(&format!("{now_ms:015}")), Expect::Absent, &silence)
        .expiring(expires_at_ms / 1000);
    table(table_name).await?.write(vec![write]).await.map_err(Failure::other)?;
    Ok(match format {
        Format::Json => json(&silence)?,
        Format::Text => format!("Silenced for {minutes} minutes; then what is still wrong is said.\n"),
    })
}

/// `30m`, `2h`, `1d` in minutes.
fn minutes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let each = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(each).filter(|minutes| (1..=MINUTES_MAX).contains(minutes))
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn a_silence_always_has_an_end_within_thirty_days() {
        for (text, expected) in
            [("30m", Some(30)), ("2h", Some(120)), ("1d", Some(1440)), ("30d", Some(43_200))]
        {
            assert_eq!(minutes(text), expected, "{text}");
        }
        for text in ["", "m", "0m", "31d", "1w", "1.5h", "-1h", "h2", "99999999999999999999d", "2é"] {
            assert_eq!(minutes(text), None, "{text}");
        }
    }
}
