//! Inventories in files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use phonehome_lab::Inventories;
use phonehome_wire::StackId;

/// A folder with a file `ACCOUNT.REGION.json` for each inventory, or one file with all of them by account and Region.
#[derive(Debug)]
pub struct Files {
    path: PathBuf,
    known: Option<Inventories>,
}

impl Files {
    /// What is at a path, which need not be there yet.
    pub fn at(path: PathBuf) -> Self {
        Self { path, known: None }
    }

    /// All inventories, when they are others than at the last look.
    ///
    /// # Errors
    /// When a file cannot be read, or is no inventory. It may be half written: what was known stays.
    pub(crate) fn look(&mut self) -> Result<Option<Inventories>> {
        let found = if self.path.is_dir() { folder(&self.path)? } else { file(&self.path)? };
        if self.known.as_ref() == Some(&found) {
            return Ok(None);
        }
        self.known = Some(found.clone());
        Ok(Some(found))
    }
}

fn folder(path: &Path) -> Result<Inventories> {
    let mut inventories = Inventories::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        if let Some(stack) = stack(&path) {
            inventories.insert(stack, file(&path)?);
        }
    }
    Ok(inventories)
}

/// Whose inventory a file is: `111122223333.us-east-1.json`. Other files are nobody's.
fn stack(path: &Path) -> Option<StackId> {
    let name = path.file_name()?.to_str()?.strip_suffix(".json")?;
    let (account, region) = name.split_once('.')?;
    Some(StackId { account: account.parse().ok()?, region: region.parse().ok()? })
}

fn file<T: for<'de> serde::Deserialize<'de>>(path: &Path) -> Result<T> {
    let text = std::fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| format!("{} holds no inventory", path.display()))
}
