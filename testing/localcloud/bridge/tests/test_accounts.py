"""The organization, and what callers and roles may do."""

import json

from botocore.exceptions import ClientError
from support import HUB, MANAGEMENT, ORGANIZATION, OUTSIDER, BridgeTest, allow, until
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)


class Organization(BridgeTest):
    def setUp(self):
        self.trail(MANAGEMENT)

    def create(self, email, **more):
        organization = self.client("organizations", MANAGEMENT)
        request = organization.create_account(Email=email, AccountName="shop-dev", **more)["CreateAccountStatus"]
        self.assertEqual(request["State"], "IN_PROGRESS")

        def done():
            status = organization.describe_create_account_status(CreateAccountRequestId=request["Id"])
            return status["CreateAccountStatus"]["State"] != "IN_PROGRESS" and status["CreateAccountStatus"]

        return until(done)

    def results(self, name):
        bus = f"arn:aws:events:us-east-1:{MANAGEMENT}:event-bus/default"
        return self.queue_for(bus, {"source": ["aws.organizations"], "detail": {"eventName": [name]}})

    def test_create_account_is_told_on_the_management_bus(self):
        take = self.results("CreateAccountResult")
        status = self.create("shop-dev@phonehome.example", Tags=[{"Key": "domain", "Value": "shop"}])
        event = until(take)
        self.assertEqual(event["detail-type"], "AWS Service Event via CloudTrail")
        self.assertEqual([event["account"], event["region"]], [MANAGEMENT, "us-east-1"])
        told = event["detail"]["serviceEventDetails"]["createAccountStatus"]
        self.assertRegex(told["id"], r"^car-[0-9a-f]{32}$")
        self.assertRegex(told["completedTimestamp"], r"^[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M$")
        self.assertEqual(told["accountName"], "****")
        self.assertEqual([told["state"], told["accountId"]], ["SUCCEEDED", status["AccountId"]])
        hub = self.client("organizations", HUB)
        self.assertEqual(hub.describe_account(AccountId=status["AccountId"])["Account"]["Name"], "shop-dev")
        tags = hub.list_tags_for_resource(ResourceId=status["AccountId"])["Tags"]
        self.assertEqual(tags, [{"Key": "domain", "Value": "shop"}])
        self.assert_role_works(status["AccountId"])

        second = self.create("SHOP-dev@phonehome.example")
        self.assertEqual([second["State"], second["FailureReason"]], ["FAILED", "EMAIL_ALREADY_EXISTS"])
        told = until(take)["detail"]["serviceEventDetails"]["createAccountStatus"]
        self.assertEqual([told["state"], told["failureReason"]], ["FAILED", "EMAIL_ALREADY_EXISTS"])
        self.assertNotIn("accountId", told)

    def assert_role_works(self, account):
        role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        sts = self.as_role(role, "sts", MANAGEMENT)
        self.assertEqual(sts.get_caller_identity()["Account"], account)
        self.assert_denied(
            "AccessDenied", self.client("sts", OUTSIDER).assume_role, RoleArn=role, RoleSessionName="test"
        )

    def test_close_account(self):
        take = self.results("CloseAccountResult")
        account = self.create("old@phonehome.example")["AccountId"]
        self.client("organizations", MANAGEMENT).close_account(AccountId=account)
        told = until(take)["detail"]["serviceEventDetails"]["closeAccountStatus"]
        self.assertEqual([told["accountId"], told["state"]], [account, "SUCCEEDED"])
        described = self.client("organizations", HUB).describe_account(AccountId=account)["Account"]
        self.assertEqual([described["Status"], described["State"]], ["SUSPENDED", "CLOSED"])

    def test_an_account_is_renamed_even_like_another(self):
        accounts = [self.create(f"{name}@phonehome.example")["AccountId"] for name in ("one", "two")]
        self.client("account", MANAGEMENT).put_account_name(AccountId=accounts[0], AccountName="same")
        self.client("account", accounts[1]).put_account_name(AccountName="same")
        described = self.client("organizations", HUB).describe_account
        names = [described(AccountId=account)["Account"]["Name"] for account in accounts]
        self.assertEqual(names, ["same", "same"])
        put = self.client("account", accounts[0]).put_account_name
        self.assert_denied("AccessDeniedException", put, AccountId=accounts[1], AccountName="other")

    def test_who_may_ask(self):
        for account in (MANAGEMENT, HUB):
            organization = self.client("organizations", account)
            self.assertEqual(organization.describe_organization()["Organization"]["Id"], ORGANIZATION)
            names = {a["Id"]: a["Name"] for a in organization.list_accounts()["Accounts"]}
            self.assertEqual([names[MANAGEMENT], names[HUB]], ["management", "hub"])
        hub = self.client("organizations", HUB)
        self.assert_denied("AccessDeniedException", hub.create_account, Email="a@b.example", AccountName="a")
        outsider = self.client("organizations", OUTSIDER)
        self.assert_denied("AWSOrganizationsNotInUseException", outsider.describe_organization)


