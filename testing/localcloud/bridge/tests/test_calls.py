"""What CloudTrail tells of calls of EC2."""

import json
import pathlib
import re
import sys
import time
import unittest
import urllib.request
import uuid
from datetime import datetime, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.serialize import create_serializer
from support import BridgeTest, allow, until
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from additions import records  # noqa: E402

PATTERN = {"source": ["aws.ec2"], "detail-type": ["AWS API Call via CloudTrail"]}


def new_account():
    return str(10**11 + uuid.uuid4().int % (9 * 10**11))


class CallsTest(BridgeTest):
    def setUp(self):
        self.account = new_account()
        self.ec2 = self.client("ec2", self.account)
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.trail(self.account)

    def take_from(self, account, **pattern):
        bus = f"arn:aws:events:us-east-1:{account}:event-bus/default"
        return self.queue_for(bus, {**PATTERN, **pattern})

    def told(self, call, **arguments):
        """The event of one call that works."""
        take = self.take_from(self.account)
        call(**arguments)
        return until(take)

    def parameters(self, call, **arguments):
        return self.told(call, **arguments)["detail"]["requestParameters"]


class Calls(CallsTest):
    def test_what_is_late_is_told_later_in_its_order(self):
        take = self.take_from(self.account)
        self.be_late(True)
        for _ in range(3):
            self.ec2.create_route_table(VpcId=self.vpc)
        time.sleep(1)
        self.assertIsNone(take())
        self.be_late(False)
        tables = [until(take)["detail"]["responseElements"]["routeTable"]["routeTableId"] for _ in range(3)]
        shown = self.ec2.describe_route_tables(RouteTableIds=tables)["RouteTables"]
        self.assertEqual({table["RouteTableId"] for table in shown}, set(tables))

    def be_late(self, late):
        body = json.dumps({"late": late}).encode()
        with urllib.request.urlopen(f"{self.url}/_phonehome/cloudtrail", body, timeout=10):
            pass

    def test_a_call_is_told_with_who_made_it_what_it_asked_for_and_what_came_of_it(self):
        event = self.told(self.ec2.create_route_table, VpcId=self.vpc, ClientToken="once")
        self.assertEqual(
            (event["source"], event["account"], event["region"]), ("aws.ec2", self.account, "us-east-1")
        )
        detail = event["detail"]
        self.assertEqual(detail["eventName"], "CreateRouteTable")
        self.assertEqual(detail["eventSource"], "ec2.amazonaws.com")
        self.assertEqual(detail["requestParameters"], {"vpcId": self.vpc, "clientToken": "once"})
        answered = detail["responseElements"]["routeTable"]
        self.assertEqual((answered["vpcId"], answered["routeTableId"][:4]), (self.vpc, "rtb-"))
        self.assertEqual(answered["routeSet"]["items"][0]["destinationCidrBlock"], "10.0.0.0/16")
        self.assertEqual(detail["responseElements"]["requestId"], detail["requestID"])
        self.assertIs(detail["readOnly"], False)
        self.assertEqual(detail["recipientAccountId"], self.account)
        self.assertIn("Boto3", detail["userAgent"])

    def test_the_caller_is_the_root_user_a_user_or_a_session_of_a_role(self):
        caller = self.told(self.ec2.create_internet_gateway)["detail"]["userIdentity"]
        root = f"arn:aws:iam::{self.account}:root"
        self.assertEqual((caller["type"], caller["arn"], caller["accountId"]), ("Root", root, self.account))

        iam = self.client("iam", self.account)
        iam.create_user(UserName="bob")
        iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=allow("ec2:*"))
        key = iam.create_access_key(UserName="bob")["AccessKey"]
        as_bob = self.with_keys(key["AccessKeyId"], key["SecretAccessKey"])
        caller = self.told(as_bob.create_internet_gateway)["detail"]["userIdentity"]
        self.assertEqual((caller["type"], caller["userName"]), ("IAMUser", "bob"))

        role = self.role(self.account, self.account, allow("ec2:*"))
        caller = self.told(self.as_role(role, "ec2", self.account).create_internet_gateway)["detail"]["userIdentity"]
        name = role.rsplit("/", 1)[1]
        self.assertEqual(caller["type"], "AssumedRole")
        self.assertEqual(caller["arn"], f"arn:aws:sts::{self.account}:assumed-role/{name}/test")
        issuer = caller["sessionContext"]["sessionIssuer"]
        self.assertEqual((issuer["arn"], issuer["userName"]), (role, name))
        self.assertTrue(caller["principalId"].startswith(f"{issuer['principalId']}:"), caller)

    def with_keys(self, key, secret):
        return boto3.client(
            "ec2", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret,
            config=Config(retries={"max_attempts": 1}),
        )

    def test_a_call_that_fails_is_told_with_its_error(self):
        take = self.take_from(self.account)
        with self.assertRaises(ClientError):
            self.ec2.delete_subnet(SubnetId="subnet-0123456789abcdef0")
        detail = until(take)["detail"]
        self.assertEqual(detail["errorCode"], "Client.InvalidSubnetID.NotFound")
        self.assertIn("subnet-0123456789abcdef0", detail["errorMessage"])
        self.assertEqual(detail["requestParameters"], {"subnetId": "subnet-0123456789abcdef0"})
        self.assertIsNone(detail["responseElements"])

        role = self.role(self.account, self.account, allow("ec2:DescribeVpcs"))
        with self.assertRaises(ClientError):
            self.as_role(role, "ec2", self.account).delete_vpc(VpcId=self.vpc)
        detail = until(take)["detail"]
        self.assertEqual((detail["eventName"], detail["errorCode"]), ("DeleteVpc", "Client.UnauthorizedOperation"))

    def test_of_a_caller_whom_nobody_knows_nothing_is_told(self):
        take = self.take_from(self.account)
        iam = self.client("iam", self.account)
        iam.create_user(UserName="bob")
        key = iam.create_access_key(UserName="bob")["AccessKey"]["AccessKeyId"]
        for unknown in ("AKIAIOSFODNN7EXAMPLE", key):
            self.assert_denied("AuthFailure", self.with_keys(unknown, "x").delete_vpc, VpcId=self.vpc)
        # What is told comes in time with what is told after it.
        self.ec2.create_internet_gateway()
        self.assertEqual(until(take)["detail"]["eventName"], "CreateInternetGateway")
        self.assertIsNone(take())

    def test_what_only_looks_is_not_told_nor_anything_where_no_trail_is(self):
        take = self.take_from(self.account)
        self.ec2.describe_vpcs()
        with self.assertRaises(ClientError):
            self.ec2.get_managed_prefix_list_entries(PrefixListId="pl-63a5400a")
        untold = new_account()
        take_untold = self.take_from(untold)
        self.client("ec2", untold).create_internet_gateway()
        self.ec2.create_internet_gateway()
        self.assertEqual(until(take)["detail"]["eventName"], "CreateInternetGateway")
        self.assertIsNone(take())
        self.assertIsNone(take_untold())


