"""What a story looks up in an account."""

import json
import sys
import time

from support import BRIDGE, HUB, BridgeTest
from support import setUpModule, tearDownModule  # noqa: F401  (unittest looks for them here)

sys.path.insert(0, str(BRIDGE.parent))
import describe  # noqa: E402

GROUP = "/phonehome/chatty"
# More than one answer holds, several of them in each millisecond.
WRITTEN, IN_A_MILLISECOND = describe.EVENTS + 2_500, 7


def refused(number):
    directive = {"Namespace": "phonehome", "Dimensions": [["Function"]], "Metrics": [{"Name": "Refused"}]}
    return json.dumps({"_aws": {"CloudWatchMetrics": [directive]}, "Function": "chatty", "Refused": number})


class Logs(BridgeTest):
    def setUp(self):
        logs = self.client("logs", HUB)
        logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(logGroupName=GROUP, logStreamName="one")
        start = int(time.time() * 1000) - WRITTEN
        events = [
            {"timestamp": start + number // IN_A_MILLISECOND, "message": refused(number)} for number in range(WRITTEN)
        ]
        for first in range(0, WRITTEN, 5_000):
            logs.put_log_events(logGroupName=GROUP, logStreamName="one", logEvents=events[first : first + 5_000])

    def tearDown(self):
        self.client("logs", HUB).delete_log_group(logGroupName=GROUP)

    def test_a_log_is_read_to_its_end_and_no_line_twice(self):
        lines = describe.logs(self, HUB, "us-east-1", GROUP)
        self.assertEqual([json.loads(line)["Refused"] for line in lines], list(range(WRITTEN)))

    def test_metrics_count_the_newest_lines_of_a_long_log(self):
        found = [one for one in describe.metrics(self, HUB, "us-east-1") if one["name"] == "Refused"]
        self.assertEqual([one["samples"] for one in found], [WRITTEN])
        self.assertEqual([one["maximum"] for one in found], [WRITTEN - 1])


class NoLog(BridgeTest):
    def test_a_group_that_does_not_exist_has_no_lines(self):
        self.assertEqual(describe.logs(self, HUB, "us-east-1", "/phonehome/none"), [])
