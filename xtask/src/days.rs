//! The simulated days of `cargo xtask ci`: played beside the tests, which wait more than they work.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command};

use anyhow::{Context, Result, ensure};

use crate::project::Project;

/// How many seeds; 200 days are some seven minutes of one core.
const SEEDS: &str = "200";

/// `simulate` at work. It ends with this.
pub(crate) struct Days {
    child: Child,
    log: PathBuf,
}

impl Days {
    /// Begins, and takes no core from whoever else wants one.
    pub(crate) fn begin(project: &Project) -> Result<Self> {
        let log = project.path("target/simulated-days.log");
        let out = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(project.binary("simulate")).args(["--seeds", SEEDS, "--threads", "2"]);
        let child = command.stdout(out.try_clone()?).stderr(out).spawn().context("cannot start simulate")?;
        Ok(Self { child, log })
    }

    /// Waits for the last day. Each day has to be told rightly.
    pub(crate) fn end(mut self) -> Result<()> {
        let status = self.child.wait()?;
        let said = fs::read_to_string(&self.log)?;
        println!("{said}");
        ensure!(status.success(), "simulate --seeds {SEEDS}: {status}");
        Ok(())
    }
}

impl Drop for Days {
    fn drop(&mut self) {
        // Of one that has ended nothing is left to be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
