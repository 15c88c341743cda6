//! The project's own Python environments: `.venv/<name>`, made from
//! `xtask/requirements/<name>.txt` by `cargo xtask demo` and `cargo xtask test`, and by nothing else.

use std::path::{Path, PathBuf};

/// The interpreter of an environment, whether or not it has been made.
#[must_use]
pub fn python(repository: &Path, name: &str) -> PathBuf {
    repository.join(".venv").join(name).join("bin/python")
}
