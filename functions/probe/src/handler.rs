//! One invocation of the probe.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Context, Error, LambdaEvent};
use phonehome_checks::{CertificateDer, Identity, Settings, parse_input, run_with};
use phonehome_wire::{AccountId, ProbeInput, Report, Verdict};
use serde_json::Value;

use crate::clock::Clock;

/// How large the event with an input and its report should be, in bytes: EventBridge bills each 64 KB of it, and
/// the event has an envelope.
const EVENT_USUAL: usize = 62 * 1024;
/// How large it may be at most: Lambda delivers no event of more than 256 KB.
const EVENT_MOST: usize = 200 * 1024;

/// What `cargo lambda invoke` says instead of an ARN; its deadline is in 1970.
const CARGO_LAMBDA_ARN: &str = "function-arn";

/// What all invocations of one process have in common.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    /// The certificate authorities that count beside the public ones.
    pub(crate) extra_roots: Vec<CertificateDer<'static>>,
}

impl Probe {
    /// Runs the checks of one event.
    ///
    /// An error says that the probe could not run at all. It reaches the function's failure
    /// destination as "the probe crashed", which says nothing of the paths.
    pub(crate) async fn handle(&self, event: LambdaEvent<Value>) -> Result<Report, Error> {
        let context = event.context.clone();
        let input_bytes = event.payload.to_string().len();
        let (input, identity) = match prepare(event) {
            Ok(prepared) => prepared,
            Err(error) => {
                tracing::error!(%error, "event refused");
                return Err(error);
            }
        };
        let settings = settings(&context, &input, &identity.account);
        let settings = Settings { extra_roots: self.extra_roots.clone(), ..settings };
        let report = run_with(&input, &identity, &settings).await;
        log(&report);
        let mut report = report.in_version(input.report_version);
        report.fit(EVENT_USUAL.saturating_sub(input_bytes), EVENT_MOST.saturating_sub(input_bytes));
        Ok(report)
    }
}

fn settings(context: &Context, input: &ProbeInput, account: &AccountId) -> Settings {
    let usual = Settings::default();
    let Clock { ahead_ms: clock_ahead_ms, left } = clock(context, input);
    let settings = Settings { limit: left.min(usual.limit), clock_ahead_ms, ..usual };
    match std::env::var("PHONEHOME_CLOUD").is_ok_and(|cloud| cloud == "local") {
        true => Settings { source: local_source(account), own_machine_counts: true, ..settings },
        false => settings,
    }
}

/// In the local cloud everything is on one machine, so that it counts, and what tells accounts apart is the
/// address that their probes connect from: within 127.0.0.0/8, by the account's id.
fn local_source(account: &AccountId) -> Option<IpAddr> {
    let id: u64 = account.as_str().parse().unwrap_or_default();
    let part = |number: u64| u8::try_from(number % 250 + 1).unwrap_or(1);
    let source = Ipv4Addr::new(127, part(id / 62_500), part(id / 250), part(id));
    // Of 127.0.0.0/8 other systems have 127.0.0.1 alone.
    cfg!(target_os = "linux").then(|| source.into())
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

fn clock(context: &Context, input: &ProbeInput) -> Clock {
    if context.invoked_function_arn == CARGO_LAMBDA_ARN {
        return Clock { ahead_ms: 0, left: Duration::MAX };
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let limit = (input.timeout_s > 0).then(|| Duration::from_secs(input.timeout_s.into()));
    Clock::measured(context.deadline, limit, now_ms)
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

    async fn handle(event: LambdaEvent<Value>) -> Result<Report, Error> {
        Probe::default().handle(event).await
    }

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
        let (_, payload) = samples().into_iter().find(|(name, _)| !name.starts_with("bad-")).unwrap();
        let input = ProbeInput { timeout_s: 30, ..parse_input(payload).unwrap() };
        let settings = settings(&context, &input, &"000000000000".parse().unwrap());
        assert_eq!((settings.limit, settings.clock_ahead_ms), (Settings::default().limit, 0));
    }

    #[test]
    fn the_checks_end_before_the_function_is_stopped() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let (_, payload) = samples().into_iter().find(|(name, _)| !name.starts_with("bad-")).unwrap();
        let input = parse_input(payload).unwrap();
        let limit = |deadline: Duration, timeout_s| {
            let mut context = Context::default();
            context.deadline = u64::try_from(deadline.as_millis()).unwrap();
            let input = ProbeInput { timeout_s, ..input.clone() };
            settings(&context, &input, &"444455556666".parse().unwrap()).limit
        };
        for timeout_s in [0, 30] {
            assert!(limit(now + Duration::from_secs(30), timeout_s) <= Duration::from_secs(29));
        }
        assert_eq!(limit(now, 0), Duration::ZERO);
        assert_eq!(limit(now + Duration::from_secs(900), 0), Settings::default().limit);
    }

    #[tokio::test]
    async fn a_report_is_as_large_as_one_event_may_be_and_of_the_version_that_was_asked_for() {
        let check = |number: usize| {
            json!({
                "id": format!("connection/{number}/{}", "x".repeat(150)), "tries": 1, "timeout_ms": 1_000,
                "kind": {"type": "dns", "name": "db.test", "nameserver": format!("127.0.0.1:{}", 1 + number)},
                "target": {"endpoint": "y".repeat(100)},
            })
        };
        for (report_version, has_details) in [(1, false), (2, true)] {
            let payload = json!({
                "version": 1, "generation": 3, "region": "us-east-1", "availability_zone": "use1-az1",
                "report_version": report_version, "checks": (0..150).map(check).collect::<Vec<_>>(),
            });
            let input_bytes = payload.to_string().len();
            let report = handle(event(payload)).await.unwrap();
            let written = serde_json::to_string(&report).unwrap();
            assert!(written.len() + input_bytes <= EVENT_MOST, "{} + {input_bytes}", written.len());
            assert_eq!(report.results.len(), 150);
            assert_eq!(written.contains("\"class\""), has_details);
        }
    }
}
