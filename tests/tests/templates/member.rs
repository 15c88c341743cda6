//! infra/member-role.yaml: what phonehome can do in an account, and above all what it cannot.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::iam::{Request, allowed};
use crate::template::{Template, list, load};

const HUB: &str = "222222222222";
const BUS: &str = "arn:aws:events:us-east-1:222222222222:event-bus/phonehome";
const OURS: [(&str, &str); 2] =
    [("phonehome:managed-by", "phonehome"), ("phonehome:address", "route-table/public")];
/// Parameters without a default.
pub(crate) const GIVEN: [(&str, &str); 2] = [("HubAccountId", HUB), ("HubBusArn", BUS)];
/// The most characters, without spaces, that the inline policies of a role may have: IAM's quota.
const POLICY_CHARS_MAX: usize = 10_240;

type Tags<'a> = &'a [(&'a str, &'a str)];

pub(crate) fn member(more: &[(&str, &str)]) -> Result<Template> {
    load("member-role", &[&GIVEN, more].concat())
}

/// What the member role may do with these parameters.
struct Role(Vec<Value>);

impl Role {
    fn with(parameters: &[(&str, &str)]) -> Result<Self> {
        Ok(Self(member(parameters)?.statements("MemberRole")?))
    }

    fn may(&self, action: &str, kind: &str, tags: Tags) -> bool {
        allowed(&self.0, &Request::new(&format!("ec2:{action}"), &arn(kind)).tagged(tags))
    }

    fn may_tag(&self, kind: &str, has: Tags, gets: Tags) -> bool {
        allowed(&self.0, &Request::new("ec2:CreateTags", &arn(kind)).tagged(has).tagging(gets))
    }

    fn may_untag(&self, kind: &str, has: Tags, keys: &[&str]) -> bool {
        let request = Request::new("ec2:DeleteTags", &arn(kind)).tagged(has);
        allowed(&self.0, &request.with("aws:TagKeys", keys))
    }
}

fn arn(kind: &str) -> String {
    format!("arn:aws:ec2:us-east-1:333333333333:{kind}/x-1")
}

fn at(address: &str) -> [(&str, &str); 2] {
    [("phonehome:managed-by", "phonehome"), ("phonehome:address", address)]
}

/// Every call that takes something away, and on what.
const REMOVALS: [(&str, &str); 15] = [
    ("DeleteVpc", "vpc"),
    ("DeleteSubnet", "subnet"),
    ("DetachInternetGateway", "internet-gateway"),
    ("DeleteInternetGateway", "internet-gateway"),
    ("DeleteRouteTable", "route-table"),
    ("DeleteRoute", "route-table"),
    ("DeleteNatGateway", "natgateway"),
    ("ReleaseAddress", "elastic-ip"),
    ("DeleteSecurityGroup", "security-group"),
    ("DeleteNetworkAclEntry", "network-acl"),
    ("DeleteVpcEndpoints", "vpc-endpoint"),
    ("DeleteFlowLogs", "vpc-flow-log"),
    ("DeleteVpcPeeringConnection", "vpc-peering-connection"),
    ("RevokeSecurityGroupIngress", "security-group"),
    ("RevokeSecurityGroupEgress", "security-group"),
];
/// The kinds of resource that phonehome tags.
const KINDS: [&str; 11] = [
    "vpc",
    "subnet",
    "internet-gateway",
    "elastic-ip",
    "natgateway",
    "route-table",
    "security-group",
    "network-acl",
    "vpc-endpoint",
    "vpc-flow-log",
    "vpc-peering-connection",
];

