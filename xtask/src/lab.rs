//! `cargo xtask lab`: builds the packet lab and the probe, then breaks networks.

use anyhow::Result;

use crate::project::{self, Project};
use crate::steps::Steps;

/// Runs the lab; `arguments` go to it as they are, and without any it runs every scenario.
pub(crate) fn run(project: &Project, arguments: &[String]) -> Result<()> {
    let every = ["--all".to_owned()];
    let arguments = if arguments.is_empty() { &every } else { arguments };
    let mut steps = Steps::new(2);
    steps.run("the lab and the probe", || project.build())?;
    steps.run("lab", || project::run(&mut project.command(project.binary("lab"), arguments)))
}
