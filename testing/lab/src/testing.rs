//! Tests that need namespaces of their own.

use anyhow::Result;

use crate::{available, is_inside, run_inside};

/// What a test's process ends with when it came to its end inside: libtest ends with 0 also where it found no test
/// of that name.
const PASSED: i32 = 42;

/// Whether a test cannot run here, for what `can` says. Says why. With `CI=true` that is a failure, unless
/// `PHONEHOME_NO_NAMESPACES=1` says that it is known.
///
/// # Panics
/// When that is a failure.
pub fn is_left_out(can: Result<()>) -> bool {
    let Err(error) = can else { return false };
    let is_set = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    assert!(!is_set("CI", "true") || is_set("PHONEHOME_NO_NAMESPACES", "1"), "{error:#}");
    eprintln!("LEFT OUT, {error:#}");
    true
}

/// Runs `test`, which is the body of the test of that name, with its modules, inside namespaces of its own.
///
/// # Panics
/// When it fails there; with what it said.
pub fn run_test(name: &str, test: impl FnOnce()) {
    if is_inside() {
        test();
        std::process::exit(PASSED);
    }
    if is_left_out(available()) {
        return;
    }
    let program = std::env::current_exe().expect("a test's process knows its program");
    let output = run_inside(&[&program.to_string_lossy(), "--exact", name, "--nocapture"]);
    let output = output.expect("namespaces were available");
    let [said, complained] =
        [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    assert_eq!(output.status.code(), Some(PASSED), "{name}, inside:\n{said}{complained}");
    println!("{said}");
}
