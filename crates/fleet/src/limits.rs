//! How large a fleet file may be. Each limit is far above what an organization of a few thousand
//! accounts needs, and keeps the work that a file makes in proportion to its size.

/// Bytes of a file: 1 MiB. A file for 500 accounts has about 50 KB; what is published has to fit,
/// compressed, into an item of DynamoDB's, 400 KB.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Errors, or warnings, that are shown.
pub const SHOWN_MAX: usize = 100;
/// Keys of one map; the largest there is has 13.
pub(crate) const KEYS_MAX: usize = 100;
/// Checks made in one account and Region, at most. Request and response of a probe's run travel
/// together in one event of at most 256 KB (EventBridge); a check takes up to about 0.4 KB of the
/// one and 0.5 KB of the other.
pub(crate) const MAX_CHECKS: usize = 200;
/// Bytes of the input of one probe, as JSON: 120 KiB. It comes back with the report of each run, in one event of
/// at most 256 KB (EventBridge).
pub(crate) const INPUT_BYTES_MAX: usize = 120 * 1024;
/// Tests that all connections and isolations make together, each counted for each port and each
/// source account.
pub(crate) const TESTS_MAX: usize = 100_000;
/// How often the names that were perhaps meant are looked for.
pub(crate) const SUGGESTIONS_MAX: usize = 100;

/// How many items a list under this key may have.
pub(crate) fn items_max(key: &str) -> usize {
    match key {
        "regions" | "environments" => 50,
        "egress" | "waves" => 100,
        "address_pools" | "pools" | "ports" | "alert_routes" => 200,
        "forbidden_environments" => 500,
        "connections" | "isolations" | "accounts" => 5_000,
        _ => 1_000,
    }
}
