//! `cargo xtask mutants`: changes the code and asks whether a test notices; see docs/mutation-testing.md.

mod sample;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::project::{self, Project};
use sample::Mutant;

/// A package whose code is changed.
struct Subject {
    package: &'static str,
    /// Whose tests are run, one group after the other, each on what survived those before it: the later
    /// ones take longer to build.
    tests: &'static [&'static [&'static str]],
}

const fn subject(package: &'static str, tests: &'static [&'static [&'static str]]) -> Subject {
    Subject { package, tests }
}

const SUBJECTS: [Subject; 9] = [
    // Its words are used by the planner.
    subject("network", &[&["network", "planner"], &["fakecloud", "provision", "provisioner"]]),
    subject("planner", &[&["planner"], &["fakecloud", "provision", "provisioner"]]),
    subject("executor", &[&["executor"], &["fakecloud", "provision", "provisioner"]]),
    subject("state", &[&["state"], &["provision", "provisioner", "collector", "alerter", "notifier"]]),
    // What it does is seen where it is used.
    subject("provision", &[&["provision"], &["provisioner"], &["cli"]]),
    subject("provisioner", &[&["provisioner"]]),
    subject("collector", &[&["collector"]]),
    subject("alerter", &[&["alerter"]]),
    subject("notifier", &[&["notifier"]]),
];

/// What only connects the parts is run by the end-to-end tests, and they would take hours.
const WIRING: &str = "functions/*/src/main.rs";

/// No documentation is compiled, and no emulator is started for each mutant.
const TEST_ARGUMENTS: [&str; 5] = ["--", "--tests", "--", "--skip", "on_dynamodb"];

/// Which mutants are made.
#[derive(Args)]
pub(crate) struct Options {
    /// How many, spread over the packages; without it all of them, which takes a day
    #[arg(long)]
    sample: Option<usize>,
    /// Another number takes another sample
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Change this package only, `network` for instance; can be given several times
    #[arg(long = "package", value_name = "PACKAGE", value_parser = SUBJECTS.map(|subject| subject.package))]
    packages: Vec<String>,
    /// What to pass on to cargo-mutants, for instance `--in-place`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Runs the mutants, then prints how many were caught and which were not.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    let runner = Runner { project, arguments: &options.arguments };
    let chosen =
        |package: &str| options.packages.is_empty() || options.packages.iter().any(|one| one == package);
    let subjects: Vec<_> = SUBJECTS.into_iter().filter(|subject| chosen(subject.package)).collect();
    let all = runner.list(&subjects)?;
    let count = options.sample.unwrap_or(all.len());
    let taken = sample::take(all, count, options.seed);
    println!("{} mutants, seed {}", taken.len(), options.seed);
    let mut tallies = Vec::new();
    for subject in subjects {
        let name = format!("phonehome-{}", subject.package);
        let names: Vec<_> =
            taken.iter().filter(|mutant| mutant.package == name).map(|mutant| mutant.name.clone()).collect();
        if !names.is_empty() {
            tallies.push(runner.measure(&subject, &names)?);
        }
    }
    print!("\n{}", table(&tallies));
    for survivor in tallies.iter().flat_map(|tally| &tally.missed) {
        println!("survived: {survivor}");
    }
    Ok(())
}

/// What became of one package's mutants.
#[derive(Default)]
struct Tally {
    package: String,
    caught: usize,
    caught_later: usize,
    timeout: usize,
    unviable: usize,
    missed: Vec<String>,
}

struct Runner<'a> {
    project: &'a Project,
    arguments: &'a [String],
}

