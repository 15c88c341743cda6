//! docs/github/login.sh: a role of the hub, without a stored key.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use phonehome_documents::repository;

use crate::stand_in::{Answer, StandIn};

fn log_in(github: &StandIn, folder: &Path) -> Output {
    Command::new("sh")
        .arg(repository().join("docs/github/login.sh"))
        .args([
            "arn:aws:iam::222222222222:role/phonehome-github-plan",
            "arn:aws:iam::222222222222:role/phonehome-viewer",
        ])
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/identity?api-version=2.0", github.url()))
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token")
        .env("RUNNER_TEMP", folder)
        .env("GITHUB_ENV", folder.join("env"))
        .env("GITHUB_RUN_ID", "42")
        .output()
        .unwrap()
}

#[test]
fn a_job_becomes_a_role_by_its_identity_and_nothing_of_that_is_printed() {
    let (github, folder) = (StandIn::start(), tempfile::tempdir().unwrap());
    let output = log_in(&github, folder.path());
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(github.tokens(), ["Bearer request-token"]);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("phonehome/token"), "identity for sts.amazonaws.com\n");
    let mode = std::fs::metadata(folder.path().join("phonehome")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let config = folder.path().join("phonehome/config").display().to_string();
    assert_eq!(read("env"), format!("AWS_CONFIG_FILE={config}\nAWS_PROFILE=phonehome\n"));
    let config = read("phonehome/config");
    for part in [
        "[profile pipeline]\nrole_arn = arn:aws:iam::222222222222:role/phonehome-github-plan\nweb_identity_token_file = ",
        "[profile phonehome]\nrole_arn = arn:aws:iam::222222222222:role/phonehome-viewer\nsource_profile = pipeline\n",
    ] {
        assert!(config.contains(part), "{part}: {config}");
    }
}

#[test]
fn without_an_identity_the_job_ends_there() {
    for answer in [Answer::status(403), Answer::status(404)] {
        let (github, folder) = (StandIn::start(), tempfile::tempdir().unwrap());
        github.always(answer);
        assert!(!log_in(&github, folder.path()).status.success());
        assert!(!folder.path().join("env").exists(), "no later step takes it for done");
    }
}