class Permissions(BridgeTest):
    TAGS = [{"ResourceType": "vpc", "Tags": [{"Key": "phonehome", "Value": "yes"}]}]

    def acting(self, service, *statements):
        return self.as_role(self.role(HUB, HUB, *statements), service, HUB)

    def test_tags_of_ec2_calls(self):
        ec2 = self.acting(
            "ec2",
            allow("ec2:CreateVpc", "arn:aws:ec2:*:*:vpc/*", StringEquals={"aws:RequestTag/phonehome": "yes"}),
            allow("ec2:DeleteVpc", StringEquals={"aws:ResourceTag/phonehome": "yes"}),
        )
        self.assert_denied("UnauthorizedOperation", ec2.create_vpc, CidrBlock="10.0.0.0/16")
        ours = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=self.TAGS)["Vpc"]["VpcId"]
        theirs = self.client("ec2", HUB).create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        ec2.delete_vpc(VpcId=ours)
        self.assert_denied("UnauthorizedOperation", ec2.delete_vpc, VpcId=theirs)

    def test_the_namespace_of_metrics(self):
        grant = allow("cloudwatch:PutMetricData", StringEquals={"cloudwatch:namespace": "phonehome"})
        put = self.acting("cloudwatch", grant).put_metric_data
        data = [{"MetricName": "paths", "Value": 1}]
        put(Namespace="phonehome", MetricData=data)
        with self.assertRaises(ClientError):
            put(Namespace="other", MetricData=data)

    def test_a_role_writes_the_partitions_that_its_policy_names(self):
        root = self.client("dynamodb", HUB)
        root.create_table(
            TableName="owned", BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )
        own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["paths"]}}
        actions = ["PutItem", "DeleteItem", "Query", "BatchGetItem"]
        table = self.acting("dynamodb", allow([f"dynamodb:{it}" for it in actions], **own))

        def item(partition):
            return {"pk": {"S": partition}, "sk": {"S": "x"}}

        def transact(*partitions):
            puts = [{"Put": {"TableName": "owned", "Item": item(it)}} for it in partitions]
            return lambda: table.transact_write_items(TransactItems=puts)

        def calls(partition):
            yield lambda: table.put_item(TableName="owned", Item=item(partition))
            yield lambda: table.query(
                TableName="owned", KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": partition}},
            )
            yield lambda: table.batch_get_item(RequestItems={"owned": {"Keys": [item(partition)]}})
            yield lambda: table.delete_item(TableName="owned", Key=item(partition))
            yield transact(partition)

        for call in calls("paths"):
            call()
        for call in (*calls("fleet"), transact("paths", "fleet")):
            self.assert_denied("AccessDeniedException", call)

    def test_pass_role(self):
        role = self.role(HUB, "events.amazonaws.com")
        target = {"Id": "t", "Arn": f"arn:aws:sqs:us-east-1:{HUB}:q", "RoleArn": role}
        self.client("events", HUB).put_rule(Name="pass", EventPattern='{"source": ["app"]}')
        for service, allowed in [("lambda", False), ("events", True)]:
            condition = {"iam:PassedToService": f"{service}.amazonaws.com"}
            events = self.acting(
                "events", allow("events:PutTargets"), allow("iam:PassRole", role, StringEquals=condition)
            )
            if allowed:
                events.put_targets(Rule="pass", Targets=[target])
            else:
                self.assert_denied("AccessDeniedException", events.put_targets, Rule="pass", Targets=[target])

    def test_a_batch_of_sqs_takes_the_right_to_do_one_of_it(self):
        queue = self.client("sqs", HUB).create_queue(QueueName="batches")["QueueUrl"]
        entries = [{"Id": "1", "MessageBody": "a"}]
        self.acting("sqs", allow("sqs:SendMessage")).send_message_batch(QueueUrl=queue, Entries=entries)
        for_nothing = self.acting("sqs", allow("sqs:GetQueueUrl")).send_message_batch
        self.assert_denied("AccessDenied", for_nothing, QueueUrl=queue, Entries=entries)

    def test_organization_keys_and_the_arn_of_a_session(self):
        caller = self.role(HUB, HUB, allow("sts:AssumeRole", StringEquals={"aws:ResourceOrgID": ORGANIZATION}))
        account = self.client("iam", MANAGEMENT)
        statement = {
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": HUB},
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION, "sts:ExternalId": "right"},
                          "ArnEquals": {"aws:PrincipalArn": caller}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = account.create_role(RoleName="looked-after", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        assume = self.as_role(caller, "sts", HUB).assume_role
        assume(RoleArn=role, RoleSessionName="test", ExternalId="right")
        self.assert_denied("AccessDenied", assume, RoleArn=role, RoleSessionName="test", ExternalId="wrong")
        root = self.client("sts", HUB).assume_role
        self.assert_denied("AccessDenied", root, RoleArn=role, RoleSessionName="test", ExternalId="right")
