"""Functions that invoke themselves."""

import json

from support import HUB, BridgeTest, allow, until
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)

# Notes each invocation in a queue, and sends itself another message until there were 20.
HANDLER = """
import boto3, json, os

def handler(event, context):
    for record in event["Records"]:
        body = json.loads(record["body"])
        body = json.loads(body["Message"]) if "Message" in body else body
        sqs = boto3.client("sqs")
        sqs.send_message(QueueUrl=body["notes"], MessageBody=str(body["number"]))
        if body["number"] == 20:
            continue
        again = json.dumps({**body, "number": body["number"] + 1})
        if body["by"].startswith("arn:"):
            boto3.client("sns").publish(TopicArn=body["by"], Message=again)
        else:
            sqs.send_message(QueueUrl=body["by"], MessageBody=again)
"""


class Chains(BridgeTest):
    def setUp(self):
        role = self.role(HUB, "lambda.amazonaws.com", allow(["sqs:*", "sns:*"]))
        self.functions, self.name, _ = self.create_function(HUB, role, HANDLER)
        self.url, self.arn = self.queue(HUB, VisibilityTimeout="60")
        self.notes, _ = self.queue(HUB)
        self.functions.create_event_source_mapping(
            FunctionName=self.name, EventSourceArn=self.arn, BatchSize=1,
        )

    def start(self, by=None):
        body = {"number": 1, "by": by or self.url, "notes": self.notes}
        self.client("sqs", HUB).send_message(QueueUrl=self.url, MessageBody=json.dumps(body))

    def dropped(self):
        return self.metric(HUB, self.name, "RecursiveInvocationsDropped")

    def assert_stopped_after_sixteen(self):
        until(lambda: self.dropped() == 1)
        # The sixteenth message may go a moment after the seventeenth was refused.
        until(lambda: self.messages_in(HUB, self.url) == 1)
        # The refused one is still in its queue, for its redrive policy.
        self.assertEqual([self.messages_in(HUB, url) for url in (self.notes, self.url)], [16, 1])

    def test_the_seventeenth_invocation_of_a_chain_is_dropped_and_its_message_kept(self):
        self.start()
        self.assert_stopped_after_sixteen()

    def test_a_chain_through_a_topic_is_one_too(self):
        sns = self.client("sns", HUB)
        topic = sns.create_topic(Name=self.name)["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.arn)
        policy = allow("sqs:SendMessage", self.arn)
        policy = policy.replace('"Effect"', '"Principal": {"Service": "sns.amazonaws.com"}, "Effect"')
        self.client("sqs", HUB).set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        self.start(by=topic)
        self.assert_stopped_after_sixteen()

    def test_what_is_allowed_to_goes_on(self):
        self.functions.put_function_recursion_config(FunctionName=self.name, RecursiveLoop="Allow")
        self.start()
        until(lambda: self.messages_in(HUB, self.notes) == 20)
        until(lambda: self.messages_in(HUB, self.url) == 0)
        self.assertEqual(self.dropped(), 0)

    def test_twenty_messages_of_others_are_no_chain(self):
        for _ in range(20):
            body = {"number": 20, "by": self.url, "notes": self.notes}
            self.client("sqs", HUB).send_message(QueueUrl=self.url, MessageBody=json.dumps(body))
        until(lambda: self.messages_in(HUB, self.notes) == 20)
        self.assertEqual(self.dropped(), 0)


class Templates(BridgeTest):
    def test_the_property_of_a_template(self):
        role = self.role(HUB, "lambda.amazonaws.com")
        template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {}}
        for name, more in (("Allowed", {"RecursiveLoop": "Allow"}), ("Usual", {})):
            template["Resources"][name] = {"Type": "AWS::Serverless::Function", "Properties": {
                "FunctionName": name, "Role": role, "Runtime": "python3.12", "Handler": "index.handler",
                "InlineCode": "def handler(event, context): pass", **more,
            }}
        stacks = self.client("cloudformation", HUB)
        stacks.create_stack(
            StackName="loops", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_AUTO_EXPAND"],
        )
        until(lambda: stacks.describe_stacks(StackName="loops")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
        config = self.client("lambda", HUB).get_function_recursion_config
        loops = [config(FunctionName=name)["RecursiveLoop"] for name in ("Allowed", "Usual")]
        self.assertEqual(loops, ["Allow", "Terminate"])
