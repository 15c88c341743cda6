//! Events as CloudTrail writes them.

use serde_json::json;

use super::*;

fn admin() -> Value {
    json!({
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLEID:alice@example.com",
        "arn": "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0a1b/alice@example.com",
        "accountId": "123456789012",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "arn": "arn:aws:iam::123456789012:role/aws-reserved/AWSReservedSSO_Admin_0a1b",
                "userName": "AWSReservedSSO_Admin_0a1b"
            },
            "attributes": { "mfaAuthenticated": "true" }
        }
    })
}

fn event(name: &str, identity: Value, request: Value, response: Value) -> Value {
    json!({
        "eventVersion": "1.09",
        "userIdentity": identity,
        "eventTime": "2026-11-22T23:04:05Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "aws-cli/2.31.0",
        "requestParameters": request,
        "responseElements": response,
        "requestID": "7e1f6d5c-0000-4b5c-8a53-0d1f1f1f1f1f",
        "eventID": "b9a1d7c8-0000-4f6e-9f0a-2c3c3c3c3c3c",
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "123456789012",
        "eventCategory": "Management"
    })
}

fn done() -> Value {
    json!({ "requestId": "7e1f6d5c-0000-4b5c-8a53-0d1f1f1f1f1f", "_return": true })
}

fn ids(api_call: &ApiCall) -> Vec<&str> {
    api_call.resource_ids.iter().map(String::as_str).collect()
}

#[test]
fn a_deleted_route_names_its_table_and_the_session_that_did_it() {
    let request = json!({ "routeTableId": "rtb-0a1b2c3d4e5f60718", "destinationCidrBlock": "0.0.0.0/0" });
    let api_call = read(&event("DeleteRoute", admin(), request, done())).unwrap();
    let resource_ids = BTreeSet::from(["rtb-0a1b2c3d4e5f60718".to_owned()]);
    let arn = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0a1b/alice@example.com";
    let expected = ApiCall {
        account: "123456789012".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        event_name: "DeleteRoute".into(),
        who: arn.into(),
        role: Some("AWSReservedSSO_Admin_0a1b".into()),
        session: Some("alice@example.com".into()),
        when: "2026-11-22T23:04:05Z".into(),
        resource_ids,
    };
    assert_eq!(api_call, expected);
    assert!(!is_ours(&api_call, "phonehome-member"));
}

#[test]
fn a_taken_away_association_names_the_association() {
    let identity = json!({
        "type": "IAMUser", "principalId": "AIDAEXAMPLE", "accountId": "123456789012",
        "arn": "arn:aws:iam::123456789012:user/bob", "userName": "bob"
    });
    let request = json!({ "associationId": "rtbassoc-0123456789abcdef0" });
    let api_call = read(&event("DisassociateRouteTable", identity, request, done())).unwrap();
    assert_eq!(api_call.who, "user bob");
    assert_eq!(ids(&api_call), ["rtbassoc-0123456789abcdef0"]);
}

#[test]
fn a_deleted_nat_gateway_is_found_however_deep_it_is_and_whatever_service_passed_it_on() {
    let mut identity = admin();
    identity["invokedBy"] = json!("cloudformation.amazonaws.com");
    let request = json!({ "DeleteNatGatewayRequest": { "NatGatewayId": "nat-0f1e2d3c4b5a69788" } });
    let response = json!({ "DeleteNatGatewayResponse": {
        "xmlns": "http://ec2.amazonaws.com/doc/2016-11-15/", "natGatewayId": "nat-0f1e2d3c4b5a69788",
        "requestId": "7e1f6d5c-0000-4b5c-8a53-0d1f1f1f1f1f"
    } });
    let api_call = read(&event("DeleteNatGateway", identity, request, response)).unwrap();
    assert_eq!(ids(&api_call), ["nat-0f1e2d3c4b5a69788"]);
    assert!(
        api_call.who.ends_with("/alice@example.com, through cloudformation.amazonaws.com"),
        "{}",
        api_call.who
    );
}

