//! What is called the same in every account.

/// The path of all roles and users.
pub(crate) const IDENTITY_PATH: &str = "/phonehome/";
pub(crate) const KEY_ALIAS: &str = "alias/phonehome";
pub(crate) const LOCK_TABLE: &str = "phonehome-state-lock";
/// What S3 copies logs with.
pub(crate) const FORWARDING_ROLE: &str = "phonehome-log-forwarding";
/// What the name of a secret with a machine user's access key begins with.
pub(crate) const SECRET_PREFIX: &str = "phonehome/machine-users/";
/// What follows a bucket's prefix in the account's own namespace.
pub(crate) const BUCKET_SUFFIX: &str = "-${AWS::AccountId}-${AWS::Region}-an";
/// GitHub's identity provider.
pub(crate) const PROVIDER: &str = "token.actions.githubusercontent.com";

/// The partition of a Region, by the beginning of its name
/// (<https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>).
pub(crate) fn partition(region: &str) -> &'static str {
    const OTHERS: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("eusc-", "aws-eusc"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
    ];
    OTHERS
        .iter()
        .find(|(beginning, _)| region.starts_with(beginning))
        .map_or("aws", |(_, partition)| partition)
}
