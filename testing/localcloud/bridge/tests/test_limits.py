"""What is shared and runs out: concurrency, and items in transactions."""

import concurrent.futures
import json
import time

from botocore.exceptions import ClientError
from support import HUB, MANAGEMENT, BridgeTest, free_port, ready, start_bridge, until
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)

SLOW = """
import time

def handler(event, context):
    time.sleep(event.get("seconds", 2))
"""
# A fresh account's.
QUOTA = 10


class Concurrency(BridgeTest):
    def slow_function(self, account):
        return self.create_function(account, self.role(account, "lambda.amazonaws.com"), SLOW)

    def busy(self, functions, name, seconds=6):
        """As many invocations side by side as the quota allows."""
        until(lambda: not self.throttled(functions, name))
        until(lambda: self.filled(functions, name, json.dumps({"seconds": seconds})))

    def filled(self, functions, name, payload):
        """Whether they are all there at once. The first ones may be over before the last have started, on a machine
        that is busy: those that start after them find environments that are there already."""
        for _ in range(QUOTA):
            functions.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
        for _ in range(20):
            if self.throttled(functions, name):
                return True
            time.sleep(0.1)
        return False

    def throttled(self, functions, name):
        try:
            functions.invoke(FunctionName=name, Payload='{"seconds": 0}')
        except functions.exceptions.TooManyRequestsException as refused:
            self.assertEqual(refused.response["Reason"], "ConcurrentInvocationLimitExceeded")
            return True
        return False

    def test_the_functions_of_an_account_share_its_quota(self):
        functions, one, _ = self.slow_function(HUB)
        _, other, _ = self.slow_function(HUB)
        self.busy(functions, one)
        # Another function is starved too; on a machine that is busy, once they are all at work.
        until(lambda: self.throttled(functions, other))
        self.assertGreaterEqual(self.metric(HUB, other, "Throttles"), 1)
        elsewhere, third, _ = self.slow_function(MANAGEMENT)
        self.assertFalse(self.throttled(elsewhere, third), "each account has its own")
        until(lambda: not self.throttled(functions, other))

    def test_a_throttled_message_waits_and_is_received_again(self):
        functions, name, _ = self.slow_function(HUB)
        url, arn = self.queue(HUB, VisibilityTimeout="1")
        _, waiting, _ = self.create_function(HUB, self.role(HUB, "lambda.amazonaws.com"), """
def handler(event, context):
    print("received", event["Records"][0]["attributes"]["ApproximateReceiveCount"], "times")
""")
        functions.create_event_source_mapping(FunctionName=waiting, EventSourceArn=arn, BatchSize=1)
        self.busy(functions, name, seconds=8)
        self.client("sqs", HUB).send_message(QueueUrl=url, MessageBody="{}")
        until(lambda: self.messages_in(HUB, url) == 0)
        # More often than it was received: it is tried again within its visibility timeout too.
        self.assertGreater(self.metric(HUB, waiting, "Throttles"), 9)
        logs = self.client("logs", HUB).filter_log_events(logGroupName=f"/aws/lambda/{waiting}")["events"]
        counts = [int(event["message"].split()[1]) for event in logs if event["message"].startswith("received")]
        self.assertGreater(min(counts), 1)

    def test_a_quota_so_small_refuses_every_reservation(self):
        functions, name, _ = self.slow_function(HUB)
        message = self.assert_denied(
            "InvalidParameterValueException", functions.put_function_concurrency,
            FunctionName=name, ReservedConcurrentExecutions=1,
        )
        self.assertIn("UnreservedConcurrentExecution below its minimum value of [10]", message)
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        template = {"Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": {
            "Role": self.role(HUB, "lambda.amazonaws.com"), "Runtime": "python3.12", "Handler": "index.handler",
            "Code": {"ZipFile": "def handler(event, context): pass"}, "ReservedConcurrentExecutions": 1,
        }}}}
        self.assertIn("below its minimum value of [10]", self.failed_stack(HUB, template))


