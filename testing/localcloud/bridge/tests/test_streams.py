"""Functions that a table's stream invokes."""

from support import HUB, BridgeTest, until
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)

TAKES_ITS_TIME = """
import time

def handler(event, context):
    keys = [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]
    print("begins", *keys)
    time.sleep(SECONDS)
    print("ends", *keys)
"""


class Streams(BridgeTest):
    def table(self):
        tables = self.client("dynamodb", HUB)
        table = tables.create_table(
            TableName="of-streams", BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        )["TableDescription"]
        self.addCleanup(tables.delete_table, TableName="of-streams")
        return lambda key: tables.put_item(TableName="of-streams", Item={"id": {"S": key}}), table["LatestStreamArn"]

    def reader(self, stream, seconds):
        """Has a function invoked by the stream; answers a function that says what it has printed."""
        role = self.role(HUB, "lambda.amazonaws.com")
        functions, name, _ = self.create_function(HUB, role, TAKES_ITS_TIME.replace("SECONDS", str(seconds)))
        mapping = functions.create_event_source_mapping(
            FunctionName=name, EventSourceArn=stream, StartingPosition="TRIM_HORIZON", BatchSize=1
        )
        self.addCleanup(functions.delete_event_source_mapping, UUID=mapping["UUID"])

        def printed():
            logs = self.client("logs", HUB)
            try:
                events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
            except logs.exceptions.ResourceNotFoundException:
                return []
            lines = (event["message"].strip() for event in events)
            return [line for line in lines if line.startswith(("begins", "ends"))]

        return printed

    def test_a_function_that_takes_its_time_holds_up_no_other(self):
        put, stream = self.table()
        slow, quick = self.reader(stream, 12), self.reader(stream, 0)
        url, arn = self.queue(HUB)
        functions, of_a_queue, _ = self.create_function(
            HUB, self.role(HUB, "lambda.amazonaws.com"), "def handler(event, context): pass"
        )
        functions.create_event_source_mapping(FunctionName=of_a_queue, EventSourceArn=arn, BatchSize=1)
        put("a")
        self.client("sqs", HUB).send_message(QueueUrl=url, MessageBody="{}")
        until(lambda: quick() == ["begins a", "ends a"] and self.messages_in(HUB, url) == 0)
        put("b")
        until(lambda: quick()[2:] == ["begins b", "ends b"])
        # What a function prints is known once it has ended.
        self.assertEqual(slow(), [], "the slow one has not ended")
        until(lambda: slow() == ["begins a", "ends a", "begins b", "ends b"])
