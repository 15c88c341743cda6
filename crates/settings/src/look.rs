//! Looks at one setting: at most five calls.

use phonehome_cloud::{Class, CloudError};

use crate::api::SettingsApi;
use crate::auto_scaling::{auto_scaling_role, lacking};
use crate::key::{Key, Unfit};
use crate::problem::said;
use crate::seen::{DefaultKey, Seen};
use crate::setting::Setting;

/// How EC2 shows AWS's own key, alone or at the end of an ARN.
const AWS_KEY: &str = "alias/aws/ebs";

/// What a setting is. `alias`: of the key that is declared; `ours`: those that phonehome chose.
pub(crate) async fn look(
    api: &impl SettingsApi,
    setting: Setting,
    alias: Option<&str>,
    ours: &[String],
) -> Result<Seen, CloudError> {
    match setting {
        Setting::PublicAccess => Ok(Seen::PublicAccess(api.public_access().await?)),
        Setting::Encryption => encryption(api).await,
        Setting::EncryptionKey => key(api, alias.unwrap_or_default(), ours).await,
        Setting::MetadataTokens => Ok(Seen::MetadataTokens(api.metadata_defaults().await?)),
    }
}

/// Encrypting by default begins with the key that is the default: one that the account has chosen is looked at before.
async fn encryption(api: &impl SettingsApi) -> Result<Seen, CloudError> {
    if api.is_encrypted().await? {
        return Ok(Seen::Encryption { is_on: true, unfit: None });
    }
    let default = api.default_key().await?;
    let unfit = match default.ends_with(AWS_KEY) {
        true => None,
        false => match described(api, &default).await? {
            Ok(key) if key.is_aws => None,
            Ok(key) => unfit(api, &key).await?,
            Err(unfit) => Some(unfit),
        },
    };
    Ok(Seen::Encryption { is_on: false, unfit })
}

async fn key(api: &impl SettingsApi, alias: &str, ours: &[String]) -> Result<Seen, CloudError> {
    let shown = api.default_key().await?;
    let wanted = described(api, alias).await?;
    let is_wanted = |arn: &str| wanted.as_ref().is_ok_and(|wanted| wanted.arn == arn);
    let default = match shown {
        shown if shown.ends_with(AWS_KEY) => DefaultKey::Aws,
        shown if ours.contains(&shown) => DefaultKey::Ours(shown),
        shown if is_wanted(&shown) => DefaultKey::Theirs(shown),
        // AWS's own may be shown by its ARN. Of one that cannot be described, somebody chose it.
        shown => match described(api, &shown).await? {
            Ok(key) if key.is_aws => DefaultKey::Aws,
            Ok(key) => DefaultKey::Theirs(key.arn),
            Err(_) => DefaultKey::Theirs(shown),
        },
    };
    let is_in_use =
        |key: &Key| matches!(&default, DefaultKey::Ours(now) | DefaultKey::Theirs(now) if *now == key.arn);
    let wanted = match wanted {
        Ok(key) if is_in_use(&key) || matches!(default, DefaultKey::Theirs(_)) => Ok(key.arn),
        Ok(key) => match unfit(api, &key).await? {
            Some(unfit) => Err(unfit),
            None => Ok(key.arn),
        },
        Err(unfit) => Err(unfit),
    };
    Ok(Seen::EncryptionKey { default, wanted })
}

/// A key; or why nothing can be said of it.
async fn described(api: &impl SettingsApi, id: &str) -> Result<Result<Key, Unfit>, CloudError> {
    match api.key(id).await {
        Ok(Some(key)) => Ok(Ok(key)),
        Ok(None) => Ok(Err(Unfit::Missing { alias: id.to_owned() })),
        Err(error) => unreadable(id, error).map(Err),
    }
}

/// Why a key of the account's own would keep instances from starting; `None`: it would not.
async fn unfit(api: &impl SettingsApi, key: &Key) -> Result<Option<Unfit>, CloudError> {
    let Key { arn, state, is_symmetric, .. } = key;
    if state != "Enabled" {
        return Ok(Some(Unfit::NotEnabled { key: arn.clone(), state: state.clone() }));
    }
    if !is_symmetric {
        return Ok(Some(Unfit::NotSymmetric { key: arn.clone() }));
    }
    let role = auto_scaling_role(arn).unwrap_or_default();
    let policy = match api.key_policy(arn).await {
        Ok(policy) => policy,
        Err(error) => return unreadable(arn, error).map(Some),
    };
    let grants = match api.grants(arn, &role).await {
        Ok(grants) => grants,
        Err(error) => return unreadable(arn, error).map(Some),
    };
    let lacking = lacking(arn, &role, &policy, &grants);
    let is_lacking = !lacking.is_empty();
    Ok(is_lacking.then(|| Unfit::AutoScaling { key: arn.clone(), role, lacking }))
}

fn unreadable(key: &str, error: CloudError) -> Result<Unfit, CloudError> {
    match error.class() {
        Class::Denied | Class::Invalid => {
            let (operation, said) = (error.operation, said(&error));
            Ok(Unfit::Unreadable { key: key.to_owned(), operation, said })
        }
        _ => Err(error),
    }
}
