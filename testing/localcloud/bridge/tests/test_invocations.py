"""Asynchronous invocations of functions, and schedules."""

import datetime
import json
import uuid

from botocore.exceptions import ClientError
from support import HUB, BridgeTest, allow, free_port, ready, start_bridge, until
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)


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
        bus, role = self.bus(HUB), self.role(HUB, "lambda.amazonaws.com")
        with self.assertRaises(ClientError) as caught:
            self.function(HUB, role, OnSuccess=bus)
        message = f"The function's execution role does not have permissions to call PutEvents on {bus}"
        self.assertEqual(caught.exception.response["Error"]["Message"], message)

        allowed = self.role(HUB, "lambda.amazonaws.com", allow("events:PutEvents"))
        functions, name, _ = self.function(HUB, allowed, OnSuccess=bus)
        self.client("iam", HUB).delete_role_policy(RoleName=allowed.rsplit("/", 1)[1], PolicyName="p0")
        functions.invoke(FunctionName=name, InvocationType="Event", Payload="{}")
        until(lambda: f"result of {name} not delivered" in self.log_text())

    def test_a_rule_invokes_asynchronously(self):
        take, bus, arn = self.invoked({"n": 1}, allow("events:PutEvents"))
        until(take)
        self.put_rule(bus, "invoke", {"source": ["app"]}, arn)
        entry = {"EventBusName": bus, "Source": "app", "DetailType": "said", "Detail": "{}"}
        self.client("events", HUB).put_events(Entries=[entry])
        self.assertEqual(until(take)["detail"]["requestPayload"]["source"], "app")


class Schedules(BridgeTest):
    """With PHONEHOME_LOCAL_SCHEDULE_SECONDS=1."""

    @classmethod
    def setUpClass(cls):
        port = free_port()
        cls.url = f"http://127.0.0.1:{port}"
        cls.process, cls.log = start_bridge(port, AUTH="false", PHONEHOME_LOCAL_SCHEDULE_SECONDS="1")
        cls.addClassCleanup(cls.log.close)
        cls.addClassCleanup(cls.process.wait, 30)
        cls.addClassCleanup(cls.process.terminate)
        until(lambda: ready(cls.url))

    def schedule(self, expression, state="ENABLED", **more):
        """A schedule with a queue of its own; answers its name and a count of what it has sent."""
        name = f"schedule-{uuid.uuid4().hex[:8]}"
        sqs, scheduler = self.client("sqs", HUB), self.client("scheduler", HUB)
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        role = self.role(HUB, "scheduler.amazonaws.com", allow("sqs:SendMessage"))
        target = {"Arn": f"arn:aws:sqs:us-east-1:{HUB}:{name}", "RoleArn": role, "Input": "{}"}
        scheduler.create_schedule(
            Name=name, ScheduleExpression=expression, State=state, Target=target,
            FlexibleTimeWindow={"Mode": "OFF"}, **more,
        )
        asked = {"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]}
        return name, lambda: int(
            sqs.get_queue_attributes(**asked)["Attributes"]["ApproximateNumberOfMessages"]
        )

    def test_every_minute_is_every_second(self):
        _, sent = self.schedule("rate(1 minute)")
        _, by_the_disabled = self.schedule("rate(1 minute)", state="DISABLED")
        _, by_the_slower = self.schedule("rate(2 minutes)")
        until(lambda: sent() >= 3)
        self.assertEqual([by_the_disabled(), by_the_slower()], [0, 0])
        self.log.seek(0)
        self.assertEqual(self.log.read().count("schedules of rate(1 minute) fire every 1 s"), 1)

    def test_a_schedule_begins_at_its_start_which_comes_sooner_as_well(self):
        start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=4)
        _, by_the_later = self.schedule("rate(1 minute)", StartDate=start)
        _, by_the_other = self.schedule("rate(1 minute)")
        until(lambda: by_the_other() >= 2)
        self.assertEqual(by_the_later(), 0)
        until(by_the_later)

    def test_a_deleted_schedule_stops(self):
        name, by_the_deleted = self.schedule("rate(1 minute)")
        _, by_the_other = self.schedule("rate(1 minute)")
        until(by_the_deleted)
        self.client("scheduler", HUB).delete_schedule(Name=name)
        so_far = by_the_other()
        # One round for what was already under way.
        until(lambda: by_the_other() > so_far)
        last = by_the_deleted()
        until(lambda: by_the_other() >= so_far + 3)
        self.assertEqual(by_the_deleted(), last)
