//! What a probe answers.

use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{AccountId, AzId, CheckId, Class, Detail, Region, Stage, WIRE_VERSION};

/// The longest text of a report that a collector keeps, in characters: an error or a reason.
pub const TEXT_CHARS_MAX: usize = 300;
/// The same in bytes: the paths of 200 checks, each with two texts, fit into DynamoDB's item of 400 KB
/// however little they can be packed.
pub const TEXT_BYTES_MAX: usize = 600;
/// The longest run id that a collector keeps, in characters. Lambda's request ids have 36.
pub const RUN_ID_CHARS_MAX: usize = 64;

/// The result of one probe run. It is the probe function's response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`crate::WIRE_VERSION`] of the writer.
    pub version: u32,
    /// The account the probe believes it runs in, from its own function ARN. Never an authority:
    /// the event's envelope is. A disagreement makes the report a forgery.
    pub account: AccountId,
    /// The Region the probe runs in.
    pub region: Region,
    /// The Availability Zone ID the probe is pinned to.
    pub availability_zone: AzId,
    /// Which part of the zone's checks was run ([`crate::ProbeInput::part`]); 0 from probes of earlier releases.
    #[serde(default, skip_serializing_if = "is_part_0")]
    pub part: u32,
    /// The Lambda request id: the same run delivered twice has the same one.
    pub run_id: String,
    /// The generation of the [`crate::ProbeInput`] that was run.
    pub generation: u64,
    /// When the run began, in milliseconds since the Unix epoch, by the probe's clock.
    pub started_at_ms: u64,
    /// How long the run took, in milliseconds.
    pub duration_ms: u64,
    /// By how much the machine's clock is ahead of Lambda's, in milliseconds; less than 0 where it is behind.
    /// Taken off [`started_at_ms`](Self::started_at_ms) already. 0 where it is not known.
    #[serde(default, skip_serializing_if = "is_nought")]
    pub clock_ahead_ms: i64,
    /// For how long at a stretch the probe itself stood still, at most, in milliseconds: what took longer in
    /// such a run may have waited for the probe, not for the network.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stalled_ms: u64,
    /// Whether some of the input's checks were run once more ([`crate::ProbeInput::rerun`]): then it says nothing of
    /// the others, and not that the schedule runs. Probes of earlier releases do not say, and the hub takes it from
    /// what they were given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rerun: bool,
    /// One result for each check of the input that was due ([`crate::Check::every_minutes`]), in its order. One
    /// with a verdict that this build does not know is read as [`Verdict::Inconclusive`].
    #[serde(deserialize_with = "each_by_itself")]
    pub results: Vec<CheckResult>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_part_0(number: &u32) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_nought(number: &i64) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A verdict that nobody knows spoils one result, not the report.
fn each_by_itself<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<CheckResult>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Read {
        Known(CheckResult),
        Unknown { id: CheckId },
    }
    let results: Vec<Read> = Deserialize::deserialize(deserializer)?;
    let result = |read| match read {
        Read::Known(result) => result,
        Read::Unknown { id } => {
            let reason = "its verdict is none that this version of phonehome knows".to_owned();
            CheckResult::new(id, Verdict::Inconclusive { reason })
        }
    };
    Ok(results.into_iter().map(result).collect())
}

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct CheckResult {
    /// Which check.
    pub id: CheckId,
    /// What came of it.
    pub verdict: Verdict,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
    /// The addresses that it holds for, at most [`crate::ADDRESSES_MAX`], in order: all that were reached, or all
    /// that were silent. Empty for other verdicts, and from probes of earlier releases.
    pub addresses: Vec<IpAddr>,
    /// What was measured, beyond that. Empty from probes of earlier releases.
    pub detail: Box<Detail>,
}

impl CheckResult {
    /// One without measurements.
    #[must_use]
    pub fn new(id: CheckId, verdict: Verdict) -> Self {
        Self { id, verdict, latency_ms: 0, addresses: vec![], detail: Box::default() }
    }
}

