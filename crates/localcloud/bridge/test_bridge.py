"""What the bridge adds to ministack: `python test_bridge.py`, with xtask/requirements/localcloud.txt installed."""

import io
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
import uuid
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

MANAGEMENT = "111111111111"
HUB = "222222222222"
OUTSIDER = "999999999999"
ORGANIZATION = "o-phonehome1"
BRIDGE = pathlib.Path(__file__).with_name("bridge.py")
SETTINGS = {
    "PHONEHOME_LOCAL_MANAGEMENT_ACCOUNT": MANAGEMENT,
    "PHONEHOME_LOCAL_HUB_ACCOUNT": HUB,
    "PHONEHOME_LOCAL_ORGANIZATION_ID": ORGANIZATION,
}
HANDLER = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("told to fail")
    return {"echo": event, "request": context.aws_request_id}
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_bridge(port, **settings):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": tempfile.gettempdir(),
        "AUTH": "true",
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.05",
        "GATEWAY_PORT": str(port),
        **SETTINGS,
        **settings,
    }
    log = tempfile.TemporaryFile("w+")
    command = [sys.executable, str(BRIDGE)]
    stdin = subprocess.PIPE if "PHONEHOME_LOCAL_STOP_WITH_STDIN" in settings else subprocess.DEVNULL
    process = subprocess.Popen(
        command, env=environment, stdin=stdin, stdout=log, stderr=log, start_new_session=True
    )
    return process, log


def until(found, seconds=5):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"nothing after {seconds} s")


def trust(principal):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(action, resource="*", **condition):
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def setUpModule():
    port = free_port()
    BridgeTest.url = f"http://127.0.0.1:{port}"
    BridgeTest.process, BridgeTest.log = start_bridge(port)
    try:
        until(lambda: ready(BridgeTest.url), 30)
    except AssertionError:
        tearDownModule()
        raise


def tearDownModule():
    BridgeTest.process.terminate()
    BridgeTest.process.wait(10)
    BridgeTest.log.close()


def ready(url):
    try:
        return urllib.request.urlopen(f"{url}/_ministack/health", timeout=1).status == 200
    except OSError:
        return False