#[test]
fn without_removal_nothing_of_phonehomes_is_taken_away_whatever_the_other_parameters() -> Result<()> {
    for defaults in ["true", "false"] {
        for adoption in ["true", "false"] {
            let more = [("RemoveDefaultVpcs", defaults), ("AllowAdoption", adoption)];
            let kept = Role::with(&[&[("AllowRemoval", "false")], &more[..]].concat())?;
            let gone = Role::with(&[&[("AllowRemoval", "true")], &more[..]].concat())?;
            for (action, kind) in REMOVALS {
                assert!(gone.may(action, kind, &OURS), "{action} with AllowRemoval");
                assert!(!kept.may(action, kind, &OURS), "{action} without AllowRemoval");
                // One of the two tags may have been lost.
                assert!(!kept.may(action, kind, &OURS[1..]), "{action} of what has only its address");
                assert!(!kept.may(action, kind, &OURS[..1]), "{action} of what has only its owner");
            }
            for kind in KINDS {
                let keys = ["phonehome:managed-by", "phonehome:address"];
                assert!(!kept.may_untag(kind, &OURS, &keys), "{kind}: untagged, it could be taken away");
                let other = [("phonehome:managed-by", "nobody")];
                assert!(!kept.may_tag(kind, &OURS, &other) && !gone.may_tag(kind, &OURS, &other), "{kind}");
            }
            for (action, name) in
                [("lambda:DeleteFunction", "function:"), ("scheduler:DeleteSchedule", "schedule/default/")]
            {
                let service = action.split(':').next().unwrap_or_default();
                let probe =
                    format!("arn:aws:{service}:us-east-1:333333333333:{name}phonehome-probe-use1-az1");
                assert!(allowed(&gone.0, &Request::new(action, &probe)));
                assert!(!allowed(&kept.0, &Request::new(action, &probe)), "{action}");
            }
        }
    }
    Ok(())
}

/// What AWS makes open is closed all the same: it is how a network is made.
#[test]
fn without_removal_a_network_can_still_be_made_and_closed() -> Result<()> {
    let role = Role::with(&[("AllowRemoval", "false")])?;
    assert!(role.may("RevokeSecurityGroupIngress", "security-group", &at("security-group/default")));
    assert!(role.may("RevokeSecurityGroupEgress", "security-group", &at("security-group/default")));
    assert!(role.may("RevokeSecurityGroupEgress", "security-group", &at("security-group/inbound")));
    assert!(!role.may("RevokeSecurityGroupIngress", "security-group", &at("security-group/inbound")));
    assert!(role.may("CreateNetworkAclEntry", "network-acl", &at("network-acl/default")));
    for (action, kind) in
        [("CreateRoute", "route-table"), ("ReplaceRoute", "route-table"), ("ModifyVpcAttribute", "vpc")]
    {
        assert!(role.may(action, kind, &OURS), "{action}");
    }
    Ok(())
}

#[test]
fn what_others_made_is_neither_changed_nor_taken_away() -> Result<()> {
    let role = Role::with(&[("RemoveDefaultVpcs", "false"), ("AllowAdoption", "true")])?;
    let changes = [
        ("CreateRoute", "route-table"),
        ("ReplaceRoute", "route-table"),
        ("AssociateRouteTable", "subnet"),
        ("ModifyVpcAttribute", "vpc"),
        ("ModifySubnetAttribute", "subnet"),
        ("ModifyVpcEndpoint", "vpc-endpoint"),
        ("AttachInternetGateway", "vpc"),
        ("AuthorizeSecurityGroupIngress", "security-group"),
        ("CreateNetworkAclEntry", "network-acl"),
        ("AcceptVpcPeeringConnection", "vpc"),
        ("CreateSubnet", "vpc"),
        ("CreateVpcPeeringConnection", "vpc"),
    ];
    for (action, kind) in changes.into_iter().chain(REMOVALS) {
        for unmanaged in [&[][..], &[("owner", "team-shop")], &[("phonehome:managed-by", "terraform")]] {
            assert!(!role.may(action, kind, unmanaged), "{action} {unmanaged:?}");
        }
        assert!(role.may(action, kind, &OURS), "{action} of phonehome's own");
    }
    Ok(())
}

