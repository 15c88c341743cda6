//! How large a fleet file may be. Each limit is far above what an organization of a few thousand
//! accounts needs, and keeps the work that a file makes in proportion to its size.

/// Bytes of a file: 1 MiB. A file for 500 accounts has about 50 KB; what is published has to fit,
/// compressed, into an item of DynamoDB's, 400 KB.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Errors, or warnings, that are shown.
pub const SHOWN_MAX: usize = 100;
/// Keys of one map; the largest there is has 18.
pub(crate) const KEYS_MAX: usize = 100;
/// Checks in one input of a probe, at most; what is more goes into further ones ([`crate::Parts`]). Request and
/// response of a run travel together in one event of at most 256 KB (EventBridge); a check takes about 0.4 KB of the
/// one and up to 0.5 KB of the other.
pub(crate) const MAX_CHECKS: usize = 200;
/// Bytes of one check as JSON, at most, without the Region's name where it is filled in.
pub(crate) const CHECK_BYTES_MAX: usize = 1400;
/// Bytes of all checks of one input as JSON, at most: half of what an event has room for.
pub(crate) const INPUT_BYTES_MAX: usize = 120 * 1024;
/// Tests that all connections, isolations and own checks make together, each counted for each port and each
/// source account.
pub(crate) const TESTS_MAX: usize = 100_000;
/// How often the names that were perhaps meant are looked for.
pub(crate) const SUGGESTIONS_MAX: usize = 100;

/// How many items a list under this key may have.
pub(crate) fn items_max(key: &str) -> usize {
    match key {
        "regions" | "environments" | "maintenance" | "quiet_hours" => 50,
        "status" | "expected" => 10,
        // IAM takes ten managed policies of a role (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>);
        // the others so that what a template can be of, which has 51,200 bytes, stays in sight.
        "managed_policies"
        | "repositories"
        | "branches"
        | "github_environments"
        | "trusted"
        | "deploy_roles"
        | "access_roles"
        | "machine_users" => 10,
        "egress" | "waves" => 100,
        "address_pools" | "pools" | "ports" | "alert_routes" => 200,
        "forbidden_environments" => 500,
        "connections" | "isolations" | "checks" | "accounts" => 5_000,
        _ => 1_000,
    }
}
