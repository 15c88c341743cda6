//! Linux namespaces: the lab's own, in which it may do everything and of which nothing outlives it, and the network
//! namespaces that it makes there.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns};

/// What a process is told that runs inside.
const INSIDE: &str = "PHONEHOME_LAB_INSIDE";
/// The user, network, mount and process namespaces of one process. When that ends, however it ends, all that runs in
/// them is killed, and with it goes the network.
const UNSHARE: [&str; 6] = ["unshare", "-Urnm", "--fork", "--kill-child", "--pid", "--mount-proc"];
/// Where the lab keeps its files: in memory, and seen by itself alone.
pub(crate) const FILES: &str = "/run/lab";

const HOW_TO_GET_THEM: &str = "\
    `ip` is in the package iproute2, `nft` in nftables, `unshare` and `setpriv` in util-linux. Ubuntu forbids user \
    namespaces until `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, Docker until \
    `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`; as root, `sudo` does";

/// Whether this process runs inside namespaces of its own.
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs this very program once more with the same arguments, inside, in place of this process. Returns inside
/// at once.
///
/// # Errors
/// When namespaces cannot be had here; it says why, and how to get them.
pub fn enter() -> Result<()> {
    if is_inside() {
        return Ok(());
    }
    available()?;
    let program = std::env::current_exe()?;
    let [unshare, options @ ..] = UNSHARE;
    let error = Command::new(unshare)
        .args(options)
        .arg(program)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .exec();
    Err(anyhow!(error).context("unshare"))
}

/// Runs a program inside, and waits for it. It is killed when the calling thread ends before.
///
/// # Errors
/// When it cannot be started.
pub fn run_inside(program: &[&str]) -> Result<Output> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).args(UNSHARE).args(program).env(INSIDE, "1");
    command.output().context("setpriv")
}

/// Whether namespaces can be made here, with networks and packet filters in them.
///
/// # Errors
/// Says why not, and how to get them.
pub fn available() -> Result<()> {
    let attempt = "ip link set lo up && nft list ruleset";
    let output = run_inside(&["sh", "-c", attempt]);
    let said = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => format!("{error:#}"),
    };
    bail!("no network can be made here: {} sh -c '{attempt}': {said}. {HOW_TO_GET_THEM}", UNSHARE.join(" "))
}

/// Where `ip` keeps names, and the lab its files: outside this is not ours.
pub(crate) fn prepare() -> Result<()> {
    ensure!(is_inside(), "a lab is made inside namespaces of its own: begin with phonehome_lab::enter()");
    if std::fs::exists(FILES)? {
        return Ok(());
    }
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), None::<&str>).context("a tmpfs on /run")?;
    std::fs::create_dir(FILES).context(FILES)
}

/// Calls `work` on a thread of its own that is in the network namespace. Sockets that it opens, and processes that
/// it starts, stay there.
pub(crate) fn inside<T: Send>(namespace: &str, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let path = format!("/run/netns/{namespace}");
            let file = File::open(&path).context(path)?;
            setns(file, CloneFlags::CLONE_NEWNET).with_context(|| format!("entering {namespace}"))?;
            work()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