#[test]
fn a_tag_is_never_the_first_half_of_taking_over_what_others_made() -> Result<()> {
    let role = Role::with(&[])?;
    for kind in KINDS.into_iter().filter(|kind| *kind != "vpc-peering-connection") {
        assert!(!role.may_tag(kind, &[], &OURS), "{kind}");
        assert!(!role.may_tag(kind, &[], &[OURS[0]]) && !role.may_tag(kind, &[], &[OURS[1]]), "{kind}");
        let marked = [OURS[0], OURS[1], ("phonehome:adopted", "true")];
        assert!(!role.may_tag(kind, &[], &marked), "{kind} is adopted without AllowAdoption");
    }
    // What AWS makes with a VPC has to be tagged, and looks like what others made.
    for kind in ["security-group", "network-acl", "route-table"] {
        for address in ["security-group/default", "network-acl/default", "route-table/main"] {
            let tags = at(address);
            assert!(role.may_tag(kind, &[], &tags), "{kind}");
            for to in ["security-group/inbound", "route-table/public", "subnet/private/use1-az1"] {
                assert!(!role.may_tag(kind, &tags, &[("phonehome:address", to)]), "{kind} becomes {to}");
            }
            assert!(!role.may_untag(kind, &tags, &["phonehome:address"]), "{kind} loses its address alone");
            for action in TAKE_OVER {
                assert!(!role.may(action, kind, &tags), "{action} on {kind} {address}");
            }
        }
    }
    Ok(())
}

/// What would open, route or delete a group, an ACL or a table.
const TAKE_OVER: [&str; 9] = [
    "CreateRoute",
    "ReplaceRoute",
    "DeleteRoute",
    "AssociateRouteTable",
    "AuthorizeSecurityGroupIngress",
    "AuthorizeSecurityGroupEgress",
    "DeleteRouteTable",
    "DeleteSecurityGroup",
    "DeleteNetworkAcl",
];

#[test]
fn what_lost_some_of_its_tags_gets_them_back_and_keeps_its_owner() -> Result<()> {
    let role = Role::with(&[("AllowRemoval", "false")])?;
    for kind in KINDS {
        assert!(role.may_tag(kind, &OURS[..1], &OURS[1..]), "{kind}: the address");
        assert!(role.may_tag(kind, &OURS[1..], &OURS[..1]), "{kind}: the owner");
        assert!(
            role.may_tag(kind, &OURS, &[("phonehome:domain", "shop"), ("Name", "shop-prod-vpc")]),
            "{kind}"
        );
        assert!(
            !role.may_tag(kind, &OURS, &[("phonehome:domain", "shop"), ("cost-centre", "7")]),
            "{kind}: others' keys"
        );
    }
    for (kind, address) in [("network-acl", "network-acl/default"), ("route-table", "route-table/main")] {
        assert!(role.may_tag(kind, &at(address)[1..], &OURS[..1]), "{kind}: the owner of what AWS made");
        assert!(role.may_tag(kind, &at(address), &[("phonehome:domain", "shop")]), "{kind}");
    }
    Ok(())
}

#[test]
fn only_what_a_network_is_made_of_can_be_tagged() -> Result<()> {
    let role = Role::with(&[("AllowAdoption", "true")])?;
    for kind in
        ["instance", "volume", "network-interface", "transit-gateway", "snapshot", "image", "dhcp-options"]
    {
        for has in [&[][..], &OURS] {
            let marked = [OURS[0], OURS[1], ("phonehome:adopted", "true")];
            assert!(!role.may_tag(kind, has, &OURS) && !role.may_tag(kind, has, &marked), "{kind}");
            assert!(!role.may_untag(kind, has, &["phonehome:managed-by"]), "{kind}");
        }
    }
    Ok(())
}

