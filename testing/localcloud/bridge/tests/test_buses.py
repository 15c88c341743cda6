"""EventBridge between accounts and Regions, and the events of AWS services."""

import json
import urllib.error
import uuid

from botocore.exceptions import ClientError
from support import HUB, MANAGEMENT, ORGANIZATION, ORG_CONDITION, OUTSIDER, BridgeTest, allow, until
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)


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

    def test_a_bus_of_another_account_or_region_takes_a_role(self):
        for hub in (self.bus(HUB, Principal="*"), self.bus(MANAGEMENT, "eu-central-1")):
            source = self.bus(MANAGEMENT)
            with self.assertRaises(ClientError) as caught:
                self.put_rule(source, "no-role", {"source": ["app"]}, hub)
            error = caught.exception.response["Error"]
            expected = ["ValidationException", f"RoleArn is required for target {hub}."]
            self.assertEqual([error["Code"], error["Message"]], expected)
            template = {"Resources": {"Rule": {"Type": "AWS::Events::Rule", "Properties": {
                "EventBusName": source.split("/", 1)[1], "EventPattern": {"source": ["app"]},
                "Targets": [{"Id": "t", "Arn": hub}],
            }}}}
            self.assertIn(f"RoleArn is required for target {hub}.", self.failed_stack(MANAGEMENT, template))
        same = self.bus(MANAGEMENT)
        self.put_rule(self.bus(MANAGEMENT), "no-role", {"source": ["app"]}, same)

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
