"""Events that come by way of CloudTrail."""

import json
import pathlib
import urllib.error

from support import HUB, MANAGEMENT, ORG_CONDITION, BridgeTest, until
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)

MEMBER = "333333333333"


def advanced(*fields):
    return {"AdvancedEventSelectors": [{"Name": "a", "FieldSelectors": list(fields)}]}


def field(name, value):
    return {"Field": name, "Equals": [value]}


class Trails(BridgeTest):
    def comes(self, account, region="us-east-1", detail_type="AWS API Call via CloudTrail"):
        event = {"source": "aws.ec2", "detail-type": detail_type, "detail": {"eventName": "DeleteRoute"}}
        try:
            self.post({"account": account, "region": region, "event": event})
            return True
        except urllib.error.HTTPError as refused:
            self.assertEqual(refused.code, 409)
            self.assertIn(f"no trail logs management events of account {account}", json.load(refused)["error"])
            return False

    def test_without_a_trail_there_is_no_event(self):
        self.assertFalse(self.comes(MEMBER))
        self.assertFalse(self.comes(MANAGEMENT, detail_type="AWS Service Event via CloudTrail"))
        self.assertTrue(self.comes(MEMBER, detail_type="AWS Health Event"))

    def test_a_trail_is_about_its_account_or_its_organization(self):
        self.trail(MEMBER)
        self.assertEqual([self.comes(MEMBER), self.comes(HUB)], [True, False])
        self.trail(MANAGEMENT, IsOrganizationTrail=True)
        self.assertTrue(self.comes(HUB))

    def test_a_trail_of_one_region_is_about_no_other(self):
        self.trail(MEMBER, IsMultiRegionTrail=False)
        self.assertEqual([self.comes(MEMBER), self.comes(MEMBER, "eu-central-1")], [True, False])

    def test_a_trail_that_was_stopped_records_nothing(self):
        trails, name = self.trail(MEMBER)
        trails.stop_logging(Name=name)
        self.assertFalse(self.comes(MEMBER))

    def test_a_trail_may_leave_out_management_events(self):
        trails, name = self.trail(MEMBER)
        management, writes = field("eventCategory", "Management"), field("readOnly", "false")
        for expected, selectors in [
            (False, {"EventSelectors": [{"ReadWriteType": "ReadOnly"}]}),
            (False, {"EventSelectors": [{"IncludeManagementEvents": False}]}),
            (True, {"EventSelectors": [{"ReadWriteType": "WriteOnly"}]}),
            (False, advanced(field("eventCategory", "Data"), field("resources.type", "AWS::S3::Object"))),
            (False, advanced(management, field("readOnly", "true"))),
            (True, advanced(management)),
            (True, advanced(management, writes)),
        ]:
            trails.put_event_selectors(TrailName=name, **selectors)
            self.assertEqual(self.comes(MEMBER), expected, selectors)

    def test_a_new_account_is_told_of_only_where_a_trail_is(self):
        bus = f"arn:aws:events:us-east-1:{MANAGEMENT}:event-bus/default"
        take = self.queue_for(bus, {"source": ["aws.organizations"]})
        organization = self.client("organizations", MANAGEMENT)
        organization.create_account(Email="unheard@phonehome.example", AccountName="unheard")
        until(lambda: "CreateAccountResult raises no event" in self.log_text())
        self.trail(MANAGEMENT)
        organization.create_account(Email="heard@phonehome.example", AccountName="heard")
        until(take)
        self.assertIsNone(take())


class Management(BridgeTest):
    TEMPLATE = pathlib.Path(__file__).parents[4] / "infra" / "management.yaml"

    def test_account_events_of_both_regions_reach_the_hub(self):
        self.trail(MANAGEMENT)
        hub = self.bus(HUB, Principal="*", Condition=ORG_CONDITION)
        take = self.queue_for(hub, {"source": ["aws.controltower"]})
        event = {
            "source": "aws.controltower", "detail-type": "AWS Service Event via CloudTrail",
            "detail": {"eventName": "CreateManagedAccount"},
        }
        for region in ("us-east-1", "eu-central-1"):
            stacks = self.client("cloudformation", MANAGEMENT, region)
            stacks.create_stack(
                StackName="phonehome-management", TemplateBody=self.TEMPLATE.read_text(),
                Capabilities=["CAPABILITY_NAMED_IAM"], Parameters=[{"ParameterKey": "HubBusArn", "ParameterValue": hub}],
            )
            self.assert_made(stacks)
            self.post({"account": MANAGEMENT, "region": region, "event": event})
            self.assertEqual(until(take)["region"], region)
        self.assertIsNone(take())

    def assert_made(self, stacks):
        asked = {"StackName": "phonehome-management"}
        until(lambda: stacks.describe_stacks(**asked)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
