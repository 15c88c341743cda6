//! Files that make a shell somebody of the local cloud: `. operator.env`.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::local_cloud::{HUB_ACCOUNT, LocalCloud, MANAGEMENT_ACCOUNT, OPERATOR_ROLE, REGION, VIEWER_ROLE};
use crate::{Account, Job, Place};

/// The role that AWS makes in each new account; trusts the management account.
const ACCESS_ROLE: &str = "OrganizationAccountAccessRole";
/// Who works in member accounts: the session's name, as single sign-on gives it.
const YOU: &str = "you@example.com";
/// By what the AWS CLI and SDKs know who somebody is: keys, or a token and the role that it is for.
const KEYS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
const BY_TOKEN: [&str; 3] = ["AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE"];

impl LocalCloud {
    /// Writes `NAME.env` into a folder: `operator`, `viewer`, `hub` and `management` (the two accounts' root),
    /// and the administrator of each member account, by its name. Sessions last an hour: write them again
    /// before it is over.
    ///
    /// # Errors
    /// A file cannot be written, or the emulator does not answer.
    pub async fn write_shell_files(&self, folder: &Path) -> Result<()> {
        let hub = Self::hub_place();
        for (name, role) in [("operator", OPERATOR_ROLE), ("viewer", VIEWER_ROLE)] {
            let session = self.control.credentials_of(&hub, role, HUB_ACCOUNT, YOU).await?;
            self.write_shell_file(folder, name, &hub, session)?;
        }
        for (name, account) in [("hub", HUB_ACCOUNT), ("management", MANAGEMENT_ACCOUNT)] {
            self.write_shell_file(folder, name, &Place::new(account, REGION), BTreeMap::new())?;
        }
        let accounts = self.control.accounts().await?;
        for account in
            accounts.iter().filter(|it| ![HUB_ACCOUNT, MANAGEMENT_ACCOUNT].contains(&it.id.as_str()))
        {
            let place = Place::new(&account.id, REGION);
            // One that was made with another role's name has root alone.
            let session = self.control.credentials_of(&place, ACCESS_ROLE, MANAGEMENT_ACCOUNT, YOU).await;
            self.write_shell_file(
                folder,
                &file_name(account, &accounts),
                &place,
                session.unwrap_or_default(),
            )?;
        }
        Ok(())
    }

    /// Writes `NAME.env` and `NAME.token`: a shell that has no key, as a job of a workflow, and gets the role by its token, by
    /// which the AWS CLI and boto3 ask for it themselves. Tokens are good for five minutes: write them again before.
    ///
    /// # Errors
    /// A file cannot be written, or the emulator does not answer.
    pub async fn write_job_files(
        &self,
        folder: &Path,
        name: &str,
        (place, role): (&Place, &str),
        (job, forgery): (&Job, Option<&str>),
    ) -> Result<()> {
        let token = folder.join(format!("{name}.token"));
        replace(&token, &self.control.job_token(job, forgery).await?)?;
        let mut environment = self.emulator.environment(place);
        environment.retain(|name, _| !KEYS.contains(&name.as_str()));
        environment.extend([
            ("AWS_ROLE_ARN".to_owned(), format!("arn:aws:iam::{}:role/{role}", place.account)),
            ("AWS_ROLE_SESSION_NAME".to_owned(), "deploy".to_owned()),
            ("AWS_WEB_IDENTITY_TOKEN_FILE".to_owned(), token.display().to_string()),
        ]);
        self.write_environment(folder, name, &environment)
    }

    fn write_shell_file(
        &self,
        folder: &Path,
        name: &str,
        place: &Place,
        session: BTreeMap<String, String>,
    ) -> Result<()> {
        let mut environment = self.emulator.environment(place);
        environment.extend(session);
        self.write_environment(folder, name, &environment)
    }

    fn write_environment(
        &self,
        folder: &Path,
        name: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<()> {
        let command = self.phonehome_binary()?;
        let text = exports(environment, command.parent().unwrap_or(Path::new("/")));
        replace(&shell_file(folder, name), &text)
    }
}

/// As a whole: somebody may be reading it.
fn replace(file: &Path, text: &str) -> Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, text).with_context(|| format!("writing {}", new.display()))?;
    std::fs::set_permissions(&new, Permissions::from_mode(0o600))?;
    std::fs::rename(&new, file).with_context(|| format!("writing {}", file.display()))
}

/// Where the file of this name is.
#[must_use]
pub fn shell_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.env"))
}

/// An account's name, where it is one that a shell takes as it is and nobody else has; else its id.
#[must_use]
pub fn file_name(account: &Account, accounts: &[Account]) -> String {
    let reserved = ["operator", "viewer", "hub", "management", "job", "forged"];
    let is_plain = |name: &str| name.chars().all(|it| it.is_ascii_alphanumeric() || "-_".contains(it));
    let namesakes = accounts.iter().filter(|other| other.name.eq_ignore_ascii_case(&account.name)).count();
    let name = account.name.to_ascii_lowercase();
    let is_free =
        is_plain(&name) && !name.starts_with('-') && namesakes == 1 && !reserved.contains(&name.as_str());
    if is_free && !name.is_empty() { account.name.clone() } else { account.id.clone() }
}

/// As lines for a shell. What the person's own shell says of AWS has no say: it would lead elsewhere.
fn exports(environment: &BTreeMap<String, String>, commands: &Path) -> String {
    let mut text = format!("unset AWS_PROFILE {} {}\n", KEYS.join(" "), BY_TOKEN.join(" "));
    for (name, value) in environment {
        text.push_str(&format!("export {name}={}\n", quoted(value)));
    }
    text.push_str("export AWS_PAGER=\n");
    text.push_str(&format!("export PATH={}:\"$PATH\"\n", quoted(&commands.display().to_string())));
    text
}

/// A word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str, name: &str) -> Account {
        Account { id: id.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_file_has_the_accounts_name_only_where_that_is_plain_and_nobody_elses() {
        let names = ["shop-dev", "Twin", "twin", "operator", "../../etc/x", "-rf", "a b", ""];
        let accounts: Vec<Account> =
            names.iter().enumerate().map(|(number, name)| account(&format!("{number:012}"), name)).collect();
        let files: Vec<String> = accounts.iter().map(|it| file_name(it, &accounts)).collect();
        assert_eq!(files[0], "shop-dev");
        let by_id: Vec<&String> = accounts[1..].iter().map(|it| &it.id).collect();
        assert_eq!(files[1..].iter().collect::<Vec<_>>(), by_id);
    }

    #[test]
    fn a_shell_takes_the_values_as_they_are() {
        let values = BTreeMap::from([("A".to_owned(), "it's $HOME `x` \\".to_owned())]);
        let script = format!("{}printf %s \"$A\"", exports(&values, Path::new("/no such/folder")));
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), values["A"]);
    }
}
