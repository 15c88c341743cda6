//! What a probe answers.

use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{AccountId, AzId, CheckId, Region, WIRE_VERSION};

/// The longest text of a report that a collector keeps, in characters: an error or a reason.
pub const TEXT_CHARS_MAX: usize = 300;
/// The same in bytes: the paths of 200 checks, each with two texts, fit into DynamoDB's item of 400 KB
/// however little they can be packed.
pub const TEXT_BYTES_MAX: usize = 600;
/// How many addresses of one host a probe tests, and a collector keeps of one result.
pub const ADDRESSES_MAX: usize = 16;
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
    /// The Lambda request id: the same run delivered twice has the same one.
    pub run_id: String,
    /// The generation of the [`crate::ProbeInput`] that was run.
    pub generation: u64,
    /// When the run began, in milliseconds since the Unix epoch, by the probe's clock.
    pub started_at_ms: u64,
    /// How long the run took, in milliseconds.
    pub duration_ms: u64,
    /// One result for each check of the input that was due ([`crate::Check::every_minutes`]), in its order. One with a verdict that this build does not know is
    /// read as [`Verdict::Inconclusive`].
    #[serde(deserialize_with = "each_by_itself")]
    pub results: Vec<CheckResult>,
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
            CheckResult { id, verdict: Verdict::Inconclusive { reason }, latency_ms: 0, addresses: vec![] }
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
    /// The addresses that it holds for, at most [`ADDRESSES_MAX`], in order: all that were reached, or all
    /// that were silent. Empty for other verdicts, and from probes of earlier releases.
    pub addresses: Vec<IpAddr>,
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
}

impl From<CheckResult> for Written {
    fn from(CheckResult { id, verdict, latency_ms, addresses }: CheckResult) -> Self {
        match verdict {
            Verdict::Denied { error: reason } => {
                Self { id, verdict: Verdict::Inconclusive { reason }, latency_ms, addresses, denied: true }
            }
            verdict => Self { id, verdict, latency_ms, addresses, denied: false },
        }
    }
}

impl From<Written> for CheckResult {
    fn from(Written { id, verdict, latency_ms, addresses, denied }: Written) -> Self {
        let verdict = match verdict {
            Verdict::Inconclusive { reason: error } if denied => Verdict::Denied { error },
            verdict => verdict,
        };
        Self { id, verdict, latency_ms, addresses }
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

/// How far a connection came before it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The name did not resolve.
    Resolve,
    /// No TCP connection.
    Connect,
    /// No TLS session, or the wrong certificate.
    Tls,
    /// No HTTP answer.
    Request,
    /// The wrong HTTP answer.
    Response,
    /// It connected although it must not.
    Open,
}

impl Stage {
    /// The stage in words that complete "fails at …".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "name resolution",
            Self::Connect => "TCP connect",
            Self::Tls => "TLS handshake",
            Self::Request => "HTTP request",
            Self::Response => "HTTP response",
            Self::Open => "isolation: it connected",
        }
    }
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

    /// Cuts every text to its limit ([`TEXT_CHARS_MAX`] and [`TEXT_BYTES_MAX`], [`RUN_ID_CHARS_MAX`]) and
    /// takes out control characters: a report comes from an account that anybody may have got hold of. The
    /// names it is about (Region, zone, checks) are not cut: what reads them compares them with what was
    /// declared.
    pub fn clip(&mut self) {
        clip(&mut self.run_id, RUN_ID_CHARS_MAX);
        for result in &mut self.results {
            result.addresses.truncate(ADDRESSES_MAX);
            match &mut result.verdict {
                Verdict::Fail { error: text, .. }
                | Verdict::Denied { error: text }
                | Verdict::Inconclusive { reason: text }
                | Verdict::ProbeError { reason: text } => clip(text, TEXT_CHARS_MAX),
                Verdict::Ok | Verdict::DenyProven => {}
            }
        }
    }
}

/// At most `limit` characters and [`TEXT_BYTES_MAX`] bytes, none of them a control character; an ellipsis
/// says that there was more.
fn clip(text: &mut String, limit: usize) {
    const MORE: char = '…';
    let is_long = text.len() > TEXT_BYTES_MAX || text.chars().nth(limit).is_some();
    if is_long || text.chars().any(char::is_control) {
        let plain = text.chars().map(|character| if character.is_control() { ' ' } else { character });
        let room =
            if is_long { (limit - 1, TEXT_BYTES_MAX - MORE.len_utf8()) } else { (limit, TEXT_BYTES_MAX) };
        let mut bytes = 0;
        let fits = |character: &char| {
            bytes += character.len_utf8();
            bytes <= room.1
        };
        *text = plain.take(room.0).take_while(fits).chain(is_long.then_some(MORE)).collect();
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
            run_id: "7f1c".into(),
            generation: 1,
            started_at_ms: 1,
            duration_ms: 2,
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
    fn every_text_is_cut_to_its_limit_and_a_short_one_stays_as_it_is() {
        let result = |verdict| CheckResult {
            id: CheckId("a".into()),
            verdict,
            latency_ms: 1,
            addresses: vec![[10, 0, 0, 1].into(); 2 * ADDRESSES_MAX],
        };
        let fail = |error: String| result(Verdict::Fail { stage: Stage::Connect, error });
        let long = "ü\u{1b}".repeat(TEXT_CHARS_MAX);
        let mut clipped = Report {
            run_id: long.clone(),
            results: vec![
                fail(long.clone()),
                result(Verdict::Inconclusive { reason: long.clone() }),
                result(Verdict::Denied { error: long.clone() }),
                result(Verdict::ProbeError { reason: long }),
                fail("x".repeat(TEXT_CHARS_MAX)),
            ],
            ..report()
        };
        clipped.clip();
        assert!(clipped.results.iter().all(|result| result.addresses.len() == ADDRESSES_MAX));
        let texts = clipped.results.iter().map(|result| match &result.verdict {
            Verdict::Fail { error: text, .. }
            | Verdict::Denied { error: text }
            | Verdict::Inconclusive { reason: text }
            | Verdict::ProbeError { reason: text } => text.clone(),
            Verdict::Ok | Verdict::DenyProven => String::new(),
        });
        let mut texts: Vec<String> = texts.collect();
        assert_eq!(texts.pop().unwrap(), "x".repeat(TEXT_CHARS_MAX));
        for text in texts {
            assert_eq!(text.chars().count(), TEXT_CHARS_MAX);
            assert!(text.len() <= TEXT_BYTES_MAX);
            assert!(text.ends_with('…') && !text.chars().any(char::is_control));
        }
        let mut wide = "😀".repeat(TEXT_CHARS_MAX);
        clip(&mut wide, TEXT_CHARS_MAX);
        assert!(wide.len() <= TEXT_BYTES_MAX && wide.ends_with('…'), "{} bytes", wide.len());
        assert_eq!(clipped.run_id.chars().count(), RUN_ID_CHARS_MAX);
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
    fn a_report_with_an_unknown_field_is_still_read() {
        let mut value = serde_json::to_value(report()).unwrap();
        value["added_later"] = serde_json::json!(1);
        assert_eq!(serde_json::from_value::<Report>(value).unwrap(), report());
    }
}