/// A result as it travels. A denial is written as something inconclusive with a mark, which is what a hub of an
/// earlier release, or one that was rolled back, has to take it for.
#[derive(Serialize, Deserialize)]
struct Written {
    id: CheckId,
    #[serde(flatten)]
    verdict: Verdict,
    latency_ms: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<IpAddr>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    denied: bool,
    #[serde(default, skip_serializing_if = "Detail::is_empty", deserialize_with = "if_it_can_be_read")]
    detail: Box<Detail>,
}

/// Measurements that cannot be read, of a newer release say, take nothing from the verdict.
fn if_it_can_be_read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Detail>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

impl From<CheckResult> for Written {
    fn from(CheckResult { id, verdict, latency_ms, addresses, detail }: CheckResult) -> Self {
        match verdict {
            Verdict::Denied { error: reason } => {
                let verdict = Verdict::Inconclusive { reason };
                Self { id, verdict, latency_ms, addresses, denied: true, detail }
            }
            verdict => Self { id, verdict, latency_ms, addresses, denied: false, detail },
        }
    }
}

impl From<Written> for CheckResult {
    fn from(Written { id, verdict, latency_ms, addresses, denied, detail }: Written) -> Self {
        let verdict = match verdict {
            Verdict::Inconclusive { reason: error } if denied => Verdict::Denied { error },
            verdict => verdict,
        };
        Self { id, verdict, latency_ms, addresses, detail }
    }
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// What had to connect connected.
    Ok,
    /// What had to connect did not, or what must not connect did.
    Fail {
        /// How far it came.
        stage: Stage,
        /// What was in its way.
        #[serde(default, skip_serializing_if = "Class::is_other")]
        class: Class,
        /// The error, for people; at most [`TEXT_CHARS_MAX`].
        error: String,
    },
    /// What must not connect got no answer: at least two SYNs were sent to each address, and nothing came
    /// back. A dead host looks the same, so this alone proves nothing.
    Denied {
        /// What was tried, for people; at most [`TEXT_CHARS_MAX`].
        error: String,
    },
    /// What must not connect did not, its positive control passed, and somebody who may connect did: proven
    /// isolation. Only the hub says so; from a probe, as those of the first release wrote it, it proves nothing.
    DenyProven,
    /// Nothing can be concluded, for example a denial without a passing control.
    Inconclusive {
        /// Why.
        reason: String,
    },
    /// The probe itself could not test (no sockets, no memory, bad input): says nothing of the
    /// path.
    #[serde(rename = "prober_sick")]
    ProbeError {
        /// Why.
        reason: String,
    },
}

/// Why a report is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportProblem {
    /// Written by a newer probe than the reader understands.
    #[error(
        "report version {found} is newer than {WIRE_VERSION}, the newest this collector understands: deploy the hub before the probes"
    )]
    Version {
        /// The version in the report.
        found: u32,
    },
    /// The body names another account than the one that sent it.
    #[error("the report claims account {claimed:?} but was sent by account {sender:?}")]
    Forged {
        /// The account in the report's body.
        claimed: AccountId,
        /// The account in the event's envelope.
        sender: AccountId,
    },
    /// A field is empty that must not be.
    #[error("the report's {field:?} is empty")]
    Empty {
        /// Which field.
        field: &'static str,
    },
}

