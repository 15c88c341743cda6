//! The data that a starter pack's stack lists, before its account is closed.

use phonehome_closing::{Holder, Retained};
use phonehome_stacks::ResourceNote;
use phonehome_starter_pack::{STACK_NAME, data};

/// What of a stack's resources holds data.
pub(crate) fn retained(resources: &[ResourceNote]) -> Vec<Retained> {
    let held = resources.iter().filter_map(|resource| Some((resource, data(&resource.resource_type)?)));
    let retained = held.map(|(resource, what)| Retained {
        id: resource.physical_id.clone().unwrap_or_else(|| resource.logical_id.clone()),
        what: what.to_owned(),
        holder: Holder::Stack(STACK_NAME.to_owned()),
    });
    retained.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(resource_type: &str, physical_id: Option<&str>) -> ResourceNote {
        let (logical_id, says) = ("It".to_owned(), "CREATE_COMPLETE".to_owned());
        let physical_id = physical_id.map(str::to_owned);
        ResourceNote { logical_id, resource_type: resource_type.to_owned(), physical_id, says }
    }

    #[test]
    fn buckets_tables_keys_and_what_nobody_knows_are_data_and_roles_and_policies_are_not() {
        let kinds = [
            ("AWS::S3::Bucket", Some("bucket")),
            ("AWS::DynamoDB::Table", Some("table")),
            ("AWS::KMS::Key", Some("key")),
            ("AWS::SecretsManager::Secret", Some("secret")),
            ("AWS::RDS::DBInstance", Some("resource")),
            ("AWS::S3::BucketPolicy", None),
            ("AWS::KMS::Alias", None),
            ("AWS::IAM::Role", None),
            ("AWS::IAM::OIDCProvider", None),
        ];
        for (kind, what) in kinds {
            let found = retained(&[note(kind, Some("its-id"))]);
            let expected = what.map(|what| ("its-id", what));
            assert_eq!(found.first().map(|it| (it.id.as_str(), it.what.as_str())), expected, "{kind}");
        }
        assert_eq!(retained(&[note("AWS::S3::Bucket", None)])[0].id, "It");
    }
}
