//! What a probe answers.

use serde::{Deserialize, Serialize};

use crate::{CheckId, WIRE_VERSION};

/// The result of one probe run. It is the probe function's response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`crate::WIRE_VERSION`] of the writer.
    pub version: u32,
    /// The account the probe believes it runs in, from its own function ARN. Never an authority:
    /// the event's envelope is. A disagreement makes the report a forgery.
    pub account: String,
    /// The Region the probe runs in.
    pub region: String,
    /// The Availability Zone ID the probe is pinned to.
    pub availability_zone: String,
    /// The Lambda request id: the same run delivered twice has the same one.
    pub run_id: String,
    /// The generation of the [`crate::ProbeInput`] that was run.
    pub generation: u64,
    /// When the run began, in milliseconds since the Unix epoch, by the probe's clock.
    pub started_at_ms: u64,
    /// How long the run took, in milliseconds.
    pub duration_ms: u64,
    /// One result for each check of the input, in its order.
    pub results: Vec<CheckResult>,
}

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Which check.
    pub id: CheckId,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
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
        /// The error, for people; at most 300 characters.
        error: String,
    },
    /// What must not connect did not, while its positive control passed: proven isolation.
    DenyProven,
    /// Nothing can be concluded, for example a denial without a passing control.
    Inconclusive {
        /// Why.
        reason: String,
    },
    /// The probe itself could not test (no sockets, no memory, bad input): says nothing of the
    /// path.
    ProberSick {
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
        claimed: String,
        /// The account in the event's envelope.
        sender: String,
    },
    /// A field is empty that must not be.
    #[error("the report's {field:?} is empty")]
    Empty {
        /// Which field.
        field: &'static str,
    },
}

impl Report {
    /// Checks what the type system cannot: version, sender, non-empty names.
    ///
    /// `sender` is the account in the event's envelope.
    ///
    /// # Errors
    /// The first [`ReportProblem`] found.
    pub fn validate(&self, sender: &str) -> Result<(), ReportProblem> {
        if self.version > WIRE_VERSION {
            return Err(ReportProblem::Version { found: self.version });
        }
        if self.account != sender {
            return Err(ReportProblem::Forged { claimed: self.account.clone(), sender: sender.to_owned() });
        }
        for (field, value) in [
            ("region", &self.region),
            ("availability_zone", &self.availability_zone),
            ("run_id", &self.run_id),
        ] {
            if value.is_empty() {
                return Err(ReportProblem::Empty { field });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            version: WIRE_VERSION,
            account: "444455556666".into(),
            region: "us-east-1".into(),
            availability_zone: "use1-az1".into(),
            run_id: "7f1c".into(),
            generation: 1,
            started_at_ms: 1,
            duration_ms: 2,
            results: vec![],
        }
    }

    #[test]
    fn a_report_from_its_own_account_is_accepted() {
        assert_eq!(report().validate("444455556666"), Ok(()));
    }

    #[test]
    fn a_report_that_claims_another_account_is_refused_with_both_ids() {
        let problem = report().validate("999999999999").unwrap_err();
        assert!(problem.to_string().contains("444455556666") && problem.to_string().contains("999999999999"));
    }

    #[test]
    fn a_report_of_a_newer_version_is_refused() {
        let newer = Report { version: WIRE_VERSION + 1, ..report() };
        assert_eq!(newer.validate("444455556666"), Err(ReportProblem::Version { found: WIRE_VERSION + 1 }));
    }

    #[test]
    fn a_report_with_an_unknown_field_is_still_read() {
        let mut value = serde_json::to_value(report()).unwrap();
        value["added_later"] = serde_json::json!(1);
        assert_eq!(serde_json::from_value::<Report>(value).unwrap(), report());
    }
}