impl Runner<'_> {
    /// Every mutant of these packages, in the order of the source.
    fn list(&self, subjects: &[Subject]) -> Result<Vec<Mutant>> {
        let version = self.mutants(["--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !version.is_ok_and(|status| status.success()) {
            bail!("cargo-mutants is missing: cargo install cargo-mutants --locked");
        }
        let mut list = self.mutants(["--list", "--json", "--exclude", WIRING]);
        list.args(subjects.iter().map(|subject| format!("--package=phonehome-{}", subject.package)));
        let output = list.stderr(Stdio::inherit()).output().context("cannot start cargo mutants")?;
        ensure!(output.status.success(), "{}: {}", project::shown(&list), output.status);
        sample::parse(&output.stdout)
    }

    /// Runs the first tests on these mutants, then the others on those that survived.
    fn measure(&self, subject: &Subject, names: &[String]) -> Result<Tally> {
        let folder = self.project.path("target/mutants").join(subject.package);
        let missed = names.to_vec();
        let mut tally = Tally { package: subject.package.to_owned(), missed, ..Tally::default() };
        for tests in subject.tests {
            if tally.missed.is_empty() {
                break;
            }
            let left = std::mem::take(&mut tally.missed);
            let outcome = self.test(subject.package, tests, &left, &folder.join(tests[0]))?;
            let caught = outcome.lines("caught")?.len();
            match tests.contains(&subject.package) {
                true => tally.caught += caught,
                false => tally.caught_later += caught,
            }
            tally.timeout += outcome.lines("timeout")?.len();
            tally.unviable += outcome.lines("unviable")?.len();
            tally.missed = outcome.lines("missed")?;
        }
        Ok(tally)
    }

    /// Runs cargo-mutants on exactly these mutants of a package, with the tests of those named.
    fn test<'n>(
        &self,
        package: &str,
        tests: &[&str],
        names: &'n [String],
        folder: &Path,
    ) -> Result<Outcome<'n>> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        println!("\n{package}: {} mutants, tests of {}", names.len(), tests.join(", "));
        let diff = folder.join("lines.diff");
        let read = |file: &str| fs::read_to_string(self.project.path(file)).map_err(Into::into);
        fs::write(&diff, sample::diff(names, read)?).context("cannot write the lines that are changed")?;
        let mut mutants = self.mutants(["--no-shuffle", "--exclude", WIRING, "--output"]);
        mutants.arg(folder).arg("--in-diff").arg(diff).arg(format!("--package=phonehome-{package}"));
        mutants.args(tests.iter().map(|tested| format!("--test-package=phonehome-{tested}")));
        mutants.args(names.iter().map(|name| format!("--re={}", sample::pattern(name))));
        mutants.args(self.arguments).args(TEST_ARGUMENTS);
        // One folder for what is compiled, or each run would compile the AWS SDKs; and without what
        // only debuggers need it is built sooner.
        if std::env::var_os("CARGO_TARGET_DIR").is_none() {
            mutants.env("CARGO_TARGET_DIR", self.project.path("target/mutants/build"));
        }
        let status =
            mutants.env("CARGO_PROFILE_DEV_DEBUG", "0").status().context("cannot start cargo mutants")?;
        match status.code() {
            // All caught; some missed; some took too long.
            Some(0 | 2 | 3) => Ok(Outcome { folder: folder.join("mutants.out"), names }),
            Some(4) => bail!("without any change the tests fail: see what is printed above"),
            _ => bail!("{}: {status}", project::shown(&mutants)),
        }
    }

    fn mutants<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = self.project.cargo(["mutants"]);
        command.args(arguments);
        command
    }
}

/// The folder in which cargo-mutants says what became of each; and which were wanted: on their lines there
/// may have been others.
struct Outcome<'a> {
    folder: PathBuf,
    names: &'a [String],
}

impl Outcome<'_> {
    fn lines(&self, kind: &str) -> Result<Vec<String>> {
        let path = self.folder.join(format!("{kind}.txt"));
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(self.names.iter().filter(|name| text.lines().any(|line| line == *name)).cloned().collect())
    }
}

/// A row for each package, and one for all; those that do not compile count for nothing.
fn table(tallies: &[Tally]) -> String {
    let mut rows = "| package | caught | caught by others' tests | timeout | missed | of those that compile | do not compile |\n\
                    |---|---|---|---|---|---|---|\n"
        .to_owned();
    let mut sum = Tally { package: "all".to_owned(), ..Tally::default() };
    for tally in tallies {
        rows += &row(tally);
        sum.caught += tally.caught;
        sum.caught_later += tally.caught_later;
        sum.timeout += tally.timeout;
        sum.unviable += tally.unviable;
        sum.missed.extend(tally.missed.iter().cloned());
    }
    rows + &row(&sum)
}

fn row(tally: &Tally) -> String {
    let Tally { package, caught, caught_later, timeout, unviable, missed } = tally;
    let noticed = caught + caught_later + timeout;
    let share = (noticed * 1000).checked_div(noticed + missed.len()).unwrap_or(1000);
    let share = format!("{}.{} %", share / 10, share % 10);
    format!(
        "| {package} | {caught} | {caught_later} | {timeout} | {} | {share} | {unviable} |\n",
        missed.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_that_takes_too_long_counts_as_noticed_and_one_that_does_not_compile_for_nothing() {
        let tally = Tally {
            package: "state".to_owned(),
            caught: 6,
            caught_later: 1,
            timeout: 1,
            unviable: 50,
            missed: vec!["one".to_owned(), "two".to_owned()],
        };
        assert_eq!(row(&tally), "| state | 6 | 1 | 1 | 2 | 80.0 % | 50 |\n");
    }
}
