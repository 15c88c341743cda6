//! From which environments something is tested.

use crate::model::{Connection, Domain, Isolation, TeamCheck};

/// The environments of the source from which a connection is tested.
pub(crate) fn connection_environments<'f>(
    connection: &'f Connection,
    from: &'f Domain,
    to: &Domain,
) -> Vec<&'f str> {
    match &connection.to_environment {
        _ if !connection.environments.is_empty() => {
            connection.environments.iter().map(String::as_str).collect()
        }
        Some(target) => {
            let names = from.environments.iter().map(|entry| entry.name.as_str());
            // An account does not connect to itself.
            names.filter(|name| from.name != to.name || name != target).collect()
        }
        None => common_environments(from, to),
    }
}

/// The environments from which an isolation is tested.
pub(crate) fn isolation_environments<'f>(
    isolation: &'f Isolation,
    from: &'f Domain,
    to: &Domain,
) -> Vec<&'f str> {
    match &isolation.to_environment {
        _ if !isolation.environments.is_empty() => {
            isolation.environments.iter().map(String::as_str).collect()
        }
        Some(target) => {
            let names = from.environments.iter().map(|entry| entry.name.as_str());
            names.filter(|name| name != target).collect()
        }
        None => common_environments(from, to),
    }
}

fn common_environments<'f>(from: &'f Domain, to: &Domain) -> Vec<&'f str> {
    let names = from.environments.iter().map(|entry| entry.name.as_str());
    names.filter(|name| to.has_environment(name)).collect()
}

/// The environments from which a team's own check is tested.
pub(crate) fn team_check_environments<'f>(check: &'f TeamCheck, from: &'f Domain) -> Vec<&'f str> {
    if check.environments.is_empty() {
        return from.environments.iter().map(|entry| entry.name.as_str()).collect();
    }
    check.environments.iter().map(String::as_str).collect()
}