impl Report {
    /// Checks what the types cannot: version, sender, that the run has an id.
    ///
    /// `sender` is the account in the event's envelope.
    ///
    /// # Errors
    /// The first [`ReportProblem`] found.
    pub fn validate(&self, sender: &AccountId) -> Result<(), ReportProblem> {
        if self.version > WIRE_VERSION {
            return Err(ReportProblem::Version { found: self.version });
        }
        if self.account != *sender {
            return Err(ReportProblem::Forged { claimed: self.account.clone(), sender: sender.clone() });
        }
        if self.run_id.is_empty() {
            return Err(ReportProblem::Empty { field: "run_id" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AccountId {
        text.parse().unwrap()
    }

    fn report() -> Report {
        Report {
            version: WIRE_VERSION,
            account: id("444455556666"),
            region: "us-east-1".parse().unwrap(),
            availability_zone: "use1-az1".parse().unwrap(),
            part: 0,
            run_id: "7f1c".into(),
            generation: 1,
            started_at_ms: 1,
            duration_ms: 2,
            clock_ahead_ms: 0,
            stalled_ms: 0,
            rerun: false,
            results: vec![],
        }
    }

    #[test]
    fn a_report_from_its_own_account_is_accepted() {
        assert_eq!(report().validate(&id("444455556666")), Ok(()));
    }

    #[test]
    fn a_report_that_claims_another_account_is_refused_with_both_ids() {
        let problem = report().validate(&id("999999999999")).unwrap_err();
        assert!(problem.to_string().contains("444455556666") && problem.to_string().contains("999999999999"));
    }

    #[test]
    fn a_report_from_a_place_that_cannot_be_one_is_not_read() {
        for name in ["us-east-1/use1-az1", "US-EAST-1", "", "a b", &"a".repeat(1_000)] {
            for field in ["account", "region", "availability_zone"] {
                let mut value = serde_json::to_value(report()).unwrap();
                value[field] = serde_json::json!(name);
                assert!(serde_json::from_value::<Report>(value).is_err(), "{field} {name:?}");
            }
        }
    }

    #[test]
    fn a_report_of_a_newer_version_is_refused() {
        let newer = Report { version: WIRE_VERSION + 1, ..report() };
        assert_eq!(
            newer.validate(&id("444455556666")),
            Err(ReportProblem::Version { found: WIRE_VERSION + 1 })
        );
    }

    #[test]
    fn a_verdict_that_is_not_known_spoils_its_own_result_alone() {
        let mut value = serde_json::to_value(report()).unwrap();
        value["results"] = serde_json::json!([
            {"id": "a", "verdict": "ok", "latency_ms": 1},
            {"id": "b", "verdict": "from_the_future", "latency_ms": 1},
            {"id": "c", "verdict": "fail", "stage": "nowhere", "error": "", "latency_ms": 1},
            {"id": "d", "verdict": 7},
            {"id": "e", "verdict": "inconclusive", "reason": "silence", "denied": true, "latency_ms": 1,
             "addresses": ["10.0.0.1"]},
        ]);
        let read: Report = serde_json::from_value(value.clone()).unwrap();
        let known: Vec<bool> =
            read.results.iter().map(|it| !matches!(it.verdict, Verdict::Inconclusive { .. })).collect();
        assert_eq!(known, [true, false, false, false, true]);
        assert_eq!(read.results[4].addresses.len(), 1);
        assert_eq!(read.results[4].verdict, Verdict::Denied { error: "silence".into() });
        assert_eq!(serde_json::to_value(&read.results[4]).unwrap(), value["results"][4]);
        value["results"][1] = serde_json::json!({"verdict": "ok"});
        assert!(serde_json::from_value::<Report>(value).is_err(), "a result of nothing");
    }

    #[test]
    fn measurements_that_cannot_be_read_take_nothing_from_the_verdict() {
        let written = serde_json::json!({
            "id": "a", "verdict": "ok", "latency_ms": 1,
            "detail": {"attempts": [{"address": "10.0.0.1", "total_us": "soon"}]},
        });
        let read: CheckResult = serde_json::from_value(written).unwrap();
        assert_eq!((&read.verdict, read.detail.is_empty()), (&Verdict::Ok, true));
        let newer = serde_json::json!({
            "id": "a", "verdict": "fail", "stage": "tls", "class": "from-the-future", "error": "", "latency_ms": 1,
            "detail": {"attempts": [
                {"address": "10.0.0.1", "total_us": 1, "approach": "by-pigeon", "miss": {"why": "rain"}},
            ]},
        });
        let read: CheckResult = serde_json::from_value(newer).unwrap();
        let fail = Verdict::Fail { stage: Stage::Tls, class: Class::Other, error: String::new() };
        assert_eq!((&read.verdict, read.detail.attempts.len()), (&fail, 1));
    }

    #[test]
    fn a_report_with_an_unknown_field_is_still_read() {
        let mut value = serde_json::to_value(report()).unwrap();
        value["added_later"] = serde_json::json!(1);
        assert_eq!(serde_json::from_value::<Report>(value).unwrap(), report());
    }
}
