//! Programs at work beside what else is done.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command};

use anyhow::{Context, Result, ensure};

use crate::project::{Project, shown};

/// A program at work. What it says is shown when it is waited for: lines of two programs in turn would be read by nobody.
pub(crate) struct Beside {
    child: Child,
    command: String,
    log: PathBuf,
}

impl Beside {
    /// Starts it; `target/<name>.log` takes what it says.
    pub(crate) fn begin(project: &Project, name: &str, mut command: Command) -> Result<Self> {
        let folder = project.path("target");
        let log = folder.join(name).with_extension("log");
        let out = fs::create_dir_all(folder).and_then(|()| File::create(&log));
        let out = out.with_context(|| format!("cannot write {}", log.display()))?;
        let command_line = shown(&command);
        let child = command.stdout(out.try_clone()?).stderr(out).spawn();
        let child = child.with_context(|| format!("cannot start {command_line}"))?;
        Ok(Self { child, command: command_line, log })
    }

    /// Waits for its end, and shows what it said. It has to succeed.
    pub(crate) fn end(mut self) -> Result<()> {
        let status = self.child.wait()?;
        let said = fs::read(&self.log).with_context(|| format!("cannot read {}", self.log.display()))?;
        println!("\n{}\n{}", self.command, String::from_utf8_lossy(&said));
        ensure!(status.success(), "{}: {status}", self.command);
        Ok(())
    }
}

/// Where something else has failed before it was waited for.
impl Drop for Beside {
    fn drop(&mut self) {
        // Of one that has ended nothing is left to be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
