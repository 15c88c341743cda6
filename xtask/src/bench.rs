//! `cargo xtask bench NAME`: builds what the benchmark needs, then runs it.

use anyhow::Result;

use crate::project::{self, Project};
use crate::steps::Steps;
use crate::venv;

/// What can be measured, with peers in the same run where there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Benchmark {
    /// Takes in results and decides
    Alerting,
    /// Plans, rolls out and sweeps a whole fleet
    Fleet,
    /// Breaks simulated networks and counts what is found
    Localisation,
    /// Runs checks
    Probe,
    /// Makes and verifies networks
    Provision,
    /// Reads fleet files
    Validate,
    /// Makes accounts within the limits of Organizations, and dies at each call
    Vending,
}

/// Runs one benchmark; `arguments` go to it as they are.
pub(crate) fn run(project: &Project, benchmark: Benchmark, arguments: &[String]) -> Result<()> {
    match benchmark {
        Benchmark::Probe => probe(project, arguments),
        Benchmark::Alerting => alone(project, "alerting", arguments),
        Benchmark::Fleet => alone(project, "fleet", arguments),
        Benchmark::Localisation => alone(project, "localisation", arguments),
        Benchmark::Vending => alone(project, "vending", arguments),
        Benchmark::Provision => beside_moto(project, "provision", arguments),
        Benchmark::Validate => beside_moto(project, "validate", arguments),
    }
}

/// These benchmarks have moto beside them.
fn beside_moto(project: &Project, name: &str, arguments: &[String]) -> Result<()> {
    let mut steps = Steps::new(3);
    steps.run("moto", || venv::ensure(project, venv::MOTO))?;
    steps.run("the benchmark", || project.build())?;
    steps.run(name, || {
        let mut bench = project.command(project.binary("bench"), [name]);
        bench.args(arguments).env("PHONEHOME_CLOUD", "local").env("AWS_EC2_METADATA_DISABLED", "true");
        project::run(&mut bench)
    })
}

/// The probe's benchmark needs neither moto nor the AWS SDKs.
fn probe(project: &Project, arguments: &[String]) -> Result<()> {
    let mut steps = Steps::new(3);
    steps.run("the benchmark", || {
        project::run(&mut project.cargo(["build", "--release", "--package", "phonehome-bench-probe"]))
    })?;
    // By itself, as it is packaged: beside others it would have what they ask of the crates that it shares
    // with them. The example is the function that it is compared with.
    steps.run("the probe", || {
        let build = ["build", "--release", "--package", "phonehome-probe", "--bins", "--examples"];
        project::run(&mut project.cargo(build))
    })?;
    steps.run("probe", || project::run(&mut project.command(project.binary("bench-probe"), arguments)))
}

/// These benchmarks need nothing but themselves.
fn alone(project: &Project, name: &str, arguments: &[String]) -> Result<()> {
    let mut steps = Steps::new(2);
    let package = format!("phonehome-bench-{name}");
    steps.run("the benchmark", || {
        project::run(&mut project.cargo(["build", "--release", "--package", &package]))
    })?;
    steps.run(name, || {
        let program = project.binary(&format!("bench-{name}"));
        project::run(&mut project.command(program, arguments))
    })
}
