//! ARNs begin with the partition of their Region.

use anyhow::Result;

use crate::texts;

#[test]
fn one_place_alone_knows_the_partitions_and_no_arn_is_written_with_one() -> Result<()> {
    let mut found = Vec::new();
    for (path, text) in texts(&["rs"])? {
        let is_test = path.contains("/tests") || path.ends_with("tests.rs") || path.contains("/test_");
        let ships = path.starts_with("crates/") || path.starts_with("functions/");
        if is_test || !ships || path == "crates/wire/src/partition.rs" {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        // With what is filled in: what is shown to people as an example is none.
        let written = lines.filter(|line| line.contains("\"arn:aws") && line.contains('{'));
        found.extend(written.map(|line| format!("{path}: {}", line.trim())));
        if code.contains("\"aws-cn\"") || code.contains("\"aws-us-gov\"") {
            found.push(format!("{path}: a partition"));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    Ok(())
}
