//! What CONTRIBUTING.md says of where tests and snapshots are.

use phonehome_documents::{files, repository};

/// A snapshot that is longer is read by nobody.
const LONGEST_SNAPSHOT: usize = 200;

/// Tests of several crates against moto share modules with `testing/fakecloud`.
const SHARED: &str = "tests/tests/moto/main.rs";

#[test]
fn tests_are_where_contributing_says() {
    // In two parts, so that this file passes.
    let elsewhere = concat!("#[", "path = ");
    let mut problems = Vec::new();
    for (path, text) in files(&repository(), "rs") {
        if path.ends_with("_tests.rs") {
            problems.push(format!("{path}: tests of foo.rs are in foo/tests.rs"));
        }
        if path.contains("src/") && path.ends_with("tests/mod.rs") {
            problems.push(format!("{path}: the module is tests.rs, its parts are in tests/"));
        }
        if text.contains(elsewhere) && path != SHARED {
            problems.push(format!("{path}: a module is where its name says"));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn every_snapshot_can_be_read_in_a_review() {
    let snapshots = files(&repository(), "snap");
    assert!(snapshots.len() > 20, "snapshots are not found");
    for (path, text) in snapshots {
        let lines = text.lines().count();
        assert!(lines <= LONGEST_SNAPSHOT, "{path} has {lines} lines: make it several, or a property");
    }
}
