//! A fleet file that is drafted of the accounts there are.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use phonehome_accounts::{Survey, survey};
use phonehome_aws::{Session, caller_arn, sdk};
use phonehome_onboarding::{Organization, draft};
use phonehome_wire::{AccountId, Region};
use serde_json::json;

use crate::output::{Failure, Format, json as to_json};

/// Drafts it into `path`, where nothing may be yet, or with `-` to standard output.
pub(super) async fn run(path: &Path, format: Format) -> Result<String, Failure> {
    let to_stdout = path == Path::new("-");
    // Before the organization is asked, which takes a while.
    if !to_stdout && path.symlink_metadata().is_ok() {
        return Err(is_there(path));
    }
    let session = sdk::connect().await.map_err(Failure::other)?;
    let (text, accounts) = drafted(&session).await?;
    if to_stdout {
        return Ok(text);
    }
    store(path, &text)?;
    match format {
        Format::Json => to_json(&json!({"drafted": path.display().to_string(), "accounts": accounts})),
        Format::Text => Ok(format!(
            "{}: drafted of {accounts} accounts. It is a proposal: read what stands at its beginning, then `phonehome validate \
             --fleet {}`.\n",
            path.display(),
            path.display()
        )),
    }
}

/// The text, and of how many accounts it is.
async fn drafted(session: &Session) -> Result<(String, usize), Failure> {
    let region = session.region().ok_or_else(|| {
        Failure::input("no Region is set, in which the accounts' networks are to be: set AWS_REGION")
    })?;
    let region: Region = region.parse().map_err(Failure::input)?;
    let hub = caller(&caller_arn(session).await.map_err(Failure::other)?)?;
    let Survey { accounts, arn, without_units } = survey(session).await.map_err(Failure::other)?;
    let organization = Organization::of(&arn.unwrap_or_default(), hub).map_err(Failure::other)?;
    let without_units = without_units.map(|error| error.to_string());
    let text = draft(&organization, &region, &accounts, without_units.as_deref());
    let text = text.ok_or_else(|| {
        Failure::input(format!(
            "nobody knows how the zones of {region} are called: begin with a copy of fleet.example.yaml"
        ))
    })?;
    Ok((text, accounts.len()))
}

/// The account of a caller, by its ARN: `arn:aws:sts::222222222222:assumed-role/phonehome-operator/ada`.
fn caller(arn: &str) -> Result<AccountId, Failure> {
    let account = arn.split(':').nth(4).and_then(|id| id.parse().ok());
    account
        .ok_or_else(|| Failure::other(format!("{arn:?} does not say of which account these credentials are")))
}

/// Writes a file that must not be there.
fn store(path: &Path, text: &str) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => is_there(path),
        _ => Failure::other(format!("{}: {error}", path.display())),
    })
}

fn is_there(path: &Path) -> Failure {
    Failure::input(format!(
        "{} is there already, and nothing is written over it: name another file, or `-`. Which account each of its lines \
         is says `phonehome init --fleet {}`",
        path.display(),
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_over_a_file_that_is_there_also_where_it_comes_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.yaml");
        store(&path, "version: 1\n").unwrap();
        let refused = store(&path, "other").unwrap_err();
        assert!(refused.input && refused.text.contains("is there already"), "{}", refused.text);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "version: 1\n");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let refused = runtime.block_on(run(&path, Format::Text)).unwrap_err();
        assert!(refused.input && refused.text.contains("is there already"), "{}", refused.text);
        assert!(store(&folder.path().join("none/fleet.yaml"), "").is_err());
    }

    #[test]
    fn the_callers_account_is_the_hubs() {
        for arn in ["arn:aws:sts::222222222222:assumed-role/x/ada", "arn:aws:iam::222222222222:root"] {
            assert_eq!(caller(arn).unwrap(), "222222222222");
        }
        assert!(caller("unknown").is_err());
    }
}
