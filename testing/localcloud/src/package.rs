//! What `cargo lambda build --output-format zip` makes: the package of a function.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Writes the package of a function to `zip`: the binary as the executable `bootstrap`, and the
/// extra files under the names they are given with. The same content always makes the same bytes,
/// so that nothing is deployed again without reason.
///
/// # Errors
/// A file cannot be read or written.
pub fn package(binary: &Path, extra: &[(&str, &Path)], zip: &Path) -> Result<()> {
    if let Some(folder) = zip.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let file = File::create(zip).with_context(|| format!("writing {}", zip.display()))?;
    let mut archive = ZipWriter::new(BufWriter::new(file));
    add(&mut archive, "bootstrap", binary, 0o755)?;
    for (name, path) in extra {
        add(&mut archive, name, path, 0o644)?;
    }
    archive.finish()?.flush()?;
    Ok(())
}

/// A release binary of the project, which has to be built.
pub(crate) fn release_binary(repository: &Path, name: &str) -> Result<PathBuf> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository.join("target"), PathBuf::from);
    let path = target.join("release").join(name);
    ensure!(path.exists(), "{} is not built: run `cargo xtask demo` or `cargo xtask test`", path.display());
    Ok(path)
}

fn add(archive: &mut ZipWriter<BufWriter<File>>, name: &str, path: &Path, mode: u32) -> Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(mode);
    let mut file = File::open(path).with_context(|| format!("reading {}", path.display()))?;
    archive.start_file(name, options)?;
    std::io::copy(&mut file, archive)?;
    Ok(())
}

/// This machine's architecture in Lambda's words: the local cloud runs what was built for here.
pub(crate) fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}