class BridgeTest(unittest.TestCase):
    def client(self, service, account, region="us-east-1"):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 1}),
        )

    def as_role(self, role_arn, service, account):
        """A client that acts with a role which an account's root has assumed."""
        assume = self.client("sts", account).assume_role
        keys = assume(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        return boto3.client(
            service, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"],
        )

    def log_text(self):
        self.log.seek(0)
        return self.log.read()

    def bus(self, account, region="us-east-1", **permission):
        name = f"bus-{uuid.uuid4().hex[:8]}"
        events = self.client("events", account, region)
        arn = events.create_event_bus(Name=name)["EventBusArn"]
        if permission:
            events.put_permission(EventBusName=name, Action="events:PutEvents", StatementId="a", **permission)
        return arn

    def queue_for(self, bus_arn, pattern):
        """A queue that gets what a rule on the bus lets through; answers a function that takes one event."""
        _, _, _, region, account, resource = bus_arn.split(":", 5)
        name = f"queue-{uuid.uuid4().hex[:8]}"
        sqs = self.client("sqs", account, region)
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        self.put_rule(bus_arn, name, pattern, f"arn:aws:sqs:{region}:{account}:{name}")

        def take():
            messages = sqs.receive_message(QueueUrl=url).get("Messages")
            return messages and json.loads(messages[0]["Body"])

        return take

    def put_rule(self, bus_arn, name, pattern, target, **extra):
        _, _, _, region, account, resource = bus_arn.split(":", 5)
        bus = resource.split("/", 1)[1]
        events = self.client("events", account, region)
        events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "t", "Arn": target, **extra}])

    def role(self, account, principal, *statements):
        name = f"role-{uuid.uuid4().hex[:8]}"
        iam = self.client("iam", account)
        who = {"Service": principal} if principal.endswith(".com") else {"AWS": principal}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(who))["Role"]["Arn"]
        for number, statement in enumerate(statements):
            iam.put_role_policy(RoleName=name, PolicyName=f"p{number}", PolicyDocument=statement)
        return arn

    def function(self, account, role, **destinations):
        name = f"function-{uuid.uuid4().hex[:8]}"
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("index.py", HANDLER)
        functions = self.client("lambda", account)
        arn = functions.create_function(
            FunctionName=name, Runtime="python3.12", Handler="index.handler", Role=role,
            Code={"ZipFile": package.getvalue()},
        )["FunctionArn"]
        functions.put_function_event_invoke_config(
            FunctionName=name,
            MaximumRetryAttempts=1,
            DestinationConfig={key: {"Destination": value} for key, value in destinations.items()},
        )
        return functions, name, arn

    def assert_denied(self, code, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def post(self, body):
        request = urllib.request.Request(
            f"{self.url}/_phonehome/events", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


ORG_CONDITION = {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": ORGANIZATION}


class Buses(BridgeTest):
    def forward(self, account, target, region="us-east-1"):
        role = self.role(account, "events.amazonaws.com", allow("events:PutEvents", target))
        source = self.bus(account, region)
        self.put_rule(source, f"to-{uuid.uuid4().hex[:8]}", {"source": ["app"]}, target, RoleArn=role)
        return source

    def put(self, bus_arn, account=None):
        _, _, _, region, owner, _ = bus_arn.split(":", 5)
        entry = {"EventBusName": bus_arn, "Source": "app", "DetailType": "said", "Detail": '{"n": 1}'}
        answer = self.client("events", account or owner, region).put_events(Entries=[entry])
        self.assertEqual(answer["FailedEntryCount"], 0, answer)
        return answer["Entries"][0]["EventId"]

    def test_a_rule_delivers_to_a_bus_of_another_account_and_region(self):
        hub = self.bus(HUB, "eu-central-1", Principal="*", Condition=ORG_CONDITION)
        take = self.queue_for(hub, {"account": [MANAGEMENT]})
        sent = self.put(self.forward(MANAGEMENT, hub))
        event = until(take)
        self.assertEqual(
            [event["id"], event["account"], event["region"], event["detail"]],
            [sent, MANAGEMENT, "us-east-1", {"n": 1}],
        )

    def test_a_named_account_is_enough(self):
        hub = self.bus(HUB, Principal=OUTSIDER)
        take = self.queue_for(hub, {"source": ["app"]})
        self.put(self.forward(OUTSIDER, hub))
        self.assertEqual(until(take)["account"], OUTSIDER)

    def test_without_permission_the_event_is_dropped(self):
        for hub, sender in [
            (self.bus(HUB), MANAGEMENT),
            (self.bus(HUB, Principal="*", Condition=ORG_CONDITION), OUTSIDER),
        ]:
            take = self.queue_for(hub, {"source": ["app"]})
            self.put(self.forward(sender, hub))
            self.assertIsNone(take())
            self.assertIn(f"not delivered to {hub}", self.log_text())

    def test_a_role_that_may_not_put_events_drops_the_event(self):
        hub = self.bus(HUB, Principal="*")
        take = self.queue_for(hub, {"source": ["app"]})
        source = self.bus(MANAGEMENT)
        role = self.role(MANAGEMENT, "events.amazonaws.com")
        self.put_rule(source, "to-hub", {"source": ["app"]}, hub, RoleArn=role)
        self.put(source)
        self.assertIsNone(take())
        self.assertIn(f"{role} does not allow events:PutEvents", self.log_text())

    def test_two_buses_that_forward_to_each_other_end(self):
        one = self.bus(HUB, Principal="*")
        two = self.bus(MANAGEMENT, Principal="*")
        take = self.queue_for(one, {"source": ["app"]})
        for source, target in [(one, two), (two, one)]:
            account = source.split(":")[4]
            role = self.role(account, "events.amazonaws.com", allow("events:PutEvents"))
            self.put_rule(source, "same-name", {"source": ["app"]}, target, RoleArn=role)
        self.put(one)
        until(take)
        until(take)
        self.assertIsNone(take())

    def test_put_events_to_a_bus_of_another_account(self):
        hub = self.bus(HUB, Principal="*", Condition=ORG_CONDITION)
        take = self.queue_for(hub, {"source": ["app"]})
        sent = self.put(hub, MANAGEMENT)
        event = until(take)
        self.assertEqual([event["id"], event["account"]], [sent, MANAGEMENT])
        entry = {"EventBusName": hub, "Source": "app", "DetailType": "said", "Detail": "{}"}
        self.assert_denied("AccessDeniedException", self.client("events", OUTSIDER).put_events, Entries=[entry])

    def test_a_whole_policy(self):
        hub = self.bus(HUB)
        name = hub.split("/", 1)[1]
        policy = {
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "organization", "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents",
                "Resource": hub, "Condition": {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
            }],
        }
        events = self.client("events", HUB)
        events.put_permission(EventBusName=name, Policy=json.dumps(policy))
        self.assertEqual(json.loads(events.describe_event_bus(Name=name)["Policy"]), policy)
        self.put(hub, MANAGEMENT)

    def test_a_bus_policy_in_a_template(self):
        name = f"bus-{uuid.uuid4().hex[:8]}"
        template = {"Resources": {
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": name}},
            "Policy": {"Type": "AWS::Events::EventBusPolicy", "Properties": {
                "EventBusName": {"Ref": "Bus"},
                "StatementId": "organization",
                "Statement": {
                    "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents",
                    "Resource": {"Fn::GetAtt": ["Bus", "Arn"]},
                    "Condition": {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
                },
            }},
        }}
        stacks = self.client("cloudformation", HUB)
        stacks.create_stack(StackName=name, TemplateBody=json.dumps(template))
        until(lambda: stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
        self.put(f"arn:aws:events:us-east-1:{HUB}:event-bus/{name}", MANAGEMENT)
        stacks.delete_stack(StackName=name)


class Destinations(BridgeTest):
    def invoked(self, payload, *permissions):
        bus = self.bus(HUB)
        take = self.queue_for(bus, {"source": ["lambda"]})
        role = self.role(HUB, "lambda.amazonaws.com", *permissions)
        functions, name, arn = self.function(HUB, role, OnSuccess=bus, OnFailure=bus)
        answer = functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(payload))
        self.assertEqual(answer["StatusCode"], 202)
        return take, bus, arn

    def test_success(self):
        take, bus, arn = self.invoked({"n": 1}, allow("events:PutEvents"))
        event = until(take)
        detail = event["detail"]
        request_id = detail["requestContext"].pop("requestId")
        self.assertEqual(event["detail-type"], "Lambda Function Invocation Result - Success")
        self.assertEqual(event["account"], HUB)
        self.assertEqual(event["resources"], [f"{arn}:$LATEST", bus])
        self.assertRegex(detail.pop("timestamp"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(detail, {
            "version": "1.0",
            "requestContext": {
                "functionArn": f"{arn}:$LATEST", "condition": "Success", "approximateInvokeCount": 1,
            },
            "requestPayload": {"n": 1},
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
            "responsePayload": {"echo": {"n": 1}, "request": request_id},
        })

    def test_failure(self):
        take, _, _ = self.invoked({"fail": True}, allow("events:PutEvents"))
        event = until(take)
        detail = event["detail"]
        self.assertEqual(event["detail-type"], "Lambda Function Invocation Result - Failure")
        self.assertEqual(detail["requestContext"]["condition"], "RetriesExhausted")
        self.assertEqual(detail["requestContext"]["approximateInvokeCount"], 2)
        self.assertEqual(detail["responseContext"]["functionError"], "Unhandled")
        self.assertEqual(detail["responsePayload"]["errorMessage"], "told to fail")

    def test_the_role_must_allow_it(self):
        _, _, arn = self.invoked({"n": 1})
        name = arn.rsplit(":", 1)[1]
        until(lambda: f"result of {name} not delivered" in self.log_text())

    def test_a_rule_invokes_asynchronously(self):
        take, bus, arn = self.invoked({"n": 1}, allow("events:PutEvents"))
        until(take)
        self.put_rule(bus, "invoke", {"source": ["app"]}, arn)
        entry = {"EventBusName": bus, "Source": "app", "DetailType": "said", "Detail": "{}"}
        self.client("events", HUB).put_events(Entries=[entry])
        self.assertEqual(until(take)["detail"]["requestPayload"]["source"], "app")


class Organization(BridgeTest):
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
        self.assertEqual(described["Status"], "SUSPENDED")

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


class ServiceEvents(BridgeTest):
    def test_an_event_of_a_service_enters(self):
        take = self.queue_for(f"arn:aws:events:us-east-1:{MANAGEMENT}:event-bus/default", {"source": ["aws.health"]})
        sent = self.post({"account": MANAGEMENT, "region": "us-east-1", "event": {
            "source": "aws.health", "detail-type": "AWS Health Event", "detail": {"service": "EC2"},
            "resources": ["r"], "time": "2026-11-01T10:00:00Z",
        }})
        event = until(take)
        self.assertEqual(event["id"], sent["EventId"])
        self.assertEqual([event["time"], event["resources"]], ["2026-11-01T10:00:00Z", ["r"]])
        self.assertEqual(event["detail"], {"service": "EC2"})

    def test_an_incomplete_event_is_refused(self):
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.post({"account": MANAGEMENT, "region": "us-east-1", "event": {"source": "aws.health"}})
        self.assertEqual(caught.exception.code, 400)
        caught.exception.close()

    def test_put_events_still_refuses_service_sources(self):
        entry = {"Source": "aws.health", "DetailType": "d", "Detail": "{}"}
        answer = self.client("events", MANAGEMENT).put_events(Entries=[entry])
        self.assertEqual(answer["Entries"][0]["ErrorCode"], "NotAuthorizedForSourceException")


class Schedules(BridgeTest):
    """With PHONEHOME_LOCAL_SCHEDULE_SECONDS=1."""

    @classmethod
    def setUpClass(cls):
        port = free_port()
        cls.url = f"http://127.0.0.1:{port}"
        cls.process, cls.log = start_bridge(port, AUTH="false", PHONEHOME_LOCAL_SCHEDULE_SECONDS="1")
        cls.addClassCleanup(cls.log.close)
        cls.addClassCleanup(cls.process.wait, 10)
        cls.addClassCleanup(cls.process.terminate)
        until(lambda: ready(cls.url), 30)

    def schedule(self, expression, state="ENABLED"):
        """A schedule with a queue of its own; answers its name and a count of what it has sent."""
        name = f"schedule-{uuid.uuid4().hex[:8]}"
        sqs, scheduler = self.client("sqs", HUB), self.client("scheduler", HUB)
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        role = self.role(HUB, "scheduler.amazonaws.com", allow("sqs:SendMessage"))
        target = {"Arn": f"arn:aws:sqs:us-east-1:{HUB}:{name}", "RoleArn": role, "Input": "{}"}
        scheduler.create_schedule(
            Name=name, ScheduleExpression=expression, State=state, Target=target,
            FlexibleTimeWindow={"Mode": "OFF"},
        )
        asked = {"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]}
        return name, lambda: int(
            sqs.get_queue_attributes(**asked)["Attributes"]["ApproximateNumberOfMessages"]
        )

    def test_every_minute_is_every_second(self):
        _, sent = self.schedule("rate(1 minute)")
        _, by_the_disabled = self.schedule("rate(1 minute)", state="DISABLED")
        _, by_the_slower = self.schedule("rate(2 minutes)")
        until(lambda: sent() >= 3, 10)
        self.assertEqual([by_the_disabled(), by_the_slower()], [0, 0])
        self.log.seek(0)
        self.assertEqual(self.log.read().count("schedules of rate(1 minute) fire every 1 s"), 1)

    def test_a_deleted_schedule_stops(self):
        name, by_the_deleted = self.schedule("rate(1 minute)")
        _, by_the_other = self.schedule("rate(1 minute)")
        until(by_the_deleted, 10)
        self.client("scheduler", HUB).delete_schedule(Name=name)
        so_far = by_the_other()
        # One round for what was already under way.
        until(lambda: by_the_other() > so_far, 10)
        last = by_the_deleted()
        until(lambda: by_the_other() >= so_far + 3, 10)
        self.assertEqual(by_the_deleted(), last)


class Start(unittest.TestCase):
    def refusal(self, **settings):
        process, log = start_bridge(free_port(), **settings)
        self.assertEqual(process.wait(10), 1)
        with log:
            log.seek(0)
            return log.read()

    def test_settings_are_checked(self):
        self.assertIn("PHONEHOME_LOCAL_ORGANIZATION_ID", self.refusal(PHONEHOME_LOCAL_ORGANIZATION_ID="mine"))
        self.assertIn("127.0.0.1", self.refusal(BIND_HOST="0.0.0.0"))
        self.assertIn("PHONEHOME_LOCAL_SCHEDULE_SECONDS", self.refusal(PHONEHOME_LOCAL_SCHEDULE_SECONDS="0"))

    def test_it_can_end_with_its_standard_input(self):
        port = free_port()
        process, log = start_bridge(port, PHONEHOME_LOCAL_STOP_WITH_STDIN="1")
        with log:
            until(lambda: ready(f"http://127.0.0.1:{port}"), 30)
            process.stdin.close()
            self.assertIn(process.wait(10), (0, -15))

    def test_another_version_of_ministack_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            metadata = pathlib.Path(folder, "ministack-9.9.9.dist-info", "METADATA")
            metadata.parent.mkdir()
            metadata.write_text("Metadata-Version: 2.1\nName: ministack\nVersion: 9.9.9\n")
            self.assertIn("needs ministack 1.5.33, found 9.9.9", self.refusal(PYTHONPATH=folder))


if __name__ == "__main__":
    unittest.main()
