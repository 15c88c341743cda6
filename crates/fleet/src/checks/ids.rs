//! What checks are called, and what stands for placeholders.

use crate::model::{Connection, EgressTarget, Isolation, TeamCheck};

pub(crate) fn connection_id(connection: &Connection, port: u16) -> String {
    let Connection { from, to, to_environment, .. } = connection;
    let to_environment = to_environment.as_ref().map(|name| format!("-{name}")).unwrap_or_default();
    format!("connection/{from}-to-{to}{to_environment}/{port}")
}

/// A domain's own check; no two of its checks have one name.
pub(crate) fn team_check_id(check: &TeamCheck) -> String {
    format!("check/{}", check.name)
}

/// No two forms of a target have one id: ports are numbers and services begin with a letter, and only an
/// echo service has four parts.
pub(crate) fn egress_id(egress: &EgressTarget) -> String {
    match egress {
        EgressTarget::Host(target) => format!("egress/{}/{}", target.host, target.port),
        EgressTarget::Echo(target) => format!("egress/echo/{}/{}", target.echo.host, target.echo.port),
        EgressTarget::Aws(target) => format!("egress/aws/{}", target.aws),
    }
}

/// The host is a part of it: a domain may have several things that must not be reached.
/// `environment` is that of the source.
pub(crate) fn isolation_id(isolation: &Isolation, environment: &str, region: &str) -> String {
    let Isolation { from, to, to_environment, host, port, .. } = isolation;
    let host = expand(host, to_environment.as_deref().unwrap_or(environment), region);
    format!("isolation/{from}-to-{to}/{host}/{port}")
}

/// The text with its placeholders filled in.
pub(crate) fn expand(text: &str, environment: &str, region: &str) -> String {
    text.replace("{environment}", environment).replace("{region}", region)
}
