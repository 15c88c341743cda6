//! What documents and workflows tell people, and machines, to run.
//!
//! `phonehome …` and `cargo xtask …` are parsed by the tests of `crates/cli` and `xtask`, with the real
//! command lines.

use std::collections::BTreeSet;

use phonehome_documents::{Placed, Words, all_commands, arguments_of, files, repository};

/// Programs that may be called. A new one belongs here, and into what README.md says a machine needs.
const PROGRAMS: [&str; 23] = [
    "aws",
    "cargo",
    "cd",
    "cp",
    "echo",
    "export",
    "gh",
    "grep",
    "ls",
    "mkdir",
    "pip",
    "python",
    "python3",
    "read",
    "rustup",
    "sam",
    "sed",
    "sh",
    "sha256sum",
    "sudo",
    "tar",
    "zip",
    "git",
];

/// The project's own programs.
const OWN: [&str; 6] = [
    "phonehome",
    "phonehome-alerter",
    "phonehome-collector",
    "phonehome-notifier",
    "phonehome-probe",
    "phonehome-provisioner",
];

/// What cargo is asked to do.
const CARGO: [&str; 12] = [
    "build", "check", "clippy", "doc", "fmt", "insta", "install", "lambda", "mutants", "run", "test", "xtask",
];

/// Calls of the AWS CLI, each looked up in AWS's own service models (or, where it is the CLI's own, in its
/// reference) when it was added.
const AWS: [(&str, &[&str]); 17] = [
    (
        "cloudformation",
        &[
            "activate-organizations-access",
            "create-stack-instances",
            "create-stack-set",
            "delete-stack",
            "deploy",
            "describe-stack-events",
            "describe-stacks",
            "list-stack-instances",
            "list-stacks",
            "update-stack-instances",
            "update-stack-set",
        ],
    ),
    ("cloudtrail", &["create-trail", "start-logging"]),
    ("cloudwatch", &["describe-alarms", "stop-metric-streams"]),
    ("configure", &["export-credentials"]),
    ("dynamodb", &["delete-item", "describe-table", "get-item", "query", "update-table"]),
    (
        "ec2",
        &[
            "create-tags",
            "delete-nat-gateway",
            "delete-route",
            "describe-availability-zones",
            "modify-vpc-attribute",
        ],
    ),
    (
        "lambda",
        &[
            "delete-function-concurrency",
            "get-function-recursion-config",
            "put-function-concurrency",
            "put-function-recursion-config",
        ],
    ),
    ("login", &[]),
    ("iam", &["update-access-key"]),
    ("logs", &["tail"]),
    ("organizations", &["create-account", "enable-aws-service-access", "register-delegated-administrator"]),
    ("s3", &["cp", "ls"]),
    (
        "secretsmanager",
        &[
            "create-secret",
            "delete-secret",
            "get-secret-value",
            "put-secret-value",
            "update-secret-version-stage",
        ],
    ),
    ("service-quotas", &["get-service-quota", "request-service-quota-increase"]),
    ("sns", &["subscribe"]),
    (
        "sqs",
        &[
            "get-queue-url",
            "list-message-move-tasks",
            "list-queues",
            "purge-queue",
            "receive-message",
            "send-message",
            "start-message-move-task",
        ],
    ),
    ("sso", &["login"]),
];

#[test]
fn every_program_is_known() {
    assert!(all_commands().len() > 80, "the documents' commands are not found");
    none(all_commands(), |words| {
        let name = words[0].rsplit('/').next().unwrap_or_default();
        !PROGRAMS.contains(&name) && !OWN.contains(&name)
    });
}

#[test]
fn the_projects_own_programs_are_called_by_a_path_that_a_build_makes() {
    none(all_commands(), |words| {
        words[0].contains('/') && !["target/release/", ".venv/"].iter().any(|f| words[0].starts_with(f))
    });
}

#[test]
fn every_call_of_the_aws_cli_exists() {
    none(arguments_of("aws"), |arguments| {
        let mut words = arguments.iter().filter(|word| !word.starts_with("--") && !word.starts_with('$'));
        let (service, call) = (words.next(), words.next());
        !AWS.iter().any(|(known, calls)| {
            service.is_some_and(|service| service == known)
                && call.map_or(calls.is_empty(), |call| calls.contains(&call.as_str()))
        })
    });
}

#[test]
fn cargo_is_asked_for_what_it_can_do() {
    none(arguments_of("cargo"), |arguments| {
        arguments.first().is_none_or(|command| !CARGO.contains(&command.as_str()))
            || arguments[0] == "lambda" && !["build", "invoke", "watch"].contains(&arguments[1].as_str())
    });
}

#[test]
fn a_package_or_a_test_that_is_named_to_cargo_exists() {
    let packages: BTreeSet<_> = files(&repository(), "toml")
        .into_iter()
        .filter_map(|(path, text)| {
            let name = text.strip_prefix("[package]\nname = \"")?.split('"').next()?.to_owned();
            Some((name, path.strip_suffix("Cargo.toml")?.to_owned()))
        })
        .collect();
    none(arguments_of("cargo"), |arguments| {
        if arguments[0] == "xtask" {
            return false; // it has packages of its own kind
        }
        let value = |long, short| {
            let place = arguments.iter().position(|word| word == long || word == short)?;
            arguments.get(place + 1).filter(|value| !value.contains('$'))
        };
        let Some(package) = value("--package", "-p") else { return false };
        let Some((_, folder)) = packages.iter().find(|(name, _)| name == package) else { return true };
        let missing = |test: &String| {
            let tests = repository().join(folder).join("tests");
            !tests.join(test).join("main.rs").is_file() && !tests.join(format!("{test}.rs")).is_file()
        };
        arguments[0] == "test" && value("--test", "--test").is_some_and(missing)
    });
}

#[test]
fn every_file_that_a_command_reads_exists() {
    const FOLDERS: [&str; 8] =
        ["crates/", "docs/", "events/", "functions/", "infra/", "testing/", "tests/", "xtask/"];
    none(all_commands(), |words| {
        let files = words.iter().map(|word| word.strip_prefix("file://").unwrap_or(word));
        let mut ours = files.filter(|file| FOLDERS.iter().any(|folder| file.starts_with(folder)));
        ours.any(|file| !repository().join(file).exists())
    });
}

/// Fails with every command that is `wrong`.
#[track_caller]
fn none(commands: Vec<Placed<Words>>, wrong: impl Fn(&Words) -> bool) {
    assert!(!commands.is_empty(), "no such command is found in the documents");
    let found: Vec<_> = commands
        .iter()
        .filter(|command| wrong(&command.what))
        .map(|command| format!("{}: {}", command.place, command.what.join(" ")))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}
