//! `phonehome validate`.

use std::path::Path;

use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_fleet::limits::FILE_BYTES_MAX;
use phonehome_fleet::{Checked, Diagnostics, Fleet, check_with, decode};
use phonehome_starter_pack::{TEMPLATE_BYTES_MAX, oversized};
use phonehome_state::{loopback_targets, text_fits};
use phonehome_text::count;
use serde_json::json;

use crate::authorities::{self, Authorities};
use crate::output::Format;
use crate::output::{Failure, json as to_json, read_bytes};

/// Checks the file and says what it declares, and what in it is hardly meant.
pub(crate) fn run(path: &Path, format: Format) -> Result<String, Failure> {
    let Loaded { fleet, warnings, authorities, .. } = load(path, format)?;
    let members = fleet.members().len();
    let more: &[String] = authorities.as_ref().map(|it| it.warnings.as_slice()).unwrap_or_default();
    Ok(match format {
        Format::Json => to_json(&json!({
            "valid": true, "accounts": members, "errors": [], "warnings": warnings,
            "warnings_of_authorities": more,
        }))?,
        Format::Text => format!(
            "{}{}{}: valid. {} in {}, {} and {} declared.{}\n",
            warnings.render(&path.display().to_string()),
            more.iter().map(|warning| format!("warning: {warning}\n")).collect::<String>(),
            path.display(),
            count(members, "account"),
            count(fleet.domains.len(), "domain"),
            count(fleet.connections.len(), "connection"),
            count(fleet.isolations.len(), "isolation"),
            at_once(&fleet),
        ),
    })
}

/// What is to be known of a file that declares no waves.
fn at_once(fleet: &Fleet) -> &'static str {
    match fleet.rollout {
        Some(_) => "",
        None => " Every account gets a change at once: it has no `rollout`.",
    }
}

/// A fleet file that could be published.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) text: String,
    pub(crate) fleet: Fleet,
    /// What in it is hardly meant.
    warnings: Diagnostics,
    /// The certificate authorities that it names.
    pub(crate) authorities: Option<Authorities>,
}

impl Loaded {
    /// The certificate authorities that it names, as PEM.
    pub(crate) fn authorities_pem(&self) -> Option<String> {
        self.authorities.as_ref().map(|authorities| authorities.pem.clone())
    }
}

/// The file's text and what it says with the authorities that it names, or every error in it.
pub(crate) fn load(path: &Path, format: Format) -> Result<Loaded, Failure> {
    let bytes = read_bytes(path, FILE_BYTES_MAX)?;
    let read =
        decode(&bytes).and_then(|text| check_with(&text, loopback_targets()).map(|checked| (text, checked)));
    let (text, Checked { fleet, warnings }) = read.map_err(|errors| invalid(path, format, &errors))?;
    let now_s = i64::try_from(SystemClock.now_ms() / 1000).unwrap_or(i64::MAX);
    let loaded = Loaded { authorities: authorities::load(path, &fleet, now_s)?, text, fleet, warnings };
    packs_fit(&loaded.fleet)?;
    text_fits(&loaded.text, loaded.authorities_pem().as_deref()).map_err(Failure::input)?;
    Ok(loaded)
}

/// CloudFormation takes the template of each starter pack.
fn packs_fit(fleet: &Fleet) -> Result<(), Failure> {
    let Some((member, region, bytes)) = oversized(fleet) else { return Ok(()) };
    let line = member.line();
    Err(Failure::input(format!(
        "the starter pack of {line} in {region} would be a template of {bytes} bytes, and CloudFormation takes \
         {TEMPLATE_BYTES_MAX}: declare fewer roles, or fewer repositories, policies and trusted roles of each"
    )))
}

fn invalid(path: &Path, format: Format, errors: &Diagnostics) -> Failure {
    let text = match format {
        Format::Json => to_json(&json!({"valid": false, "errors": errors, "more_errors": errors.more()})),
        Format::Text => Ok(errors.render(&path.display().to_string())),
    };
    text.map_or_else(|failure| failure, |text| Failure { text, input: true })
}