class Parameters(CallsTest):
    """Each as in a record of CloudTrail's that somebody has published."""

    def test_old_calls_have_names_in_lower_case_and_lists_of_items(self):
        table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        acl = self.ec2.create_network_acl(VpcId=self.vpc)["NetworkAcl"]["NetworkAclId"]
        group = self.ec2.create_security_group(VpcId=self.vpc, GroupName="g", Description="g")["GroupId"]
        ec2, anywhere = self.ec2, "0.0.0.0/0"
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        entry = {"NetworkAclId": acl, "RuleNumber": 12, "Egress": False, "RuleAction": "allow", "Protocol": "6",
                 "PortRange": {"From": 700, "To": 702}, "CidrBlock": anywhere}
        permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": anywhere}]}
        said_of_group = {
            "groupId": group,
            "ipPermissions": {"items": [{
                "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "groups": {},
                "ipRanges": {"items": [{"cidrIp": anywhere}]}, "ipv6Ranges": {}, "prefixListIds": {},
            }]},
        }
        route = {"RouteTableId": table, "DestinationCidrBlock": anywhere}
        said_of_route = {"routeTableId": table, "destinationCidrBlock": anywhere}
        volume = {"AvailabilityZone": "us-east-1a", "Size": 1, "ClientToken": "once",
                  "TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]}]}
        for call, arguments, expected in [
            (ec2.create_route, {**route, "GatewayId": gateway}, {**said_of_route, "gatewayId": gateway}),
            (ec2.delete_route, route, said_of_route),
            (ec2.create_network_acl_entry, entry, {
                "networkAclId": acl, "ruleNumber": 12, "egress": False, "ruleAction": "allow", "icmpTypeCode": {},
                "portRange": {"from": 700, "to": 702}, "aclProtocol": "6", "cidrBlock": anywhere,
            }),
            (ec2.authorize_security_group_ingress, {"GroupId": group, "IpPermissions": [permission]}, said_of_group),
            (ec2.revoke_security_group_ingress, {"GroupId": group, "IpPermissions": [permission]}, said_of_group),
            (ec2.create_tags, {"Resources": [self.vpc, group], "Tags": [{"Key": "a", "Value": "b"}]}, {
                "resourcesSet": {"items": [{"resourceId": self.vpc}, {"resourceId": group}]},
                "tagSet": {"items": [{"key": "a", "value": "b"}]},
            }),
            (ec2.modify_vpc_attribute, {"VpcId": self.vpc, "EnableDnsHostnames": {"Value": True}},
             {"vpcId": self.vpc, "enableDnsHostnames": {"value": True}}),
            (ec2.create_volume, volume,
             {"availabilityZone": "us-east-1a", "size": 1, "clientToken": "once", "tagSpecificationSet": {"items": [
                 {"resourceType": "volume", "tags": [{"key": "a", "value": "b"}]}]}}),
        ]:
            with self.subTest(call.__name__):
                said = self.parameters(call, **arguments)
                self.assertEqual(said, expected)

    def test_later_calls_are_wrapped_and_keep_their_names(self):
        ec2 = self.ec2
        subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = self.told(
            ec2.create_nat_gateway, SubnetId=subnet, AllocationId=address, ClientToken="once",
            TagSpecifications=[{"ResourceType": "natgateway", "Tags": [{"Key": "a", "Value": "b"}]}],
        )["detail"]
        self.assertEqual(made["requestParameters"], {"CreateNatGatewayRequest": {
            "SubnetId": subnet, "AllocationId": address, "ClientToken": "once", "TagSpecification": {
                "ResourceType": "natgateway", "Tag": {"Key": "a", "Value": "b", "tag": 1}, "tag": 1},
        }})
        answered = made["responseElements"]["CreateNatGatewayResponse"]
        self.assertEqual(answered["xmlns"], "http://ec2.amazonaws.com/doc/2016-11-15/")
        self.assertEqual(answered["requestId"], made["requestID"])
        gateway = answered["natGateway"]["natGatewayId"]
        self.assertEqual(
            self.parameters(ec2.delete_nat_gateway, NatGatewayId=gateway),
            {"DeleteNatGatewayRequest": {"NatGatewayId": gateway}},
        )
        logs = ec2.create_flow_logs(
            ResourceIds=[self.vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3",
            LogDestination="arn:aws:s3:::logs",
        )["FlowLogIds"]
        detail = self.told(ec2.delete_flow_logs, FlowLogIds=logs)["detail"]
        self.assertEqual(
            detail["requestParameters"],
            {"DeleteFlowLogsRequest": {"FlowLogId": {"content": logs[0], "tag": 1}}},
        )
        self.assertEqual(detail["responseElements"]["DeleteFlowLogsResponse"]["unsuccessful"], "")

    def test_a_call_that_the_emulator_does_not_know_is_told_as_one_that_failed(self):
        take = self.take_from(self.account)
        with self.assertRaises(ClientError):
            self.ec2.modify_security_group_rules(GroupId="sg-0123456789abcdef0", SecurityGroupRules=[{
                "SecurityGroupRuleId": "sgr-0123456789abcdef0",
                "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "0.0.0.0/0"},
            }])
        self.assertEqual(until(take)["detail"]["requestParameters"], {
            "ModifySecurityGroupRulesRequest": {
                "GroupId": "sg-0123456789abcdef0",
                "SecurityGroupRule": {
                    "SecurityGroupRuleId": "sgr-0123456789abcdef0", "tag": 1,
                    "SecurityGroupRule": {"CidrIpv4": "0.0.0.0/0", "FromPort": 443, "ToPort": 443, "IpProtocol": "tcp"},
                },
            },
        })


class Model(unittest.TestCase):
    def test_nothing_of_any_call_is_lost(self):
        """Every text that is in a request is in its record, for all calls that change something."""
        names = [name for name in records.ec2().operation_names if records.changes(name)]
        for name in names:
            operation = records.ec2().operation_model(name)
            if operation.input_shape is None:
                continue
            asked = example(operation.input_shape, "")
            sent = create_serializer("ec2").serialize_to_request(asked, operation)["body"]
            said = records.request_parameters(name, {key: [str(value)] for key, value in sent.items()})
            self.assertEqual(sorted(texts(said)), sorted(texts(asked)), name)

    def test_what_the_product_listens_to_is_told(self):
        template = pathlib.Path(__file__).parents[4] / "infra" / "member-role.yaml"
        rule = template.read_text().split("Name: phonehome-changes", 1)[1].split("Targets:", 1)[0]
        names = re.findall(r"^ +- (\w+)$", rule, re.MULTILINE)
        self.assertGreater(len(names), 20)
        self.assertEqual([name for name in names if not records.changes(name)], [])


def example(shape, path, above=()):
    """A value of a shape, each text another; a shape within itself is left out."""
    if shape.type_name == "structure":
        inner = {name: member for name, member in shape.members.items() if member.name not in above}
        return {name: example(member, f"{path}.{name}", (*above, shape.name)) for name, member in inner.items()}
    if shape.type_name == "list":
        return [example(shape.member, f"{path}.{number}", (*above, shape.name)) for number in (1, 2)]
    kinds = {"integer": 7, "long": 7, "boolean": True, "float": 0.5, "double": 0.5}
    if shape.type_name == "timestamp":
        return datetime(2026, 1, 1, tzinfo=timezone.utc)
    return b"x" if shape.type_name == "blob" else kinds.get(shape.type_name, path)


def texts(said):
    if isinstance(said, dict):
        return [text for inner in said.values() for text in texts(inner)]
    if isinstance(said, list):
        return [text for inner in said for text in texts(inner)]
    return [said] if isinstance(said, str) and said.startswith(".") else []
