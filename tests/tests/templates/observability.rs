//! What reads the hub's key for New Relic.

use anyhow::Result;
use serde_json::json;

use crate::template::load;

const SECRET: &str =
    "arn:aws:secretsmanager:us-east-1:222222222222:secret:phonehome/new-relic-user-key-AbCdEf";

#[test]
fn the_provisioner_alone_reads_the_key_for_new_relic_where_there_is_one() -> Result<()> {
    let of = |secret: &str| {
        let organization = [("OrganizationId", "o-a1b2c3d4e5"), ("ManagementAccountId", "111111111111")];
        load("hub", &[&organization[..], &[("NewRelicUserKeySecretArn", secret)]].concat())
    };
    let without = of("")?;
    assert!(!without.of_type("AWS::IAM::ManagedPolicy")?.contains(&"ProvisionerNewRelicPolicy".to_owned()));
    let hub = of(SECRET)?;
    let policy = hub.properties("ProvisionerNewRelicPolicy")?;
    assert_eq!(policy["Roles"], json!(["<ProvisionerRole>"]));
    let statement = &policy["PolicyDocument"]["Statement"];
    let expected = json!([{
        "Sid": "ReadNewRelicUserKey", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": SECRET,
    }]);
    assert_eq!(*statement, expected);
    for function in hub.of_type("AWS::Serverless::Function")? {
        let variables = hub.properties(&function)?["Environment"]["Variables"].clone();
        assert_eq!(variables["NEW_RELIC_SECRET_ID"] == SECRET, function == "Provisioner", "{function}");
    }
    Ok(())
}
