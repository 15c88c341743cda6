//! `phonehome replay` as a program: what it prints and exits with.

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};

const FLEET: &str = include_str!("../../../fleet.example.yaml");

/// 2026-11-25T02:00:00Z.
const FROM_MS: u64 = 1_795_572_000_000;

fn replay(recording: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording.jsonl");
    fs::write(&path, recording).unwrap();
    fs::write(folder.path().join("fleet.yaml"), FLEET).unwrap();
    fs::write(folder.path().join("bad.yaml"), "version: 1\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_phonehome"));
    command.current_dir(folder.path()).env_clear().arg("replay").arg(&path).args(more).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Ten minutes in which nobody reported.
fn silent() -> String {
    let header = json!({"recording": 1, "from_ms": FROM_MS, "to_ms": FROM_MS + 600_000});
    let fleet = json!({"text": FLEET, "published_at_ms": 0, "published_by": ""});
    let fleet =
        json!({"at_ms": FROM_MS, "partition": "fleet", "sort": "current", "schema": 1, "body": fleet});
    format!("{header}\n{fleet}\n")
}

#[test]
fn a_recording_is_replayed_without_aws_and_by_other_rules() {
    let output = replay(&silent(), &["--rules", "fleet.yaml"]);
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        printed.starts_with("2026-11-25 02:00:00Z to 2026-11-25 02:10:00Z: 0 reports of 0 probes"),
        "{printed}"
    );
    assert!(
        printed.contains("with fleet.yaml: 0 incidents") && printed.contains("no report at all"),
        "{printed}"
    );
    let output = replay(&silent(), &["--format", "json"]);
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&printed["from_ms"], &printed["notes"]["gaps"]), (&json!(FROM_MS), &json!(1)));
    assert_eq!(printed["difference"], Value::Null);
}

#[test]
fn what_is_no_recording_and_rules_that_are_wrong_are_wrong_input() {
    let newer = silent().replacen("\"recording\":1", "\"recording\":9", 1);
    for (recording, more, part) in [
        ("", &[][..], "the file is empty: `phonehome record`"),
        (newer.as_str(), &[][..], "it is of format 9, and this version of phonehome reads up to 1"),
        ("{}\n", &[][..], "phonehome record --reports FOLDER"),
        (silent().as_str(), &["--rules", "bad.yaml"][..], "bad.yaml"),
        (silent().as_str(), &["--rules", "none.yaml"][..], "none.yaml: No such file"),
    ] {
        let output = replay(recording, more);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(part), "{said}");
    }
}
