//! All tests, in several calls of `cargo test` at once: cargo runs one test program after the other, and some of them
//! wait more than they work.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::beside::Beside;
use crate::project::{self, Project};

/// The test targets that have a lane of their own, by their names (which packages may share): each row runs beside the
/// others, and beside all that is not named here. The one there is waits for emulators for four minutes, as long as it has
/// to. More of them at once make each late, and what measures time then fails as a network would that is late by seconds.
const LANES: [&[&str]; 1] = [&["end_to_end"]];

/// Always of all packages: another selection would have other features, and so other programs.
pub(crate) const TEST: [&str; 3] = ["test", "--release", "--workspace"];

/// Runs all tests, which are compiled already. `record`: the folder for the calls that they make to moto.
pub(crate) fn run(project: &Project, record: Option<&Path>) -> Result<()> {
    let others = others(&targets(project.cargo(METADATA))?);
    let test = |selection: &[String]| {
        let mut test = project.cargo(TEST);
        test.arg("--no-fail-fast").args(selection);
        test.envs(record.map(|folder| ("PHONEHOME_RECORD_CALLS", folder)));
        test
    };
    let mut lanes = Vec::new();
    for names in LANES {
        lanes.push(Beside::begin(project, &format!("tests-{}", names[0]), test(&named(names)))?);
    }
    // All come to their end, whichever fails: what each says is worth reading, and the tests of a cargo that is
    // killed go on.
    let mut outcomes: Vec<_> = others.iter().map(|selection| project::run(&mut test(selection))).collect();
    outcomes.extend(lanes.into_iter().map(Beside::end));
    outcomes.into_iter().collect()
}

/// What selects the test targets of these names.
fn named(names: &[&str]) -> Vec<String> {
    names.iter().flat_map(|name| ["--test", name]).map(ToOwned::to_owned).collect()
}

/// What selects all others: examples in documentation cannot be selected together with anything.
fn others(targets: &[Target]) -> [Vec<String>; 2] {
    let has_lane = |name: &str| LANES.iter().any(|names| names.contains(&name));
    let mut names: Vec<&str> =
        targets.iter().filter(|target| target.kind == "test").map(|it| it.name.as_str()).collect();
    names.retain(|name| !has_lane(name));
    names.sort_unstable();
    names.dedup();
    let programs = ["--lib", "--bins"].map(ToOwned::to_owned).into_iter().chain(named(&names)).collect();
    [programs, vec!["--doc".to_owned()]]
}

const METADATA: [&str; 4] = ["metadata", "--no-deps", "--format-version", "1"];

/// A target of the workspace with tests in it.
struct Target {
    kind: String,
    name: String,
}

fn targets(mut metadata: Command) -> Result<Vec<Target>> {
    let output = metadata.stderr(Stdio::inherit()).output().context("cannot start cargo metadata")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("what cargo metadata answered")?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let all = packages.iter().filter_map(|package| package["targets"].as_array()).flatten();
    all.filter(|target| target["test"] == true)
        .map(|target| {
            let text = |value: &Value| value.as_str().map(ToOwned::to_owned).context("a target of cargo's");
            Ok(Target { kind: text(&target["kind"][0])?, name: text(&target["name"])? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Target> {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(METADATA).arg("--offline").current_dir(env!("CARGO_MANIFEST_DIR"));
        targets(cargo).unwrap()
    }

    /// Whether `cargo test` runs this target when it is called with these arguments.
    fn runs(arguments: &[String], target: &Target) -> bool {
        match target.kind.as_str() {
            "lib" => arguments.contains(&"--lib".to_owned()),
            "bin" => arguments.contains(&"--bins".to_owned()),
            "test" => arguments.windows(2).any(|pair| pair[0] == "--test" && pair[1] == target.name),
            other => panic!("{}: no call runs what is of kind {other:?}", target.name),
        }
    }

    #[test]
    fn each_target_is_run_by_exactly_one_call_and_documentation_by_one() {
        let targets = all();
        assert!(targets.len() > 100, "cargo knows of {} targets", targets.len());
        let mut calls: Vec<_> = LANES.iter().map(|names| named(names)).collect();
        calls.extend(others(&targets));
        for target in &targets {
            let by = calls.iter().filter(|arguments| runs(arguments, target)).count();
            assert_eq!(by, 1, "{} {}", target.kind, target.name);
        }
        assert_eq!(calls.iter().filter(|arguments| **arguments == ["--doc"]).count(), 1);
    }

    #[test]
    fn whatever_has_a_lane_is_there() {
        let targets = all();
        for name in LANES.concat() {
            assert!(targets.iter().any(|target| target.kind == "test" && target.name == name), "{name}");
        }
    }

    #[test]
    fn a_new_target_is_run_without_being_named_here() {
        let new = Target { kind: "test".to_owned(), name: "new".to_owned() };
        let [programs, _] = others(&[new]);
        assert_eq!(programs, ["--lib", "--bins", "--test", "new"]);
    }
}
