//! Where things are, and how cargo is called.

use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Lambda functions: `functions/<name>`, package and binary `phonehome-<name>`.
pub(crate) const FUNCTIONS: [&str; 7] =
    ["provisioner", "probe", "collector", "alerter", "notifier", "rollouts", "vendor"];

/// What builds every release binary.
///
/// Always with this selection: cargo unites features over what is selected, so another selection
/// would give some small dependency another feature and compile the AWS SDKs a second time.
/// `--examples` (the probe has one) unites the features of dev-dependencies too, as `cargo test` does.
const BUILD: [&str; 7] = ["build", "--release", "--workspace", "--exclude", "xtask", "--bins", "--examples"];

/// The checked-out repository.
pub(crate) struct Project {
    root: PathBuf,
    cargo: PathBuf,
}

impl Project {
    /// From what cargo tells the programs that it runs.
    pub(crate) fn find() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let root = manifest.as_deref().and_then(Path::parent).context("run this as `cargo xtask`")?;
        let cargo = env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from);
        Ok(Self { root: root.to_owned(), cargo })
    }

    /// A path inside the repository.
    pub(crate) fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.root.join(inside)
    }

    /// The path of cargo itself.
    pub(crate) fn cargo_program(&self) -> &Path {
        &self.cargo
    }

    /// A release binary, built or not.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        self.root.join(target).join("release").join(name)
    }

    /// A call of cargo.
    pub(crate) fn cargo<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        self.command(&self.cargo, arguments)
    }

    /// A call of any program, at the root of the repository.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.root);
        command
    }

    /// Builds every release binary: the functions, the command, the local cloud.
    pub(crate) fn build(&self) -> Result<()> {
        if !self.binary("phonehome-provisioner").exists() {
            println!("The first build compiles the AWS SDKs; that takes some minutes, once.");
        }
        run(&mut self.cargo(BUILD))
    }
}

/// Runs a command with this process's input and output; it has to succeed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{}: {status}", shown(command));
    }
    Ok(())
}

/// A command as one would type it: the program without its folder.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words: Vec<_> = [program].into_iter().chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    let line = words.join(" ");
    match line.char_indices().nth(120) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_without_the_folder_of_its_program() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.args(["fmt", "--all"]);
        assert_eq!(shown(&command), "cargo fmt --all");
    }

    #[test]
    fn a_long_command_is_cut() {
        let mut command = Command::new("python");
        command.arg("ä".repeat(300));
        assert_eq!(shown(&command).chars().count(), 122);
    }

    #[test]
    fn every_function_has_its_folder() {
        let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
        let mut folders: Vec<_> = std::fs::read_dir(functions)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        folders.sort();
        let mut names = FUNCTIONS;
        names.sort();
        assert_eq!(folders, names);
    }
}
