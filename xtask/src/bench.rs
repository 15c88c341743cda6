//! `cargo xtask bench NAME`: builds everything, then runs the benchmark.

use anyhow::Result;

use crate::project::{self, Project};
use crate::steps::Steps;
use crate::venv;

/// Runs one benchmark; `arguments` go to it as they are.
pub(crate) fn run(project: &Project, name: &str, arguments: &[String]) -> Result<()> {
    let mut steps = Steps::new(3);
    steps.run("moto", || venv::ensure(project, venv::MOTO))?;
    steps.run("the benchmark", || project.build())?;
    steps.run(name, || {
        let mut bench = project.command(project.binary("bench"), [name]);
        bench.args(arguments).env("PHONEHOME_CLOUD", "local").env("AWS_EC2_METADATA_DISABLED", "true");
        project::run(&mut bench)
    })
}
