//! Virtual environments: `.venv/<name>` holds exactly what `xtask/requirements/<name>.txt` lists.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::project::{self, Project};
use crate::python;

/// A copy of the installed requirements, written last: without it the installation is unfinished.
const STAMP: &str = "requirements.txt";

/// The linters of `cargo xtask ci`.
pub(crate) const TOOLS: &str = "tools";

/// What scans templates for what security asks. Of a hundred packages, some of which the linters need newer.
pub(crate) const CHECKOV: &str = "checkov";

/// AWS's service models and its service authorization reference, for `tests/judges`.
pub(crate) const JUDGES: &str = "judges";

/// The strict EC2, and the peers that benchmarks run against it.
pub(crate) const MOTO: &str = "moto";

/// The emulator.
pub(crate) const LOCALCLOUD: &str = "localcloud";

/// Makes the environment unless it is there and up to date; returns its folder of programs.
///
/// Two runs at the same time wait for each other; an interrupted installation begins anew.
pub(crate) fn ensure(project: &Project, name: &str) -> Result<PathBuf> {
    let folder = project.path(".venv").join(name);
    let bin = folder.join("bin");
    let requirements = project.path("xtask/requirements").join(format!("{name}.txt"));
    let wanted =
        fs::read(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;

    fs::create_dir_all(project.path(".venv"))?;
    let lock = File::create(project.path(".venv").join(format!("{name}.lock")))?;
    lock.lock()?;
    if fs::read(folder.join(STAMP)).is_ok_and(|installed| installed == wanted) && works(project, &bin) {
        println!(".venv/{name} is up to date");
        return Ok(bin);
    }
    println!("installing xtask/requirements/{name}.txt into .venv/{name}");
    install(project, &folder, &requirements).with_context(|| format!("cannot make .venv/{name}"))?;
    fs::write(folder.join(STAMP), wanted)?;
    Ok(bin)
}

/// Makes every environment but the linters', the scanner's and the judges'.
pub(crate) fn ensure_for_tests(project: &Project) -> Result<()> {
    for entry in fs::read_dir(project.path("xtask/requirements"))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let is_for_tests = ![TOOLS, CHECKOV, JUDGES].contains(&name);
        if path.extension().is_some_and(|extension| extension == "txt") && is_for_tests {
            ensure(project, name)?;
        }
    }
    Ok(())
}

/// Whether the environment's Python starts: the one it was made from may have been removed.
fn works(project: &Project, bin: &Path) -> bool {
    let mut command = project.command(bin.join("python"), ["-c", ""]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn install(project: &Project, folder: &Path, requirements: &Path) -> Result<()> {
    let python = python::find()?;
    project::run(project.command(python, ["-m", "venv", "--clear"]).arg(folder))?;
    // Quiet, but for errors: the compiler may be speaking as well.
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes"];
    project::run(
        project
            .command(folder.join("bin/python"), pip)
            .args(["--only-binary=:all:", "--requirement"])
            .arg(requirements),
    )
}
