"""A bridge for each file of tests, and the resources that tests make in it."""

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
import urllib.request
import uuid
import zipfile
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

MANAGEMENT = "111111111111"
HUB = "222222222222"
OUTSIDER = "999999999999"
ORGANIZATION = "o-phonehome1"
BRIDGE = pathlib.Path(__file__).parents[1] / "bridge.py"
SETTINGS = {
    "PHONEHOME_LOCAL_MANAGEMENT_ACCOUNT": MANAGEMENT,
    "PHONEHOME_LOCAL_HUB_ACCOUNT": HUB,
    "PHONEHOME_LOCAL_ORGANIZATION_ID": ORGANIZATION,
    # Tests of something else use roles that they have just made.
    "PHONEHOME_LOCAL_FRESH_ROLE_SECONDS": "0",
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
        "PYTHONDONTWRITEBYTECODE": "1",
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


def until(found, seconds=30):
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


def setUpModule(**settings):
    port = free_port()
    BridgeTest.url = f"http://127.0.0.1:{port}"
    BridgeTest.process, BridgeTest.log = start_bridge(port, **settings)
    try:
        until(lambda: ready(BridgeTest.url))
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

    def failed_stack(self, account, template):
        """Deploys what cannot be deployed; answers the reasons."""
        name, stacks = f"stack-{uuid.uuid4().hex[:8]}", self.client("cloudformation", account)
        stacks.create_stack(StackName=name, TemplateBody=json.dumps(template))

        def status():
            return stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]

        until(lambda: not status().endswith("IN_PROGRESS"))
        self.assertIn("ROLLBACK", status())
        events = stacks.describe_stack_events(StackName=name)["StackEvents"]
        return "; ".join(event.get("ResourceStatusReason", "") for event in events)

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

    def create_function(self, account, role, handler=HANDLER):
        name = f"function-{uuid.uuid4().hex[:8]}"
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("index.py", handler)
        functions = self.client("lambda", account)
        arn = functions.create_function(
            FunctionName=name, Runtime="python3.12", Handler="index.handler", Role=role,
            Code={"ZipFile": package.getvalue()}, Timeout=30,
        )["FunctionArn"]
        return functions, name, arn

    def function(self, account, role, **destinations):
        functions, name, arn = self.create_function(account, role)
        functions.put_function_event_invoke_config(
            FunctionName=name,
            MaximumRetryAttempts=1,
            DestinationConfig={key: {"Destination": value} for key, value in destinations.items()},
        )
        return functions, name, arn

    def queue(self, account, **attributes):
        """A queue's URL and ARN."""
        name = f"queue-{uuid.uuid4().hex[:8]}"
        url = self.client("sqs", account).create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:us-east-1:{account}:{name}"

    def messages_in(self, account, url):
        """How many messages a queue holds, also those that somebody has taken."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        asked = self.client("sqs", account).get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(count) for count in asked["Attributes"].values())

    def metric(self, account, function, name):
        """The sum of a function's metric."""
        now = datetime.now(timezone.utc)
        points = self.client("cloudwatch", account).get_metric_statistics(
            Namespace="AWS/Lambda", MetricName=name, Period=3600, Statistics=["Sum"],
            Dimensions=[{"Name": "FunctionName", "Value": function}],
            StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1),
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    def trail(self, account, **settings):
        """A trail of all Regions that logs."""
        name = f"trail-{uuid.uuid4().hex[:8]}"
        trails = self.client("cloudtrail", account)
        trails.create_trail(Name=name, S3BucketName="logs", **{"IsMultiRegionTrail": True, **settings})
        trails.start_logging(Name=name)
        self.addCleanup(trails.delete_trail, Name=name)
        return trails, name

    def wish(self, **wish):
        """What goes wrong, or is otherwise, from now on."""
        self.enter("vending", wish)

    def enter(self, entrance, body):
        """What the local cloud has beside AWS."""
        request = urllib.request.Request(f"{self.url}/_phonehome/{entrance}", json.dumps(body).encode())
        urllib.request.urlopen(request, timeout=10)

    def assert_denied(self, code, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response["Error"]["Message"]

    def post(self, body):
        request = urllib.request.Request(
            f"{self.url}/_phonehome/events", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


ORG_CONDITION = {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": ORGANIZATION}