#[test]
fn what_is_adopted_is_marked_and_can_then_never_be_deleted() -> Result<()> {
    let role = Role::with(&[("AllowAdoption", "true")])?;
    let marked = [OURS[0], OURS[1], ("phonehome:adopted", "true")];
    for kind in KINDS.into_iter().filter(|kind| *kind != "vpc-peering-connection") {
        assert!(role.may_tag(kind, &[("owner", "team-shop")], &marked), "{kind}");
        assert!(!role.may_tag(kind, &[], &OURS), "{kind} without the mark");
        assert!(!role.may_untag(kind, &marked, &["phonehome:adopted"]), "{kind}: the mark goes alone");
        let all = ["phonehome:managed-by", "phonehome:address", "phonehome:adopted"];
        assert!(role.may_untag(kind, &marked, &all), "{kind} is forgotten");
    }
    for (action, kind) in REMOVALS {
        // A route or a rule that phonehome put into it may go again.
        let is_part =
            ["DeleteRoute", "DeleteNetworkAclEntry"].contains(&action) || action.starts_with("Revoke");
        assert_eq!(role.may(action, kind, &marked), is_part, "{action}");
    }
    assert!(role.may("CreateRoute", "route-table", &marked));
    Ok(())
}

#[test]
fn a_new_resource_carries_the_tag_or_is_not_made() -> Result<()> {
    let role = Role::with(&[])?;
    for (action, kind) in [
        ("CreateVpc", "vpc"),
        ("CreateInternetGateway", "internet-gateway"),
        ("AllocateAddress", "elastic-ip"),
        ("CreateSubnet", "subnet"),
        ("CreateRouteTable", "route-table"),
        ("CreateSecurityGroup", "security-group"),
        ("CreateNatGateway", "natgateway"),
        ("CreateVpcEndpoint", "vpc-endpoint"),
        ("CreateFlowLogs", "vpc-flow-log"),
        ("CreateVpcPeeringConnection", "vpc-peering-connection"),
    ] {
        let request = Request::new(&format!("ec2:{action}"), &arn(kind));
        assert!(allowed(&role.0, &request.clone().tagging(&OURS)), "{action}");
        assert!(!allowed(&role.0, &request), "{action} without tags");
        let tags =
            Request::new("ec2:CreateTags", &arn(kind)).tagging(&OURS).with("ec2:CreateAction", &[action]);
        assert!(allowed(&role.0, &tags), "the tags of {action}");
        let instance = Request::new("ec2:CreateTags", &arn("instance"))
            .tagging(&OURS)
            .with("ec2:CreateAction", &["RunInstances"]);
        assert!(!allowed(&role.0, &instance));
    }
    Ok(())
}

#[test]
fn default_vpcs_go_only_where_that_is_allowed() -> Result<()> {
    let calls = [
        ("DeleteVpc", "vpc"),
        ("DeleteSubnet", "subnet"),
        ("DetachInternetGateway", "vpc"),
        ("DeleteRoute", "route-table"),
    ];
    for (parameter, expected) in [("true", true), ("false", false)] {
        let role = Role::with(&[("RemoveDefaultVpcs", parameter)])?;
        for (action, kind) in calls {
            assert_eq!(role.may(action, kind, &[]), expected, "{action}");
        }
    }
    Ok(())
}

#[test]
fn only_two_roles_can_be_passed_and_each_to_one_service() -> Result<()> {
    let role = Role::with(&[])?;
    let passes = |name: &str, service: &str| {
        let request = Request::new("iam:PassRole", &format!("arn:aws:iam::333333333333:role/{name}"));
        allowed(&role.0, &request.with("iam:PassedToService", &[service]))
    };
    assert!(passes("phonehome-probe", "lambda.amazonaws.com"));
    assert!(passes("phonehome-schedule", "scheduler.amazonaws.com"));
    assert!(!passes("phonehome-probe", "ec2.amazonaws.com"));
    assert!(!passes("phonehome-schedule", "lambda.amazonaws.com"));
    assert!(!passes("phonehome-member", "lambda.amazonaws.com"));
    assert!(!passes("admin", "lambda.amazonaws.com"));
    assert!(!allowed(
        &role.0,
        &Request::new("iam:PassRole", "arn:aws:iam::333333333333:role/phonehome-probe")
    ));
    Ok(())
}

