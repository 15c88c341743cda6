//! `cargo xtask simulate`: days of a fleet from seeds, through the functions as they are.

use anyhow::Result;

use crate::project::{self, Project};
use crate::steps::Steps;

/// Runs the simulation; `arguments` go to it as they are.
pub(crate) fn run(project: &Project, arguments: &[String]) -> Result<()> {
    let mut steps = Steps::new(2);
    steps.run("the simulation", || {
        project::run(&mut project.cargo(["build", "--release", "--package", "phonehome-simulation"]))
    })?;
    steps.run("simulate", || project::run(&mut project.command(project.binary("simulate"), arguments)))
}
