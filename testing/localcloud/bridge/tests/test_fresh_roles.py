"""Roles that were made a moment ago."""

import json
import time
import uuid

import support
from support import HUB, BridgeTest, allow, tearDownModule, until  # noqa: F401

# Long enough for two calls on a machine that is busy.
SECONDS = 2


def setUpModule():
    support.setUpModule(PHONEHOME_LOCAL_FRESH_ROLE_SECONDS=str(SECONDS))


class FreshRoles(BridgeTest):
    def assert_refused_at_first(self, code, message, call, **arguments):
        """And never again."""
        for _ in range(2):
            self.assertIn(message, self.assert_denied(code, call, **arguments))
        time.sleep(SECONDS)
        call(**arguments)
        return True

    def test_a_fresh_role_cannot_be_assumed(self):
        role = self.role(HUB, HUB)
        self.assert_refused_at_first(
            "AccessDenied", f"is not authorized to perform: sts:AssumeRole on resource: {role}",
            self.client("sts", HUB).assume_role, RoleArn=role, RoleSessionName="test",
        )

    def test_however_late_its_first_use_is(self):
        role = self.role(HUB, HUB)
        time.sleep(2 * SECONDS)
        self.assert_denied("AccessDenied", self.client("sts", HUB).assume_role, RoleArn=role, RoleSessionName="test")

    def test_a_schedule_refuses_it(self):
        role = self.role(HUB, "scheduler.amazonaws.com", allow("sqs:SendMessage"))
        scheduler, name = self.client("scheduler", HUB), f"schedule-{uuid.uuid4().hex[:8]}"
        arguments = dict(
            Name=name, ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": self.queue(HUB)[1], "RoleArn": role, "Input": "{}"},
        )
        message = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
        self.assert_refused_at_first("ValidationException", message, scheduler.create_schedule, **arguments)

    def test_a_function_refuses_it_and_then_its_destination(self):
        role, bus = self.role(HUB, "lambda.amazonaws.com", allow("events:PutEvents")), self.bus(HUB)

        def create(**_):
            self.created = self.create_function(HUB, role)

        message = "The role defined for the function cannot be assumed by Lambda."
        self.assert_refused_at_first("InvalidParameterValueException", message, create)
        functions, name, _ = self.created
        self.assert_refused_at_first(
            "InvalidParameterValueException", f"The destination ARN {bus} is invalid.",
            functions.put_function_event_invoke_config, FunctionName=name,
            DestinationConfig={"OnSuccess": {"Destination": bus}},
        )

    def test_a_stack_waits_for_its_roles(self):
        name = f"stack-{uuid.uuid4().hex[:8]}"
        resources = {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {
                "AssumeRolePolicyDocument": json.loads(support.trust({"Service": "lambda.amazonaws.com"})),
            }},
            "Function": {"Type": "AWS::Lambda::Function", "Properties": {
                "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Runtime": "python3.12", "Handler": "index.handler",
                "Code": {"ZipFile": "def handler(event, context): pass"},
            }},
        }
        stacks = self.client("cloudformation", HUB)
        stacks.create_stack(
            StackName=name, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_IAM"],
        )
        until(lambda: stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
