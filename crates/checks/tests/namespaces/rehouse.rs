//! Runs a test once more, inside namespaces of its own.

use std::process::{Command, ExitStatus, Output};

/// What a test is told when it runs inside.
const INSIDE: &str = "PHONEHOME_INSIDE_NAMESPACES";
/// What a test's process ends with when it came to its end inside: libtest ends with 0 also where it found no
/// test of that name.
const PASSED: i32 = 42;

/// The user, network, mount and process namespaces of one test: nothing outlives it.
const UNSHARE: [&str; 5] = ["-Urnm", "--fork", "--kill-child", "--pid", "--mount-proc"];

const HOW_TO_GET_THEM: &str = "\
    `ip` is in the package iproute2, `unshare` in util-linux. Ubuntu forbids user namespaces until \
    `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, Docker until \
    `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`. \
    PHONEHOME_NO_NAMESPACES=1 leaves these tests out";

/// Runs `test`, which is the body of the test that calls this, inside namespaces of its own.
pub(crate) fn inside_namespaces<F: FnOnce()>(test: F) {
    if std::env::var_os(INSIDE).is_some() {
        test();
        std::process::exit(PASSED);
    }
    if let Err(reason) = available() {
        return leave_out(&reason);
    }
    let name = name_of::<F>();
    let program = std::env::current_exe().expect("a test knows its own file");
    let output = unshare(&[&program.to_string_lossy(), "--exact", name, "--nocapture"]);
    let output = output.expect("it could be started a moment ago");
    assert_eq!(
        output.status.code(),
        Some(PASSED),
        "{name}, inside:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The name that libtest knows the test by: that of the function in which the closure was written, without the
/// crate's.
fn name_of<F>() -> &'static str {
    let name = std::any::type_name::<F>();
    let name = name.split_once("::").map_or(name, |(_, rest)| rest);
    name.trim_end_matches("::{{closure}}")
}

fn unshare(command: &[&str]) -> std::io::Result<Output> {
    Command::new("unshare").args(UNSHARE).args(command).env(INSIDE, "1").output()
}

/// Whether namespaces can be made here, and a network in them.
fn available() -> Result<(), String> {
    let output = unshare(&["ip", "link", "set", "lo", "up"]).map_err(|error| format!("unshare: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    output.status.success().then_some(()).ok_or_else(|| failure(output.status, &said))
}

fn failure(status: ExitStatus, said: &str) -> String {
    format!("unshare {} ip link set lo up: {status}: {}", UNSHARE.join(" "), said.trim())
}

fn leave_out(reason: &str) {
    let is_set = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    let text = format!("no network namespaces here: {reason}. {HOW_TO_GET_THEM}");
    assert!(!is_set("CI", "true") || is_set("PHONEHOME_NO_NAMESPACES", "1"), "{text}");
    eprintln!("LEFT OUT, {text}");
}