class Reservations(BridgeTest):
    """A quota that leaves two to reserve, and every third write meets a transaction."""

    @classmethod
    def setUpClass(cls):
        port = free_port()
        cls.url = f"http://127.0.0.1:{port}"
        settings = {"PHONEHOME_LOCAL_CONCURRENCY": "12", "PHONEHOME_LOCAL_CONFLICT_EVERY": "3"}
        cls.process, cls.log = start_bridge(port, **settings)
        cls.addClassCleanup(cls.log.close)
        cls.addClassCleanup(cls.process.wait, 30)
        cls.addClassCleanup(cls.process.terminate)
        until(lambda: ready(cls.url))

    def test_what_is_reserved_is_for_one_function_alone(self):
        role = self.role(HUB, "lambda.amazonaws.com")
        functions, name, _ = self.create_function(HUB, role, SLOW)
        _, other, _ = self.create_function(HUB, role, SLOW)
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
        for wanted, allowed in ((1, True), (2, False)):
            try:
                functions.put_function_concurrency(FunctionName=other, ReservedConcurrentExecutions=wanted)
                self.assertTrue(allowed, wanted)
            except ClientError as refused:
                self.assertFalse(allowed, refused)
        functions.delete_function_concurrency(FunctionName=other)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            running = pool.submit(functions.invoke, FunctionName=name, Payload='{"seconds": 5}')
            time.sleep(1)
            with self.assertRaises(functions.exceptions.TooManyRequestsException) as caught:
                self.client("lambda", HUB).invoke(FunctionName=name, Payload='{"seconds": 0}')
            reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
            self.assertEqual(caught.exception.response["Reason"], reason)
            for _ in range(11):
                functions.invoke(FunctionName=other, InvocationType="Event", Payload='{"seconds": 1}')
            running.result()
        self.assertEqual(self.metric(HUB, other, "Throttles"), 0, "what is reserved takes nothing of the rest")

    def test_every_third_write_meets_a_transaction(self):
        table, put = Transactions.table(self, "every-third"), []
        for number in range(6):
            try:
                table.put_item(TableName="every-third", Item={"pk": {"S": str(number)}})
                put.append(True)
            except table.exceptions.TransactionConflictException:
                put.append(False)
        self.assertEqual(put.count(False), 2, put)


class Transactions(BridgeTest):
    def table(self, name):
        dynamodb = self.client("dynamodb", HUB)
        dynamodb.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )
        return dynamodb

    def test_a_write_during_a_transaction_is_refused_and_one_after_it_is_not(self):
        table = self.table("during")
        item = {"TableName": "during", "Item": {"pk": {"S": "a"}}}

        def transact():
            return self.outcome(self.client("dynamodb", HUB).transact_write_items, TransactItems=[{"Put": item}])

        def put(key):
            return self.outcome(
                self.client("dynamodb", HUB).put_item, TableName="during", Item={"pk": {"S": key}}
            )

        seen, works = [], [(transact,), (put, "a"), (transact,), (put, "b")] * 8
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            for _ in range(10):
                seen += [one.result() for one in [pool.submit(work, *key) for work, *key in works]]
        self.assertEqual(set(seen[0::4]), {None, "TransactionCanceledException"})
        self.assertEqual(set(seen[1::4]), {None, "TransactionConflictException"})
        self.assertEqual(set(seen[3::4]), {None}, "another item is in no transaction")
        self.assertIsNone(transact())
        self.assertIsNone(put("a"))

    def outcome(self, call, **arguments):
        try:
            call(**arguments)
            return None
        except ClientError as refused:
            error = refused.response
            if error["Error"]["Code"] == "TransactionCanceledException":
                self.assertEqual([reason["Code"] for reason in error["CancellationReasons"]], ["TransactionConflict"])
            return error["Error"]["Code"]
