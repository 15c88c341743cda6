//! What is tested, who hears of it, and how changes roll out.

use schemars::JsonSchema;
use serde::Serialize;

use super::check::ConnectionCheck;
use super::egress::EgressTarget;

/// A connection from one domain to another that must work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Connection {
    /// The domain that connects.
    pub from: String,
    /// The domain it connects to.
    pub to: String,
    /// The TCP ports.
    #[schemars(length(min = 1), extend("uniqueItems" = true), inner(range(min = 1, max = 65535)))]
    pub ports: Vec<u16>,
    /// The environment of the domain it connects to, where that is another one than the source's,
    /// for example that of a service which all share. By default the same one.
    #[schemars(with = "String", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_environment: Option<String>,
    /// From which environments. By default from every one that both domains have, or with
    /// `to_environment` from every one that the source has (within one domain from every other).
    #[schemars(default, length(min = 1), extend("uniqueItems" = true))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// What stands for the domain's service in a test.
    pub check: ConnectionCheck,
}

impl Connection {
    /// The environment of the account it goes to, from the account in the environment `source`.
    pub fn target_environment<'a>(&'a self, source: &'a str) -> &'a str {
        self.to_environment.as_deref().unwrap_or(source)
    }
}

/// A connection that must not work.
///
/// Silence proves nothing while the network is down altogether, or the target dead. So each isolation
/// names a control: another check of the same account that must succeed in the same run. And somebody else
/// who may connect to the same target has to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Isolation {
    /// The domain from which nothing must get through.
    pub from: String,
    /// The domain that must not be reached.
    pub to: String,
    /// The environment of the domain that must not be reached, for example prod as seen from dev.
    /// By default the same one as that of the source.
    #[schemars(with = "String", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_environment: Option<String>,
    /// A host name or IPv4 address of the domain that must not be reached. `{environment}` stands
    /// for the environment of that domain, `{region}` for the Region under test.
    pub host: String,
    /// The TCP port that must be closed.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// From which environments. By default from every one that both domains have, or with
    /// `to_environment` every other one that the source has.
    #[schemars(default, length(min = 1), extend("uniqueItems" = true))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// The positive control, by the id of its check: `connection/<from>-to-<to>/<port>` for a
    /// declared connection of the same source (with `to_environment` it is
    /// `connection/<from>-to-<to>-<to_environment>/<port>`), `check/<name>`, `egress/<host>/<port>`,
    /// `egress/echo/<host>/<port>` or `egress/aws/<service>`. The best control shares as much of the way
    /// as possible with the isolation. A lookup (`type: dns`) is none.
    #[schemars(regex(pattern = CONTROL))]
    pub control: String,
    /// Every how many minutes it is tested. By default as under `probing`. Its control must be tested in the
    /// same minutes: each minute, or so often that this is a multiple of it.
    #[schemars(with = "u32", default, range(min = 1, max = 60))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_minutes: Option<u32>,
}

/// Ids of checks that connect.
const CONTROL: &str =
    r"^((connection|egress|egress/echo)/[^/\s]+/[0-9]+|egress/aws/[a-z0-9.-]+|check/[a-z0-9-]+)$";

/// Two environments of which the one must not reach the other: no account of `from` any account of
/// `to`, directly or by way of other accounts. The other direction is another pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ForbiddenPair {
    /// The environment from which there must be no way.
    pub from: String,
    /// The environment that must not be reached; another one than `from`.
    pub to: String,
}

/// How connections are tested and when a test counts as failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Probing {
    /// What every account with a way out must reach: hosts on the internet, an echo service, services of
    /// AWS's.
    #[schemars(default)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<EgressTarget>,
    /// How long one test may take, in milliseconds.
    #[schemars(default = "default_timeout_ms", range(min = 100, max = 10000))]
    pub timeout_ms: u32,
    /// After how many failing reports in a row a path counts as down.
    #[schemars(default = "default_threshold", range(min = 1, max = 60))]
    pub down_after: u32,
    /// After how many passing reports in a row it counts as up again.
    #[schemars(default = "default_threshold", range(min = 1, max = 60))]
    pub up_after: u32,
    /// After how many seconds without a report a probe counts as lost. Probes report every 60
    /// seconds.
    #[schemars(default = "default_overdue", range(min = 90, max = 3600))]
    pub overdue_after_seconds: u32,
    /// Every how many minutes isolations are tested that do not say otherwise. Other checks are each minute.
    /// What is as it should be is silent, and silence has to be waited for: 2 seconds, which Lambda bills.
    #[schemars(default = "default_isolations", range(min = 1, max = 60))]
    pub isolations_every_minutes: u32,
}

impl Default for Probing {
    fn default() -> Self {
        Self {
            egress: vec![],
            timeout_ms: default_timeout_ms(),
            down_after: default_threshold(),
            up_after: default_threshold(),
            overdue_after_seconds: default_overdue(),
            isolations_every_minutes: default_isolations(),
        }
    }
}

/// A breach is known within minutes, and costs a fifth of what it would each minute.
fn default_isolations() -> u32 {
    5
}

/// A lost first SYN packet is sent again after 1 s and after another 2 s.
fn default_timeout_ms() -> u32 {
    3000
}

/// One failure may be chance, two in a row rarely are.
fn default_threshold() -> u32 {
    2
}

/// Two reports missed, and a third as good as.
fn default_overdue() -> u32 {
    180
}

/// Who hears of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AlertRoute {
    /// The environments it is for. By default all.
    #[schemars(default, length(min = 1), extend("uniqueItems" = true))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// The domains it is for. By default all.
    #[schemars(default, length(min = 1), extend("uniqueItems" = true))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// How loud what it is for is: `page` for what pages on-call, `note` for the rest. By default both.
    #[schemars(with = "AlertSeverity", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<AlertSeverity>,
    /// The Slack channel, in quotes: "#net-prod", or its id, C0123456789.
    #[schemars(regex(pattern = r"^(#[^\sA-Z#,]{1,80}|[CG][A-Z0-9]{8,})$"))]
    pub slack_channel: String,
    /// Whether on-call is paged as well, in environments that have `paging: true`.
    #[schemars(default)]
    pub page: bool,
}

/// How loud an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertSeverity {
    /// Slack only.
    Note,
    /// Somebody has to get up.
    Page,
}

/// Who hears of trouble of phonehome itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PlatformRoute {
    /// The Slack channel, in quotes: "#platform", or its id, C0123456789.
    #[schemars(regex(pattern = r"^(#[^\sA-Z#,]{1,80}|[CG][A-Z0-9]{8,})$"))]
    pub slack_channel: String,
    /// Whether on-call is paged as well when most of the fleet falls silent at once.
    #[schemars(default)]
    pub page: bool,
}

impl AlertRoute {
    /// Whether it takes the incidents of this account that are this loud.
    pub fn matches(&self, environment: &str, domain: &str, severity: AlertSeverity) -> bool {
        let allows = |names: &[String], name: &str| names.is_empty() || names.iter().any(|n| n == name);
        allows(&self.environments, environment)
            && allows(&self.domains, domain)
            && self.severity.is_none_or(|of| of == severity)
    }

    /// Whether it takes everything.
    pub fn is_catch_all(&self) -> bool {
        self.environments.is_empty() && self.domains.is_empty() && self.severity.is_none()
    }
}