#[test]
fn the_only_role_it_can_make_is_the_service_linked_one_of_nat_gateways() -> Result<()> {
    let role = Role::with(&[])?;
    let make = |path: &str, service: &str| {
        let request =
            Request::new("iam:CreateServiceLinkedRole", &format!("arn:aws:iam::333333333333:role/{path}"));
        allowed(&role.0, &request.with("iam:AWSServiceName", &[service]))
    };
    let nat = "ec2-nat-gateway.amazonaws.com";
    assert!(make(&format!("aws-service-role/{nat}/AWSServiceRoleForNATGateway"), nat));
    assert!(!make("aws-service-role/other.amazonaws.com/AWSServiceRoleForOther", "other.amazonaws.com"));
    assert!(!make(&format!("aws-service-role/{nat}/AWSServiceRoleForNATGateway"), "other.amazonaws.com"));
    for statement in &role.0 {
        let allowed = ["iam:PassRole", "iam:CreateServiceLinkedRole"];
        let iam: Vec<_> =
            list(&statement["Action"]).into_iter().filter(|it| it.starts_with("iam:")).collect();
        assert!(iam.iter().all(|it| allowed.contains(&it.as_str())), "{iam:?}");
    }
    Ok(())
}

#[test]
fn each_roles_policies_fit_into_iams_quota() -> Result<()> {
    let template =
        member(&[("AllowRemoval", "true"), ("AllowAdoption", "true"), ("RemoveDefaultVpcs", "true")])?;
    for role in template.of_type("AWS::IAM::Role")? {
        let policies = template.properties(&role)?["Policies"].clone();
        let documents =
            policies.as_array().context("policies")?.iter().map(|it| it["PolicyDocument"].to_string());
        let chars: usize = documents.map(|it| it.chars().filter(|c| !c.is_whitespace()).count()).sum();
        assert!(chars < POLICY_CHARS_MAX, "{role}: {chars} characters");
    }
    Ok(())
}

#[test]
fn what_each_regions_rules_name_is_made_in_that_region() -> Result<()> {
    let elsewhere = member(&[("HomeRegion", "eu-west-1")])?;
    assert_eq!(elsewhere.of_type("AWS::IAM::Role")?, ["ForwardRole"], "the others are global, and made once");
    assert_eq!(elsewhere.properties("ForwardRole")?["RoleName"], "phonehome-forward-us-east-1");
    for rule in elsewhere.of_type("AWS::Events::Rule")? {
        let target = elsewhere.properties(&rule)?["Targets"][0].clone();
        assert_eq!(target["Arn"], BUS, "{rule}");
        assert_eq!(target["RoleArn"], "arn:aws:iam::333333333333:role/phonehome-forward-us-east-1", "{rule}");
    }
    Ok(())
}

#[test]
fn the_hubs_roles_alone_can_come_in_and_who_only_looks_gets_no_further() -> Result<()> {
    let template = member(&[])?;
    let trusted = |role: &str| -> Result<Value> {
        let statement = template.properties(role)?["AssumeRolePolicyDocument"]["Statement"][0].clone();
        assert_eq!(statement["Principal"], json!({"AWS": format!("arn:aws:iam::{HUB}:root")}));
        Ok(statement["Condition"]["ArnEquals"]["aws:PrincipalArn"].clone())
    };
    let hub = |name: &str| format!("arn:aws:iam::{HUB}:role/{name}");
    assert_eq!(trusted("MemberRole")?, json!([hub("phonehome-provisioner"), hub("phonehome-operator")]));
    assert_eq!(trusted("ViewerRole")?, json!([hub("phonehome-viewer"), hub("phonehome-operator")]));
    assert_eq!(template.properties("ViewerRole")?["RoleName"], "phonehome-member-viewer");
    Ok(())
}
