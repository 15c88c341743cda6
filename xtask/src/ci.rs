//! `cargo xtask ci` and `cargo xtask test`.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use crate::beside::Beside;
use crate::deny;
use crate::project::{self, Project};
use crate::steps::Steps;
use crate::venv;

const STEPS_OF_TEST: usize = 2;

/// Everything a change has to pass, the quick steps first.
pub(crate) fn run(project: &Project) -> Result<()> {
    let mut steps = Steps::new(8 + STEPS_OF_TEST);
    steps.run("format", || project::run(&mut project.cargo(["fmt", "--all", "--check"])))?;
    let (tools, checkov) = steps.run("the linters", || {
        Ok((venv::ensure(project, venv::TOOLS)?, venv::ensure(project, venv::CHECKOV)?))
    })?;
    steps.run("licences, bans, sources", || deny::check(project, &tools))?;
    steps.run("templates", || {
        let templates = templates(project)?;
        project::run(&mut project.command(tools.join("cfn-lint"), &templates))?;
        let mut scan =
            project.command(checkov.join("checkov"), ["--config-file", "xtask/checkov.yaml", "--file"]);
        // With a key of its vendor's it would send what it finds.
        project::run(scan.args(&templates).env_remove("BC_API_KEY"))
    })?;
    steps.run("lints", || project::run(&mut project.cargo(CLIPPY)))?;
    steps.run("documentation", || project::run(project.cargo(DOC).env("RUSTDOCFLAGS", "-D warnings")))?;
    let recorded = recorded_calls(project)?;
    test_steps(project, &mut steps, &[], Some(&recorded))?;
    steps.run("judges of the calls to AWS", || judge(project, &recorded))?;
    steps.print_table();
    println!("\nEverything passed.");
    Ok(())
}

/// All tests; what follows `--` goes to `cargo test`.
pub(crate) fn test(project: &Project, arguments: &[String]) -> Result<()> {
    let mut steps = Steps::new(STEPS_OF_TEST);
    test_steps(project, &mut steps, arguments, None)?;
    steps.print_table();
    println!("\nAll tests passed.");
    Ok(())
}

/// Lets the tests write what they otherwise compare with: see `tests/releases/README.md`.
pub(crate) fn record_release(project: &Project, version: &str) -> Result<()> {
    let is_version =
        version.split('.').count() == 3 && version.split('.').all(|part| part.parse::<u32>().is_ok());
    ensure!(is_version, "{version:?} is no version such as 0.2.0");
    let mut steps = Steps::new(3);
    steps.run("the emulators", || venv::ensure_for_tests(project))?;
    steps.run("the binaries", || project.build())?;
    steps.run("what the release leaves behind", || {
        // By this all tests that record are called.
        let mut test =
            project.cargo(["test", "--release", "--workspace", "release_before", "--", "--include-ignored"]);
        project::run(test.env("PHONEHOME_RECORD_RELEASE", version))
    })?;
    println!("\nNow look at what is new in tests/releases/{version}, and commit it.");
    Ok(())
}

/// In the release profile, as the build, so that build scripts and macros are compiled once.
const CLIPPY: [&str; 7] = ["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"];

/// `--examples` (the probe has one) gives every dependency the features that the lints' run gave it:
/// without it the AWS SDKs would be checked a second time. See also [`Project::build`].
const DOC: [&str; 8] = [
    "doc",
    "--release",
    "--workspace",
    "--no-deps",
    "--document-private-items",
    "--lib",
    "--bins",
    "--examples",
];

/// `record`: the folder in which the calls that the tests make to moto are written down; then days are simulated as well.
fn test_steps(
    project: &Project,
    steps: &mut Steps,
    arguments: &[String],
    record: Option<&Path>,
) -> Result<()> {
    steps.run("the binaries, and beside them the emulators", || prepare(project, record.is_some()))?;
    let days = record.map(|_| days(project)).transpose()?;
    steps.run("tests", || {
        let mut test = project.cargo(["test", "--release", "--workspace"]);
        test.args(arguments).envs(record.map(|folder| ("PHONEHOME_RECORD_CALLS", folder)));
        project::run(&mut test)
    })?;
    days.map_or(Ok(()), |days| steps.run("simulated days, begun before the tests", || days.end()))
}

/// Fetches what Python needs while the compiler computes.
fn prepare(project: &Project, with_judges: bool) -> Result<()> {
    thread::scope(|scope| {
        let environments = scope.spawn(|| {
            venv::ensure_for_tests(project)?;
            with_judges.then(|| venv::ensure(project, venv::JUDGES)).transpose()
        });
        project.build()?;
        environments.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok(())
    })
}

/// Days of a fleet from seeds, played beside the tests, which wait more than they work: 200 are some seven minutes of
/// one core, and by `nice` they take none from whoever else wants it. Each day has to be told rightly.
fn days(project: &Project) -> Result<Beside> {
    let mut command = project.command("nice", ["-n", "19"]);
    command.arg(project.binary("simulate")).args(["--seeds", "200", "--threads", "2"]);
    Beside::begin(project, "simulated-days", command)
}

/// An empty folder for the calls of this run: older ones would be judged by what is in `infra/` now.
fn recorded_calls(project: &Project) -> Result<PathBuf> {
    let folder = project.path("target/recorded-calls");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    Ok(folder)
}

/// Holds the recorded calls against AWS's service models and against the policies in `infra/`.
fn judge(project: &Project, recorded: &Path) -> Result<()> {
    let python = venv::ensure(project, venv::JUDGES)?.join("python");
    let own_tests = ["-B", "-m", "unittest", "discover", "--start-directory", "tests/judges"];
    project::run(&mut project.command(&python, own_tests))?;
    project::run(project.command(&python, ["-B", "tests/judges"]).arg(recorded))
}

fn templates(project: &Project) -> Result<Vec<String>> {
    let mut templates = Vec::new();
    for entry in fs::read_dir(project.path("infra"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            templates.extend(path.file_name().map(|name| format!("infra/{}", name.to_string_lossy())));
        }
    }
    ensure!(!templates.is_empty(), "there is no template in infra/");
    templates.sort();
    Ok(templates)
}
