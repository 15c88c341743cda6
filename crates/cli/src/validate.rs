//! `phonehome validate`.

use std::path::Path;

use phonehome_fleet::limits::FILE_BYTES_MAX;
use phonehome_fleet::{Checked, Diagnostics, Fleet, check_with, decode};
use phonehome_state::{loopback_targets, text_fits};
use phonehome_text::count;
use serde_json::json;

use crate::output::Format;
use crate::output::{Failure, json as to_json, read_bytes};

/// Checks the file and says what it declares, and what in it is hardly meant.
pub(crate) fn run(path: &Path, format: Format) -> Result<String, Failure> {
    let (_, Checked { fleet, warnings }) = checked(path, format)?;
    let members = fleet.members().len();
    Ok(match format {
        Format::Json => {
            to_json(&json!({"valid": true, "accounts": members, "errors": [], "warnings": warnings}))?
        }
        Format::Text => format!(
            "{}{}: valid. {} in {}, {} and {} declared.\n",
            warnings.render(&path.display().to_string()),
            path.display(),
            count(members, "account"),
            count(fleet.domains.len(), "domain"),
            count(fleet.connections.len(), "connection"),
            count(fleet.isolations.len(), "isolation"),
        ),
    })
}

/// The file's text and what it says, or every error in it.
pub(crate) fn load(path: &Path, format: Format) -> Result<(String, Fleet), Failure> {
    checked(path, format).map(|(text, checked)| (text, checked.fleet))
}

fn checked(path: &Path, format: Format) -> Result<(String, Checked), Failure> {
    let bytes = read_bytes(path, FILE_BYTES_MAX)?;
    let read =
        decode(&bytes).and_then(|text| check_with(&text, loopback_targets()).map(|checked| (text, checked)));
    let (text, checked) = read.map_err(|errors| invalid(path, format, &errors))?;
    text_fits(&text).map_err(Failure::input)?;
    Ok((text, checked))
}

fn invalid(path: &Path, format: Format, errors: &Diagnostics) -> Failure {
    let text = match format {
        Format::Json => to_json(&json!({"valid": false, "errors": errors, "more_errors": errors.more()})),
        Format::Text => Ok(errors.render(&path.display().to_string())),
    };
    text.map_or_else(|failure| failure, |text| Failure { text, input: true })
}
