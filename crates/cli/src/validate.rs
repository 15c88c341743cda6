//! `phonehome validate`.

use std::path::Path;

use phonehome_fleet::Fleet;
use serde_json::json;

use crate::Format;
use crate::output::{Failure, json as to_json, read};

/// Checks the file and says what it declares.
pub(crate) fn run(path: &Path, format: Format) -> Result<String, Failure> {
    let fleet = load(path, format)?.1;
    let members = fleet.members().len();
    Ok(match format {
        Format::Json => to_json(&json!({"valid": true, "accounts": members, "errors": []}))?,
        Format::Text => format!(
            "{}: valid. {members} accounts in {} domains, {} connections and {} isolations declared.\n",
            path.display(),
            fleet.domains.len(),
            fleet.connections.len(),
            fleet.isolations.len(),
        ),
    })
}

/// The file's text and what it says, or every error in it.
pub(crate) fn load(path: &Path, format: Format) -> Result<(String, Fleet), Failure> {
    let text = read(path)?;
    match phonehome_fleet::parse(&text) {
        Ok(fleet) => Ok((text, fleet)),
        Err(errors) => {
            let text = match format {
                Format::Json => to_json(&json!({"valid": false, "errors": errors}))?,
                Format::Text => errors.render(&path.display().to_string()),
            };
            Err(Failure { text, input: true })
        }
    }
}
