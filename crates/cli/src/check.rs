//! `phonehome check`.

use std::fmt::Write as _;
use std::path::Path;

use phonehome_checks::Identity;
use phonehome_wire::{ProbeInput, Report, Verdict};

use crate::output::Format;
use crate::output::{Failure, json, read};

/// Runs the checks of a file from here.
pub(crate) async fn run(path: &Path, format: Format) -> Result<String, Failure> {
    let at = |error: &dyn std::fmt::Display| Failure::input(format!("{}: {error}", path.display()));
    let value = serde_json::from_str(&read(path)?).map_err(|error| at(&error))?;
    let input = all_due(phonehome_checks::parse_input(value).map_err(|error| at(&error))?);
    let account = "000000000000".parse().map_err(Failure::other)?;
    let identity = Identity { account, run_id: "phonehome-check".to_owned() };
    let report = phonehome_checks::run(&input, &identity).await;
    let text = match format {
        Format::Json => json(&report)?,
        Format::Text => render(&input, &report),
    };
    let good = |verdict: &Verdict| matches!(verdict, Verdict::Ok | Verdict::Denied { .. });
    if report.results.iter().all(|result| good(&result.verdict)) {
        return Ok(text);
    }
    // The report is the output; the exit code says that it holds a failure.
    print!("{text}");
    Err(Failure { text: String::new(), input: false })
}

/// The same with every check due now: whoever asks waits for no turn.
fn all_due(mut input: ProbeInput) -> ProbeInput {
    input.checks.iter_mut().for_each(|check| check.every_minutes = 1);
    input
}

fn render(input: &ProbeInput, report: &Report) -> String {
    let mut text = String::new();
    for result in &report.results {
        let target =
            input.checks.iter().find(|check| check.id == result.id).map(|check| &check.target.endpoint);
        let (mark, words) = words(&result.verdict);
        let target = target.map(String::as_str).unwrap_or_default();
        let _ = writeln!(text, "{mark} {} → {target}: {words} ({} ms)", result.id, result.latency_ms);
    }
    let _ = writeln!(text, "{} checks in {} ms", report.results.len(), report.duration_ms);
    text
}

fn words(verdict: &Verdict) -> (char, String) {
    match verdict {
        Verdict::Ok => ('✓', "ok".to_owned()),
        Verdict::Denied { error } => ('✓', format!("denied: {error}")),
        Verdict::DenyProven => ('✓', "proven closed".to_owned()),
        Verdict::Fail { stage, error, .. } => ('✗', format!("fails at {}: {error}", stage.as_str())),
        Verdict::Inconclusive { reason } => ('?', format!("inconclusive: {reason}")),
        Verdict::ProbeError { reason } => ('?', format!("could not test: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_probe_tests_every_few_minutes_is_tested_whenever_somebody_asks() {
        let check = |id: &str, every: u32| {
            json!({"id": id, "kind": {"type": "tcp", "host": "10.0.0.1", "port": 1}, "expect": "deny",
                   "target": {"endpoint": "10.0.0.1:1"}, "timeout_ms": 1, "every_minutes": every})
        };
        let input = json!({
            "version": 1, "generation": 1, "region": "us-east-1", "availability_zone": "use1-az1",
            "checks": [check("a", 5), check("b", 60)],
        });
        let input = all_due(phonehome_checks::parse_input(input).unwrap());
        let every: Vec<u32> = input.checks.iter().map(|check| check.every_minutes).collect();
        assert_eq!(every, [1, 1]);
    }
}
