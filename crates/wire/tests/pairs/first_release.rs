//! The wire as release 0.1.0 read and wrote it. It is never changed: that release is out.

use serde::{Deserialize, Serialize};

pub(crate) const WIRE_VERSION: u32 = 1;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProbeInput {
    pub(crate) version: u32,
    pub(crate) generation: u64,
    pub(crate) region: String,
    pub(crate) availability_zone: String,
    pub(crate) checks: Vec<Check>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Check {
    pub(crate) id: String,
    pub(crate) kind: CheckKind,
    #[serde(default)]
    pub(crate) expect: Expect,
    #[serde(default)]
    pub(crate) purpose: Purpose,
    pub(crate) target: Target,
    pub(crate) timeout_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) control: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum CheckKind {
    Tcp {
        host: String,
        port: u16,
    },
    Tls {
        host: String,
        port: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        server_name: Option<String>,
    },
    Http {
        url: String,
        status: u16,
    },
    Dns {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nameserver: Option<String>,
    },
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Expect {
    #[default]
    Connect,
    Deny,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    #[default]
    Connection,
    Isolation,
    Egress,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) endpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) version: u32,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) availability_zone: String,
    pub(crate) run_id: String,
    pub(crate) generation: u64,
    pub(crate) started_at_ms: u64,
    pub(crate) duration_ms: u64,
    pub(crate) results: Vec<CheckResult>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CheckResult {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
    pub(crate) latency_ms: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub(crate) enum Verdict {
    Ok,
    Fail {
        stage: Stage,
        error: String,
    },
    DenyProven,
    Inconclusive {
        reason: String,
    },
    #[serde(rename = "prober_sick")]
    ProbeError {
        reason: String,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    Resolve,
    Connect,
    Tls,
    Request,
    Response,
    Open,
}
