//! What scanners say of the templates of packs, as of the repository's own.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{FULL, moved, pack, with};
use tempfile::TempDir;

/// A program of an environment that `cargo xtask ci` makes, if it is there.
fn program(environment: &str, name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let program = root.join(".venv").join(environment).join("bin").join(name);
    if !program.exists() {
        eprintln!("left out: there is no {name}, which `cargo xtask ci` installs into .venv/{environment}");
        return None;
    }
    Some(program)
}

/// The templates of a pack with everything, in every partition and outside of its home Region.
fn templates(folder: &TempDir) -> Vec<PathBuf> {
    let stream = "metric_stream: { namespaces: [AWS/EC2, AWS/RDS] }";
    let observed = format!("  observability: {{ vendor: new_relic, data_center: eu, {stream} }}\n");
    let whole = with(FULL, "starter_pack:\n", &format!("starter_pack:\n{observed}"));
    let full = [("shop-prod", "us-east-1"), ("shop-prod", "eu-central-2"), ("web-dev", "us-east-1")];
    let others = [("cn-north-1", "cnn1-az1"), ("us-gov-west-1", "usgw1-az1")];
    let full = full.map(|(account, region)| (whole.clone(), account, region));
    let others = others.map(|(region, zone)| (moved(&whole, region, zone), "shop-dev", region));
    let files = full.into_iter().chain(others).map(|(text, account, region)| {
        let file = folder.path().join(format!("{account}-{region}.json"));
        fs::write(&file, pack(&text, account, region).unwrap().body()).unwrap();
        file
    });
    files.collect()
}

#[test]
fn cfn_lint_finds_nothing_in_templates() {
    let Some(linter) = program("tools", "cfn-lint") else { return };
    let folder = tempfile::tempdir().unwrap();
    let regions = ["us-east-1", "eu-central-2", "cn-north-1", "us-gov-west-1"];
    let mut lint = Command::new(&linter);
    let output = lint.arg("--regions").args(regions).arg("--").args(templates(&folder)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn checkov_finds_nothing_in_templates_but_what_is_argued() {
    let Some(scanner) = program("checkov", "checkov") else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkov.yaml");
    let mut scan = Command::new(&scanner);
    // With a key of its vendor's it would send what it finds.
    scan.arg("--config-file").arg(config).args(["--output", "json"]).env_remove("BC_API_KEY");
    let output = scan.arg("--file").args(templates(&folder)).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let found: Value = serde_json::from_str(&said)
        .unwrap_or_else(|error| panic!("{error}: {said}{}", String::from_utf8_lossy(&output.stderr)));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let failed = found["results"]["failed_checks"].as_array().unwrap().iter();
    let failed =
        failed.map(|it| ["check_id", "check_name", "resource", "file_path"].map(|name| text(&it[name])));
    assert_eq!(failed.collect::<Vec<_>>(), [[""; 4]; 0]);
    assert_eq!(found["summary"]["parsing_errors"], 0);
    let scanned = found["summary"]["passed"].as_u64().unwrap();
    assert!(scanned > 200, "five templates with everything, and {scanned} checks of them");
}
