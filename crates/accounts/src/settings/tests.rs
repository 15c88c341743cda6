//! What is sent to S3, EC2 and KMS, and how their answers are read.

use phonehome_cloud::Class;
use phonehome_settings::{MetadataDefaults, PublicAccess, SettingsApi as _, Step};
use serde_json::{Value, json};

use super::AwsSettings;
use crate::stand_in::{Texts, always, stand_in};

const KEY: &str = "arn:aws:kms:eu-west-1:111111111111:key/1";
const ROLE: &str =
    "arn:aws:iam::111111111111:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";

async fn answering(status: u16, body: &'static str) -> (AwsSettings, Texts) {
    let (session, requests) = always(status, body).await;
    (AwsSettings::new(&session, &"111111111111".parse().unwrap()), requests)
}

fn last(requests: &Texts) -> String {
    requests.lock().unwrap().last().unwrap().clone()
}

#[tokio::test]
async fn s3_is_asked_for_the_account_and_what_it_leaves_out_is_not_blocked() {
    let some = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
        <IgnorePublicAcls>false</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>";
    let (settings, requests) = answering(200, some).await;
    let seen = settings.public_access().await.unwrap();
    let wanted =
        PublicAccess { block_public_acls: true, block_public_policy: true, ..PublicAccess::default() };
    assert_eq!(seen, wanted);
    let request = last(&requests).to_lowercase();
    assert!(request.starts_with("get /v20180820/configuration/publicaccessblock "), "{request}");
    assert!(
        request.contains("x-amz-account-id: 111111111111") && request.contains("/eu-west-1/s3/aws4_request"),
        "{request}"
    );
    let none = "<ErrorResponse><Error><Code>NoSuchPublicAccessBlockConfiguration</Code><Message>m</Message></Error></ErrorResponse>";
    assert_eq!(answering(404, none).await.0.public_access().await, Ok(PublicAccess::default()));
    let denied =
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
    let error = answering(403, denied).await.0.public_access().await.unwrap_err();
    assert_eq!((error.class(), error.operation), (Class::Denied, "s3:GetAccountPublicAccessBlock"));
}

#[tokio::test]
async fn all_four_of_s3s_settings_are_set_at_once() {
    let (settings, requests) = answering(200, "").await;
    settings.set(&Step::BlockPublicAccess).await.unwrap();
    let request = last(&requests);
    assert!(request.starts_with("PUT /v20180820/configuration/publicAccessBlock "), "{request}");
    for name in ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"] {
        assert!(request.contains(&format!("<{name}>true</{name}>")), "{request}");
    }
}

/// An EC2 that answers this operation with this.
async fn ec2(operation: &str, inner: &str) -> (AwsSettings, Texts) {
    let body = format!("<{operation}Response>{inner}</{operation}Response>");
    answering(200, Box::leak(body.into_boxed_str())).await
}

#[tokio::test]
async fn ec2_is_asked_for_one_thing_at_a_time_and_other_defaults_are_left_out() {
    let on = "<ebsEncryptionByDefault>true</ebsEncryptionByDefault>";
    let (settings, requests) = ec2("GetEbsEncryptionByDefault", on).await;
    assert_eq!(settings.is_encrypted().await, Ok(true));
    assert!(last(&requests).contains("Action=GetEbsEncryptionByDefault&"));
    let (settings, requests) = ec2("EnableEbsEncryptionByDefault", on).await;
    settings.set(&Step::Encrypt).await.unwrap();
    assert!(last(&requests).contains("Action=EnableEbsEncryptionByDefault&"));
    let key = "<kmsKeyId>k</kmsKeyId>";
    assert_eq!(ec2("GetEbsDefaultKmsKeyId", key).await.0.default_key().await.as_deref(), Ok("k"));
    let (settings, requests) = ec2("ModifyEbsDefaultKmsKeyId", key).await;
    settings.set(&Step::SetKey { arn: KEY.to_owned() }).await.unwrap();
    assert!(last(&requests).ends_with("KmsKeyId=arn%3Aaws%3Akms%3Aeu-west-1%3A111111111111%3Akey%2F1"));
    let (settings, requests) = ec2("ModifyInstanceMetadataDefaults", "<return>true</return>").await;
    settings.set(&Step::RequireTokens).await.unwrap();
    let request = last(&requests);
    let asked = "Action=ModifyInstanceMetadataDefaults&Version=2016-11-15&HttpTokens=required";
    assert!(request.ends_with(asked), "{request}");
}

