//! One invocation of the probe.

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Context, Error, LambdaEvent};
use phonehome_checks::{Identity, Settings, parse_input, run_with};
use phonehome_wire::{AccountId, ProbeInput, Report, Verdict};
use serde_json::Value;

/// Kept back from the function's time limit for writing the report.
const MARGIN_MS: u64 = 1_000;

/// What `cargo lambda invoke` says instead of an ARN; its deadline is in 1970.
const CARGO_LAMBDA_ARN: &str = "function-arn";

/// Runs the checks of one event.
///
/// An error says that the probe could not run at all. It reaches the function's failure
/// destination as "the probe crashed", which says nothing of the paths.
pub(crate) async fn handle(event: LambdaEvent<Value>) -> Result<Report, Error> {
    let limit = time_left(&event.context);
    let (input, identity) = match prepare(event) {
        Ok(prepared) => prepared,
        Err(error) => {
            tracing::error!(%error, "event refused");
            return Err(error);
        }
    };
    let settings = match std::env::var("PHONEHOME_CLOUD").is_ok_and(|cloud| cloud == "local") {
        true => local(limit, &identity.account),
        false => Settings { limit, ..Settings::default() },
    };
    let report = run_with(&input, &identity, &settings).await;
    log(&report);
    Ok(report)
}

/// In the local cloud everything is on one machine, so that it counts, and what tells accounts apart is the
/// address that their probes connect from: within 127.0.0.0/8, by the account's id.
fn local(limit: Duration, account: &AccountId) -> Settings {
    let id: u64 = account.as_str().parse().unwrap_or_default();
    let part = |number: u64| u8::try_from(number % 250 + 1).unwrap_or(1);
    let source = Ipv4Addr::new(127, part(id / 62_500), part(id / 250), part(id));
    // Of 127.0.0.0/8 other systems have 127.0.0.1 alone.
    let source = cfg!(target_os = "linux").then(|| source.into());
    Settings { limit, source, own_machine_counts: true, ..Settings::default() }
}

/// Reads what to test from the event, and who tests it from its context.
fn prepare(event: LambdaEvent<Value>) -> Result<(ProbeInput, Identity), Error> {
    let identity = identity(&event.context)?;
    Ok((parse_input(event.payload)?, identity))
}

fn identity(context: &Context) -> Result<Identity, Error> {
    let arn = &context.invoked_function_arn;
    if arn == CARGO_LAMBDA_ARN {
        // The collector believes no report of this account.
        return Ok(Identity { account: "000000000000".parse()?, run_id: context.request_id.clone() });
    }
    // arn:aws:lambda:REGION:ACCOUNT:function:NAME
    let account = arn.split(':').nth(4).unwrap_or_default();
    let account = account.parse().map_err(|_| format!("the function's ARN {arn:?} names no account"))?;
    Ok(Identity { account, run_id: context.request_id.clone() })
}

/// How long the checks may take before Lambda would stop the function without a report.
fn time_left(context: &Context) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_millis(context.deadline.saturating_sub(MARGIN_MS)).saturating_sub(now);
    let limit = Settings::default().limit;
    if context.invoked_function_arn == CARGO_LAMBDA_ARN { limit } else { left.min(limit) }
}

fn log(report: &Report) {
    let total = report.results.len();
    let passed = report.results.iter().filter(|r| matches!(r.verdict, Verdict::Ok | Verdict::Denied { .. }));
    let passed = passed.count();
    let Report { run_id, generation, availability_zone, duration_ms, .. } = report;
    let availability_zone = availability_zone.as_str();
    if passed == total {
        // A line for each run would cost as much as a tenth of the run; the report has it all.
        tracing::debug!(run_id, generation, availability_zone, duration_ms, total, passed, "checks run");
    } else {
        tracing::info!(run_id, generation, availability_zone, duration_ms, total, passed, "checks run");
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:lambda:us-east-1:444455556666:function:phonehome-probe-use1-az1";

    fn event(payload: Value) -> LambdaEvent<Value> {
        let mut context = Context::default();
        context.request_id = "run-1".to_owned();
        context.invoked_function_arn = ARN.to_owned();
        context.deadline = u64::MAX;
        LambdaEvent::new(payload, context)
    }

    /// The sample events, by file name.
    fn samples() -> Vec<(String, Value)> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events/probe");
        let mut samples = vec![];
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            samples.push((name, serde_json::from_str(&text).unwrap()));
        }
        samples
    }

    #[test]
    fn every_good_sample_event_is_accepted() {
        let good: Vec<_> = samples().into_iter().filter(|(name, _)| !name.starts_with("bad-")).collect();
        assert!(!good.is_empty());
        for (name, payload) in good {
            let (input, identity) = prepare(event(payload)).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((input.version, identity.account.as_str()), (1, "444455556666"), "{name}");
        }
    }

    #[tokio::test]
    async fn every_bad_sample_event_is_refused_with_a_reason() {
        let bad: Vec<_> = samples().into_iter().filter(|(name, _)| name.starts_with("bad-")).collect();
        assert!(!bad.is_empty());
        for (name, payload) in bad {
            let error = handle(event(payload)).await.expect_err(&name).to_string();
            assert!(error.len() > 20, "{name}: {error}");
        }
    }

    #[tokio::test]
    async fn an_event_from_a_newer_hub_is_refused_by_version() {
        let (_, newer) = samples().into_iter().find(|(name, _)| name == "bad-newer-version.json").unwrap();
        let error = handle(event(newer)).await.unwrap_err().to_string();
        assert!(error.contains("version 2 is newer than 1"), "{error}");
    }

    #[tokio::test]
    async fn a_report_carries_the_account_of_the_function_and_the_id_of_the_request() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let payload = json!({
            "version": 1, "generation": 3, "region": "us-east-1", "availability_zone": "use1-az1",
            "checks": [{
                "id": "connection/a", "kind": {"type": "tcp", "host": "127.0.0.1", "port": address.port()},
                "target": {"endpoint": address.to_string()}, "timeout_ms": 20_000
            }]
        });
        let report = handle(event(payload)).await.unwrap();
        assert_eq!((report.account.as_str(), report.run_id.as_str()), ("444455556666", "run-1"));
        assert_eq!(report.results[0].verdict, Verdict::Ok);
    }

    #[test]
    fn a_function_arn_without_an_account_is_refused() {
        for arn in ["", "No header found.", "arn:aws:lambda:us-east-1::function:x", "a:b:c:d:12345678901x:f"]
        {
            let mut context = Context::default();
            context.invoked_function_arn = arn.to_owned();
            assert!(identity(&context).is_err(), "{arn}");
        }
    }

    #[test]
    fn under_cargo_lambda_the_checks_run_for_no_account_and_with_all_the_time() {
        let mut context = Context::default();
        context.invoked_function_arn = CARGO_LAMBDA_ARN.to_owned();
        context.deadline = 600_000;
        assert_eq!(identity(&context).unwrap().account, "000000000000");
        assert_eq!(time_left(&context), Settings::default().limit);
    }

    #[test]
    fn the_checks_end_before_the_function_is_stopped() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let at = |deadline: Duration| {
            let mut context = Context::default();
            context.deadline = u64::try_from(deadline.as_millis()).unwrap();
            time_left(&context)
        };
        assert!(at(now + Duration::from_secs(30)) <= Duration::from_secs(29));
        assert_eq!(at(now), Duration::ZERO);
        assert_eq!(at(now + Duration::from_secs(900)), Settings::default().limit);
    }
}