#[test]
fn an_opened_security_group_names_the_group_and_the_rule() {
    let identity =
        json!({ "type": "Root", "accountId": "123456789012", "arn": "arn:aws:iam::123456789012:root" });
    let request = json!({
        "groupId": "sg-0a0a0a0a0a0a0a0a0",
        "ipPermissions": { "items": [{
            "ipProtocol": "tcp", "fromPort": 22, "toPort": 22,
            "groups": {}, "ipRanges": { "items": [{ "cidrIp": "0.0.0.0/0" }] }, "prefixListIds": {}
        }] }
    });
    let response = json!({
        "requestId": "r", "_return": true,
        "securityGroupRuleSet": { "items": [{
            "groupOwnerId": "123456789012", "groupId": "sg-0a0a0a0a0a0a0a0a0",
            "securityGroupRuleId": "sgr-0b0b0b0b0b0b0b0b0", "isEgress": false, "cidrIpv4": "0.0.0.0/0"
        }] }
    });
    let api_call = read(&event("AuthorizeSecurityGroupIngress", identity, request, response)).unwrap();
    assert_eq!(api_call.who, "the root user");
    assert_eq!(ids(&api_call), ["sg-0a0a0a0a0a0a0a0a0", "sgr-0b0b0b0b0b0b0b0b0"]);
}

#[test]
fn deleted_tags_name_what_they_were_on() {
    let request = json!({
        "resourcesSet": { "items": [
            { "resourceId": "vpc-01234567" }, { "resourceId": "subnet-0123456789abcdef0" }
        ] },
        "tagSet": { "items": [{ "key": "phonehome:address" }] }
    });
    let identity = json!({ "type": "AWSService", "invokedBy": "ec2.amazonaws.com" });
    let api_call = read(&event("DeleteTags", identity, request, done())).unwrap();
    assert_eq!(api_call.who, "the AWS service ec2.amazonaws.com");
    assert_eq!(ids(&api_call), ["subnet-0123456789abcdef0", "vpc-01234567"]);
}

#[test]
fn a_probe_is_known_by_its_name_or_its_arn() {
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:phonehome-probe-use1-az1";
    for name in [arn, "phonehome-probe-use1-az1"] {
        let request = json!({ "functionName": name });
        let api_call = read(&event("DeleteFunction20150331", admin(), request, Value::Null)).unwrap();
        assert_eq!(ids(&api_call), ["phonehome-probe-use1-az1"]);
    }
}

#[test]
fn what_only_looks_like_an_id_is_none() {
    for text in ["vpc-", "vpc-xyz45678", "vpc-0123", "nat-gateway", "my-vpc-01234567", "10.0.0.0/8", ""] {
        assert_eq!(id_in(text), None, "{text}");
    }
    assert_eq!(id_in("arn:aws:ec2:us-east-1:123456789012:vpc/vpc-01234567"), Some("vpc-01234567"));
}

#[test]
fn phonehome_knows_its_own_api_calls_by_role_and_session() {
    let by = |role: &str, session: &str| {
        let arn = format!("arn:aws:sts::123456789012:assumed-role/{role}/{session}");
        let identity = json!({ "type": "AssumedRole", "arn": arn, "accountId": "123456789012" });
        is_ours(&read(&event("DeleteRoute", identity, json!({}), done())).unwrap(), "phonehome-member")
    };
    assert!(by("phonehome-member", "phonehome"));
    assert!(!by("phonehome-member", "alice@example.com"));
    assert!(!by("Admin", "phonehome"), "anybody may name a session so");
}

#[test]
fn a_call_that_failed_or_only_looked_is_no_api_call() {
    let mut failed = event("DeleteRoute", admin(), json!({}), Value::Null);
    failed["errorCode"] = json!("Client.UnauthorizedOperation");
    let error = read(&failed).unwrap_err();
    assert_eq!(error.to_string(), "DeleteRoute did not succeed: Client.UnauthorizedOperation");
    let mut observed = event("DescribeVpcs", admin(), json!({}), Value::Null);
    observed["readOnly"] = json!(true);
    assert_eq!(read(&observed), Err(NotAChange::ReadOnly { event_name: "DescribeVpcs".into() }));
}

#[test]
fn an_event_of_another_kind_is_refused_with_what_it_lacks() {
    let state_change = json!({ "instance-id": "i-0123456789abcdef0", "state": "running" });
    assert_eq!(read(&state_change), Err(NotAChange::Unreadable("eventName")));
    let mut nowhere = event("DeleteRoute", admin(), json!({}), done());
    nowhere["awsRegion"] = Value::Null;
    assert_eq!(read(&nowhere), Err(NotAChange::Unreadable("awsRegion")));
}