#[tokio::test]
async fn an_answer_without_the_value_is_no_value() {
    let settings = ec2("GetEbsEncryptionByDefault", "").await.0;
    assert_eq!(settings.is_encrypted().await.unwrap_err().class(), Class::Transient);
    let settings = ec2("GetEbsDefaultKmsKeyId", "").await.0;
    assert_eq!(settings.default_key().await.unwrap_err().class(), Class::Transient);
    let settings = ec2("GetInstanceMetadataDefaults", "").await.0;
    assert_eq!(settings.metadata_defaults().await, Ok(MetadataDefaults::default()), "nothing is preferred");
}

#[tokio::test]
async fn of_the_defaults_of_metadata_who_sets_them_is_read() {
    let seen = async |inner: &str| {
        let level = format!("<accountLevel>{inner}</accountLevel>");
        ec2("GetInstanceMetadataDefaults", &level).await.0.metadata_defaults().await.unwrap()
    };
    let managed =
        "<managedBy>declarative-policy</managedBy><managedExceptionMessage>ask us</managedExceptionMessage>";
    let by_policy = seen(&format!("<httpTokens>optional</httpTokens>{managed}")).await;
    assert_eq!((by_policy.tokens.as_deref(), by_policy.by_policy), (Some("optional"), true));
    assert_eq!(by_policy.policy_says.as_deref(), Some("ask us"));
    let own = seen("<httpTokens>required</httpTokens><managedBy>account</managedBy>").await;
    assert_eq!((own.tokens.as_deref(), own.by_policy), (Some("required"), false));
}

fn kms(operation: &str, request: &Value) -> (u16, Value) {
    match (operation, request["Marker"].as_str(), request["KeyId"].as_str()) {
        ("DescribeKey", _, Some("alias/none")) => {
            (400, json!({"__type": "NotFoundException", "message": "m"}))
        }
        ("DescribeKey", _, Some("alias/no")) => {
            (400, json!({"__type": "AccessDeniedException", "message": "m"}))
        }
        ("DescribeKey", ..) => (
            200,
            json!({"KeyMetadata": {"KeyId": "1", "Arn": KEY, "KeyManager": "CUSTOMER", "KeyState": "Enabled",
                "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT"}}),
        ),
        ("GetKeyPolicy", ..) => (200, json!({"Policy": "{\"Statement\": []}"})),
        ("ListGrants", None, _) => (
            200,
            json!({"Truncated": true, "NextMarker": "more", "Grants": [{"Operations": ["Decrypt"],
                "Constraints": {"EncryptionContextSubset": {"a": "b"}}}]}),
        ),
        _ => (
            200,
            json!({"Truncated": true, "NextMarker": "more", "Grants": [{"Operations": ["CreateGrant"]}]}),
        ),
    }
}

#[tokio::test]
async fn a_key_is_described_with_its_policy_and_the_first_grants_of_the_one_role() {
    let (session, requests) = stand_in(kms).await;
    let settings = AwsSettings::new(&session, &"111111111111".parse().unwrap());
    let key = settings.key("alias/volumes").await.unwrap().unwrap();
    assert_eq!(
        (key.arn.as_str(), key.state.as_str(), key.is_aws, key.is_symmetric),
        (KEY, "Enabled", false, true)
    );
    assert_eq!(settings.key("alias/none").await, Ok(None));
    assert_eq!(settings.key("alias/no").await.unwrap_err().class(), Class::Denied);
    assert_eq!(settings.key_policy(KEY).await, Ok(json!({"Statement": []})));
    let grants = settings.grants(KEY, ROLE).await.unwrap();
    let read: Vec<_> = grants.iter().map(|it| (it.operations[0].as_str(), it.is_constrained)).collect();
    assert_eq!(read, [("Decrypt", true), ("CreateGrant", false)]);
    let requests = requests.lock().unwrap();
    let listed: Vec<&Value> =
        requests.iter().filter(|(it, _)| it == "ListGrants").map(|(_, it)| it).collect();
    assert_eq!(listed.len(), 2, "whoever makes grants does not decide how many calls there are");
    assert!(listed.iter().all(|it| it["GranteePrincipal"] == ROLE));
}
