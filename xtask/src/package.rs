//! `cargo xtask package`: the functions as AWS wants them.

use anyhow::{Context, Result, bail};
use clap::Args;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::project::{self, FUNCTIONS, Project};
use crate::python;
use crate::steps::Steps;

const ZIP: &str = include_str!("zip_bootstrap.py");

/// What the functions are built for.
#[derive(Args)]
pub(crate) struct Options {
    /// Build for x86-64 rather than for Graviton
    #[arg(long = "x86-64")]
    x86_64: bool,
}

/// Leaves `target/lambda/<function>/bootstrap` for each function, and beside the provisioner's
/// the probe as an archive: the provisioner installs it in the member accounts.
pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    let architecture = if options.x86_64 { "--x86-64" } else { "--arm64" };
    let folder = project.path("target/lambda");
    let mut steps = Steps::new(3);
    let (probe, hub): (Vec<_>, Vec<_>) = FUNCTIONS.iter().copied().partition(|name| *name == "probe");
    let build_all = |functions: &[&str]| build(project, architecture, functions);
    // By itself: built beside the others it would have what they ask of the crates that it shares with them.
    steps.run(&format!("cargo lambda build {architecture}, the probe"), || build_all(&probe))?;
    steps.run(&format!("cargo lambda build {architecture}, the hub"), || build_all(&hub))?;
    steps.run("the probe's archive", || {
        for function in FUNCTIONS {
            take(&folder, function)?;
        }
        zip_probe(project, &folder)
    })?;
    steps.print_table();
    println!("\n{}", sizes(&folder)?);
    println!("The functions are in target/lambda; `sam deploy` comes next.");
    Ok(())
}

/// How large each function is: a line for each.
fn sizes(folder: &Path) -> Result<String> {
    let mut lines = String::new();
    for function in FUNCTIONS {
        let path = folder.join(function).join("bootstrap");
        let bytes = fs::metadata(&path).with_context(|| path.display().to_string())?.len();
        #[allow(clippy::cast_precision_loss, reason = "a file of some megabytes")]
        lines.push_str(&format!("{function:<12} {:>5.1} MB\n", bytes as f64 / 1e6));
    }
    Ok(lines)
}

fn build(project: &Project, architecture: &str, functions: &[&str]) -> Result<()> {
    let version = project.cargo(["lambda", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        bail!("cargo-lambda is missing: pip install cargo-lambda ziglang");
    }
    let mut build = project.cargo(["lambda", "build", "--profile", "deployed", architecture]);
    // The TLS library would measure the CPU's jitter at its first random number, 30 ms of CPU for each
    // cold start, beside what the kernel gives it. The kernel of a Lambda function is seeded.
    build.env("AWS_LC_SYS_NO_JITTER_ENTROPY", "1");
    build.arg("--lambda-dir").arg(project.path("target/lambda"));
    for function in functions {
        build.arg("--package").arg(format!("phonehome-{function}"));
    }
    project::run(&mut build)
}

/// cargo-lambda names the folder after the binary; the templates name it after the function.
fn take(folder: &Path, function: &str) -> Result<()> {
    let built = folder.join(format!("phonehome-{function}"));
    let wanted = folder.join(function);
    if wanted.exists() {
        fs::remove_dir_all(&wanted).with_context(|| format!("cannot remove {}", wanted.display()))?;
    }
    fs::rename(&built, &wanted).with_context(|| format!("cargo-lambda left no {}", built.display()))
}

fn zip_probe(project: &Project, folder: &Path) -> Result<()> {
    let mut zip = project.command(python::find()?, ["-c", ZIP]);
    project::run(zip.arg(folder.join("probe/bootstrap")).arg(folder.join("provisioner/probe.zip")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::env::temp_dir;
    use std::process::Command;
    use std::time::{Duration, SystemTime};

    #[test]
    fn the_same_program_gives_the_same_archive() {
        let folder = temp_dir().join(format!("phonehome-package-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let bootstrap = folder.join("bootstrap");
        let archive = |name: &str, age: u64| {
            fs::write(&bootstrap, "a program").unwrap();
            let file = fs::File::options().append(true).open(&bootstrap).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
            let mut zip = Command::new(python::find().unwrap());
            project::run(zip.args(["-c", ZIP]).arg(&bootstrap).arg(folder.join(name))).unwrap();
            fs::read(folder.join(name)).unwrap()
        };
        let first = archive("first.zip", 0);
        assert_eq!(first, archive("second.zip", 86_400));
        assert_eq!(&first[..4], b"PK\x03\x04");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_function_built_again_takes_the_place_of_the_old_one() {
        let folder = temp_dir().join(format!("phonehome-take-{}", std::process::id()));
        for (place, text) in [("probe", "old"), ("phonehome-probe", "new")] {
            fs::create_dir_all(folder.join(place)).unwrap();
            fs::write(folder.join(place).join("bootstrap"), text).unwrap();
        }
        take(&folder, "probe").unwrap();
        assert_eq!(fs::read_to_string(folder.join("probe/bootstrap")).unwrap(), "new");
        assert!(take(&folder, "probe").unwrap_err().to_string().contains("cargo-lambda left no"));
        fs::remove_dir_all(folder).unwrap();
    }
}
